// The frame around every screen: where one can go, and how the server is.

import { connection, isSignedIn, signOut } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { path } from "../lib/route.js";
import { count } from "../lib/text.js";
import * as theme from "../lib/theme.js";
import { button } from "./basics.js";
import { showHelp } from "./help.js";
import { icon, mark } from "./icons.js";

/** @type {[Parameters<typeof icon>[0], string, string[]][]} */
const PLACES = [
  ["overview", "Overview", []],
  ["invocations", "Invocations", ["invocations"]],
  ["objects", "Objects", ["objects"]],
  ["services", "Services", ["services"]],
  ["deployments", "Deployments", ["deployments"]],
  ["sql", "SQL", ["sql"]],
  ["settings", "Settings", ["settings"]],
];

const THEME_ICONS = { system: "system", light: "sun", dark: "moon" };

/** @param {{screen: any, server: any, stuck: {n: number, isMore: boolean}, redraw: () => void}} app */
export function frame({ screen, server, stuck, redraw }) {
  const here = screen.identity.split("/")[0];
  return [
    h("a", { class: "skip", href: "#main", onclick: skip }, "Skip to the content"),
    h(
      "div",
      { class: "frame" },
      h(
        "aside",
        { class: "side" },
        h("a", { class: "brand", href: path([]), "aria-label": "Abide, overview" }, mark(), "Abide"),
        h(
          "nav",
          { class: "nav", "aria-label": "Screens" },
          PLACES.map(([id, name, segments]) =>
            h(
              "a",
              { key: id, class: `to-${id}`, href: path(segments), "aria-current": id === here ? "page" : false },
              icon(id),
              name,
              id === "invocations" && stuck.n ? stuckCount(stuck) : null,
            ),
          ),
        ),
        foot(server, redraw),
      ),
      h(
        "main",
        { class: "main", id: "main", tabindex: -1 },
        banner(server),
        h("div", { class: `page ${screen.fills ? "fills" : ""}`, key: screen.identity }, screen.view()),
      ),
    ),
  ];
}

/** How many need a person, on every screen. */
function stuckCount({ n, isMore }) {
  const title = `${count(n)}${isMore ? " or more" : ""} ${n === 1 ? "needs" : "need"} a person`;
  return h("span", { class: "count", title }, `${count(n)}${isMore ? "+" : ""}`, h("span", { class: "for-readers" }, ` ${title}`));
}

function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function banner(server) {
  if (!connection.isUp)
    return h(
      "div",
      { class: "banner", role: "alert" },
      icon("warning"),
      "The server cannot be reached. What you see is from before; this page tries again by itself.",
    );
  if (!server.isHealthy)
    return h(
      "div",
      { class: "banner", role: "alert" },
      icon("warning"),
      `The server takes no work: ${server.why}`,
    );
  return null;
}

function foot(server, redraw) {
  const isGood = connection.isUp && server.isHealthy;
  const now = theme.current();
  const turn = () => {
    theme.next();
    redraw();
  };
  return h(
    "div",
    { class: "side-foot" },
    h(
      "div",
      { class: "health", role: "status" },
      h("span", { class: `dot ${isGood ? "good" : "bad"}` }),
      isGood ? "Healthy" : connection.isUp ? "Unhealthy" : "Unreachable",
      server.version ? h("span", { class: "faint push number" }, server.version) : null,
    ),
    h(
      "div",
      { class: "side-tools" },
      h(
        "a",
        { class: "button plain icon narrow-only", href: path(["settings"]), title: "Settings", "aria-label": "Settings" },
        icon("settings"),
      ),
      button(
        { kind: "plain icon", title: `Theme: ${now}`, "aria-label": `Theme: ${now}`, onclick: turn },
        icon(THEME_ICONS[now]),
      ),
      button(
        { kind: "plain icon", title: "Keys (?)", "aria-label": "Keys", onclick: showHelp },
        icon("help"),
      ),
      isSignedIn()
        ? button(
            {
              kind: "plain icon",
              title: "Forget the token",
              "aria-label": "Forget the token",
              onclick: signOut,
            },
            icon("leave"),
          )
        : null,
    ),
  );
}
