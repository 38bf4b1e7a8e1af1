// Small things that every screen shows: times, ids, targets, notices, buttons.

import { h } from "../lib/dom.js";
import { path } from "../lib/route.js";
import { shortId } from "../lib/text.js";
import { absolute, at, relative } from "../lib/time.js";
import { icon } from "./icons.js";

/** A point in time, relative, with the exact one in its tooltip. @param {string | number | null | undefined} when @param {Record<string, any>} [props] */
export function time(when, props = {}) {
  const ms = typeof when === "number" ? when : at(when);
  if (Number.isNaN(ms)) return h("span", { class: "faint", ...props }, "–");
  return h("time", { datetime: new Date(ms).toISOString(), title: absolute(ms), ...props }, relative(ms));
}

/** Copies a text when pressed, and shows that it did. @param {string} text @param {string} what */
export function copyButton(text, what) {
  return h(
    "button",
    {
      class: "copy",
      type: "button",
      title: `Copy ${what}`,
      "aria-label": `Copy ${what}`,
      onclick: (event) => copy(event, text),
    },
    icon("copy"),
  );
}

/** @param {MouseEvent} event @param {string} text */
async function copy(event, text) {
  event.stopPropagation();
  event.preventDefault();
  const button = /** @type {HTMLElement} */ (event.currentTarget);
  const isCopied = await toClipboard(text);
  button.classList.toggle("done", isCopied);
  if (isCopied) setTimeout(() => button.classList.remove("done"), 1200);
}

/** Pages that are not from this machine and not encrypted have no clipboard; the old way works there. @param {string} text */
async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "for-readers";
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    return isCopied;
  }
}

/** An id, shortened, to be copied. @param {string} id @param {string} [href] */
export function idView(id, href) {
  const text = h("span", { title: id }, shortId(id));
  return h(
    "span",
    { class: "id" },
    href ? h("a", { href, class: "link" }, text) : text,
    copyButton(id, "the id"),
  );
}

/** @param {string} id */
export function invocationLink(id) {
  return idView(id, path(["invocations", id]));
}

/** `Service/key/handler` in its colours. @param {{service: string, key?: string, handler: string}} target */
export function targetView(target) {
  const sep = () => h("span", { class: "sep" }, "/");
  const title = [target.service, target.key, target.handler].filter((part) => part !== undefined).join("/");
  return h(
    "span",
    { class: "target", title },
    h("span", { class: "service" }, target.service),
    target.key === undefined
      ? null
      : [sep(), h("span", { class: "key" }, target.key === "" ? "“”" : target.key)],
    sep(),
    h("span", { class: "handler" }, target.handler),
  );
}

/** Reads `Service/key/handler`; the key may hold slashes. @param {string} text */
export function readTarget(text) {
  const parts = text.split("/");
  const handler = parts.pop() ?? "";
  const service = parts.shift() ?? "";
  return parts.length ? { service, key: parts.join("/"), handler } : { service, handler };
}

/** @param {Record<string, any>} props @param {...any} children */
export function button(props, ...children) {
  const { kind = "", ...rest } = props;
  return h("button", { type: "button", ...rest, class: `button ${kind}` }, ...children);
}

/** @param {"info" | "warning" | "wait" | "check"} symbol @param {string} tone @param {...any} children */
export function notice(symbol, tone, ...children) {
  return h(
    "div",
    { class: `notice tone-${tone}`, role: tone === "failure" ? "alert" : "note" },
    icon(symbol),
    h("div", { class: "grow stack" }, ...children),
  );
}

/** What went wrong, with the hint of the server. @param {any} error */
export function errorNotice(error) {
  if (error.isMissing)
    return notice(
      "info",
      "ended",
      h("p", {}, "Not available on this server."),
      h("p", { class: "small muted" }, "It is of another version than this page expects."),
    );
  return notice(
    "warning",
    "failure",
    h("p", {}, error.message),
    error.hint ? h("p", { class: "small" }, error.hint) : null,
  );
}

/** @param {Parameters<typeof icon>[0]} symbol @param {string} text @param {...any} more */
export function empty(symbol, text, ...more) {
  return h("div", { class: "empty" }, icon(symbol), h("p", {}, text), ...more);
}

/** Until the first answer is there. */
export function loading() {
  return h("p", { class: "empty is-loading", role: "status" }, "loading …");
}

/** @param {string} title @param {{lead?: any, actions?: any, before?: any, after?: any}} [parts] */
export function pageHead(title, parts = {}) {
  return [
    h(
      "div",
      { class: "page-head" },
      parts.before ?? null,
      h("h1", {}, title),
      parts.after ?? null,
      parts.actions ? h("div", { class: "actions" }, parts.actions) : null,
    ),
    parts.lead ? h("p", { class: "page-lead" }, parts.lead) : null,
  ];
}

/** A few facts under their names, perhaps with a class; those without a value are left out. @param {[string, any, string?][]} all */
export function facts(all) {
  const known = all.filter(([, value]) => value !== null && value !== undefined && value !== false);
  return h(
    "dl",
    { class: "facts" },
    known.map(([name, value, cls]) =>
      h("div", { key: name, class: cls }, h("dt", {}, name), h("dd", {}, value)),
    ),
  );
}

/** @param {string[]} choices @param {string} chosen @param {(choice: string) => void} choose @param {string} label */
export function segments(choices, chosen, choose, label) {
  return h(
    "div",
    { class: "segments", role: "group", "aria-label": label },
    choices.map((choice) =>
      h(
        "button",
        { type: "button", "aria-pressed": String(choice === chosen), onclick: () => choose(choice) },
        choice,
      ),
    ),
  );
}

/** @param {[string, string, any?][]} tabs id, title, count @param {string} chosen @param {(id: string) => void} choose */
export function tabs(tabs, chosen, choose) {
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const index = tabs.findIndex(([id]) => id === chosen);
    const next = (index + step + tabs.length) % tabs.length;
    choose(tabs[next][0]);
    event.currentTarget.children[next].focus();
  };
  return h(
    "div",
    { class: "tabs", role: "tablist", onkeydown: move },
    tabs.map(([id, title, count]) =>
      h(
        "button",
        {
          type: "button",
          role: "tab",
          key: id,
          "aria-selected": String(id === chosen),
          tabindex: id === chosen ? 0 : -1,
          onclick: () => choose(id),
        },
        title,
        count === undefined ? null : h("span", { class: "faint number" }, String(count)),
      ),
    ),
  );
}
