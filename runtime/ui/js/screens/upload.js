// An upload: looked at without effect first, then asked about, then done.

import { h } from "../lib/dom.js";
import { deployments, openapi } from "../lib/resources.js";
import { path } from "../lib/route.js";
import { bytes, shortId } from "../lib/text.js";
import { button, errorNotice, idView, notice } from "../parts/basics.js";
import { icon } from "../parts/icons.js";
import { open, toast } from "../parts/overlay.js";
import { isTroubled, reportView } from "./check-report.js";
import { kindName } from "./service-words.js";
import { settingsFields, settingsOf } from "./settings-fields.js";

/** The first bytes of every component and module. */
const MAGIC = [0x00, 0x61, 0x73, 0x6d];

/** What one has to insist on, by the code of the refusal. */
const INSIST = { upgrade_diverges: "force", breaking_change: "breaking", name_clash: "breaking" };

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
      const breaking = state.breaking ? "true" : undefined;
      state.looked = await deployments.upload(file, { ...query(), breaking, dry_run: "true" }, ends.signal);
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

  /** A refusal that one may insist on is an answer, too. */
  function taken(error) {
    const report = error.details?.groups ? error.details : null;
    Object.assign(state, { error, report, step: report || error.code in INSIST ? "looked" : "settings" });
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
      h("p", { class: "small muted" }, bytes(file.size)),
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
      isLooked ? missingView(state.looked?.settings_not_carried_over) : null,
      isLooked && state.report ? reportView(state.report) : null,
      isLooked && state.canLook && (needs() || state.report?.live_checked)
        ? h(
            "fieldset",
            { class: "choices" },
            state.report?.live_checked
              ? turn("migrate", "Move what fits", "live invocations that fit go on on the new code")
              : null,
            needs() === "force"
              ? turn(
                  "force",
                  "Take over although something does not fit",
                  "what does not fit stays on the code it began with",
                )
              : null,
            needs() === "breaking" || state.breaking
              ? turn("breaking", "Allow changed interfaces", "services may change their kind or lose handlers")
              : null,
          )
        : null,
    ];
  }

  /** What has to be insisted on, if anything: the server says what it would refuse. */
  function needs() {
    const refusal = state.error?.code ?? state.looked?.refusal;
    return INSIST[refusal] ?? (isTroubled(state.report) && !state.looked ? "force" : null);
  }

  /** It was refused before it could be checked. */
  const isUnchecked = () => state.step === "looked" && state.canLook && !state.report;

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
              onclick: isUnchecked() ? look : upload,
            },
            icon("deployments"),
            state.step === "uploading" ? "Uploading …" : isUnchecked() ? "Look again" : "Deploy it",
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

/** Settings are not carried over from the version before: secrets go to no other code unasked. */
function missingView(missing) {
  if (!missing) return null;
  const lists = { Variables: missing.variables, "Allowed hosts": missing.allowed_hosts };
  const named = Object.entries(lists).filter(([, names]) => names.length > 0);
  return notice(
    "warning",
    "suspended",
    h("p", {}, "The version before has settings that this one has not. Go back to add them."),
    ...named.map(([what, names]) => h("p", { class: "small" }, `${what}: ${names.join(", ")}`)),
  );
}

function servicesView(looked) {
  return h(
    "section",
    { class: "stack", "aria-label": "Services" },
    h("h3", {}, looked.is_new === false ? "It is deployed already, and has" : "It has"),
    h("ul", { class: "looked" }, looked.services.map(offer)),
  );
}

/** A service that it offers, with what would change of it. */
function offer(service) {
  const [added, removed] = [new Set(service.handlers_added), service.handlers_removed ?? []];
  const handler = ({ name }) =>
    h("span", { key: name, class: added.has(name) ? "mono small is-added" : "mono small muted" }, name);
  return h(
    "li",
    { key: service.name, class: "row wrap" },
    h("span", { class: "strong" }, service.name),
    h("span", { class: "tag" }, kindName(service.ty)),
    service.handlers.map(handler),
    removed.map((name) => h("span", { key: `-${name}`, class: "mono small is-removed", title: "no longer there" }, name)),
    h(
      "span",
      { class: "small push" },
      service.is_new
        ? h("span", { class: "tag good" }, "new")
        : service.takes_over_from
          ? [
              h("span", { class: "faint" }, "takes over from "),
              idView(service.takes_over_from, path(["deployments", service.takes_over_from])),
            ]
          : h("span", { class: "faint" }, "has its calls already"),
    ),
  );
}
