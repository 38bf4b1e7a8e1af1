// The list of invocations: filters in the address, live, by keyboard, for any number of them.

import { h } from "../lib/dom.js";
import { FILTERS, VIEWS, filtersOf, queryOf, readTyped, viewOf, withChange } from "../lib/filters.js";
import { listing } from "../lib/listing.js";
import { invocations, services } from "../lib/resources.js";
import { path } from "../lib/route.js";
import { count, plural, shortId } from "../lib/text.js";
import { button, empty, errorNotice, pageHead } from "../parts/basics.js";
import { icon } from "../parts/icons.js";
import { statusBar, statusLegend } from "../parts/statusbar.js";
import { virtualList } from "../parts/vlist.js";
import { askBulk, BULK_ACTIONS } from "./bulk.js";
import { headRow, row } from "./invocation-row.js";

const LIVE_MS = 2_000;
const SUMMARY_MS = 4_000;
const TYPING_PAUSE_MS = 250;

/** The list as it was left, so that going back shows it at once and at the same place. @type {{params: string, rows: any[], next: string | null, top: number, cursor: number} | null} */
let left = null;

/** @param {import("../lib/screen.js").Context} context @returns {import("../lib/screen.js").Screen} */
export function invocationsScreen(context) {
  const list = listing(context.signal, context.redraw);
  const vlist = virtualList(context.redraw);
  const state = {
    cursor: -1,
    picked: new Set(),
    typed: context.at.params.text ?? "",
    summary: null,
    names: [],
  };
  const params = () => context.at.params;
  let asked = JSON.stringify(params());

  if (left?.params === asked) {
    state.cursor = left.cursor;
    vlist.scrollTo(left.top);
    list.restore(queryOf(params()), left);
  } else {
    list.restart(queryOf(params()));
  }
  context.signal.addEventListener("abort", () => {
    left = { params: asked, rows: list.rows, next: list.next, top: vlist.scrollTop(), cursor: state.cursor };
  });
  context.every(LIVE_MS, () => list.refresh(inView()));
  const summary = context.every(SUMMARY_MS, async () => {
    state.summary = await invocations.summary(filtersOf(params()), context.signal);
  });
  services.list(context.signal).then(
    ({ services }) => (state.names = services.map(({ name }) => name)),
    () => {},
  );

  function inView() {
    const [first, last] = vlist.range(list.rows.length);
    return { isAtTop: vlist.isAtTop(), first, last };
  }

  function change(change) {
    context.go(withChange(params(), change), { replace: true });
  }

  let typing = 0;
  function typed(event) {
    state.typed = event.target.value;
    clearTimeout(typing);
    typing = setTimeout(
      () => change({ text: state.typed.includes(":") ? null : state.typed.trim() }),
      TYPING_PAUSE_MS,
    );
  }

  function entered(event) {
    if (event.key !== "Enter") return;
    clearTimeout(typing);
    const wanted = state.typed.trim();
    if (/^inv_\w+$/.test(wanted)) return context.go(path(["invocations", wanted]));
    const read = readTyped(wanted);
    state.typed = read.text;
    change(read);
  }

  function pick(id) {
    if (!state.picked.delete(id)) state.picked.add(id);
    context.redraw();
  }

  function move(step) {
    state.cursor = Math.max(0, Math.min(list.rows.length - 1, state.cursor + step));
    vlist.reveal(state.cursor);
    context.redraw();
  }

  function openCursor() {
    const at = list.rows[state.cursor];
    if (at) context.go(path(["invocations", at.id]));
  }

  context.keys([
    { key: "j", says: "next", run: () => move(1) },
    { key: "k", says: "previous", run: () => move(-1) },
    { key: "ArrowDown", says: "", run: () => move(1) },
    { key: "ArrowUp", says: "", run: () => move(-1) },
    { key: "Enter", says: "open", run: openCursor },
    { key: "x", says: "select", run: () => list.rows[state.cursor] && pick(list.rows[state.cursor].id) },
    { key: "/", says: "search", run: () => document.getElementById("search")?.focus() },
    { key: "Escape", says: "forget the selection", run: () => (state.picked.clear(), context.redraw()) },
  ]);

  function bulk(action, what, n) {
    askBulk(action, what, n, () => {
      state.picked.clear();
      list.refresh({ isAtTop: true, first: 0, last: 0 }).catch(() => {});
      summary.now();
    });
  }

  const chips = () =>
    Object.entries(filtersOf(params()))
      .filter(([name]) => name !== "text")
      .map(([name, value]) =>
        h(
          "span",
          { class: "tag", key: name },
          name === "is_stuck"
            ? FILTERS[name]
            : `${FILTERS[name]}: ${value.split(",").map(shortId).join(", ")}`,
          h(
            "button",
            { "aria-label": `Drop the filter ${FILTERS[name]}`, onclick: () => change({ [name]: null }) },
            "×",
          ),
        ),
      );

  const filterBar = () => {
    const view = viewOf(params());
    const choose = (wanted) =>
      change({
        status: null,
        result: null,
        is_stuck: null,
        ...VIEWS.find(({ name }) => name === wanted)?.params,
      });
    const names =
      state.names.includes(params().service ?? "") || !params().service
        ? state.names
        : [params().service, ...state.names];
    return h(
      "div",
      { class: "row wrap filters" },
      h(
        "div",
        { class: "segments", role: "group", "aria-label": "View" },
        VIEWS.map(({ name }) =>
          h(
            "button",
            { key: name, "aria-pressed": String(view === name), onclick: () => choose(name) },
            name,
          ),
        ),
      ),
      h(
        "div",
        { class: "search" },
        icon("search"),
        h("input", {
          id: "search",
          class: "input",
          type: "search",
          placeholder: "Error text, an id, service:Name, key:42 …",
          "aria-label": "Search",
          value: state.typed,
          oninput: typed,
          onkeydown: entered,
        }),
        h("kbd", {}, "/"),
      ),
      h(
        "select",
        {
          class: "select",
          "aria-label": "Service",
          value: params().service ?? "",
          onchange: (event) => change({ service: event.target.value, handler: null }),
        },
        h("option", { value: "" }, "Every service"),
        names.map((name) => h("option", { key: name, value: name }, name)),
      ),
      chips(),
    );
  };

  const summaryView = () => {
    const counts = state.summary;
    if (!counts) return null;
    return h("div", { class: "stack summary" }, statusBar(counts), statusLegend(counts, params()));
  };

  const foot = () => {
    const n = state.picked.size;
    if (n > 0) {
      const ids = { invocation_ids: [...state.picked] };
      return h(
        "div",
        { class: "vlist-foot picked-foot" },
        h("b", {}, `${count(n)} selected`),
        BULK_ACTIONS.map(({ action, verb, icon: symbol, isDanger }) =>
          button(
            { kind: `mini ${isDanger ? "danger" : ""}`, key: action, onclick: () => bulk(action, ids, n) },
            icon(symbol),
            verb,
          ),
        ),
        button({ kind: "mini plain push", onclick: () => (state.picked.clear(), context.redraw()) }, "Clear"),
      );
    }
    const total = state.summary?.total;
    const loaded = `${count(list.rows.length)}${list.next ? " loaded" : ""}${total > list.rows.length ? ` of ${count(total)}` : ""}`;
    return h(
      "div",
      { class: "vlist-foot" },
      h("span", { class: "number" }, loaded),
      list.isLoading ? h("span", { class: "faint is-loading" }, "loading …") : null,
      list.news && !vlist.isAtTop()
        ? button(
            {
              kind: "mini",
              onclick: () => (
                vlist.scrollTo(0),
                list.refresh({ isAtTop: true, first: 0, last: 0 }).catch(() => {})
              ),
            },
            `${plural(list.news, "new one", "new ones")} ↑`,
          )
        : null,
      h("span", { class: "push faint" }, "live"),
      allMenu(total),
    );
  };

  const allMenu = (total) => {
    const filter = filtersOf(params());
    const choose = (event) => {
      const action = event.target.value;
      event.target.value = "";
      if (action) bulk(action, { filter }, total);
    };
    return h(
      "select",
      { class: "select small", "aria-label": "Act on all that match", onchange: choose },
      h("option", { value: "" }, "All that match …"),
      BULK_ACTIONS.map(({ action, verb }) => h("option", { value: action, key: action }, verb)),
    );
  };

  return {
    title: () => "Invocations",
    fills: true,
    moved() {
      const wanted = JSON.stringify(params());
      if (wanted === asked) return;
      asked = wanted;
      Object.assign(state, { cursor: -1, summary: null });
      if (document.activeElement?.id !== "search") state.typed = params().text ?? "";
      state.picked.clear();
      vlist.scrollTo(0);
      list.restart(queryOf(params()));
      summary.now();
    },
    view() {
      const [, last] = vlist.range(list.rows.length);
      if (list.next && last > list.rows.length - 60 && !list.error) list.more();
      const nothing = list.isLoaded
        ? empty(
            "invocations",
            Object.keys(filtersOf(params())).length ? "Nothing matches." : "Nothing has been called yet.",
            Object.keys(filtersOf(params())).length
              ? null
              : h("a", { class: "link", href: path(["services"]) }, "Call a handler"),
          )
        : null;
      return [
        pageHead("Invocations"),
        filterBar(),
        summaryView(),
        list.error ? errorNotice(list.error) : null,
        h(
          "section",
          { class: "card", "aria-label": "Invocations" },
          headRow({
            params: params(),
            change,
            rows: list.rows,
            picked: state.picked,
            redraw: context.redraw,
          }),
          vlist.view({
            total: list.rows.length,
            label: "Invocations",
            empty: nothing,
            row: (index, place) =>
              row({
                invocation: list.rows[index],
                place,
                isAt: index === state.cursor,
                isPicked: state.picked.has(list.rows[index].id),
                isGone: list.gone.has(list.rows[index].id),
                isStuck: params().is_stuck === "true",
                pick,
                open: (id) => ((state.cursor = index), context.go(path(["invocations", id]))),
              }),
          }),
          foot(),
        ),
      ];
    },
  };
}
