// SQL over what is stored: an editor, questions one often has, what was asked before, and the answer as a table.

import { h } from "../lib/dom.js";
import { csv } from "../lib/csv.js";
import { sql } from "../lib/resources.js";
import { path } from "../lib/route.js";
import { local } from "../lib/store.js";
import { firstLine, plural } from "../lib/text.js";
import { duration } from "../lib/time.js";
import { button, empty, errorNotice, loading, pageHead } from "../parts/basics.js";
import { icon } from "../parts/icons.js";
import { PRESETS } from "./sql-presets.js";

const HISTORY_KEY = "abide.sql";
const HISTORY_MAX = 30;
const ROWS_SHOWN = 500;

/** @param {import("../lib/screen.js").Context} context @returns {import("../lib/screen.js").Screen} */
export function sqlScreen(context) {
  const state = {
    text: context.at.params.query ?? PRESETS[0].query,
    answer: /** @type {any} */ (null),
    error: /** @type {any} */ (null),
    isBusy: false,
    shown: ROWS_SHOWN,
  };
  let running = new AbortController();
  /** @type {string[]} */
  const history = local.json(HISTORY_KEY, []);

  async function run() {
    running.abort();
    running = new AbortController();
    Object.assign(state, { isBusy: true, error: null, shown: ROWS_SHOWN });
    context.go(path(["sql"], { query: state.text }), { replace: true });
    context.redraw();
    try {
      state.answer = await sql(state.text, AbortSignal.any([running.signal, context.signal]));
      remember(state.text);
    } catch (error) {
      if (error instanceof DOMException) return;
      Object.assign(state, { error, answer: null });
    }
    state.isBusy = false;
    context.redraw();
  }

  function remember(text) {
    const kept = [text, ...history.filter((one) => one !== text)].slice(0, HISTORY_MAX);
    history.splice(0, history.length, ...kept);
    local.set(HISTORY_KEY, JSON.stringify(history));
  }

  function choose(text) {
    state.text = text;
    run();
  }

  const keys = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      run();
    }
  };

  context.keys([{ key: "/", says: "write a query", run: () => document.getElementById("query")?.focus() }]);
  if (context.at.params.query) run();

  const picker = (label, items) =>
    h(
      "select",
      {
        class: "select sql-pick",
        "aria-label": label,
        onchange: (event) => {
          const at = event.target.value;
          event.target.value = "";
          if (at !== "") choose(items[Number(at)].query);
        },
      },
      h("option", { value: "" }, label),
      items.map((item, index) =>
        h("option", { key: index, value: String(index), title: item.query }, item.name),
      ),
    );

  return {
    title: () => "SQL",
    view() {
      return [
        pageHead("SQL", {
          actions: [
            picker("Often asked …", PRESETS),
            history.length
              ? picker(
                  "Asked before …",
                  history.map((query) => ({ name: firstLine(query).slice(0, 70), query })),
                )
              : null,
          ],
        }),
        h(
          "section",
          { class: "card", "aria-label": "Query" },
          h("textarea", {
            class: "area sql-area",
            id: "query",
            rows: Math.min(16, Math.max(4, state.text.split("\n").length + 1)),
            spellcheck: "false",
            "aria-label": "Query",
            value: state.text,
            oninput: (event) => ((state.text = event.target.value), context.redraw()),
            onkeydown: keys,
          }),
          h(
            "div",
            { class: "vlist-foot" },
            button(
              { kind: "primary", disabled: state.isBusy || !state.text.trim(), onclick: run },
              icon("play"),
              state.isBusy ? "Asking …" : "Run",
            ),
            h("span", { class: "faint" }, h("kbd", {}, "Ctrl"), " ", h("kbd", {}, "↵")),
            h("span", { class: "push faint" }, "read only"),
          ),
        ),
        state.error ? errorNotice(state.error) : null,
        state.answer ? answerView(state, context.redraw) : state.isBusy ? loading() : null,
      ];
    },
  };
}

function answerView(state, redraw) {
  const { answer } = state;
  const { rows } = answer;
  const columns = answer.columns ?? Object.keys(rows[0] ?? {});
  const more = () => {
    state.shown += ROWS_SHOWN;
    redraw();
  };
  return h(
    "section",
    { class: "card", "aria-label": "Answer" },
    h(
      "div",
      { class: "card-head" },
      h("h2", {}, plural(rows.length, "row")),
      h(
        "span",
        { class: "faint small" },
        [
          answer.elapsed_ms === undefined ? "" : duration(answer.elapsed_ms),
          answer.rows_read === undefined ? "" : `${plural(answer.rows_read, "row")} read`,
          answer.is_truncated ? "there are more" : "",
        ]
          .filter(Boolean)
          .join(" · "),
      ),
      h(
        "div",
        { class: "push" },
        button({ kind: "mini", onclick: () => download(columns, rows) }, icon("download"), "CSV"),
      ),
    ),
    rows.length === 0
      ? empty("sql", "No row.")
      : h(
          "div",
          { class: "table-scroll sql-result", tabindex: 0, role: "region", "aria-label": "Rows" },
          h(
            "table",
            { class: "table" },
            h(
              "thead",
              {},
              h(
                "tr",
                {},
                columns.map((name) => h("th", { key: name }, name)),
              ),
            ),
            h(
              "tbody",
              {},
              rows.slice(0, state.shown).map((row, index) =>
                h(
                  "tr",
                  { key: index },
                  columns.map((name) => h("td", { key: name }, cell(row[name]))),
                ),
              ),
            ),
          ),
        ),
    rows.length > state.shown
      ? h(
          "div",
          { class: "vlist-foot" },
          button({ kind: "mini", onclick: more }, `${plural(rows.length - state.shown, "more row")}`),
        )
      : null,
  );
}

/** @param {any} value */
function cell(value) {
  if (value === null || value === undefined) return h("span", { class: "faint" }, "null");
  if (typeof value === "number") return h("span", { class: "number" }, String(value));
  if (typeof value === "object") return h("code", {}, JSON.stringify(value));
  const text = String(value);
  if (/^inv_\w+$/.test(text)) return h("a", { class: "link mono", href: path(["invocations", text]) }, text);
  if (/^dp_\w+$/.test(text)) return h("a", { class: "link mono", href: path(["deployments", text]) }, text);
  return h("span", { class: "cell", title: text.length > 60 ? text : undefined }, text);
}

function download(columns, rows) {
  const url = URL.createObjectURL(new Blob([csv(columns, rows)], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = "abide.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1_000);
}
