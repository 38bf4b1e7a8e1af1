// Light, dark, or as the system has it.

import { local } from "./store.js";

const KEY = "abide.theme";
export const THEMES = ["system", "light", "dark"];

export function current() {
  return local.get(KEY) ?? "system";
}

/** Goes to the next of the three. */
export function next() {
  choose(THEMES[(THEMES.indexOf(current()) + 1) % THEMES.length]);
}

/** Changes the theme and remembers it. @param {string} theme */
export function choose(theme) {
  if (theme === "system") {
    local.set(KEY, null);
    delete document.documentElement.dataset.theme;
  } else {
    local.set(KEY, theme);
    document.documentElement.dataset.theme = theme;
  }
}
