// How it goes, at a glance: what runs, what failed, and what needs somebody.

import { h } from "../lib/dom.js";
import { awakeables, invocations, services } from "../lib/resources.js";
import { path } from "../lib/route.js";
import { count, percent } from "../lib/text.js";
import {
  empty,
  errorNotice,
  idView,
  pageHead,
  readTarget,
  segments,
  targetView,
  time,
} from "../parts/basics.js";
import { icon } from "../parts/icons.js";
import { gist } from "../parts/status.js";
import { notCompleted, statusBar, statusLegend } from "../parts/statusbar.js";
import { IN_FLIGHT } from "../lib/filters.js";
import { stuckCard, STUCK_MAX } from "./overview-stuck.js";
import { kindName } from "./service-words.js";

const LIVE_MS = 3_000;
const SERVICES_MS = 10_000;
const FAILURES_SHOWN = 6;
const WAITING_SHOWN = 5;
const WINDOWS = ["15m", "1h", "24h"];
/** From this part of failures on the number is marked. */
const RATE_WARNING = 0.05;

/** @param {import("../lib/screen.js").Context} context @returns {import("../lib/screen.js").Screen} */
export function overviewScreen(context) {
  const state = { summary: part(), stuck: part(), failures: part(), waiting: part(), services: part() };
  const window = () => context.at.params.window ?? "1h";

  const { signal } = context;
  const counts = load("summary", LIVE_MS, () => invocations.summary({ window: window() }, signal));
  const stuck = load("stuck", LIVE_MS, () =>
    invocations.list({ is_stuck: "true", sort: "modified_at", limit: STUCK_MAX }, signal),
  );
  load("failures", LIVE_MS, () =>
    invocations.list({ result: "failure", sort: "modified_at", limit: FAILURES_SHOWN }, signal),
  );
  load("waiting", LIVE_MS, () => awakeables.list({ limit: WAITING_SHOWN }, signal));
  load("services", SERVICES_MS, () => services.list(signal));

  /** What was there stays: an error of a moment must not empty the page. */
  function load(name, ms, ask) {
    const set = async () => void (state[name] = { value: await ask(), error: null });
    return context.every(ms, set, (error) => (state[name] = { ...state[name], error }));
  }

  return {
    title: () => "Overview",
    moved: () => counts.now(),
    view() {
      if (state.services.value && state.services.value.services.length === 0)
        return [pageHead("Overview"), welcome()];
      const choose = (wanted) =>
        context.go(path([], { window: wanted === "1h" ? null : wanted }), { replace: true });
      return [
        pageHead("Overview", { actions: segments(WINDOWS, window(), choose, "Window of time") }),
        numbers(state.summary, state.stuck, window()),
        h(
          "div",
          { class: "columns" },
          stuckCard(state.stuck, stuck.now),
          h("div", { class: "stack gap" }, failuresCard(state.failures), waitingCard(state.waiting)),
        ),
        // What is above it has its height by then.
        Object.values(state).every(({ value, error }) => value || error) ? servicesCard(state) : null,
      ];
    },
  };
}

/** @returns {{value: any, error: any}} */
function part() {
  return { value: null, error: null };
}

function numbers(summary, stuck, window) {
  if (!summary.value)
    return summary.error
      ? errorNotice(summary.error)
      : h("section", { class: "card card-body numbers" }, h("div", { class: "skeleton tall" }));
  const counts = summary.value;
  const rate = counts.created_in_window ? counts.failed_in_window / counts.created_in_window : 0;
  const needing = stuck.value?.invocations.length ?? 0;
  const isMore = needing === STUCK_MAX && Boolean(stuck.value?.next_before);
  const number = (value, label, tone, href) =>
    h(
      "a",
      { class: `figure ${tone}`, href },
      h("span", { class: "figure-number number" }, value),
      h("span", { class: "small muted" }, label),
    );
  return h(
    "section",
    { class: "card card-body numbers", "aria-label": "Counts" },
    h(
      "div",
      { class: "figures" },
      number(count(notCompleted(counts)), "in flight", "", path(["invocations"], { status: IN_FLIGHT })),
      number(
        `${count(needing)}${isMore ? "+" : ""}`,
        needing === 1 ? "needs a person" : "need a person",
        needing ? "warm" : "",
        path(["invocations"], { is_stuck: "true" }),
      ),
      number(count(counts.created_in_window), `called in ${window}`, "", path(["invocations"])),
      number(
        percent(Math.min(1, rate)),
        `failed in ${window}`,
        rate >= RATE_WARNING ? "bad" : "",
        path(["invocations"], { result: "failure" }),
      ),
    ),
    statusBar(counts),
    statusLegend(counts),
    counts.is_truncated ? h("p", { class: "tiny faint" }, "There are more than were counted.") : null,
  );
}

function failuresCard(failures) {
  const found = failures.value?.invocations ?? [];
  const item = (invocation) =>
    h(
      "li",
      { key: invocation.id, class: "open-on-click" },
      h(
        "a",
        { class: "grow target-line", href: path(["invocations", invocation.id]) },
        targetView(invocation),
        h("span", { class: "small muted clamp" }, gist(invocation).text),
      ),
      h("span", { class: "small faint" }, time(invocation.completed_at ?? invocation.modified_at)),
    );
  return h(
    "section",
    { class: "card", "aria-label": "Recent failures" },
    h(
      "div",
      { class: "card-head" },
      h("h2", {}, "Recent failures"),
      found.length
        ? h("a", { class: "link small push", href: path(["invocations"], { result: "failure" }) }, "See all")
        : null,
    ),
    failures.error && !failures.value
      ? h("div", { class: "card-body" }, errorNotice(failures.error))
      : found.length
        ? h("ul", { class: "lines" }, found.map(item))
        : failures.value
          ? empty("check", "Nothing has failed.")
          : null,
  );
}

function waitingCard(waiting) {
  const found = waiting.value?.awakeables ?? [];
  if (found.length === 0) return null;
  const item = (one) =>
    h(
      "li",
      { key: one.id },
      h(
        "a",
        { class: "grow target-line", href: path(["invocations", one.invocation_id]) },
        targetView(readTarget(one.target)),
        h("span", { class: "small muted" }, one.name ? `waits for ${one.name}` : "waits for its awakeable"),
      ),
      idView(one.id),
      h("span", { class: "small faint" }, time(one.since)),
    );
  return h(
    "section",
    { class: "card", "aria-label": "Pending awakeables" },
    h("div", { class: "card-head" }, h("h2", {}, "Waiting for the outside")),
    h("ul", { class: "lines" }, found.map(item)),
  );
}

function servicesCard(state) {
  const offered = state.services.value?.services ?? [];
  const counts = new Map((state.summary.value?.services ?? []).map((one) => [one.name, one]));
  const gone = [...counts.keys()].filter((name) => !offered.some((service) => service.name === name));
  const all = [...offered, ...gone.map((name) => ({ name, ty: "" }))].map((service) =>
    withCounts(service, counts),
  );
  const busy = all
    .filter(({ total }) => total > 0)
    .sort((a, b) => b.open - a.open || b.failed - a.failed || b.total - a.total);
  const quiet = all.filter(({ total }) => total === 0);
  const head = [
    ["Service"],
    ["Kind", "wide-only"],
    ["Invocations"],
    ["In flight", "right"],
    ["Failed", "right"],
    ["", "wide-only"],
  ];
  return h(
    "section",
    { class: "card", "aria-label": "Services" },
    h(
      "div",
      { class: "card-head" },
      h("h2", {}, "Services"),
      h("span", { class: "faint small" }, count(offered.length)),
    ),
    busy.length === 0
      ? null
      : h(
          "table",
          { class: "table" },
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              head.map(([title, cls]) => h("th", { class: cls, key: title }, title)),
            ),
          ),
          h("tbody", {}, busy.map(serviceRow)),
        ),
    quiet.length === 0
      ? null
      : h(
          "p",
          { class: "not-called small" },
          h("span", { class: "faint" }, busy.length ? "Not called: " : "Not called yet: "),
          quiet.map(({ name }) => h("a", { class: "link", key: name, href: path(["services", name]) }, name)),
        ),
  );
}

function withCounts(service, counts) {
  const of = counts.get(service.name) ?? {};
  const total = Object.values(of.by_status ?? {}).reduce((sum, n) => sum + n, 0);
  return { ...service, of, total, open: notCompleted(of), failed: of.completed?.failure ?? 0 };
}

function serviceRow(service) {
  const link = (n, params, cls) =>
    n
      ? h("a", { class: cls, href: path(["invocations"], { service: service.name, ...params }) }, count(n))
      : h("span", { class: "faint" }, "0");
  return h(
    "tr",
    { key: service.name },
    h("td", {}, h("a", { class: "strong target", href: path(["services", service.name]) }, service.name)),
    h("td", { class: "small muted wide-only" }, service.ty ? kindName(service.ty) : "no longer offered"),
    h("td", { class: "bar-cell" }, statusBar(service.of, { isThin: true })),
    h("td", { class: "right number" }, link(service.open, { status: IN_FLIGHT }, "link")),
    h("td", { class: "right number" }, link(service.failed, { result: "failure" }, "bad-text")),
    h(
      "td",
      { class: "right wide-only" },
      service.ty
        ? h("a", { class: "link small", href: path(["services", service.name], { tab: "call" }) }, "Call")
        : null,
    ),
  );
}

function welcome() {
  return h(
    "section",
    { class: "card" },
    h(
      "div",
      { class: "empty" },
      icon("deployments"),
      h("h2", {}, "Nothing is deployed yet"),
      h("p", {}, "Upload a component, or deploy a crate from a shell:"),
      h("code", {}, "abide deploy path/to/crate"),
      h("a", { class: "button primary", href: path(["deployments"]) }, "Upload a component"),
    ),
  );
}
