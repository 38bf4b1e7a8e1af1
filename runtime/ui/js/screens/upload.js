// An upload: looked at without effect first, then asked about, then done.

import { h } from "../lib/dom.js";
import { deployments, openapi } from "../lib/resources.js";
import { path } from "../lib/route.js";
import { bytes, shortId } from "../lib/text.js";
import { button, errorNotice, notice } from "../parts/basics.js";
import { icon } from "../parts/icons.js";
import { open, toast } from "../parts/overlay.js";
import { isTroubled, reportView } from "./check-report.js";
import { kindName } from "./service-words.js";
import { settingsFields, settingsOf } from "./settings-fields.js";

/** The first bytes of every component and module. */
const MAGIC = [0x00, 0x61, 0x73, 0x6d];

/** @param {File} file @param {() => void} done */
export function askUpload(file, done) {
  const state = {
    step: /** @type {"settings" | "looking" | "looked" | "uploading"} */ ("settings"),
    settings: { env: [{ name: "", value: "" }], hosts: "" },
    looked: /** @type {any} */ (null),
    report: /** @type {any} */ (null),
    error: /** @type {any} */ (null),
    canLook: true,
    force: false,
    migrate: false,
    breaking: false,
  };
  const ends = new AbortController();
  const dialog = open({ title: `Deploy ${file.name}`, isWide: true, view: () => view(), foot: () => foot() });

  const query = () => settingsOf(state.settings);

  async function look() {
    Object.assign(state, { step: "looking", error: null });
    dialog.redraw();
    try {
      if (!(await isWasm(file))) throw new Error("This file is no WebAssembly component.");
      state.canLook = await knowsDryRun();
      if (!state.canLook) return asked();
      state.looked = await deployments.upload(file, { ...query(), dry_run: "true" }, ends.signal);
      state.report = state.looked.check ?? null;
      asked();
    } catch (error) {
      taken(error);
    }
  }

  function asked() {
    state.step = "looked";
    dialog.redraw();
  }

  /** A refusal with a report is an answer, too. */
  function taken(error) {
    const report = error.details?.groups ? error.details : null;
    Object.assign(state, { error, report, step: report ? "looked" : "settings" });
    dialog.redraw();
  }

  async function upload() {
    Object.assign(state, { step: "uploading", error: null });
    dialog.redraw();
    const options = {
      force: state.force ? "true" : undefined,
      migrate: state.migrate ? "true" : undefined,
      breaking: state.breaking ? "true" : undefined,
    };
    try {
      const made = await deployments.upload(
        file,
        { ...query(), ...(state.canLook ? options : {}) },
        ends.signal,
      );
      dialog.close();
      toast(`${shortId(made.id)} takes new calls`, { href: path(["deployments", made.id]) });
      done();
    } catch (error) {
      Object.assign(state, {
        error,
        step: "looked",
        report: error.details?.groups ? error.details : state.report,
      });
      dialog.redraw();
    }
  }

  function view() {
    const turn = (name, text, hint) =>
      h(
        "label",
        { class: "choice", key: name },
        h("input", {
          type: "checkbox",
          checked: state[name],
          onchange: (event) => ((state[name] = event.target.checked), dialog.redraw()),
        }),
        h("span", {}, text, h("span", { class: "small faint" }, ` ${hint}`)),
      );
    const isLooked = state.step === "looked" || state.step === "uploading";
    return [
      h("p", { class: "small muted" }, `${file.name}, ${bytes(file.size)}`),
      state.error ? errorNotice(state.error) : null,
      state.step === "settings" ? settingsFields(state.settings, dialog.redraw) : null,
      state.step === "looking"
        ? h(
            "p",
            { class: "muted", role: "status" },
            "Looking at it: compiling, asking for its services, replaying what runs …",
          )
        : null,
      isLooked && !state.canLook
        ? notice(
            "info",
            "ended",
            h("p", {}, "This server cannot look first. Uploading makes it take new calls."),
          )
        : null,
      isLooked && state.looked?.services ? servicesView(state.looked) : null,
      isLooked && state.report ? reportView(state.report) : null,
      isLooked && state.canLook
        ? h(
            "fieldset",
            { class: "choices" },
            state.report?.live_checked
              ? turn("migrate", "Move what fits", "live invocations that fit go on on the new code")
              : null,
            needs()
              ? [
                  turn(
                    "force",
                    "Take over although something does not fit",
                    "those stay on the code they began with",
                  ),
                  turn(
                    "breaking",
                    "Allow changed interfaces",
                    "services may change their kind or lose handlers",
                  ),
                ]
              : null,
          )
        : null,
    ];
  }

  /** What has to be insisted on, if anything: the server says what it would refuse. */
  function needs() {
    const refusal = state.error?.details ? state.error.code : state.looked?.refusal;
    if (refusal === "breaking_change") return "breaking";
    return refusal || isTroubled(state.report) ? "force" : null;
  }

  function foot() {
    const isBusy = state.step === "looking" || state.step === "uploading";
    const isLooked = state.step === "looked" || state.step === "uploading";
    const cancel = () => (ends.abort(), dialog.close());
    return [
      button({ onclick: cancel }, "Not now"),
      isLooked
        ? button({ onclick: () => ((state.step = "settings"), dialog.redraw()), disabled: isBusy }, "Back")
        : null,
      isLooked
        ? button(
            {
              kind: "primary",
              disabled: isBusy || (needs() !== null && !state[needs() ?? ""]),
              onclick: upload,
            },
            icon("deployments"),
            state.step === "uploading" ? "Uploading …" : "Deploy it",
          )
        : button({ kind: "primary", disabled: isBusy, onclick: look }, isBusy ? "Looking …" : "Look at it"),
    ];
  }
}

/** An older server takes an upload for what it is: asking it to look only would not be safe. */
async function knowsDryRun() {
  const { paths } = await openapi();
  return paths["/deployments"].post.parameters.some(({ name }) => name === "dry_run");
}

/** @param {Blob} file */
async function isWasm(file) {
  const first = new Uint8Array(await file.slice(0, MAGIC.length).arrayBuffer());
  return MAGIC.every((byte, index) => first[index] === byte);
}

function servicesView(looked) {
  return h(
    "div",
    { class: "stack" },
    h("h3", {}, "It has"),
    h(
      "ul",
      { class: "looked" },
      looked.services.map((service) =>
        h(
          "li",
          { key: service.name, class: "row wrap" },
          h("span", { class: "strong" }, service.name),
          service.ty ? h("span", { class: "tag" }, kindName(service.ty)) : null,
          h(
            "span",
            { class: "small muted mono" },
            (service.handlers ?? []).map(({ name }) => name).join(", "),
          ),
        ),
      ),
    ),
  );
}
