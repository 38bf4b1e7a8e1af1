// JSON for people: coloured pieces, a short preview, indentation that does not waste lines.

const WIDTH = 76;
const PREVIEW_CHARS = 120;

/**
 * Cuts a JSON text into pieces `[class, text]`: k name, s string, n number, w word, p punctuation, "" space.
 *
 * @param {string} text @returns {[string, string][]}
 */
export function pieces(text) {
  const found = [];
  const pattern =
    /("(?:[^"\\]|\\.)*(?:"|…?$))(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null)|([{}[\],:])|(\s+)|(.)/gsu;
  for (const [, string, colon, number, word, punctuation, space, other] of text.matchAll(pattern)) {
    if (string !== undefined) {
      found.push([colon === undefined ? "s" : "k", string]);
      if (colon !== undefined) found.push(["p", colon]);
    } else if (number !== undefined) found.push(["n", number]);
    else if (word !== undefined) found.push(["w", word]);
    else if (punctuation !== undefined) found.push(["p", punctuation]);
    else found.push(["", space ?? other]);
  }
  return found;
}

/** Writes a value over several lines; what fits one line stays on it. @param {any} value @param {string} [indent] @returns {string} */
export function pretty(value, indent = "") {
  const flat = JSON.stringify(value) ?? "null";
  if (value === null || typeof value !== "object") return flat;
  const spaced = oneLine(value);
  if (spaced.length + indent.length <= WIDTH) return spaced;
  const inner = `${indent}  `;
  const parts = Array.isArray(value)
    ? value.map((item) => inner + pretty(item, inner))
    : Object.entries(value).map(([name, item]) => `${inner}${JSON.stringify(name)}: ${pretty(item, inner)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return `${open}\n${parts.join(",\n")}\n${indent}${close}`;
}

/** @param {any} value @returns {string} */
export function oneLine(value) {
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(oneLine).join(", ")}]`;
  const parts = Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${oneLine(item)}`);
  return parts.length ? `{ ${parts.join(", ")} }` : "{}";
}

/** @param {any} value */
export function preview(value) {
  const text = oneLine(value);
  return text.length > PREVIEW_CHARS ? `${text.slice(0, PREVIEW_CHARS - 1)}…` : text;
}

/**
 * Reads a JSON text. Says where it is wrong.
 *
 * @param {string} text @returns {{value: any} | {error: string}}
 */
export function read(text) {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { error: error instanceof Error ? error.message.replace(/^JSON\.parse: /, "") : String(error) };
  }
}
