// Starts the page: one screen at a time, drawn again when something changed.

import { connection } from "./lib/api.js";
import { show } from "./lib/dom.js";
import * as keyboard from "./lib/keyboard.js";
import { health, version } from "./lib/resources.js";
import * as route from "./lib/route.js";
import { frame } from "./parts/shell.js";
import { showHelp } from "./parts/help.js";
import { openScreen } from "./lib/screen.js";
import { loginView } from "./screens/login.js";
import { SCREENS } from "./screens/all.js";

const HEALTH_MS = 5_000;
/** Relative times move on. */
const TICK_MS = 1_000;

const app = /** @type {HTMLElement} */ (document.getElementById("app"));
const server = { isHealthy: true, why: "", version: "", ingress: "" };

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
  show(app, frame({ screen, server, redraw }));
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
setInterval(() => !document.hidden && lookAtServer(), HEALTH_MS);
setInterval(() => !document.hidden && redraw(), TICK_MS);
