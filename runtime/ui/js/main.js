// Starts the page: one screen at a time, drawn again when something changed.

import { connection } from "./lib/api.js";
import { show } from "./lib/dom.js";
import * as keyboard from "./lib/keyboard.js";
import { health, invocations, version } from "./lib/resources.js";
import * as route from "./lib/route.js";
import { frame } from "./parts/shell.js";
import { showHelp } from "./parts/help.js";
import { openScreen } from "./lib/screen.js";
import { loginView } from "./screens/login.js";
import { SCREENS } from "./screens/all.js";

const HEALTH_MS = 5_000;
const STUCK_MS = 10_000;
/** More than this are "many". */
const STUCK_MAX = 99;
/** Relative times move on. */
const TICK_MS = 1_000;

const app = /** @type {HTMLElement} */ (document.getElementById("app"));
const server = { isHealthy: true, why: "", version: "", ingress: "" };
const stuck = { n: 0, isMore: false };

/** @type {ReturnType<typeof openScreen> | null} */
let screen = null;
let isDue = false;

/** Draws soon, once for all changes until then. */
function redraw() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    draw();
  });
}

function draw() {
  if (connection.needsToken) return show(app, loginView({ redraw, signedIn: restart }));
  if (!screen) return;
  document.title = `${screen.title()} · Abide`;
  show(app, frame({ screen, server, stuck, redraw }));
}

/** Opens the screen of the address, or tells the open one that its state changed. */
function moved() {
  if (connection.needsToken) return;
  const at = route.parse(location.pathname);
  const wanted = SCREENS.find((candidate) => candidate.matches(at)) ?? SCREENS[0];
  const identity = wanted.identity(at);
  if (screen?.identity === identity) {
    screen.moved(at);
  } else {
    screen?.stop();
    screen = openScreen({ identity, open: wanted.open, at, redraw, server });
  }
  redraw();
}

function restart() {
  screen?.stop();
  screen = null;
  moved();
  lookAtServer();
  countStuck();
}

async function lookAtServer() {
  try {
    await health();
    Object.assign(server, { isHealthy: true, why: "" });
  } catch (error) {
    Object.assign(server, { isHealthy: false, why: error.message });
  }
  if (!server.version && !connection.needsToken) {
    await version().then(
      ({ version, ingress_endpoint }) => Object.assign(server, { version, ingress: ingress_endpoint }),
      () => {},
    );
  }
  redraw();
}

/** How many need a person: seen on every screen. */
async function countStuck() {
  if (connection.needsToken || document.hidden) return;
  try {
    const page = await invocations.list({ is_stuck: "true", sort: "modified_at", limit: STUCK_MAX });
    const n = page.invocations.length;
    Object.assign(stuck, { n, isMore: n === STUCK_MAX && page.next_before !== null });
  } catch {
    // The banner says what is wrong with the server.
  }
  redraw();
}

connection.changed = () => {
  if (connection.needsToken) {
    screen?.stop();
    screen = null;
  }
  redraw();
};

keyboard.bind([
  { key: "?", says: "these keys", run: showHelp },
  ...[
    ["o", [], "overview"],
    ["i", ["invocations"], "invocations"],
    ["b", ["objects"], "objects"],
    ["s", ["services"], "services"],
    ["d", ["deployments"], "deployments"],
    ["q", ["sql"], "SQL"],
    ["t", ["settings"], "settings"],
  ].map(([key, segments, says]) => ({
    key: `g ${key}`,
    says: `go to ${says}`,
    run: () => route.go(route.path(/** @type {string[]} */ (segments))),
  })),
]);
keyboard.start();
route.start();
route.onMove(moved);
moved();
lookAtServer();
countStuck();
setInterval(() => !document.hidden && lookAtServer(), HEALTH_MS);
setInterval(countStuck, STUCK_MS);
setInterval(() => !document.hidden && redraw(), TICK_MS);
