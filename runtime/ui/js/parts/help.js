// The keys of this page.

import { h } from "../lib/dom.js";
import { layers } from "../lib/keyboard.js";
import { open } from "./overlay.js";

const SHOWN = { ArrowDown: "↓", ArrowUp: "↑", Enter: "↵", Escape: "Esc" };

export function showHelp() {
  /** @param {import("../lib/keyboard.js").Shortcut} shortcut */
  const line = ({ key, shown, says }) =>
    h(
      "li",
      { class: "row", key },
      h("span", { class: "grow" }, says),
      (shown ?? key).split(" ").map((one) => h("kbd", {}, SHOWN[one] ?? one)),
    );
  const list = (title, shortcuts) => [
    h("h3", { class: "small muted" }, title),
    h("ul", { class: "stack keys" }, shortcuts.filter(({ says }) => says).map(line)),
  ];
  // The oldest layer is that of the page.
  const [everywhere, ...here] = layers().toReversed();
  open({
    title: "Keys",
    view: () => [
      here.length ? list("On this screen", here.flat()) : null,
      list("Everywhere", everywhere),
    ],
  });
}
