// Editing the state of an object: as JSON, with the version that was read, so that nobody's change is lost.

import { h } from "../lib/dom.js";
import { pretty, read } from "../lib/json.js";
import { objects } from "../lib/resources.js";
import { button, errorNotice, notice } from "../parts/basics.js";
import { icon } from "../parts/icons.js";
import { open, toast } from "../parts/overlay.js";

/**
 * @param {{service: string, key: string, state: {version: string, values: any[]}, changed: () => void}} what
 */
export function editState({ service, key, state, changed }) {
  const unreadable = state.values.filter(({ value }) => value.json === undefined || value.is_cut);
  const fields = state.values
    .filter(({ value }) => value.json !== undefined && !value.is_cut)
    .map(({ name, value }) => ({ name, text: pretty(value.json), isGone: false }));
  const form = { error: /** @type {any} */ (null), isBusy: false, force: false };

  function problems() {
    const names = fields.filter(({ isGone }) => !isGone).map(({ name }) => name);
    if (names.some((name) => name === "")) return "A value has no name.";
    if (new Set(names).size < names.length) return "Two values have the same name.";
    const wrong = fields.find(({ text, isGone }) => !isGone && "error" in read(text));
    return wrong ? `${wrong.name} is not JSON.` : null;
  }

  async function save(dialog) {
    Object.assign(form, { isBusy: true, error: null });
    dialog.redraw();
    const values = fields.filter(({ isGone }) => !isGone).map(({ name, text }) => [name, JSON.parse(text)]);
    try {
      await objects.replace(service, {
        object_key: key,
        version: state.version,
        new_values: Object.fromEntries(values),
        force: form.force || undefined,
      });
      dialog.close();
      toast("The state is changed");
      changed();
    } catch (error) {
      Object.assign(form, { isBusy: false, error });
      dialog.redraw();
    }
  }

  const field = (one, index, dialog) => {
    const parsed = read(one.text);
    return h(
      "div",
      { class: `field ${one.isGone ? "is-gone" : ""}`, key: index },
      h(
        "div",
        { class: "row" },
        h("input", {
          class: "input mono",
          "aria-label": "Name",
          value: one.name,
          disabled: one.isGone,
          oninput: (event) => ((one.name = event.target.value), dialog.redraw()),
        }),
        button(
          { kind: "mini plain", onclick: () => ((one.isGone = !one.isGone), dialog.redraw()) },
          one.isGone ? "Keep" : "Remove",
        ),
      ),
      one.isGone
        ? null
        : h("textarea", {
            class: `area ${"error" in parsed ? "bad" : ""}`,
            rows: Math.min(12, one.text.split("\n").length + 1),
            spellcheck: "false",
            "aria-label": `Value of ${one.name}`,
            value: one.text,
            oninput: (event) => ((one.text = event.target.value), dialog.redraw()),
          }),
      !one.isGone && "error" in parsed ? h("p", { class: "wrong" }, parsed.error) : null,
    );
  };

  open({
    title: `State of ${service}/${key}`,
    isWide: true,
    view: (dialog) => [
      unreadable.length
        ? notice(
            "info",
            "paused",
            h(
              "p",
              {},
              `${unreadable.map(({ name }) => name).join(", ")}: not JSON, or too large to be edited here. Saving replaces the whole state, so this would lose them; use the command line.`,
            ),
          )
        : null,
      fields.map((one, index) => field(one, index, dialog)),
      h(
        "div",
        {},
        button(
          {
            kind: "mini",
            onclick: () => (fields.push({ name: "", text: "null", isGone: false }), dialog.redraw()),
          },
          icon("plus"),
          "Add a value",
        ),
      ),
      form.error ? errorNotice(form.error) : null,
      form.error?.code === "key_held"
        ? h(
            "label",
            { class: "row small" },
            h("input", {
              type: "checkbox",
              class: "check",
              checked: form.force,
              onchange: (event) => ((form.force = event.target.checked), dialog.redraw()),
            }),
            "Change it under the handler that has the key",
          )
        : null,
      h("p", { class: "small muted" }, "It is only changed if it still is what you see here."),
    ],
    foot: (dialog) => [
      h("span", { class: "small bad-text grow" }, problems() ?? ""),
      button({ onclick: dialog.close }, "Not now"),
      button(
        {
          kind: "primary",
          disabled: form.isBusy || problems() !== null || unreadable.length > 0,
          onclick: () => save(dialog),
        },
        "Save",
      ),
    ],
  });
}
