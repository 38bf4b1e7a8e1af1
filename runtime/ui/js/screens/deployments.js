// What was uploaded, newest first; dropping a component here uploads it.

import { h } from "../lib/dom.js";
import { IN_FLIGHT } from "../lib/filters.js";
import { deployments } from "../lib/resources.js";
import { path } from "../lib/route.js";
import { bytes, count } from "../lib/text.js";
import { copyButton, empty, errorNotice, loading as loadingView, pageHead, time } from "../parts/basics.js";
import { icon } from "../parts/icons.js";
import { badge } from "../parts/status.js";
import { askUpload } from "./upload.js";

const LIVE_MS = 4_000;
const TONES = { active: "success", superseded: "ended", draining: "suspended" };

/** @param {import("../lib/screen.js").Context} context @returns {import("../lib/screen.js").Screen} */
export function deploymentsScreen(context) {
  const state = { list: /** @type {any[] | null} */ (null), error: /** @type {any} */ (null), isOver: false };
  const loading = context.every(
    LIVE_MS,
    async () => {
      state.list = (await deployments.list(context.signal)).deployments.toSorted(
        (a, b) => Date.parse(b.created_at) - Date.parse(a.created_at),
      );
      state.error = null;
    },
    (error) => (state.error = error),
  );

  function take(files) {
    const file = files?.[0];
    if (file) askUpload(file, loading.now);
  }

  function drop(event) {
    event.preventDefault();
    over(false);
    take(event.dataTransfer.files);
  }

  function over(isOver) {
    if (state.isOver === isOver) return;
    state.isOver = isOver;
    context.redraw();
  }

  const chooser = h("input", {
    type: "file",
    accept: ".wasm,application/wasm",
    class: "for-readers",
    id: "component",
    "aria-label": "A component",
    onchange: (event) => {
      take(event.target.files);
      event.target.value = "";
    },
  });

  return {
    title: () => "Deployments",
    view() {
      return [
        pageHead("Deployments"),
        h(
          "label",
          {
            class: `drop ${state.isOver ? "over" : ""}`,
            for: "component",
            ondragover: (event) => (event.preventDefault(), over(true)),
            ondragleave: () => over(false),
            ondrop: drop,
          },
          icon("deployments"),
          h("span", {}, h("b", {}, "Drop a component here"), " or choose a .wasm file"),
          h(
            "span",
            { class: "small faint" },
            "It is looked at first: which services it has, and whether what runs fits it.",
          ),
          chooser,
        ),
        state.error ? errorNotice(state.error) : null,
        state.list
          ? h(
              "section",
              { class: "card", "aria-label": "Deployments" },
              state.list.length
                ? h("ul", { class: "lines" }, state.list.map(line))
                : empty("deployments", "Nothing is deployed yet."),
            )
          : state.error
            ? null
            : loadingView(),
      ];
    },
  };
}

/** @param {import("../lib/types.js").Deployment} one */
function line(one) {
  const href = path(["deployments", one.id]);
  return h(
    "li",
    { key: one.id, class: "open-on-click deployment-line" },
    h("span", {}, one.status ? badge(TONES[one.status] ?? "ended", one.status) : null),
    h("span", { class: "id" }, h("a", { class: "link strong", href }, one.id), copyButton(one.id, "the id")),
    h(
      "span",
      { class: "grow small muted cut" },
      one.services.map((service) => `${service.name ?? service}`).join(", "),
    ),
    one.invocations_live === undefined
      ? null
      : h(
          "span",
          { class: "small number nowrap right" },
          one.invocations_live
            ? h(
                "a",
                {
                  class: "link",
                  href: path(["invocations"], {
                    deployment: one.id,
                    status: IN_FLIGHT,
                  }),
                },
                `${count(one.invocations_live)} live`,
              )
            : h("span", { class: "faint" }, "none live"),
        ),
    h("span", { class: "small faint right wide-only" }, bytes(one.size_bytes)),
    h("span", { class: "small faint right" }, time(one.created_at)),
  );
}

export { TONES };
