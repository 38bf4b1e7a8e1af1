// The environment and the allowed hosts of a deployment, as fields.

import { h } from "../lib/dom.js";
import { button } from "../parts/basics.js";
import { icon } from "../parts/icons.js";

/**
 * @typedef {{env: {name: string, value: string}[], hosts: string}} Settings
 */

/** @param {Settings} settings @param {() => void} redraw */
export function settingsFields(settings, redraw) {
  const variable = (one, index) =>
    h(
      "div",
      { class: "row env-row", key: index },
      h("input", {
        class: "input mono",
        placeholder: "NAME",
        "aria-label": "Name of a variable",
        spellcheck: "false",
        value: one.name,
        oninput: (event) => ((one.name = event.target.value), redraw()),
      }),
      h("input", {
        class: "input mono grow",
        placeholder: "value",
        "aria-label": `Value of ${one.name || "the variable"}`,
        spellcheck: "false",
        value: one.value,
        oninput: (event) => ((one.value = event.target.value), redraw()),
      }),
      button(
        {
          kind: "plain icon",
          "aria-label": `Remove ${one.name || "the variable"}`,
          onclick: () => (settings.env.splice(index, 1), redraw()),
        },
        icon("kill"),
      ),
    );
  return [
    h(
      "div",
      { class: "field" },
      h("span", { class: "label" }, "Environment"),
      settings.env.map(variable),
      h(
        "div",
        {},
        button(
          { kind: "mini", onclick: () => (settings.env.push({ name: "", value: "" }), redraw()) },
          icon("plus"),
          "Add a variable",
        ),
      ),
      h(
        "p",
        { class: "hint" },
        "Handlers read them; outside run blocks a change may lead to a mismatch on replay.",
      ),
    ),
    h(
      "div",
      { class: "field" },
      h("label", { for: "hosts" }, "Allowed hosts"),
      h("input", {
        id: "hosts",
        class: "input mono",
        placeholder: "api.example.com, *.example.org",
        spellcheck: "false",
        value: settings.hosts,
        oninput: (event) => ((settings.hosts = event.target.value), redraw()),
      }),
      h("p", { class: "hint" }, "Where run blocks may send HTTP requests. None: nowhere."),
    ),
  ];
}

/** Returns them as the query of an upload. @param {Settings} settings */
export function settingsOf(settings) {
  return {
    env: settings.env.filter(({ name }) => name.trim()).map(({ name, value }) => `${name.trim()}=${value}`),
    allow_host: hostsOf(settings),
  };
}

/** @param {Settings} settings */
export function hostsOf(settings) {
  return settings.hosts.split(/[\s,]+/).filter(Boolean);
}
