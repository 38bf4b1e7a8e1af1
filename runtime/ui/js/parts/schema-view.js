// A JSON schema to be read: fields, types, what they are for.

import { h } from "../lib/dom.js";
import { resolve, typesOf, typeWords, unwrapped } from "../lib/schema.js";

const DEPTH_MAX = 4;

/** @param {any} schema @param {string} fallback */
export function schemaView(schema, fallback) {
  if (schema === undefined || schema === null || typeof schema !== "object")
    return h("p", { class: "small muted" }, fallback === "none" ? "nothing" : fallback);
  return h("div", { class: "schema" }, shape(schema, schema, 0));
}

function shape(given, root, depth) {
  const schema = unwrapped(given, root);
  const inner = inside(schema, root);
  if (!inner.properties || depth >= DEPTH_MAX)
    return h(
      "p",
      { class: "small" },
      h("span", { class: "type" }, typeWords(given, root)),
      schema.description ? h("span", { class: "muted" }, ` ${schema.description}`) : null,
      choices(schema, root, depth),
    );
  const required = new Set(inner.required ?? []);
  const field = ([name, of]) => {
    const about = resolve(of, root).description ?? unwrapped(of, root).description;
    const below = inside(unwrapped(of, root), root);
    return h(
      "li",
      { key: name },
      h(
        "div",
        {},
        h("code", { class: "c-name" }, name),
        required.has(name) ? null : h("span", { class: "faint" }, "?"),
        " ",
        h("span", { class: "type" }, typeWords(of, root)),
      ),
      about ? h("p", { class: "tiny muted" }, about) : null,
      below.properties && depth + 1 < DEPTH_MAX ? shape(below, root, depth + 1) : null,
    );
  };
  const isList = typesOf(schema)[0] === "array";
  return h(
    "div",
    {},
    isList ? h("p", { class: "small type" }, typeWords(given, root)) : null,
    h("ul", { class: "schema-fields" }, Object.entries(inner.properties).map(field)),
  );
}

/** Of a list, what is in it. */
function inside(schema, root) {
  return typesOf(schema)[0] === "array" && schema.items ? unwrapped(schema.items, root) : schema;
}

function choices(schema, root, depth) {
  const several = schema.oneOf ?? schema.anyOf;
  if (!several || several.length < 2 || depth >= DEPTH_MAX) return null;
  return h(
    "ul",
    { class: "schema-fields" },
    several.map((one, index) => h("li", { key: index }, shape(one, root, depth + 1))),
  );
}
