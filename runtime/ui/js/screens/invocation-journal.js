// The journal tab: the call, its steps, what it came to, on one axis of time.

import { axis, isUneven } from "../lib/axis.js";
import { h } from "../lib/dom.js";
import { lines, moments } from "../lib/journal.js";
import { starts } from "../lib/pager.js";
import { path } from "../lib/route.js";
import { local } from "../lib/store.js";
import { count, plural } from "../lib/text.js";
import { at, duration } from "../lib/time.js";
import { button, segments, time } from "../parts/basics.js";
import { codePayload } from "../parts/code-line.js";
import { jsonBox, payloadBox, resultBox } from "../parts/json-view.js";
import { journalLines, labelled } from "../parts/journal-view.js";
import { toneOf } from "../parts/status.js";
import { axisHead, bar, gridLines } from "../parts/timeline.js";
import { curlLine } from "./invocation-waiting.js";

export const ITEMS_PER_PAGE = 500;
const AXIS_KEY = "abide.axis";
const MODES = { real: "real time", even: "even steps" };

/**
 * @param {import("../lib/screen.js").Context} context
 * @param {{children: ReturnType<typeof import("./invocation-children.js").children>}} with_
 */
export function journalView(context, { children }) {
  const state = { opened: new Set(), axisMode: local.get(AXIS_KEY) ?? "auto" };

  function toggle(key) {
    if (!state.opened.delete(key)) state.opened.add(key);
    context.redraw();
  }

  /** @param {any} journal @param {any} invocation */
  function toggleAll(journal, invocation) {
    const all = lines(journal, invocation).map((line) => `/${line.key}`);
    const areOpen = all.every((key) => state.opened.has(key));
    for (const key of all) areOpen ? state.opened.delete(key) : state.opened.add(key);
    context.redraw();
  }

  function setAxis(name) {
    state.axisMode = name === MODES.even ? "even" : "real";
    local.set(AXIS_KEY, state.axisMode);
    context.redraw();
  }

  return {
    toggleAll,
    /** @param {any} journal @param {import("../lib/types.js").Invocation} invocation */
    view(journal, invocation) {
      const now = Date.now();
      const found = lines(journal, invocation);
      const points = allMoments(found, invocation, children.shown(), now);
      const isEven =
        state.axisMode === "auto" ? isUneven(points, lengths(found, now)) : state.axisMode === "even";
      const scale = axis(points, isEven);
      const how = {
        axis: scale,
        now,
        opened: state.opened,
        toggle,
        child: children.get,
        curl: (awakeable) => curlLine(context.server.ingress, awakeable),
      };
      const tools = [
        button(
          { kind: "mini plain", onclick: () => toggleAll(journal, invocation), title: "e" },
          "All details",
        ),
        segments(Object.values(MODES), isEven ? MODES.even : MODES.real, setAxis, "Time axis"),
      ];
      return h(
        "section",
        { class: "card journal", "aria-label": "Journal" },
        h(
          "div",
          { class: "card-head" },
          h("h2", {}, "Journal"),
          h("span", { class: "faint small number" }, plural(invocation.journal_entries, "step")),
          h("div", { class: "push" }, tools),
        ),
        head(invocation, scale),
        h(
          "ol",
          { class: "j-lines" },
          firstLine(invocation, journal, how),
          journalLines(found, how, "", 0),
          lastLine(invocation, journal, how),
        ),
        pager(context, journal),
      );
    },
  };
}

function allMoments(found, invocation, shown, now) {
  const points = moments(found, invocation, now);
  for (const child of shown) points.push(...moments(child.lines, child.invocation, now));
  return points.sort((a, b) => a - b);
}

function lengths(found, now) {
  const lasting = found.filter(({ isInstant }) => !isInstant);
  return lasting.map((line) => (line.isOpen ? now : line.to) - line.from);
}

function head(invocation, scale) {
  const begins = invocation.scheduled_at
    ? ["begins ", time(invocation.scheduled_at)]
    : ["created ", time(invocation.created_at)];
  return h(
    "div",
    { class: "j-top" },
    h("span", { class: "j-number" }),
    h("div", { class: "j-code faint tiny" }, h("span", { class: "j-gap" }), h("span", {}, begins)),
    h("div", { class: "j-track" }, axisHead(scale)),
  );
}

/** The call itself, with its input; its bar spans all others. */
function firstLine(invocation, journal, how) {
  const key = "/input";
  const isOpen = invocation.status !== "completed";
  const { tone } = toneOf(invocation);
  const [created, begun] = [at(invocation.created_at), at(invocation.running_at ?? invocation.created_at)];
  const whole = bar(how.axis, {
    from: begun,
    to: isOpen ? how.now : at(invocation.completed_at),
    tone,
    isOpen,
    isQuiet: true,
    failures: invocation.last_failures.filter(({ op }) => op === undefined),
  });
  const code = [
    h("span", { class: "c-name strong" }, invocation.handler),
    h("span", { class: "c-punct" }, "("),
    journal.input ? codePayload(journal.input.body) : null,
    h("span", { class: "c-punct" }, ")"),
  ];
  const details = () => [
    labelled("Input", payloadBox(journal.input.body)),
    labelled(
      "Headers",
      jsonBox(Object.fromEntries(journal.input.headers.map(({ name, value }) => [name, value]))),
    ),
  ];
  return frameLine(key, how, code, [waited(how.axis, created, begun), whole], journal.input ? details : null);
}

/** How long it stood in a queue, or was scheduled. */
function waited(axis, created, begun) {
  if (begun - created < 3) return null;
  const [left, right] = [axis.at(created) * 100, axis.at(begun) * 100];
  const title = `waited ${duration(begun - created)} before it began`;
  return h("span", {
    class: "t-bar tone-pending waited",
    title,
    style: { left: `${left}%`, width: `${right - left}%` },
  });
}

/** What it came to. */
function lastLine(invocation, journal, how) {
  const { answer } = journal;
  if (!answer) return null;
  const isFailure = answer.result === "failure";
  const code = isFailure
    ? h("span", { class: "c-bad" }, `fails ${answer.failure.code} ${answer.failure.message}`)
    : [h("span", { class: "c-word" }, "return "), codePayload(answer.value)];
  const end = at(invocation.completed_at);
  const dot = bar(how.axis, { from: end, to: end, tone: isFailure ? "failure" : "success", isInstant: true });
  return frameLine("/answer", how, code, dot, () => resultBox(answer));
}

/** First and last line of the journal: a line like a step, without a number. */
function frameLine(key, how, code, track, details) {
  const isOpened = how.opened.has(key);
  return [
    h(
      "li",
      { key, class: "j-line j-head" },
      h("span", { class: "j-number" }),
      h(
        "div",
        { class: "j-code" },
        h("span", { class: "j-gap" }),
        h(
          "button",
          {
            type: "button",
            class: "j-text",
            "aria-expanded": String(isOpened),
            onclick: () => how.toggle(key),
          },
          code,
        ),
      ),
      h("div", { class: "j-track" }, gridLines(how.axis), track),
    ),
    isOpened && details
      ? h("li", { key: `${key}:more`, class: "j-more" }, h("div", { class: "stack j-details" }, details()))
      : null,
  ];
}

/** Long journals come in parts. */
function pager(context, journal) {
  const { items, items_total } = journal;
  if (items_total <= ITEMS_PER_PAGE && items.length === items_total) return null;
  const from = Number(context.at.params.from ?? 0) || 0;
  // A part of large items ends earlier.
  const to = from + items.length;
  const { previous, next, last } = starts(from, items.length, items_total, ITEMS_PER_PAGE);
  const link = (text, start) =>
    h(
      "a",
      { class: "link", href: path(context.at.segments, { ...context.at.params, from: start || null }) },
      text,
    );
  return h(
    "div",
    { class: "vlist-foot" },
    h("span", { class: "number" }, `${count(from + 1)}–${count(to)} of ${count(items_total)} items`),
    h(
      "span",
      { class: "push row" },
      link("First", 0),
      link("Previous", previous),
      link("Next", next),
      link("Last", last),
    ),
  );
}
