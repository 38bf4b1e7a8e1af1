// One service: its handlers and their schemas, a form that calls them, its options.

import { h } from "../lib/dom.js";
import { services } from "../lib/resources.js";
import { path } from "../lib/route.js";
import { button, errorNotice, facts, idView, loading as loadingView, pageHead, tabs } from "../parts/basics.js";
import { icon } from "../parts/icons.js";
import { confirm, toast } from "../parts/overlay.js";
import { schemaView } from "../parts/schema-view.js";
import { callForm } from "./call-form.js";
import { isKeyed, kindName, modeWords } from "./service-words.js";
import { signature } from "./services.js";

const LIVE_MS = 10_000;

/** @param {import("../lib/screen.js").Context} context @returns {import("../lib/screen.js").Screen} */
export function serviceScreen(context) {
  const name = context.at.segments[1];
  const state = {
    /** @type {import("../lib/types.js").Service | null} */ service: null,
    /** @type {any} */ error: null,
  };
  const form = callForm(context, name);
  const loading = context.every(
    LIVE_MS,
    async () => {
      state.service = await services.get(name, context.signal);
      state.error = null;
    },
    (error) => (state.error = error),
  );
  const tab = () => context.at.params.tab ?? "handlers";
  const choose = (wanted) =>
    context.go(
      path(["services", name], { ...context.at.params, tab: wanted === "handlers" ? null : wanted }),
      { replace: true },
    );

  return {
    title: () => name,
    view() {
      const { service, error } = state;
      const before = h(
        "a",
        {
          class: "button plain icon",
          href: path(["services"]),
          "aria-label": "All services",
          title: "All services",
        },
        icon("back"),
      );
      if (!service)
        return [
          pageHead(name, { before }),
          error ? errorNotice(error) : loadingView(),
        ];
      const actions = [
        isKeyed(service)
          ? h(
              "a",
              { class: "button", href: path(["objects"], { service: name }) },
              icon("objects"),
              service.ty === "Workflow" ? "Runs" : "Objects",
            )
          : null,
        h(
          "a",
          { class: "button", href: path(["invocations"], { service: name }) },
          icon("invocations"),
          "Invocations",
        ),
      ];
      return [
        pageHead(name, {
          before,
          after: [
            h("span", { class: "tag" }, kindName(service.ty)),
            service.public ? null : h("span", { class: "tag warm" }, "private"),
          ],
          actions,
          lead: null,
        }),
        service.documentation ? h("p", { class: "muted prose-text" }, service.documentation) : null,
        error ? errorNotice(error) : null,
        tabs(
          [
            ["handlers", "Handlers", service.handlers.length],
            ["call", "Call"],
            ["options", "Options"],
          ],
          tab(),
          choose,
        ),
        tab() === "call"
          ? form.view(service)
          : tab() === "options"
            ? options(service, () => loading.now())
            : service.handlers.map((handler) => handlerCard(service, handler)),
      ];
    },
  };
}

function handlerCard(service, handler) {
  const retry = handler.retry_policy;
  const tries =
    retry.max_attempts === null || retry.max_attempts === undefined
      ? "without end"
      : `${retry.max_attempts}, then ${retry.on_max_attempts === "Kill" ? "it fails" : "it pauses"}`;
  return h(
    "section",
    { class: "card", key: handler.name, "aria-label": handler.name },
    h(
      "div",
      { class: "card-head" },
      h("h2", { class: "mono c-name" }, handler.name),
      h("span", { class: "small faint mono" }, signature(handler)),
      handler.ty
        ? h("span", { class: "tag" }, `${handler.ty.toLowerCase()} · ${modeWords(handler.ty)}`)
        : null,
      handler.public ? null : h("span", { class: "tag warm" }, "private"),
      h(
        "div",
        { class: "push" },
        h(
          "a",
          {
            class: "button mini",
            href: path(["services", service.name], { tab: "call", handler: handler.name }),
          },
          icon("play"),
          "Call",
        ),
      ),
    ),
    h(
      "div",
      { class: "card-body stack gap" },
      handler.documentation ? h("p", { class: "muted prose-text" }, handler.documentation) : null,
      h(
        "div",
        { class: "halves" },
        h(
          "div",
          {},
          h("h3", { class: "tiny faint" }, "Takes"),
          schemaView(handler.input_json_schema, handler.input_description),
        ),
        h(
          "div",
          {},
          h("h3", { class: "tiny faint" }, "Returns"),
          schemaView(handler.output_json_schema, handler.output_description),
        ),
      ),
      facts([
        ["Attempts", tries, "twofold"],
        [
          "Between them",
          `${retry.initial_interval}${retry.max_interval ? ` to ${retry.max_interval}` : ""}, ×${retry.exponentiation_factor}`,
        ],
        ["Journal kept", handler.journal_retention],
        ["Idempotency kept", handler.idempotency_retention],
        ["Run kept", handler.workflow_completion_retention],
      ]),
    ),
  );
}

const RETENTIONS = [
  [
    "idempotency_retention",
    "Idempotency kept",
    "How long an answer is kept for repeats of a request with an idempotency key.",
  ],
  [
    "workflow_completion_retention",
    "Workflow kept",
    "How long a completed workflow run is known by its key.",
  ],
  ["journal_retention", "Journal kept", "How long the journal of a completed invocation can be looked at."],
];

function options(service, changed) {
  const edit = () => {
    const change = { public: service.public };
    const field = ([name, title, about]) =>
      h(
        "div",
        { class: "field", key: name },
        h("label", { for: name }, title),
        h("input", {
          id: name,
          class: "input",
          placeholder: service[name] ?? "differs by handler",
          oninput: (event) => (change[name] = event.target.value.trim() || undefined),
        }),
        h("p", { class: "hint" }, `${about} For example 1d, 12h 30m.`),
      );
    confirm({
      title: `Options of ${service.name}`,
      body: () => [
        h(
          "label",
          { class: "row" },
          h("input", {
            type: "checkbox",
            class: "check",
            checked: change.public,
            onchange: (event) => (change.public = event.target.checked),
          }),
          "Can be called over the ingress",
        ),
        RETENTIONS.map(field),
        h("p", { class: "small muted" }, "They hold until the service is deployed again."),
      ],
      verb: "Change",
      run: () => services.change(service.name, change),
      done: () => (toast("Changed"), changed()),
    });
  };
  return h(
    "section",
    { class: "card", "aria-label": "Options" },
    h(
      "div",
      { class: "card-head" },
      h("h2", {}, "Options"),
      h("div", { class: "push" }, button({ kind: "mini", onclick: edit }, icon("edit"), "Change …")),
    ),
    h(
      "div",
      { class: "card-body" },
      facts([
        ["Access", service.public ? "public: over the ingress" : "private: from other handlers only"],
        ["Revision", service.revision],
        ["Deployment", idView(service.deployment_id, path(["deployments", service.deployment_id]))],
        ...RETENTIONS.map(
          ([name, title]) => /** @type {[string, any]} */ ([title, service[name] ?? "differs by handler"]),
        ),
      ]),
    ),
  );
}
