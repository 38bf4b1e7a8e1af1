// An operation of a journal, written as the line of code that asked for it.

import { h } from "../lib/dom.js";
import { payloadPreview, resultPreview } from "../lib/payload.js";
import { shortId } from "../lib/text.js";
import { at, coarse, duration } from "../lib/time.js";
import { readTarget } from "./basics.js";
import { coloured } from "./json-view.js";

const word = (text) => h("span", { class: "c-word" }, text);
const punctuation = (text) => h("span", { class: "c-punct" }, text);
const string = (text) => h("span", { class: "c-string" }, JSON.stringify(text));
const name = (text) => h("span", { class: "c-name" }, text);

/** Texts are cut by the layout; this bounds what is put there. */
const ARGUMENT_CHARS = 60;

/** @param {string} preview */
function argument(preview) {
  const cut = preview.length > ARGUMENT_CHARS ? `${preview.slice(0, ARGUMENT_CHARS - 1)}…` : preview;
  return h("span", { class: "json" }, coloured(cut));
}

function call(verb, ...args) {
  const separated = args.filter(Boolean).flatMap((one, index) => (index ? [punctuation(", "), one] : [one]));
  return [word(verb), punctuation("("), ...separated, punctuation(")")];
}

/** @param {import("../lib/types.js").Item} entry */
function request(verb, entry) {
  const { service, key, handler } = readTarget(entry.target ?? entry.name ?? "");
  const delay = entry.delay_ms
    ? [word(" after "), h("span", { class: "c-number" }, duration(entry.delay_ms))]
    : [];
  return [
    word(`${verb} `),
    h("span", { class: "c-service" }, service),
    key === undefined ? null : [punctuation("["), string(key), punctuation("]")],
    punctuation("."),
    name(handler),
    punctuation("("),
    entry.input ? argument(payloadPreview(entry.input)) : null,
    punctuation(")"),
    delay,
  ];
}

/** @param {import("../lib/types.js").Item} entry @returns {any[]} */
function asked(entry) {
  const named = entry.name === undefined ? null : string(entry.name);
  const other = entry.invocation_id ? name(shortId(entry.invocation_id)) : null;
  switch (entry.kind) {
    case "run":
      return call("run", named);
    case "sleep":
      return call("sleep", named, h("span", { class: "c-number" }, coarseOrFine(entry.duration_ms ?? 0)));
    case "call":
      return request("call", entry);
    case "send":
      return request("send", entry);
    case "get-state":
      return call("get", named);
    case "set-state":
      return call("set", named, entry.value ? argument(payloadPreview(entry.value)) : null);
    case "clear-state":
      return call("clear", named);
    case "clear-all-state":
      return call("clear_all");
    case "state-keys":
      return call("keys");
    case "awakeable":
      return call("awakeable", named);
    case "complete-awakeable":
      return call(
        entry.completion?.result === "failure" ? "reject" : "resolve",
        name(shortId(entry.awakeable_id ?? "")),
        completion(entry),
      );
    case "receive-signal":
      return call("signal", named);
    case "send-signal":
      return call("send_signal", other, named, completion(entry));
    case "get-promise":
      return call("promise", named);
    case "peek-promise":
      return call("peek", named);
    case "complete-promise":
      return call("complete", named, completion(entry));
    default:
      return call(entry.kind.replaceAll("-", "_"), named ?? other);
  }
}

function coarseOrFine(ms) {
  return ms < 10_000 ? duration(ms) : coarse(ms);
}

function completion(entry) {
  return entry.completion ? argument(resultPreview(entry.completion)) : null;
}

/** What was asked, and what came of it. @param {import("../lib/journal.js").Line} line */
export function codeLine(line) {
  if (!line.entry)
    return line.kind === "cancellation"
      ? [h("span", { class: "c-bad" }, "cancelled")]
      : [punctuation(`outcome of step ${line.op}`), came(line)];
  return [...asked(line.entry), came(line)];
}

/** @param {import("../lib/journal.js").Line} line */
function came(line) {
  const { outcome } = line;
  if (!outcome) return line.isOpen ? pending(line) : null;
  const result = /** @type {any} */ (outcome);
  const text = resultPreview(result);
  if (outcome.result === "failure") return [arrow(), h("span", { class: "c-bad" }, text || "failed")];
  if (outcome.result === "empty" || text === "") return null;
  return [arrow(), argument(text)];
}

function arrow() {
  return h("span", { class: "c-arrow" }, " → ");
}

/** @param {import("../lib/journal.js").Line} line */
function pending(line) {
  const failure = line.failures.at(-1);
  if (failure) {
    const left = line.retryAt - Date.now();
    const next = Number.isNaN(left) ? "" : ` · again ${left > 1000 ? `in ${coarse(left)}` : "now"}`;
    return [arrow(), h("span", { class: "c-warm" }, `${failure.message}${next}`)];
  }
  if (line.kind === "sleep") {
    const left = at(line.entry?.at) + (line.entry?.duration_ms ?? 0) - Date.now();
    return [arrow(), h("span", { class: "c-wait" }, left > 0 ? `wakes in ${coarse(left)}` : "due")];
  }
  return [arrow(), h("span", { class: "c-wait" }, line.kind === "run" ? "…" : "waits")];
}

/** A payload within a line of code. @param {import("../lib/payload.js").Payload} payload */
export function codePayload(payload) {
  return argument(payloadPreview(payload));
}
