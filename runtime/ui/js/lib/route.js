// Where a person is, as text: /ui/invocations;status=paused,backing-off;service=Payments
//
// Segments name the screen, `;name=value` its state. Everything in it can be linked, shared and gone back to.

const BASE = "/ui/";

/**
 * @typedef {{segments: string[], params: Record<string, string>}} Route
 */

/** Reads the path of an address. @param {string} path @returns {Route} */
export function parse(path) {
  const rest = path.startsWith(BASE) ? path.slice(BASE.length) : "";
  const [head, ...pairs] = rest.split(";");
  const params = {};
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at > 0) params[decode(pair.slice(0, at))] = decode(pair.slice(at + 1));
  }
  return { segments: head.split("/").filter(Boolean).map(decode), params };
}

/**
 * Writes an address. Segments that could mean something in a path go by their code, too.
 *
 * @param {string[]} segments @param {Record<string, string | number | null | undefined>} [params]
 */
export function path(segments, params = {}) {
  const kept = Object.entries(params).filter(
    ([, value]) => value !== undefined && value !== null && value !== "",
  );
  const tail = kept.map(([name, value]) => `;${encode(name)}=${encode(String(value))}`);
  return BASE + segments.map(encode).join("/") + tail.join("");
}

function encode(text) {
  // A comma separates values, as the API takes them; it says nothing in a path.
  return encodeURIComponent(text).replace(/%2C/g, ",").replace(/%3A/g, ":");
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @type {Set<() => void>} */
const listeners = new Set();

/** Calls the function whenever the address changes. @param {() => void} listener */
export function onMove(listener) {
  listeners.add(listener);
}

/** Goes to an address of this page. @param {string} to @param {{replace?: boolean}} [how] */
export function go(to, how = {}) {
  if (to === location.pathname) return;
  if (how.replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  for (const listener of listeners) listener();
}

/** Lets links within the page move without loading it again. */
export function start() {
  addEventListener("popstate", () => listeners.forEach((listener) => listener()));
  document.addEventListener("click", (event) => {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    const to = link?.getAttribute("href");
    if (!to?.startsWith(BASE) || link?.hasAttribute("download")) return;
    event.preventDefault();
    const isNew = to !== location.pathname;
    go(to);
    if (isNew) scrollTo(0, 0);
  });
}
