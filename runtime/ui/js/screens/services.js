// What is offered: every service with its handlers.

import { h } from "../lib/dom.js";
import { services } from "../lib/resources.js";
import { path } from "../lib/route.js";
import { empty, errorNotice, idView, loading, pageHead } from "../parts/basics.js";
import { icon } from "../parts/icons.js";
import { kindName, typeOf } from "./service-words.js";

const LIVE_MS = 5_000;

/** @param {import("../lib/screen.js").Context} context @returns {import("../lib/screen.js").Screen} */
export function servicesScreen(context) {
  const state = { services: /** @type {any[] | null} */ (null), error: null };
  context.every(
    LIVE_MS,
    async () => {
      state.services = (await services.list(context.signal)).services;
      state.error = null;
    },
    (error) => (state.error = error),
  );
  context.keys([{ key: "/", says: "search", run: () => document.getElementById("search")?.focus() }]);

  const search = () => context.at.params.text ?? "";
  const typed = (event) => context.go(path(["services"], { text: event.target.value }), { replace: true });

  return {
    title: () => "Services",
    view() {
      const wanted = search().toLowerCase();
      const fits = (service) =>
        [service.name, ...service.handlers.map(({ name }) => name)].some((name) =>
          name.toLowerCase().includes(wanted),
        );
      const found = state.services?.filter(fits) ?? [];
      return [
        pageHead("Services"),
        h(
          "div",
          { class: "row" },
          h(
            "div",
            { class: "search" },
            icon("search"),
            h("input", {
              id: "search",
              class: "input",
              type: "search",
              placeholder: "Service or handler",
              "aria-label": "Search",
              value: search(),
              oninput: typed,
            }),
            h("kbd", {}, "/"),
          ),
        ),
        state.error ? errorNotice(state.error) : null,
        state.services || state.error ? null : loading(),
        state.services && found.length === 0
          ? h(
              "section",
              { class: "card" },
              empty(
                "services",
                state.services.length ? "Nothing matches." : "Nothing is deployed yet.",
                h("a", { class: "link", href: path(["deployments"]) }, "Upload a component"),
              ),
            )
          : null,
        h("div", { class: "tiles" }, found.map(tile)),
      ];
    },
  };
}

/** @param {import("../lib/types.js").Service} service */
function tile(service) {
  return h(
    "section",
    { class: "card tile", key: service.name, "aria-label": service.name },
    h(
      "div",
      { class: "row" },
      h(
        "h2",
        { class: "cut" },
        h("a", { class: "target", href: path(["services", service.name]) }, service.name),
      ),
      h("span", { class: "tag" }, kindName(service.ty)),
      service.public ? null : h("span", { class: "tag warm" }, "private"),
    ),
    service.documentation ? h("p", { class: "small muted clamp" }, service.documentation) : null,
    h(
      "ul",
      { class: "handler-list" },
      service.handlers.map((handler) =>
        h(
          "li",
          { key: handler.name },
          h(
            "a",
            { class: "row", href: path(["services", service.name], { tab: "call", handler: handler.name }) },
            h("span", { class: "mono c-name" }, handler.name),
            h("span", { class: "tiny faint cut" }, signature(handler)),
          ),
        ),
      ),
    ),
    h(
      "div",
      { class: "row tiny faint tile-foot" },
      "revision ",
      service.revision,
      h(
        "span",
        { class: "push" },
        idView(service.deployment_id, path(["deployments", service.deployment_id])),
      ),
    ),
  );
}

/** @param {import("../lib/types.js").Handler} handler */
export function signature(handler) {
  const takes = typeOf(handler.input_json_schema, handler.input_description);
  const returns = typeOf(handler.output_json_schema, handler.output_description);
  return `(${takes}) → ${returns || "nothing"}`;
}
