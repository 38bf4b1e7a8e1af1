// A form made from a JSON schema. It holds a JSON value and tells its owner of each change.

import { h } from "../lib/dom.js";
import { example, isNullable, resolve, typesOf, typeWords, unwrapped } from "../lib/schema.js";
import { button } from "./basics.js";
import { icon } from "./icons.js";

/**
 * @typedef {{schema: any, root: any, value: any, set: (value: any) => void, path: string, label?: string, isRequired?: boolean}} Field
 */

/** @param {Field} field @returns {any} */
export function schemaField(field) {
  const whole = resolve(field.schema, field.root);
  const schema = unwrapped(field.schema, field.root);
  const canBeNull = isNullable(whole, field.root) || field.isRequired === false;
  const isLeftOut = field.value === undefined || field.value === null;
  const head =
    field.label === undefined
      ? null
      : h(
          "label",
          { for: field.path },
          field.label,
          h("span", { class: "faint tiny" }, typeWords(field.schema, field.root)),
          canBeNull ? leaveOut(field, schema, isLeftOut) : null,
        );
  // Of the whole input it stands above the form.
  const about = field.path === "input" ? null : (whole.description ?? schema.description);
  return h(
    "div",
    { class: "field", key: field.path },
    head,
    canBeNull && isLeftOut ? null : control(field, schema),
    about ? h("p", { class: "hint" }, about) : null,
  );
}

/** What may be left out is, until somebody wants it. */
function leaveOut(field, schema, isLeftOut) {
  const turn = () => field.set(isLeftOut ? example(schema, field.root) : undefined);
  return h(
    "button",
    { type: "button", class: "button plain mini push", onclick: turn },
    isLeftOut ? "Add" : "Leave out",
  );
}

/** @param {Field} field @param {import("../lib/schema.js").Schema} schema */
function control(field, schema) {
  if (schema.const !== undefined) return h("code", {}, JSON.stringify(schema.const));
  if (schema.enum) return choice(field, schema.enum);
  switch (typesOf(schema)[0]) {
    case "object":
      return objectFields(field, schema);
    case "array":
      return listFields(field, schema);
    case "boolean":
      return h("input", {
        id: field.path,
        type: "checkbox",
        class: "check",
        checked: field.value === true,
        onchange: (event) => field.set(event.target.checked),
      });
    case "integer":
    case "number":
      return h("input", {
        id: field.path,
        class: "input",
        type: "number",
        step: typesOf(schema)[0] === "integer" ? 1 : "any",
        min: schema.minimum,
        value: field.value === undefined ? "" : String(field.value),
        oninput: (event) => field.set(event.target.value === "" ? undefined : Number(event.target.value)),
      });
    default:
      return h("input", {
        id: field.path,
        class: "input",
        type: "text",
        spellcheck: "false",
        value: field.value ?? "",
        oninput: (event) => field.set(event.target.value),
      });
  }
}

function choice(field, values) {
  const at = values.findIndex((value) => value === field.value);
  return h(
    "select",
    {
      id: field.path,
      class: "select",
      value: String(Math.max(0, at)),
      onchange: (event) => field.set(values[Number(event.target.value)]),
    },
    values.map((value, index) => h("option", { value: String(index), key: index }, String(value))),
  );
}

function objectFields(field, schema) {
  const value = field.value ?? {};
  const required = new Set(schema.required ?? []);
  const set = (name, part) => {
    const next = { ...value, [name]: part };
    if (part === undefined) delete next[name];
    field.set(next);
  };
  const fields = Object.entries(schema.properties ?? {}).map(([name, of]) =>
    schemaField({
      schema: of,
      root: field.root,
      value: value[name],
      set: (part) => set(name, part),
      path: `${field.path}.${name}`,
      label: name,
      isRequired: required.has(name),
    }),
  );
  return h(
    "div",
    { class: field.label === undefined ? "stack form-fields" : "fieldset" },
    fields.length ? fields : h("p", { class: "hint" }, "It has no fields."),
  );
}

function listFields(field, schema) {
  const values = Array.isArray(field.value) ? field.value : [];
  const set = (index, part) => field.set(values.map((value, at) => (at === index ? part : value)));
  const item = (value, index) =>
    h(
      "div",
      { class: "row", key: index },
      h(
        "div",
        { class: "grow" },
        schemaField({
          schema: schema.items,
          root: field.root,
          value,
          set: (part) => set(index, part),
          path: `${field.path}.${index}`,
          isRequired: true,
        }),
      ),
      button(
        {
          kind: "plain icon",
          "aria-label": `Remove item ${index + 1}`,
          onclick: () => field.set(values.filter((_, at) => at !== index)),
        },
        icon("kill"),
      ),
    );
  return h(
    "div",
    { class: "stack" },
    values.map(item),
    h(
      "div",
      {},
      button(
        {
          kind: "mini",
          "data-add": field.path,
          onclick: () => field.set([...values, example(schema.items, field.root)]),
        },
        icon("plus"),
        "Add an item",
      ),
    ),
  );
}
