// The journal as code beside a timeline; a line opens to show all of it, a call to show the journal of whom it called.

import { h } from "../lib/dom.js";
import { childOf } from "../lib/journal.js";
import { at, clock, duration } from "../lib/time.js";
import { facts, idView, invocationLink, time } from "./basics.js";
import { codeLine } from "./code-line.js";
import { icon } from "./icons.js";
import { jsonBox, payloadBox, resultBox, shellLine } from "./json-view.js";
import { badge, statusBadge, toneOf } from "./status.js";
import { bar, gridLines } from "./timeline.js";

/**
 * @typedef {{axis: import("../lib/axis.js").Axis, now: number, opened: Set<string>, toggle: (key: string) => void,
 *   child: (id: string) => {invocation: any, lines: any[], journal: any, error: any} | null, curl: (id: string) => string}} Journaling
 */

/** Lines that stand out, by their tone. */
const NEEDS_LOOK = { "backing-off": "warm", paused: "stuck" };

/** @param {import("../lib/journal.js").Line[]} lines @param {Journaling} how @param {string} scope @param {number} depth */
export function journalLines(lines, how, scope, depth) {
  return lines.flatMap((line) => {
    const key = `${scope}/${line.key}`;
    const id = childOf(line);
    const childKey = `${key}>`;
    return [
      h(
        "li",
        {
          key,
          class: `j-line depth-${Math.min(depth, 4)} ${how.opened.has(key) ? "opened" : ""} ${NEEDS_LOOK[line.tone] ?? ""}`,
          id: depth === 0 && line.op !== null ? `step-${line.op}` : undefined,
        },
        h("span", { class: "j-number number" }, line.op === null ? "" : String(line.op)),
        h(
          "div",
          { class: "j-code" },
          id ? expander(how, childKey) : h("span", { class: "j-gap" }),
          h(
            "button",
            {
              type: "button",
              class: "j-text",
              "aria-expanded": String(how.opened.has(key)),
              onclick: () => how.toggle(key),
            },
            codeLine(line),
          ),
        ),
        h(
          "div",
          { class: "j-track" },
          gridLines(how.axis),
          bar(how.axis, { ...line, to: line.isOpen ? how.now : line.to }),
        ),
      ),
      how.opened.has(key)
        ? h("li", { key: `${key}:more`, class: `j-more depth-${Math.min(depth, 4)}` }, details(line, how))
        : null,
      id && how.opened.has(childKey) ? childLines(how, id, childKey, depth + 1) : null,
    ];
  });
}

/** @param {Journaling} how @param {string} key */
function expander(how, key) {
  const isOpen = how.opened.has(key);
  return h(
    "button",
    {
      type: "button",
      class: `j-open ${isOpen ? "is-open" : ""}`,
      "aria-expanded": String(isOpen),
      "aria-label": isOpen ? "Hide its journal" : "Show its journal",
      title: isOpen ? "Hide its journal" : "Show its journal",
      onclick: () => how.toggle(key),
    },
    icon("right"),
  );
}

/** @param {Journaling} how @param {string} id @param {string} scope @param {number} depth */
function childLines(how, id, scope, depth) {
  const child = how.child(id);
  const place = `j-child depth-${Math.min(depth, 4)}`;
  if (!child || (!child.invocation && !child.error))
    return h("li", { key: scope, class: place }, h("span", { class: "faint small" }, "loading …"));
  if (child.error)
    return h(
      "li",
      { key: scope, class: place },
      h(
        "span",
        { class: "faint small" },
        child.error.status === 404 ? "it is gone: purged, or not there yet" : child.error.message,
      ),
    );
  const { invocation } = child;
  const { tone } = toneOf(invocation);
  const isOpen = invocation.status !== "completed";
  return [
    h(
      "li",
      { key: scope, class: `j-line j-head depth-${Math.min(depth, 4)}` },
      h("span", { class: "j-number" }),
      h(
        "div",
        { class: "j-code" },
        h("span", { class: "j-gap" }),
        h("span", { class: "row" }, statusBadge(invocation), invocationLink(invocation.id)),
      ),
      h(
        "div",
        { class: "j-track" },
        gridLines(how.axis),
        bar(how.axis, {
          from: at(invocation.running_at ?? invocation.created_at),
          to: isOpen ? how.now : at(invocation.completed_at),
          tone,
          isOpen,
          isQuiet: true,
        }),
      ),
    ),
    child.lines.length
      ? journalLines(child.lines, how, scope, depth)
      : h(
          "li",
          { key: `${scope}:none`, class: place },
          h(
            "span",
            { class: "faint small" },
            child.journal?.is_purged ? "its journal is no longer kept" : "it asked for nothing",
          ),
        ),
  ];
}

/** All that is known of a line. @param {import("../lib/journal.js").Line} line @param {Journaling} how */
function details(line, how) {
  const { entry, outcome } = line;
  const took = line.isInstant
    ? null
    : line.isOpen
      ? `${duration(how.now - line.from)} so far`
      : duration(line.to - line.from);
  return h(
    "div",
    { class: "stack j-details" },
    facts([
      ["Asked at", entry ? h("span", { title: entry.at }, clock(line.from)) : null],
      ["Outcome at", outcome ? clock(line.to) : null],
      ["Took", took],
      ["Failed tries", line.tries || line.failures.length || null],
      ["Next try", Number.isNaN(line.retryAt) ? null : time(line.retryAt)],
      ["Wakes", entry?.kind === "sleep" && line.isOpen ? time(line.from + (entry.duration_ms ?? 0)) : null],
      ["Delayed by", entry?.delay_ms ? duration(entry.delay_ms) : null],
      ["Invocation", entry?.invocation_id ? invocationLink(entry.invocation_id) : null],
      ["Awakeable", entry?.awakeable_id ? idView(entry.awakeable_id) : null],
      ["Idempotency key", entry?.idempotency_key ?? null],
    ]),
    entry?.kind === "awakeable" && line.isOpen && entry.awakeable_id
      ? labelled("Resolve it from a shell", shellLine(how.curl(entry.awakeable_id)))
      : null,
    entry?.headers?.length
      ? labelled(
          "Headers",
          jsonBox(Object.fromEntries(entry.headers.map(({ name, value }) => [name, value]))),
        )
      : null,
    entry?.input ? labelled("Input", payloadBox(entry.input)) : null,
    entry?.value ? labelled("Value", payloadBox(entry.value)) : null,
    entry?.completion ? labelled("Completed with", resultBox(entry.completion)) : null,
    outcome ? labelled("Outcome", resultBox(/** @type {any} */ (outcome))) : null,
    line.failures.length ? labelled("Failures", failureList(line.failures)) : null,
  );
}

/** @param {string} label @param {any} content */
export function labelled(label, content) {
  return h("div", { class: "labelled" }, h("h4", { class: "tiny faint" }, label), content);
}

/** The newest first; attempts that failed alike are told as one. @param {import("../lib/types.js").AttemptFailure[]} failures */
export function failureList(failures) {
  /** @type {import("../lib/types.js").AttemptFailure[][]} */
  const alike = [];
  for (const failure of failures.toReversed()) {
    const last = alike.at(-1)?.[0];
    if (last?.message === failure.message && last.op === failure.op) alike.at(-1)?.push(failure);
    else alike.push([failure]);
  }
  return h(
    "ol",
    { class: "failures" },
    alike.map((group) => {
      const [newest, oldest] = [group[0], group[group.length - 1]];
      const isOne = group.length === 1;
      return h(
        "li",
        { key: oldest.attempt + oldest.at },
        h(
          "div",
          { class: "row wrap small" },
          badge(
            "backing-off",
            isOne ? `attempt ${newest.attempt}` : `attempts ${oldest.attempt}–${newest.attempt}`,
          ),
          newest.op === undefined ? null : h("span", { class: "strong" }, `at step ${newest.op}`),
          h("span", { class: "faint" }, isOne ? null : "last ", time(newest.at)),
          isOne ? null : h("span", { class: "faint" }, "first ", time(oldest.at)),
        ),
        h("pre", { class: "json" }, newest.message),
      );
    }),
  );
}
