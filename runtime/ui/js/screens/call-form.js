// A form that calls a handler or sends to it, made from its schema; the same as JSON, and as a line for a shell.

import { h } from "../lib/dom.js";
import { pretty, read } from "../lib/json.js";
import { services } from "../lib/resources.js";
import { path } from "../lib/route.js";
import { example, isSimple, unwrapped } from "../lib/schema.js";
import { quoted } from "../lib/text.js";
import { duration } from "../lib/time.js";
import { button, errorNotice, invocationLink, notice, segments } from "../parts/basics.js";
import { icon } from "../parts/icons.js";
import { payloadBox, shellLine } from "../parts/json-view.js";
import { badge } from "../parts/status.js";
import { schemaField } from "../parts/schema-form.js";
import { isKeyed, typeOf } from "./service-words.js";

const WAIT = "10s";

/** @param {import("../lib/screen.js").Context} context @param {string} serviceName */
export function callForm(context, serviceName) {
  const state = {
    handler: "",
    mode: "call",
    key: "",
    idempotency: "",
    delay: "",
    contentType: "",
    value: /** @type {any} */ (undefined),
    raw: "",
    isRaw: false,
    isBusy: false,
    tookMs: 0,
    answer: /** @type {any} */ (null),
    error: /** @type {any} */ (null),
  };

  /** @param {import("../lib/types.js").Service} service */
  function choose(service) {
    const wanted =
      context.at.params.handler ??
      service.handlers.find((handler) => handler.public)?.name ??
      service.handlers[0].name;
    const handler = service.handlers.find(({ name }) => name === wanted) ?? service.handlers[0];
    if (handler.name === state.handler) return handler;
    const schema = handler.input_json_schema;
    const value = schema ? example(schema, schema) : handler.input_description === "none" ? undefined : {};
    Object.assign(state, {
      handler: handler.name,
      value,
      raw: value === undefined ? "" : pretty(value),
      isRaw: !schema || !isSimple(schema, schema),
      answer: null,
      error: null,
    });
    return handler;
  }

  function setValue(value) {
    state.value = value;
    state.raw = value === undefined ? "" : pretty(value);
    context.redraw();
  }

  function setRaw(event) {
    state.raw = event.target.value;
    const found = read(state.raw);
    if ("value" in found) state.value = found.value;
    context.redraw();
  }

  /** @param {import("../lib/types.js").Handler} handler */
  function problem(handler, service) {
    if (isKeyed(service) && state.key === "") return "It needs a key.";
    if (takesNothing(handler) || !isJson(handler)) return null;
    const found = read(state.raw);
    return "error" in found ? `The input is not JSON: ${found.error}` : null;
  }

  async function submit(event, handler, service) {
    event.preventDefault();
    if (state.isBusy || problem(handler, service)) return;
    Object.assign(state, { isBusy: true, error: null, answer: null });
    context.redraw();
    const begun = performance.now();
    try {
      state.answer = await services.invoke(serviceName, request(handler, service), context.signal);
      state.tookMs = performance.now() - begun;
    } catch (error) {
      if (context.signal.aborted) return;
      state.error = error;
    }
    state.isBusy = false;
    context.redraw();
  }

  function request(handler, service) {
    const input = takesNothing(handler)
      ? {}
      : isJson(handler)
        ? { json: JSON.parse(state.raw) }
        : { text: state.raw, content_type: state.contentType || contentTypeOf(handler) };
    return {
      handler: handler.name,
      key: isKeyed(service) ? state.key : undefined,
      mode: state.mode,
      idempotency_key: state.idempotency || undefined,
      delay: state.mode === "send" && state.delay ? state.delay : undefined,
      wait: state.mode === "call" ? WAIT : undefined,
      ...input,
    };
  }

  function curl(handler, service) {
    const segments = [
      serviceName,
      ...(isKeyed(service) ? [state.key] : []),
      handler.name,
      ...(state.mode === "send" ? ["send"] : []),
    ];
    const query = state.mode === "send" && state.delay ? `?delay=${encodeURIComponent(state.delay)}` : "";
    const parts = [
      "curl",
      quotedIfOdd(`${context.server.ingress}/${segments.map(encodeURIComponent).join("/")}${query}`),
    ];
    if (state.idempotency) parts.push("-H", quoted(`idempotency-key: ${state.idempotency}`));
    if (takesNothing(handler)) parts.push("-X POST");
    else if (isJson(handler)) parts.push("--json", quoted(compact(state.raw)));
    else
      parts.push(
        "-H",
        quoted(`content-type: ${state.contentType || contentTypeOf(handler)}`),
        "--data-binary",
        quoted(state.raw),
      );
    return parts.join(" ");
  }

  return {
    /** @param {import("../lib/types.js").Service} service */
    view(service) {
      const handler = choose(service);
      const wrong = problem(handler, service);
      const isRun = handler.ty === "Workflow";
      const go = (event) =>
        context.go(path(["services", serviceName], { tab: "call", handler: event.target.value }), {
          replace: true,
        });
      const text = (name, label, placeholder, hint) =>
        h(
          "div",
          { class: "field", key: name },
          h("label", { for: `call-${name}` }, label),
          h("input", {
            id: `call-${name}`,
            class: "input",
            value: state[name],
            placeholder,
            spellcheck: "false",
            oninput: (event) => ((state[name] = event.target.value), context.redraw()),
          }),
          hint ? h("p", { class: "hint" }, hint) : null,
        );
      return h(
        "div",
        { class: "halves call" },
        h(
          "form",
          {
            class: "card card-body stack gap",
            onsubmit: (event) => submit(event, handler, service),
            "aria-label": "Call",
          },
          h(
            "div",
            { class: "row wrap call-head" },
            h(
              "select",
              { class: "select mono", "aria-label": "Handler", value: handler.name, onchange: go },
              service.handlers.map(({ name }) => h("option", { value: name, key: name }, name)),
            ),
            segments(
              ["call", "send"],
              state.mode,
              (mode) => ((state.mode = mode), context.redraw()),
              "Wait for the answer or not",
            ),
            h(
              "span",
              { class: "small faint" },
              state.mode === "call" ? "waits for the answer" : "does not wait",
            ),
          ),
          isKeyed(service) ? text("key", "Key", service.ty === "Workflow" ? "order-1" : "user-1") : null,
          input(handler),
          isRun && state.mode === "call"
            ? null
            : h(
                "div",
                { class: "fields call-more" },
                isRun ? null : text("idempotency", "Idempotency key", "none", "Called again with it, it answers the same."),
                state.mode === "send" ? text("delay", "Delay", "none", "Like 10s, or 2h 30m.") : null,
              ),
          wrong ? h("p", { class: "wrong small bad-text" }, wrong) : null,
          h(
            "div",
            { class: "row" },
            button(
              { kind: "primary", type: "submit", disabled: state.isBusy || wrong !== null },
              icon(state.mode === "call" ? "play" : "send"),
              state.isBusy ? "Waiting …" : state.mode === "call" ? "Call" : "Send",
            ),
          ),
        ),
        h(
          "div",
          { class: "stack gap" },
          answerView(state),
          h(
            "div",
            { class: "stack" },
            h("h3", { class: "tiny faint" }, "The same from a shell"),
            shellLine(curl(handler, service)),
          ),
        ),
      );
    },
  };

  function input(handler) {
    if (takesNothing(handler)) return h("p", { class: "small muted" }, "It takes no input.");
    const schema = handler.input_json_schema;
    const hasForm = schema && isSimple(schema, schema);
    const about = schema && unwrapped(schema, schema).description;
    const area = h("textarea", {
      class: "area",
      id: "call-raw",
      rows: 10,
      spellcheck: "false",
      "aria-label": "Input",
      value: state.raw,
      oninput: setRaw,
      onkeydown: (event) =>
        event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form.requestSubmit(),
    });
    return h(
      "div",
      { class: "stack" },
      h(
        "div",
        { class: "row" },
        h("h3", {}, "Input"),
        h("span", { class: "faint small" }, typeOf(schema, handler.input_description)),
        hasForm
          ? h(
              "span",
              { class: "push" },
              segments(
                ["form", "JSON"],
                state.isRaw ? "JSON" : "form",
                (mode) => ((state.isRaw = mode === "JSON"), context.redraw()),
                "How the input is given",
              ),
            )
          : null,
      ),
      about ? h("p", { class: "small muted" }, about) : null,
      hasForm && !state.isRaw
        ? schemaField({
            schema,
            root: schema,
            value: state.value,
            set: setValue,
            path: "input",
            isRequired: true,
          })
        : area,
    );
  }
}

function answerView(state) {
  if (state.error) return errorNotice(state.error);
  const { answer } = state;
  if (!answer)
    return h(
      "section",
      { class: "card empty-answer" },
      h(
        "p",
        { class: "small faint" },
        state.isBusy ? "Waiting for the answer …" : "The answer will be here.",
      ),
    );
  const link = answer.invocation_id ? invocationLink(answer.invocation_id) : null;
  if (answer.is_pending)
    return notice(
      "wait",
      "suspended",
      h("p", { class: "notice-title" }, "It has not answered yet"),
      h("p", { class: "small" }, "It goes on; nothing is lost. Look at what it does:"),
      link,
    );
  const isGood = answer.status < 400;
  return h(
    "section",
    { class: "card", "aria-label": "Answer" },
    h(
      "div",
      { class: "card-head" },
      badge(isGood ? "success" : "failure", String(answer.status)),
      h("span", { class: "small faint number" }, duration(state.tookMs)),
      h("span", { class: "push" }, link),
    ),
    h(
      "div",
      { class: "card-body stack" },
      payloadBox(answer.body),
      h(
        "details",
        {},
        h("summary", { class: "small muted" }, "Headers"),
        h(
          "ul",
          { class: "small headers" },
          (answer.headers ?? []).map(({ name, value }, index) =>
            h("li", { key: index }, h("code", {}, `${name}: ${value}`)),
          ),
        ),
      ),
    ),
  );
}

function takesNothing(handler) {
  return handler.input_description === "none";
}

function isJson(handler) {
  return (
    Boolean(handler.input_json_schema) ||
    handler.input_description === "application/json" ||
    handler.input_description.startsWith("JSON")
  );
}

function contentTypeOf(handler) {
  return handler.input_description.includes("/") && !handler.input_description.includes("*")
    ? handler.input_description
    : "text/plain";
}

function compact(raw) {
  const found = read(raw);
  return "value" in found ? JSON.stringify(found.value) : raw;
}

function quotedIfOdd(url) {
  return /^[\w:/.%-]+$/.test(url) ? url : quoted(url);
}
