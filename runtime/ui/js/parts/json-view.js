// JSON and payloads, coloured and to be copied.

import { h } from "../lib/dom.js";
import { pieces, pretty } from "../lib/json.js";
import { bytes } from "../lib/text.js";
import { copyButton } from "./basics.js";

/** More than this is shown without colours: a page has only so many elements. */
const COLOURED_CHARS_MAX = 20_000;

/** @param {string} text */
export function coloured(text) {
  if (text.length > COLOURED_CHARS_MAX) return text;
  return pieces(text).map(([kind, piece]) => (kind ? h("span", { class: kind }, piece) : piece));
}

/** @param {any} value */
export function jsonBox(value) {
  const text = pretty(value);
  return h(
    "div",
    { class: "codebox" },
    h("pre", { class: "json" }, coloured(text)),
    copyButton(text, "the JSON"),
  );
}

/** @param {string} text @param {string} [what] */
export function textBox(text, what = "the text") {
  return h("div", { class: "codebox" }, h("pre", { class: "json" }, text), copyButton(text, what));
}

/** @param {import("../lib/payload.js").Payload} payload */
export function payloadBox(payload) {
  const cut = payload.is_cut
    ? h("p", { class: "tiny faint" }, `Only the beginning is shown: it has ${bytes(payload.bytes)}.`)
    : null;
  if (payload.json !== undefined) return h("div", { class: "stack" }, jsonBox(payload.json), cut);
  if (payload.text !== undefined) return h("div", { class: "stack" }, textBox(payload.text), cut);
  if (payload.base64 !== undefined)
    return h(
      "div",
      { class: "stack" },
      h("p", { class: "tiny faint" }, `${bytes(payload.bytes)}, not text, as base64`),
      textBox(payload.base64, "the base64"),
      cut,
    );
  return h("p", { class: "small faint" }, "empty");
}

/** @param {import("../lib/payload.js").Result} result */
export function resultBox(result) {
  switch (result.result) {
    case "value":
      return payloadBox(result.value);
    case "failure": {
      const { code, message, metadata } = result.failure;
      const pairs = Object.entries(metadata ?? {});
      return h(
        "div",
        { class: "stack" },
        h(
          "div",
          { class: "notice tone-failure" },
          h("span", { class: "mono strong" }, String(code)),
          h("pre", { class: "grow" }, message),
        ),
        pairs.length ? jsonBox(metadata) : null,
      );
    }
    case "names":
      return jsonBox(result.names);
    default:
      return h("p", { class: "small faint" }, "nothing");
  }
}

/** A line for a shell, to be copied. @param {string} line */
export function shellLine(line) {
  return h("div", { class: "curl" }, h("span", {}, line), copyButton(line, "the line"));
}
