// Virtual objects and workflows: which keys there are, what they hold, who has them and who waits.

import { h } from "../lib/dom.js";
import { objects, services } from "../lib/resources.js";
import { path } from "../lib/route.js";
import { bytes, count } from "../lib/text.js";
import {
  button,
  empty,
  errorNotice,
  loading as loadingView,
  pageHead,
  readTarget,
  targetView,
} from "../parts/basics.js";
import { icon } from "../parts/icons.js";
import { isKeyed, kindName } from "./service-words.js";

const LIVE_MS = 3_000;
const PAGE = 100;
const TYPING_PAUSE_MS = 250;

/** @param {import("../lib/screen.js").Context} context @returns {import("../lib/screen.js").Screen} */
export function objectsScreen(context) {
  const state = {
    services: /** @type {any[] | null} */ (null),
    keys: /** @type {any[]} */ ([]),
    next: null,
    error: null,
    isLoaded: false,
    of: "",
    typed: context.at.params.prefix ?? "",
  };
  const chosen = () => context.at.params.service ?? state.services?.[0]?.name;
  const query = () => `${chosen()}/${context.at.params.prefix ?? ""}`;

  const loading = context.every(
    LIVE_MS,
    async () => {
      state.services ??= (await services.list(context.signal)).services.filter(isKeyed);
      if (chosen()) await loadKeys();
      Object.assign(state, { error: null, isLoaded: true });
    },
    (error) => Object.assign(state, { error, isLoaded: true }),
  );

  /** What is loaded is loaded again, as far as it goes. */
  async function loadKeys() {
    const of = query();
    const limit = of === state.of ? Math.max(PAGE, Math.min(1000, state.keys.length)) : PAGE;
    const page = await objects.list(chosen(), { prefix: context.at.params.prefix, limit }, context.signal);
    if (of !== query()) return;
    const rest = of === state.of ? state.keys.slice(limit) : [];
    Object.assign(state, {
      of,
      keys: page.objects.concat(rest),
      next: rest.length ? state.next : page.next_after,
    });
  }

  async function more() {
    const page = await objects.list(
      chosen(),
      { prefix: context.at.params.prefix, after: state.next, limit: PAGE },
      context.signal,
    );
    state.keys = state.keys.concat(page.objects);
    state.next = page.next_after;
    context.redraw();
  }

  let typing = 0;
  function typed(event) {
    state.typed = event.target.value;
    clearTimeout(typing);
    typing = setTimeout(
      () => context.go(path(["objects"], { ...context.at.params, prefix: state.typed }), { replace: true }),
      TYPING_PAUSE_MS,
    );
  }

  function openKey(event) {
    if (event.key === "Enter" && state.typed && chosen())
      context.go(path(["objects", chosen()], { key: state.typed }));
  }

  context.keys([{ key: "/", says: "search", run: () => document.getElementById("search")?.focus() }]);

  return {
    title: () => "Objects",
    moved() {
      if (document.activeElement?.id !== "search") state.typed = context.at.params.prefix ?? "";
      loading.now();
    },
    view() {
      const of = state.services ?? [];
      const isFresh = state.of === query();
      return [
        pageHead("Objects"),
        state.isLoaded && of.length === 0 && !state.error
          ? h("section", { class: "card" }, empty("objects", "No virtual object or workflow is deployed."))
          : [
              h(
                "div",
                { class: "row wrap" },
                h(
                  "select",
                  {
                    class: "select",
                    "aria-label": "Service",
                    value: chosen() ?? "",
                    onchange: (event) =>
                      context.go(path(["objects"], { service: event.target.value }), { replace: true }),
                  },
                  of.map((service) =>
                    h(
                      "option",
                      { key: service.name, value: service.name },
                      `${service.name} · ${kindName(service.ty)}`,
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
                    placeholder: "Beginning of a key; Enter opens it",
                    "aria-label": "Key",
                    value: state.typed,
                    oninput: typed,
                    onkeydown: openKey,
                  }),
                  h("kbd", {}, "/"),
                ),
              ),
              state.error ? errorNotice(state.error) : null,
              h(
                "section",
                { class: "card", "aria-label": "Keys" },
                isFresh || state.error ? null : loadingView(),
                table(chosen(), isFresh ? state.keys : []),
                isFresh && state.keys.length === 0 && !state.error
                  ? empty(
                      "objects",
                      context.at.params.prefix
                        ? "No key begins like this."
                        : "It has no key yet: nothing is stored, nobody waits.",
                    )
                  : null,
                state.next && isFresh
                  ? h(
                      "div",
                      { class: "vlist-foot" },
                      `${count(state.keys.length)} loaded`,
                      button({ kind: "mini", onclick: () => more().catch(() => {}) }, "More"),
                    )
                  : null,
              ),
            ],
      ];
    },
  };
}

function table(service, keys) {
  if (keys.length === 0) return null;
  const row = (one) =>
    h(
      "tr",
      { key: one.key },
      h(
        "td",
        {},
        h(
          "a",
          { class: "link mono key-link", href: path(["objects", service], { key: one.key }) },
          one.key === "" ? "“”" : one.key,
        ),
      ),
      h("td", { class: "right number" }, count(one.state_values)),
      h("td", { class: "right number muted wide-only" }, bytes(one.state_bytes)),
      h(
        "td",
        {},
        one.holder
          ? h(
              "a",
              { class: "target", href: path(["invocations", one.holder.invocation_id]) },
              targetView(readTarget(one.holder.target ?? "")),
            )
          : h("span", { class: "faint" }, "free"),
      ),
      h(
        "td",
        { class: "right number" },
        one.waiting
          ? h("span", { class: "warm-text" }, count(one.waiting))
          : h("span", { class: "faint" }, "0"),
      ),
    );
  return h(
    "div",
    { class: "table-scroll" },
    h(
      "table",
      { class: "table" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", {}, "Key"),
          h("th", { class: "right" }, "Values"),
          h("th", { class: "right wide-only" }, "Size"),
          h("th", {}, "Held by"),
          h("th", { class: "right" }, "Waiting"),
        ),
      ),
      h("tbody", {}, keys.map(row)),
    ),
  );
}
