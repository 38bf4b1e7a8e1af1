// How the server is set up, and where each value came from.

import { h } from "../lib/dom.js";
import { config } from "../lib/resources.js";
import * as theme from "../lib/theme.js";
import { errorNotice, facts, loading, pageHead, segments } from "../parts/basics.js";

const LIVE_MS = 30_000;

/** @param {import("../lib/screen.js").Context} context @returns {import("../lib/screen.js").Screen} */
export function settingsScreen(context) {
  const state = { values: /** @type {any[] | null} */ (null), error: /** @type {any} */ (null) };
  context.every(
    LIVE_MS,
    async () => {
      state.values = (await config(context.signal)).values;
      state.error = null;
    },
    (error) => (state.error = error),
  );
  return {
    title: () => "Settings",
    view() {
      const { version, ingress } = context.server;
      return [
        pageHead("Settings", {
          lead: "What holds now and where it came from. Values change in the file, the environment or the flags, and with a restart.",
        }),
        h(
          "section",
          { class: "card card-body facts-card" },
          facts([
            ["Version", version || "–"],
            ["Ingress", h("span", { class: "mono" }, ingress || "–")],
            ["Theme of this page", themes(context.redraw)],
          ]),
        ),
        state.error ? errorNotice(state.error) : null,
        state.values
          ? h(
              "section",
              { class: "card table-scroll", "aria-label": "Values" },
              h(
                "table",
                { class: "table config" },
                h(
                  "thead",
                  {},
                  h(
                    "tr",
                    {},
                    h("th", {}, "Name"),
                    h("th", {}, "Value"),
                    h("th", {}, "From"),
                    h("th", { class: "wide-only" }, "What it is"),
                  ),
                ),
                h("tbody", {}, state.values.map(row)),
              ),
            )
          : state.error
            ? null
            : loading(),
      ];
    },
  };
}

/** @param {() => void} redraw */
function themes(redraw) {
  const choose = (wanted) => {
    theme.choose(wanted);
    redraw();
  };
  return segments(theme.THEMES, theme.current(), choose, "Theme");
}

function row({ key, value, source, description }) {
  const shown =
    value === null || value === undefined
      ? h("span", { class: "faint" }, "not set")
      : typeof value === "string"
        ? value
        : JSON.stringify(value);
  return h(
    "tr",
    { key },
    h("td", { class: "mono small" }, key),
    h("td", { class: "mono small" }, shown),
    h("td", {}, h("span", { class: `tag ${source === "default" ? "" : "good"}` }, source)),
    h("td", { class: "small muted wide-only" }, description ?? ""),
  );
}
