// Counts by status as one bar, and as a legend that links to the lists.

import { h } from "../lib/dom.js";
import { path } from "../lib/route.js";
import { count } from "../lib/text.js";

/** Order in the bar: what ended is last, what needs somebody stands out before it. */
/** @type {[string, string, Record<string, string>][]} */
const PARTS = [
  ["running", "running", { status: "running" }],
  ["suspended", "suspended", { status: "suspended" }],
  ["scheduled", "scheduled", { status: "scheduled" }],
  ["pending", "pending", { status: "pending" }],
  ["backing-off", "backing off", { status: "backing-off" }],
  ["paused", "paused", { status: "paused" }],
  ["success", "succeeded", { result: "success" }],
  ["failure", "failed", { result: "failure" }],
  ["cancelled", "cancelled", { result: "cancelled" }],
  ["killed", "killed", { result: "killed" }],
];

const TONES = { cancelled: "ended", killed: "ended" };

/** @param {{by_status?: Record<string, number>, completed?: Record<string, number>}} counts @param {string} part */
function amount(counts, part) {
  return counts.by_status?.[part] ?? counts.completed?.[part] ?? 0;
}

/** @param {any} counts @param {{isThin?: boolean}} [how] */
export function statusBar(counts, how = {}) {
  /** @type {[string, string, number][]} */
  const all = PARTS.map(([part, word]) => [part, word, amount(counts, part)]);
  const parts = all.filter(([, , n]) => n > 0);
  const label = parts.map(([, word, n]) => `${n} ${word}`).join(", ") || "none";
  return h(
    "div",
    { class: `statusbar ${how.isThin ? "thin" : ""}`, role: "img", "aria-label": label, title: label },
    parts.map(([part, , n]) =>
      h("span", { key: part, class: `tone-${TONES[part] ?? part}`, style: { "flex-grow": Math.sqrt(n) } }),
    ),
  );
}

/** @param {any} counts @param {Record<string, string>} filter */
export function statusLegend(counts, filter = {}) {
  return h(
    "ul",
    { class: "legend" },
    PARTS.map(([part, word, params]) => {
      const n = amount(counts, part);
      return h(
        "li",
        { key: part, class: `tone-${TONES[part] ?? part} ${n === 0 ? "none" : ""}` },
        h(
          "a",
          { href: path(["invocations"], { ...filter, ...params }) },
          h("b", { class: "number" }, count(n)),
          h("span", {}, word),
        ),
      );
    }),
  );
}

/** @param {any} counts */
export function notCompleted(counts) {
  return Object.entries(counts.by_status ?? {}).reduce(
    (sum, [status, n]) => (status === "completed" ? sum : sum + n),
    0,
  );
}
