// The keys of this page.

import { h } from "../lib/dom.js";
import { all } from "../lib/keyboard.js";
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
  open({
    title: "Keys",
    view: () =>
      h(
        "ul",
        { class: "stack" },
        all()
          .filter(({ says }) => says)
          .map(line),
      ),
  });
}
