// JSON schemas: what they mean in words, a first value for a form, and what a typed value lacks.

const DEPTH_MAX = 6;

/**
 * @typedef {{type?: any, title?: string, description?: string, properties?: Record<string, Schema>, required?: string[],
 *   items?: Schema, enum?: any[], const?: any, anyOf?: Schema[], oneOf?: Schema[], allOf?: Schema[], $ref?: string,
 *   default?: any, format?: string, minimum?: number, additionalProperties?: any, examples?: any[], prefixItems?: Schema[]}} Schema
 */

/** Follows references within the document. @param {any} schema @param {any} root @returns {Schema} */
export function resolve(schema, root, hops = 0) {
  if (schema === true || schema === undefined || schema === null) return {};
  if (!schema.$ref || hops > DEPTH_MAX) return schema;
  const path = schema.$ref
    .replace(/^#\/?/, "")
    .split("/")
    .filter(Boolean)
    .map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"));
  const found = path.reduce((at, part) => at?.[part], root);
  const { $ref, ...own } = schema;
  return { ...resolve(found, root, hops + 1), ...own };
}

/** The types a schema allows, without null. @param {Schema} schema @returns {string[]} */
export function typesOf(schema) {
  const types = Array.isArray(schema.type)
    ? schema.type
    : schema.type
      ? [schema.type]
      : schema.properties
        ? ["object"]
        : [];
  return types.filter((type) => type !== "null");
}

/** Says whether null is a value. @param {Schema} schema @param {any} root */
export function isNullable(schema, root) {
  return (
    (Array.isArray(schema.type) && schema.type.includes("null")) ||
    (schema.anyOf ?? []).some((one) => resolve(one, root).type === "null")
  );
}

/** Of `anyOf` a schema and null, returns the schema. @param {any} schema @param {any} root @returns {Schema} */
export function unwrapped(schema, root) {
  const found = resolve(schema, root);
  const choices = (found.anyOf ?? found.oneOf ?? [])
    .map((one) => resolve(one, root))
    .filter((one) => one.type !== "null");
  if (choices.length === 1)
    return { ...choices[0], description: found.description ?? choices[0].description };
  if (found.allOf?.length === 1) return { ...resolve(found.allOf[0], root), ...found };
  return found;
}

/** The name by which a schema is referred to. @param {any} schema @returns {string | undefined} */
function nameOf(schema) {
  return schema?.$ref?.split("/").at(-1);
}

/** A type in words: `list of text`, `whole number`, `one of "a", "b"`. @param {any} given @param {any} root @returns {string} */
export function typeWords(given, root) {
  const schema = unwrapped(given, root);
  const optional = isNullable(resolve(given, root), root) ? " or null" : "";
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ") + optional;
  const [type] = typesOf(schema);
  if (type === "array")
    return `list of ${schema.items ? typeWords(schema.items, root) : "anything"}${optional}`;
  if (type === "string") return (schema.format ? `text (${schema.format})` : "text") + optional;
  if (type === "integer") return `whole number${optional}`;
  if (type === "number") return `number${optional}`;
  if (type === "boolean") return `yes or no${optional}`;
  if (type === "object")
    return (
      (schema.title && !schema.properties
        ? schema.title
        : schema.additionalProperties && !schema.properties
          ? "map"
          : (schema.title ?? "object")) + optional
    );
  const name = schema.title ?? nameOf(given);
  if (schema.oneOf || schema.anyOf) return (name ?? "one of several shapes") + optional;
  return name ?? "anything";
}

/** Returns a value to begin with. @param {any} given @param {any} root @param {number} [depth] @returns {any} */
export function example(given, root, depth = 0) {
  const whole = resolve(given, root);
  if (whole.default !== undefined) return whole.default;
  if (whole.examples?.length) return whole.examples[0];
  if (depth > 0 && isNullable(whole, root)) return null;
  const schema = unwrapped(given, root);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices?.length && depth < DEPTH_MAX) return example(choices[0], root, depth + 1);
  const [type] = typesOf(schema);
  if (type === "object") {
    if (depth >= DEPTH_MAX) return {};
    const required = new Set(schema.required ?? []);
    const entries = Object.entries(schema.properties ?? {}).filter(
      ([name]) => required.has(name) || depth === 0,
    );
    return Object.fromEntries(entries.map(([name, of]) => [name, example(of, root, depth + 1)]));
  }
  return { array: [], string: "", integer: 0, number: 0, boolean: false }[type] ?? null;
}

/** Says whether a form of fields can hold every value of the schema. @param {any} given @param {any} root @param {number} [depth] @returns {boolean} */
export function isSimple(given, root, depth = 0) {
  const schema = unwrapped(given, root);
  if (schema.enum || schema.const !== undefined) return true;
  if (schema.oneOf || schema.anyOf || depth > 3) return false;
  const types = typesOf(schema);
  if (types.length !== 1) return false;
  if (types[0] === "array") return Boolean(schema.items) && isSimple(schema.items, root, depth + 1);
  if (types[0] === "object")
    return (
      Boolean(schema.properties) &&
      Object.values(schema.properties).every((one) => isSimple(one, root, depth + 1))
    );
  return true;
}
