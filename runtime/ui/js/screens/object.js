// One object or workflow: its state, who has its key and who waits, its promises.

import { h } from "../lib/dom.js";
import { invocations, objects } from "../lib/resources.js";
import { path } from "../lib/route.js";
import { bytes, count, plural } from "../lib/text.js";
import {
  button,
  empty,
  errorNotice,
  invocationLink,
  loading,
  pageHead,
  readTarget,
  targetView,
  time,
} from "../parts/basics.js";
import { icon } from "../parts/icons.js";
import { payloadBox, resultBox } from "../parts/json-view.js";
import { statusBadge } from "../parts/status.js";
import { editState } from "./object-edit.js";

const LIVE_MS = 2_000;
const RECENT = 10;

/** @param {import("../lib/screen.js").Context} context @returns {import("../lib/screen.js").Screen} */
export function objectScreen(context) {
  const service = context.at.segments[1];
  const key = context.at.params.key ?? "";
  /** @type {Record<string, {value: any, error: any}>} */
  const state = { values: part(), inbox: part(), promises: part(), recent: part() };
  const load = (name, ask) => {
    const set = async () => void (state[name] = { value: await ask(), error: null });
    return context.every(LIVE_MS, set, (error) => (state[name] = { ...state[name], error }));
  };
  const values = load("values", () => objects.state(service, key, context.signal));
  load("inbox", () => objects.inbox(service, key, context.signal));
  load("promises", () => objects.promises(service, key, context.signal));
  load("recent", () => invocations.list({ service, key, limit: RECENT }, context.signal));

  return {
    title: () => `${service}/${key}`,
    view() {
      const before = h(
        "a",
        {
          class: "button plain icon",
          href: path(["objects"], { service }),
          "aria-label": "All keys",
          title: "All keys",
        },
        icon("back"),
      );
      const actions = h(
        "a",
        { class: "button", href: path(["services", service], { tab: "call" }) },
        icon("play"),
        "Call",
      );
      return [
        h(
          "div",
          { class: "page-head" },
          before,
          h(
            "h1",
            { class: "target-title" },
            h(
              "span",
              { class: "target" },
              h("span", { class: "service" }, service),
              h("span", { class: "sep" }, "/"),
              h("span", { class: "key" }, key === "" ? "“”" : key),
            ),
          ),
          h("div", { class: "actions" }, actions),
        ),
        h(
          "div",
          { class: "columns wide-left" },
          stateCard(state.values, () =>
            editState({ service, key, state: state.values.value, changed: values.now }),
          ),
          h(
            "div",
            { class: "stack gap" },
            inboxCard(state.inbox),
            promisesCard(state.promises),
            recentCard(state.recent, service, key),
          ),
        ),
      ];
    },
  };
}

/** @returns {{value: any, error: any}} */
function part() {
  return { value: null, error: null };
}

function card(title, part, extra, content) {
  return h(
    "section",
    { class: "card", "aria-label": title },
    h("div", { class: "card-head" }, h("h2", {}, title), extra),
    part.error && !part.value
      ? h("div", { class: "card-body" }, errorNotice(part.error))
      : part.value
        ? content()
        : loading(),
  );
}

function stateCard(part, edit) {
  const values = part.value?.values ?? [];
  const about = part.value ? h("span", { class: "faint small" }, plural(values.length, "value")) : null;
  return card(
    "State",
    part,
    [
      about,
      part.value
        ? h("div", { class: "push" }, button({ kind: "mini", onclick: edit }, icon("edit"), "Edit …"))
        : null,
    ],
    () =>
      values.length === 0
        ? empty("objects", "Nothing is stored under this key.")
        : h(
            "ul",
            { class: "lines values" },
            values.map((value) =>
              h(
                "li",
                { key: value.name, class: "stack" },
                h(
                  "div",
                  { class: "row" },
                  h("code", { class: "strong" }, value.name),
                  h(
                    "span",
                    { class: "tiny faint push number" },
                    bytes(value.size_bytes ?? value.value.bytes),
                  ),
                ),
                payloadBox(value.value),
              ),
            ),
          ),
  );
}

function inboxCard(part) {
  return card(
    "Key",
    part,
    part.value?.total ? h("span", { class: "faint small" }, `${count(part.value.total)} waiting`) : null,
    () => {
      const { holder, waiting, total } = part.value;
      if (!holder && waiting.length === 0) return h("p", { class: "card-body muted" }, "Free: nobody has it, nobody waits.");
      return h(
        "ul",
        { class: "lines" },
        holder
          ? h(
              "li",
              { key: "holder" },
              h("span", { class: "tag good" }, "has it"),
              h(
                "a",
                { class: "target grow", href: path(["invocations", holder.invocation_id]) },
                targetView(readTarget(holder.target ?? "")),
              ),
              invocationLink(holder.invocation_id),
            )
          : null,
        waiting.map((one) =>
          h(
            "li",
            { key: one.invocation_id },
            h("span", { class: "faint number small" }, one.position + 1),
            h(
              "a",
              { class: "target grow", href: path(["invocations", one.invocation_id]) },
              targetView(readTarget(one.target ?? "")),
            ),
            h("span", { class: "small faint" }, time(one.since)),
          ),
        ),
        total > waiting.length
          ? h("li", { class: "faint small" }, `and ${count(total - waiting.length)} more`)
          : null,
      );
    },
  );
}

function promisesCard(part) {
  if (part.value && part.value.promises.length === 0) return null;
  if (!part.value && part.error) return null;
  return card("Promises", part, null, () =>
    h(
      "ul",
      { class: "lines" },
      part.value.promises.map((promise) =>
        h(
          "li",
          { key: promise.name, class: "stack" },
          h(
            "div",
            { class: "row" },
            h("code", { class: "strong" }, promise.name),
            promise.is_completed
              ? h("span", { class: "tag good" }, "completed")
              : h("span", { class: "tag" }, promise.waiting ? `${count(promise.waiting)} waiting` : "open"),
          ),
          promise.completion ? resultBox(promise.completion) : null,
        ),
      ),
    ),
  );
}

function recentCard(part, service, key) {
  const found = part.value?.invocations ?? [];
  return card(
    "Invocations",
    part,
    found.length
      ? h("a", { class: "link small push", href: path(["invocations"], { service, key }) }, "See all")
      : null,
    () =>
      found.length === 0
        ? empty("invocations", "None is known.")
        : h(
            "ul",
            { class: "lines" },
            found.map((one) =>
              h(
                "li",
                { key: one.id },
                statusBadge(one),
                h("a", { class: "grow mono small c-name", href: path(["invocations", one.id]) }, one.handler),
                h("span", { class: "small faint" }, time(one.created_at)),
              ),
            ),
          ),
  );
}
