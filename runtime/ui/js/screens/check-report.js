// What the upgrade check found: which invocations fit the new code, and where the others part from it.

import { h } from "../lib/dom.js";
import { count, plural } from "../lib/text.js";
import { duration } from "../lib/time.js";
import { invocationLink, notice, targetView } from "../parts/basics.js";
import { badge } from "../parts/status.js";
import { mismatchView } from "./invocation-trouble.js";

/** Kind of a group: its words, its colour, and whether it stands in the way. */
const KINDS = {
  fits: ["fits", "success", false],
  "fits-so-far": ["fits so far", "success", false],
  diverges: ["diverges", "failure", true],
  traps: ["traps", "failure", true],
  "interface-changed": ["interface changed", "paused", true],
  "answer-differs": ["answer differs", "backing-off", false],
  "not-checked": ["not checked", "ended", false],
};

/** @param {import("../lib/types.js").Report | null} report */
export function isTroubled(report) {
  return (report?.groups ?? []).some(
    ({ kind, live }) => KINDS[kind]?.[2] && (live > 0 || kind === "interface-changed"),
  );
}

/** @param {import("../lib/types.js").Report} report */
export function reportView(report) {
  const total = report.live_checked + report.finished_checked;
  const troubled = isTroubled(report);
  const says =
    total === 0
      ? report.is_complete
        ? "Nothing runs on its services, so there was nothing to compare."
        : "Nothing could be compared."
      : `${plural(report.live_checked, "live invocation")} and ${plural(report.finished_checked, "finished one")} were replayed on it, in ${duration(report.took_ms)}.`;
  const hasEnded = report.groups.some(({ kind }) => KINDS[kind]?.[2] || kind === "answer-differs");
  const title = hasEnded ? "What runs fits; some that have ended would go another way" : "Everything that was checked fits";
  return h(
    "section",
    { class: "stack report", "aria-label": "Upgrade check" },
    h("h3", {}, "Upgrade check"),
    troubled
      ? notice(
          "warning",
          "failure",
          h("p", { class: "notice-title" }, "Something that runs does not fit"),
          h("p", { class: "small" }, says),
          h("p", { class: "small" }, "It stays on the code it began with, which is kept; only new calls would go to this one."),
        )
      : notice(
          total ? "check" : "info",
          total ? "success" : "ended",
          h("p", { class: "notice-title" }, total ? title : report.is_complete ? "Nothing to check" : "Nothing was checked"),
          h("p", { class: "small" }, says),
        ),
    report.is_complete
      ? null
      : h("p", { class: "small muted" }, "Not all were checked; below it says why."),
    h("ul", { class: "groups" }, report.groups.map(group)),
  );
}

/** @param {import("../lib/types.js").Group} group @param {number} index */
function group(group, index) {
  const [word, tone] = KINDS[group.kind] ?? [group.kind, "ended"];
  const counts = [
    group.live ? `${count(group.live)} live` : "",
    group.finished ? `${count(group.finished)} finished` : "",
  ]
    .filter(Boolean)
    .join(", ");
  const hasSides = group.recorded !== undefined || group.asked !== undefined;
  return h(
    "li",
    { key: index, class: "stack" },
    h(
      "div",
      { class: "row wrap" },
      badge(tone, word),
      group.service ? targetView({ service: group.service, handler: group.handler }) : null,
      h("span", { class: "small muted number" }, counts),
      group.examples?.length
        ? h(
            "span",
            { class: "row small push" },
            group.examples.slice(0, 3).map((id) => h("span", { key: id }, invocationLink(id))),
          )
        : null,
    ),
    group.message ? h("pre", { class: "small" }, group.message) : null,
    hasSides
      ? mismatchView({
          op: group.op ?? 0,
          recorded: group.recorded,
          asked: group.asked,
          backtrace: group.backtrace,
        })
      : group.backtrace
        ? h(
            "details",
            {},
            h("summary", { class: "small" }, "Where in the code"),
            h("pre", { class: "json trace" }, group.backtrace),
          )
        : null,
  );
}
