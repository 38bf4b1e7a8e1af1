// One deployment: what it has, its settings, whether what runs would fit it, and making it take calls or go.

import { h } from "../lib/dom.js";
import { IN_FLIGHT } from "../lib/filters.js";
import { deployments } from "../lib/resources.js";
import { path } from "../lib/route.js";
import { bytes, count, plural, shortId } from "../lib/text.js";
import { button, copyButton, errorNotice, facts, loading as loadingView, pageHead, time } from "../parts/basics.js";
import { icon } from "../parts/icons.js";
import { confirm, open, toast, toastError } from "../parts/overlay.js";
import { badge } from "../parts/status.js";
import { reportView } from "./check-report.js";
import { TONES } from "./deployments.js";
import { kindName } from "./service-words.js";
import { hostsOf, settingsFields } from "./settings-fields.js";

const LIVE_MS = 5_000;

/** @param {import("../lib/screen.js").Context} context @returns {import("../lib/screen.js").Screen} */
export function deploymentScreen(context) {
  const id = context.at.segments[1];
  const state = {
    one: /** @type {any} */ (null),
    error: /** @type {any} */ (null),
    report: /** @type {any} */ (null),
    isChecking: false,
  };
  const loading = context.every(
    LIVE_MS,
    async () => {
      state.one = await deployments.get(id, context.signal);
      state.error = null;
    },
    (error) => (state.error = error),
  );

  async function check() {
    state.isChecking = true;
    context.redraw();
    try {
      state.report = await deployments.check(id);
    } catch (error) {
      toastError(error);
    }
    state.isChecking = false;
    context.redraw();
  }

  const promote = () =>
    askForced(
      "Let it take new calls?",
      "New calls of its services go to this deployment again. What runs stays where it is.",
      "Promote it",
      (force) => deployments.promote(id, { force: force ? "true" : undefined }),
      () => (toast("It takes new calls"), loading.now()),
    );
  const remove = () =>
    askForced(
      "Remove this deployment?",
      "Its component is deleted. It is refused while invocations run on it, or while it is the newest of a service.",
      "Remove it",
      (force) => deployments.remove(id, { force: force ? "true" : undefined }),
      () => (toast("Removed"), context.go(path(["deployments"]))),
      true,
    );
  const migrate = () =>
    confirm({
      title: "Move live invocations here?",
      body: h(
        "p",
        {},
        "Every live invocation of its services on other deployments is replayed on this one. Those that fit go on here; the others stay where they are.",
      ),
      verb: "Move what fits",
      run: () => deployments.migrate(id),
      done: (answer) => {
        toast(`${plural(answer.migrated, "invocation")} moved, ${count(answer.left)} left`);
        state.report = answer.check ?? state.report;
        loading.now();
      },
    });

  return {
    title: () => shortId(id),
    view() {
      const { one, error, report } = state;
      const before = h(
        "a",
        {
          class: "button plain icon",
          href: path(["deployments"]),
          "aria-label": "All deployments",
          title: "All deployments",
        },
        icon("back"),
      );
      if (!one)
        return [
          pageHead(shortId(id), { before }),
          error ? errorNotice(error) : loadingView(),
        ];
      const actions = [
        one.status === "active"
          ? null
          : button({ kind: "primary", onclick: promote, title: "Let it take new calls" }, "Promote …"),
        button(
          { onclick: check, disabled: state.isChecking, title: "Replay what runs on it, without any effect" },
          icon("check"),
          state.isChecking ? "Checking …" : "Check",
        ),
        button({ onclick: migrate, title: "Move live invocations that fit to it" }, "Move here …"),
        button(
          { kind: "danger", onclick: remove, title: "Delete its component" },
          icon("trash"),
          "Remove …",
        ),
      ];
      return [
        pageHead(shortId(id), {
          before,
          after: [
            copyButton(id, "the id"),
            one.status ? badge(TONES[one.status] ?? "ended", one.status) : null,
          ],
          actions,
        }),
        error ? errorNotice(error) : null,
        report ? h("section", { class: "card card-body report-card" }, reportView(report)) : null,
        h(
          "section",
          { class: "card card-body facts-card" },
          facts([
            ["Id", h("span", { class: "mono small" }, id), "twofold"],
            ["Uploaded", time(one.created_at)],
            ["Size", bytes(one.size_bytes)],
            ["SDK", one.sdk_version],
            [
              "Live invocations",
              one.invocations_live === undefined
                ? null
                : h(
                    "a",
                    {
                      class: "link number",
                      href: path(["invocations"], {
                        deployment: id,
                        status: IN_FLIGHT,
                      }),
                    },
                    count(one.invocations_live),
                  ),
            ],
          ]),
        ),
        settingsCard(one, () => editSettings(one, loading.now)),
        h(
          "section",
          { class: "card", "aria-label": "Services" },
          h("div", { class: "card-head" }, h("h2", {}, "Services")),
          h(
            "ul",
            { class: "lines offered" },
            one.services.map((service) =>
              h(
                "li",
                { key: service.name },
                h("a", { class: "strong target", href: path(["services", service.name]) }, service.name),
                h("span", {}, h("span", { class: "tag" }, kindName(service.ty))),
                h("span", { class: "small faint" }, `revision ${service.revision}`),
                h(
                  "span",
                  { class: "small muted mono cut grow" },
                  (service.handlers ?? []).map(({ name }) => name).join(", "),
                ),
              ),
            ),
          ),
        ),
      ];
    },
  };
}

/** Asks, and offers to insist when the server refuses. */
function askForced(title, body, verb, run, done, isDanger = false) {
  let force = false;
  confirm({
    title,
    body: (dialog) => [
      h("p", {}, body),
      h(
        "label",
        { class: "choice" },
        h("input", {
          type: "checkbox",
          checked: force,
          onchange: (event) => ((force = event.target.checked), dialog.redraw()),
        }),
        h(
          "span",
          {},
          "Even if the server would refuse",
          h("span", { class: "small faint" }, " because something runs on it, or does not fit"),
        ),
      ),
    ],
    verb,
    isDanger,
    run: () => run(force),
    done,
  });
}

function settingsCard(one, edit) {
  const variables = Object.entries(one.settings?.env ?? {});
  const hosts = one.settings?.allowed_hosts ?? [];
  return h(
    "section",
    { class: "card", "aria-label": "Settings" },
    h(
      "div",
      { class: "card-head" },
      h("h2", {}, "Settings"),
      h("div", { class: "push" }, button({ kind: "mini", onclick: edit }, icon("edit"), "Edit …")),
    ),
    h(
      "div",
      { class: "card-body halves" },
      h(
        "div",
        { class: "stack" },
        h("h3", { class: "tiny faint" }, "Environment"),
        variables.length
          ? h(
              "ul",
              { class: "env" },
              variables.map(([name, value]) =>
                h(
                  "li",
                  { key: name, class: "mono small" },
                  h("span", { class: "c-name" }, name),
                  h("span", { class: "c-punct" }, " = "),
                  value === null
                    ? h("span", { class: "faint" }, "not for this token")
                    : h("span", { class: "c-string" }, value),
                ),
              ),
            )
          : h("p", { class: "small muted" }, "none"),
      ),
      h(
        "div",
        { class: "stack" },
        h("h3", { class: "tiny faint" }, "Allowed hosts"),
        hosts.length
          ? h(
              "ul",
              { class: "env" },
              hosts.map((host) => h("li", { key: host, class: "mono small" }, host)),
            )
          : h("p", { class: "small muted" }, "none: run blocks cannot reach the network"),
      ),
    ),
  );
}

function editSettings(one, changed) {
  const settings = {
    env: Object.entries(one.settings?.env ?? {}).map(([name, value]) => ({ name, value })),
    hosts: (one.settings?.allowed_hosts ?? []).join(", "),
  };
  if (settings.env.length === 0) settings.env.push({ name: "", value: "" });
  const state = { error: null, isBusy: false };
  const save = async (dialog) => {
    Object.assign(state, { isBusy: true, error: null });
    dialog.redraw();
    const wanted = Object.fromEntries(
      settings.env.filter(({ name }) => name.trim()).map(({ name, value }) => [name.trim(), value]),
    );
    const removed = Object.keys(one.settings?.env ?? {})
      .filter((name) => !(name in wanted))
      .map((name) => [name, null]);
    try {
      await deployments.change(one.id, {
        env: { ...wanted, ...Object.fromEntries(removed) },
        allowed_hosts: hostsOf(settings),
      });
      dialog.close();
      toast("The settings are changed; the next attempts see them");
      changed();
    } catch (error) {
      Object.assign(state, { isBusy: false, error });
      dialog.redraw();
    }
  };
  open({
    title: `Settings of ${shortId(one.id)}`,
    view: (dialog) => [
      settingsFields(settings, dialog.redraw),
      state.error ? errorNotice(state.error) : null,
    ],
    foot: (dialog) => [
      button({ onclick: dialog.close }, "Not now"),
      button({ kind: "primary", disabled: state.isBusy, onclick: () => save(dialog) }, "Save"),
    ],
  });
}
