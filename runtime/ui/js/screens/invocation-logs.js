// What the guest of an invocation printed and logged.

import { h } from "../lib/dom.js";
import { invocations } from "../lib/resources.js";
import { count } from "../lib/text.js";
import { at, clock, absolute } from "../lib/time.js";
import { button, empty, errorNotice, loading as loadingView } from "../parts/basics.js";

const LIVE_MS = 2_000;
const PAGE = 500;

/** @param {import("../lib/screen.js").Context} context @param {string} id */
export function logsView(context, id) {
  const state = {
    lines: [],
    total: /** @type {number | undefined} */ (undefined),
    dropped: 0,
    error: null,
    from: /** @type {number | null} */ (null),
  };
  const isShown = () => context.at.params.tab === "logs";

  const loading = context.every(LIVE_MS, load, (error) => (state.error = error));

  async function load() {
    // The count is wanted once; the lines only while they are looked at.
    if (!isShown() && state.total !== undefined) return;
    const from = state.from ?? Math.max(0, (state.total ?? 0) - PAGE);
    const page = await invocations.logs(id, isShown() ? { from, limit: PAGE } : { limit: 1 }, context.signal);
    const grew = page.total - PAGE > from && state.from === null && isShown();
    Object.assign(state, {
      lines: isShown() ? page.lines : [],
      total: page.total,
      dropped: page.dropped,
      error: null,
    });
    if (grew) loading.now();
  }

  function goTo(from) {
    state.from = from;
    loading.now();
  }

  return {
    count: () => state.total || undefined,
    moved: () => loading.now(),
    view() {
      if (state.error) return errorNotice(state.error);
      if (state.total === undefined) return h("section", { class: "card" }, loadingView());
      if (!state.total) return h("section", { class: "card" }, empty("info", "It has written nothing."));
      const first = state.lines[0]?.index ?? 0;
      const last = state.lines.at(-1)?.index ?? 0;
      return h(
        "section",
        { class: "card", "aria-label": "Logs" },
        h(
          "ol",
          { class: "log" },
          state.lines.map((line) =>
            h(
              "li",
              { key: line.index, class: `log-${String(line.level).toLowerCase()} log-${line.source}` },
              h("time", { title: absolute(at(line.at)) }, clock(at(line.at))),
              h("span", { class: "faint" }, `#${line.attempt}`),
              h("span", { class: "log-level" }, line.source === "log" ? line.level : line.source),
              h("span", { class: "log-text" }, line.message),
            ),
          ),
        ),
        h(
          "div",
          { class: "vlist-foot" },
          h(
            "span",
            { class: "number" },
            `${count(first + 1)}–${count(last + 1)} of ${count(state.total)} lines`,
          ),
          state.dropped
            ? h("span", { class: "faint" }, `${count(state.dropped)} older ones were dropped`)
            : null,
          h(
            "span",
            { class: "push row" },
            button(
              { kind: "mini", disabled: first === 0, onclick: () => goTo(Math.max(0, first - PAGE)) },
              "Older",
            ),
            button(
              { kind: "mini", disabled: last + 1 >= state.total, onclick: () => goTo(last + 1) },
              "Newer",
            ),
            button({ kind: "mini", onclick: () => goTo(null) }, "Newest"),
          ),
        ),
      );
    },
  };
}
