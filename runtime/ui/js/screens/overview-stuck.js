// What needs a person: by cause, with how many, and with what one would do next.

import { byCause } from "../lib/causes.js";
import { h } from "../lib/dom.js";
import { path } from "../lib/route.js";
import { count } from "../lib/text.js";
import { button, empty, errorNotice, targetView, time } from "../parts/basics.js";
import { badge, inTime } from "../parts/status.js";
import { askBulk } from "./bulk.js";

/** So many are asked for; there may be more. */
export const STUCK_MAX = 200;
const CAUSES_SHOWN = 8;

/** Word and colour of a cause, and what one does when it is repaired. */
const KINDS = {
  retry: { word: "backing-off", tone: "backing-off", verb: "Try now …", status: "running,backing-off" },
  paused: { word: "paused", tone: "paused", verb: "Resume …", status: "paused" },
  mismatch: { word: "code changed", tone: "paused", verb: "Resume …", status: "paused" },
  deadlock: { word: "deadlock", tone: "paused", verb: "Look …", status: "" },
};

/** @param {{value: any, error: any}} stuck @param {() => void} changed */
export function stuckCard(stuck, changed) {
  const found = stuck.value?.invocations ?? [];
  const causes = byCause(found);
  const isMore = causes.length > CAUSES_SHOWN || stuck.value?.next_before;
  return h(
    "section",
    { class: "card", "aria-label": "Needs a person" },
    h(
      "div",
      { class: "card-head" },
      h("h2", {}, "Needs a person"),
      found.length
        ? h(
            "a",
            { class: "link small push", href: path(["invocations"], { is_stuck: "true" }) },
            isMore ? "See all" : "As a list",
          )
        : null,
    ),
    stuck.error && !stuck.value
      ? h("div", { class: "card-body" }, errorNotice(stuck.error))
      : found.length
        ? h(
            "ul",
            { class: "lines" },
            causes.slice(0, CAUSES_SHOWN).map((cause) => line(cause, changed)),
          )
        : stuck.value
          ? empty("check", "Nothing is stuck.")
          : h("div", { class: "card-body" }, h("div", { class: "skeleton tall" })),
  );
}

/** @param {import("../lib/causes.js").Cause} cause @param {() => void} changed */
function line(cause, changed) {
  const { invocations, kind, text } = cause;
  const [newest] = invocations;
  const { word, tone } = KINDS[kind];
  const isOne = invocations.length === 1;
  return h(
    "li",
    { key: cause.key, class: "cause" },
    h(
      "span",
      { class: "cause-head" },
      badge(tone, word),
      isOne
        ? null
        : h("b", { class: "number", title: `${count(invocations.length)} invocations` }, `×${count(invocations.length)}`),
    ),
    h(
      "a",
      { class: "grow target-line", href: isOne ? path(["invocations", newest.id]) : listOf(cause) },
      targetView(isOne ? newest : { service: newest.service, handler: newest.handler }),
      h("span", { class: "small muted clamp", title: text }, text || "it failed without a message"),
      h("span", { class: "tiny faint" }, when(cause)),
    ),
    kind === "deadlock"
      ? h("a", { class: "button mini", href: path(["invocations", newest.id]) }, KINDS[kind].verb)
      : button({ kind: "mini", onclick: () => act(cause, changed) }, KINDS[kind].verb),
  );
}

/** @param {import("../lib/causes.js").Cause} cause */
function when({ kind, invocations }) {
  const [newest] = invocations;
  const since = ["changed ", time(newest.modified_at)];
  if (kind !== "retry") return since;
  const tries = Math.max(...invocations.map(({ attempts }) => attempts));
  const next = invocations.map(({ next_retry_at }) => next_retry_at ?? "").filter(Boolean).sort()[0];
  return [`${count(tries)} ${tries === 1 ? "attempt" : "attempts"}, the next ${inTime(next, Date.now())} · `, ...since];
}

/** @param {import("../lib/causes.js").Cause} cause */
function filterOf({ kind, invocations }) {
  const [{ service, handler }] = invocations;
  return { is_stuck: "true", status: KINDS[kind].status, service, handler };
}

/** @param {import("../lib/causes.js").Cause} cause */
function listOf(cause) {
  return path(["invocations"], filterOf(cause));
}

/** Those that are here are named: others of the same handler may have another cause. */
function act({ invocations }, changed) {
  askBulk("resume", { invocation_ids: invocations.map(({ id }) => id) }, invocations.length, changed);
}
