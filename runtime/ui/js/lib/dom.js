// Describes what the page shows, and changes the page where the description changed.
//
// Data becomes text nodes and attributes, never markup: there is no way to put HTML into the page from here.

/**
 * @typedef {{tag: string, props: Record<string, any>, children: Node_[], key: any, el?: Element, stop?: () => void}} Element_
 * @typedef {{text: string, el?: Text}} Text_
 * @typedef {Element_ | Text_} Node_
 * @typedef {Node_ | string | number | boolean | null | undefined | Child[]} Child
 */

const SVG = "http://www.w3.org/2000/svg";
/** Set on the object, because the attribute is only where they begin. */
const LIVE = new Set(["value", "checked", "indeterminate", "open"]);

/**
 * Describes an element. `on…` props are listeners, `style` is an object, `mounted` is called with the new
 * element and may return what is called when it goes, `key` tells it from its siblings.
 *
 * @param {string} tag @param {Record<string, any> | null} [props] @param {...Child} children @returns {Element_}
 */
export function h(tag, props, ...children) {
  return { tag, props: props ?? {}, children: flat(children, []), key: props?.key };
}

/** @param {Child[]} children @param {Node_[]} into @returns {Node_[]} */
function flat(children, into) {
  for (const child of children) {
    if (child === null || child === undefined || typeof child === "boolean") continue;
    if (Array.isArray(child)) flat(child, into);
    else if (typeof child === "object") into.push(child);
    else into.push({ text: String(child) });
  }
  return into;
}

/**
 * Makes the container show the description; what is there already and fits is kept, with its focus and scroll.
 *
 * @param {Element & {shown?: Node_[]}} container @param {Child} described
 */
export function show(container, described) {
  const wanted = flat([described], []);
  patchChildren(container, container.shown ?? [], wanted, false);
  container.shown = wanted;
  for (const node of made.splice(0)) {
    const stop = node.props.mounted(node.el);
    if (typeof stop === "function") node.stop = stop;
  }
}

/** New elements that want to know when they are in the page. @type {Element_[]} */
const made = [];

/** @param {Node_} node @param {boolean} isSvg @returns {Element | Text} */
function create(node, isSvg) {
  if ("text" in node) return (node.el = document.createTextNode(node.text));
  const inSvg = isSvg || node.tag === "svg";
  const el = inSvg ? document.createElementNS(SVG, node.tag) : document.createElement(node.tag);
  node.el = el;
  patchChildren(el, [], node.children, inSvg && node.tag !== "foreignObject");
  for (const [name, value] of Object.entries(node.props)) setProp(el, name, value, undefined);
  if (node.props.mounted) made.push(node);
  return el;
}

/** @param {Node_} from @param {Node_} to @param {boolean} isSvg */
function patch(from, to, isSvg) {
  if (from === to) return;
  to.el = /** @type {any} */ (from.el);
  if ("text" in to) {
    if (/** @type {Text_} */ (from).text !== to.text) to.el.data = to.text;
    return;
  }
  const was = /** @type {Element_} */ (from);
  const el = /** @type {Element} */ (to.el);
  to.stop = was.stop;
  patchChildren(el, was.children, to.children, isSvg || to.tag === "svg");
  for (const name of Object.keys(was.props)) {
    if (!(name in to.props)) setProp(el, name, undefined, was.props[name]);
  }
  for (const [name, value] of Object.entries(to.props)) setProp(el, name, value, was.props[name]);
}

/** @param {Element} parent @param {Node_[]} from @param {Node_[]} to @param {boolean} isSvg */
function patchChildren(parent, from, to, isSvg) {
  const keyed = new Map();
  const loose = [];
  for (const node of from) {
    if ("tag" in node && node.key !== undefined) keyed.set(node.key, node);
    else loose.push(node);
  }
  let nextLoose = 0;
  const kept = new Set();
  const matches = to.map((node) => {
    const isKeyed = "tag" in node && node.key !== undefined;
    const match = isKeyed ? keyed.get(node.key) : loose[nextLoose];
    if (!match || tagOf(match) !== tagOf(node) || kept.has(match)) return null;
    if (!isKeyed) nextLoose += 1;
    kept.add(match);
    return match;
  });
  for (const node of from) if (!kept.has(node)) remove(node);
  let at = parent.firstChild;
  to.forEach((node, index) => {
    const match = matches[index];
    if (match) patch(match, node, isSvg);
    else create(node, isSvg);
    if (node.el === at) at = at.nextSibling;
    else parent.insertBefore(/** @type {any} */ (node.el), at);
  });
}

/** @param {Node_} node */
function tagOf(node) {
  return "tag" in node ? node.tag : null;
}

/** @param {Node_} node */
function remove(node) {
  stopAll(node);
  node.el?.remove();
}

/** @param {Node_} node */
function stopAll(node) {
  if ("text" in node) return;
  node.stop?.();
  for (const child of node.children) stopAll(child);
}

/** @param {any} el @param {string} name @param {any} value @param {any} was */
function setProp(el, name, value, was) {
  if (name === "key" || name === "mounted") return;
  if (name === "style") return setStyle(el, value ?? {}, was ?? {});
  if (LIVE.has(name)) {
    const live = value ?? (name === "value" ? "" : false);
    // A description that did not change leaves alone what a person typed since. A choice may have got its
    // options only now.
    if ((value !== was || el.tagName === "SELECT") && el[name] !== live) el[name] = live;
    return;
  }
  if (value === was) return;
  if (name.startsWith("on")) {
    // A listener that returns false would stop what the browser does: a letter typed, a box ticked.
    el[name] = value ? (event) => void value(event) : null;
  } else if (value === undefined || value === null || value === false) {
    el.removeAttribute(name);
  } else if (name === "href" && !isSafe(String(value))) {
    el.removeAttribute(name);
  } else {
    el.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Through the object model: the policy of this page forbids style attributes. */
function setStyle(el, style, was) {
  for (const name of Object.keys(was)) if (!(name in style)) el.style.removeProperty(name);
  for (const [name, value] of Object.entries(style)) {
    if (value !== was[name]) el.style.setProperty(name, String(value));
  }
}

/** Says whether a link leads to a page, and does not run something. @param {string} url */
export function isSafe(url) {
  return /^(\/(?!\/)|#|https?:\/\/|blob:)/.test(url);
}
