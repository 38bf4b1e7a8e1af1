// What lies over the page: questions, menus, and short messages.

import { h, show } from "../lib/dom.js";
import { button, errorNotice } from "./basics.js";
import { icon } from "./icons.js";

const TOAST_MS = 5_000;

/** @type {{id: number, text: string, isBad: boolean, href?: string}[]} */
const toasts = [];
let nextToast = 1;

/** Says something in the corner for a few seconds. @param {string} text @param {{isBad?: boolean, href?: string}} [how] */
export function toast(text, how = {}) {
  const id = nextToast++;
  toasts.push({ id, text, isBad: how.isBad ?? false, href: how.href });
  if (toasts.length > 4) toasts.shift();
  showToasts();
  setTimeout(() => dismiss(id), how.isBad ? TOAST_MS * 2 : TOAST_MS);
}

/** @param {any} error */
export function toastError(error) {
  toast(error.hint ? `${error.message}. ${error.hint}` : error.message, { isBad: true });
}

function dismiss(id) {
  const index = toasts.findIndex((toast) => toast.id === id);
  if (index >= 0) toasts.splice(index, 1);
  showToasts();
}

function showToasts() {
  const item = ({ id, text, isBad, href }) =>
    h(
      "div",
      { key: id, class: `toast ${isBad ? "bad" : ""}` },
      h("span", {}, text),
      href ? h("a", { class: "link", href }, "Open") : null,
      button({ kind: "plain mini icon", "aria-label": "Dismiss", onclick: () => dismiss(id) }, icon("kill")),
    );
  show(
    layer("toasts"),
    h("div", { class: "toasts", role: "status", "aria-live": "polite" }, toasts.map(item)),
  );
}

/** @param {string} name */
function layer(name) {
  const id = `layer-${name}`;
  const found = document.getElementById(id);
  if (found) return found;
  const made = document.createElement("div");
  made.id = id;
  document.body.append(made);
  return made;
}

/**
 * Opens a dialog. `view` is called for each change; `close` ends it.
 *
 * @param {{title: string, isWide?: boolean, view: (dialog: Dialog) => any, foot?: (dialog: Dialog) => any}} what
 * @typedef {{close: () => void, redraw: () => void}} Dialog
 */
export function open(what) {
  const home = document.createElement("div");
  document.body.append(home);
  const before = document.activeElement;
  let isOpen = true;
  const dialog = {
    close() {
      if (!isOpen) return;
      isOpen = false;
      show(home, null);
      home.remove();
      if (before instanceof HTMLElement) before.focus();
    },
    redraw() {
      if (isOpen) show(home, frame());
    },
  };
  const frame = () =>
    h(
      "dialog",
      {
        class: what.isWide ? "wide" : "",
        "aria-label": what.title,
        autofocus: !what.foot,
        mounted: (el) => el.showModal(),
        onclose: dialog.close,
        onclick: (event) => event.target === event.currentTarget && dialog.close(),
      },
      h(
        "div",
        { class: "dialog-head" },
        h("h2", {}, what.title),
        button({ kind: "plain icon mini", "aria-label": "Close", onclick: dialog.close }, icon("kill")),
      ),
      h("div", { class: "dialog-body" }, what.view(dialog)),
      what.foot ? h("div", { class: "dialog-foot" }, what.foot(dialog)) : null,
    );
  // What is shown may need the dialog itself, which the caller has only after this.
  queueMicrotask(dialog.redraw);
  return dialog;
}

/**
 * Asks before something is done, does it, and shows what went wrong.
 *
 * @param {{title: string, body: any | ((dialog: Dialog) => any), verb: string, isDanger?: boolean, run: () => Promise<any>, done?: (result: any) => void}} question
 */
export function confirm(question) {
  let error = null;
  let isBusy = false;
  const run = async (dialog) => {
    [isBusy, error] = [true, null];
    dialog.redraw();
    try {
      const result = await question.run();
      dialog.close();
      question.done?.(result);
    } catch (failed) {
      [isBusy, error] = [false, failed];
      dialog.redraw();
    }
  };
  return open({
    title: question.title,
    view: (dialog) => [
      typeof question.body === "function" ? question.body(dialog) : question.body,
      error ? errorNotice(error) : null,
    ],
    foot: (dialog) => [
      button({ onclick: dialog.close }, "Not now"),
      button(
        {
          kind: `primary ${question.isDanger ? "danger" : ""}`,
          disabled: isBusy,
          onclick: () => run(dialog),
          mounted: (el) => el.focus(),
        },
        question.verb,
      ),
    ],
  });
}

/**
 * A button that opens a list of actions.
 *
 * @param {{label: string, isOpen: boolean, toggle: (isOpen: boolean) => void,
 *   items: ({label: string, icon: any, run: () => void, isDanger?: boolean, isOff?: boolean, why?: string} | null)[]}} menu
 */
export function menu({ label, isOpen, toggle, items }) {
  const onkeydown = (event) => {
    if (event.key === "Escape") {
      event.currentTarget.querySelector("[aria-haspopup]").focus();
      toggle(false);
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const choices = [...event.currentTarget.querySelectorAll(".menu-list button:not(:disabled)")];
    const at = choices.indexOf(document.activeElement);
    choices[(at + step + choices.length) % choices.length]?.focus();
  };
  const onfocusout = (event) => {
    if (!event.currentTarget.contains(event.relatedTarget)) toggle(false);
  };
  const entry = (item) => {
    if (!item) return h("hr", {});
    const run = () => {
      toggle(false);
      item.run();
    };
    return h(
      "button",
      {
        type: "button",
        role: "menuitem",
        class: item.isDanger ? "danger" : "",
        disabled: item.isOff,
        title: item.why,
        onclick: run,
      },
      icon(item.icon),
      item.label,
    );
  };
  return h(
    "div",
    { class: "menu", onkeydown, onfocusout },
    button(
      { "aria-haspopup": "menu", "aria-expanded": String(isOpen), onclick: () => toggle(!isOpen) },
      label,
      icon("down"),
    ),
    isOpen ? h("div", { class: "menu-list", role: "menu" }, items.map(entry)) : null,
  );
}
