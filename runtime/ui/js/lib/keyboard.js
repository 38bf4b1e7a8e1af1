// Keys that do something, and the page that lists them. Nothing happens while a person types.

/**
 * @typedef {{key: string, says: string, run: (event: KeyboardEvent) => void, shown?: string}} Shortcut
 */

/** The newest first. @type {Shortcut[][]} */
const bound = [];

/** Adds shortcuts; the newest layer goes first. Returns what takes them away. @param {Shortcut[]} shortcuts */
export function bind(shortcuts) {
  bound.unshift(shortcuts);
  return () => {
    const index = bound.indexOf(shortcuts);
    if (index >= 0) bound.splice(index, 1);
  };
}

/** Returns what is bound now, the newest layer first. */
export function layers() {
  return bound;
}

/** The first key of a sequence such as `g i`, and until when it counts. */
let prefix = { key: "", until: 0 };

/** @param {EventTarget | null} target */
function isTyping(target) {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable ||
      (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) &&
        !/^(checkbox|radio|button)$/.test(/** @type {any} */ (target).type)))
  );
}

export function start() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return;
    if (isTyping(event.target)) {
      if (event.key === "Escape") /** @type {HTMLElement} */ (event.target).blur();
      return;
    }
    // Enter and space belong to what has the focus.
    const isOnControl =
      event.target instanceof Element && event.target.closest("button, a, summary, [role=tab]");
    if (isOnControl && (event.key === "Enter" || event.key === " ")) return;
    const now = event.timeStamp;
    const sequence = prefix.until > now ? `${prefix.key} ${event.key}` : event.key;
    prefix = event.key === "g" ? { key: "g", until: now + 1200 } : { key: "", until: 0 };
    const shortcut = bound.flat().find((shortcut) => shortcut.key === sequence);
    if (!shortcut) return;
    event.preventDefault();
    shortcut.run(event);
  });
}
