// Why an invocation does not go on: paused, tried again, deadlocked, failed; and what helps.

import { h } from "../lib/dom.js";
import { invocations } from "../lib/resources.js";
import { path } from "../lib/route.js";
import { count, plural, shortId } from "../lib/text.js";
import { at, coarse } from "../lib/time.js";
import { button, notice, targetView } from "../parts/basics.js";
import { icon } from "../parts/icons.js";
import { confirm, toastError } from "../parts/overlay.js";
import { lastFailure, toneOf } from "../parts/status.js";

/**
 * @param {import("../lib/types.js").Invocation} invocation
 * @param {{changed: () => any, chain: any[] | null}} how
 */
export function troubleView(invocation, how) {
  return [
    invocation.deadlock?.length ? deadlockView(invocation, how) : null,
    invocation.status === "paused" ? pauseView(invocation) : null,
    invocation.status === "backing-off" || invocation.next_retry_at ? retryView(invocation, how) : null,
    invocation.status === "completed" && invocation.completion_failure ? endView(invocation) : null,
  ];
}

/** It came to nothing: by itself, or because somebody wanted that. */
function endView(invocation) {
  const { tone, word } = toneOf(invocation);
  if (word !== "failed") return notice("info", tone, h("p", {}, `It was ${word}.`));
  return notice(
    "warning",
    tone,
    h("p", { class: "notice-title" }, "It failed for good"),
    h("pre", { class: "json" }, invocation.completion_failure),
  );
}

function pauseView(invocation) {
  const reason = invocation.pause_reason;
  const failure = lastFailure(invocation);
  const title =
    {
      "attempts-exhausted": `Paused: it gave up after ${plural(invocation.attempts, "attempt")}`,
      "journal-mismatch": "Paused: its code no longer does what its journal records",
      "limit-reached": "Paused: it reached a limit",
    }[reason?.kind] ?? "Paused";
  return notice(
    "warning",
    "paused",
    h("p", { class: "notice-title" }, title),
    reason?.mismatch ? mismatchView(reason.mismatch) : null,
    reason && !reason.mismatch && reason.kind !== "attempts-exhausted" ? h("p", {}, reason.message) : null,
    failure && reason?.kind !== "journal-mismatch" ? h("pre", { class: "json" }, failure.message) : null,
    h(
      "p",
      { class: "small muted" },
      reason?.mismatch
        ? "Nothing is lost. Deploy code that does what was recorded, or resume it on the deployment it began with."
        : reason?.kind === "limit-reached"
          ? "Nothing is lost. With a full journal it cannot go on: cancel it or kill it. Otherwise repair the cause, then resume it."
          : "Nothing is lost. Repair the cause, then resume it: it goes on where it was.",
    ),
  );
}

/** Both sides of a mismatch. @param {import("../lib/types.js").Mismatch} mismatch */
export function mismatchView({ op, recorded, asked, backtrace }) {
  const side = (name, text, cls) =>
    h(
      "div",
      { class: `side-by ${cls}` },
      h("span", { class: "tiny" }, name),
      h("code", {}, text ?? "nothing"),
    );
  return h(
    "div",
    { class: "stack" },
    h("p", { class: "small" }, h("a", { class: "link", href: `#step-${op}` }, `At step ${op}`)),
    h(
      "div",
      { class: "sides" },
      side("The journal has", recorded, "was"),
      side("The code now asks for", asked ?? "nothing more", "now"),
    ),
    backtrace
      ? h(
          "details",
          {},
          h("summary", { class: "small" }, "Where in the code"),
          h("pre", { class: "json trace" }, backtrace),
        )
      : null,
  );
}

function retryView(invocation, { changed }) {
  const failure = lastFailure(invocation);
  const left = at(invocation.next_retry_at) - Date.now();
  const retry = () => invocations.act(invocation.id, "resume").then(changed, toastError);
  const where = failure?.op === undefined ? "" : ` at step ${failure.op}`;
  return notice(
    "warning",
    "backing-off",
    h(
      "div",
      { class: "row wrap" },
      h(
        "p",
        { class: "notice-title grow" },
        `Failed ${count(Math.max(invocation.retry_count, invocation.retrying_runs?.[0]?.failures ?? 0, 1))} times${where}; tried again ${left > 1000 ? `in ${coarse(left)}` : "now"}`,
      ),
      button({ kind: "mini", onclick: retry }, icon("refresh"), "Try now"),
    ),
    failure ? h("pre", { class: "json" }, failure.message) : null,
    h(
      "p",
      { class: "small muted" },
      "It goes on by itself once the cause is gone. Is it the code? Deploy a repaired one and resume it there.",
    ),
  );
}

/** A circle of invocations that wait for each other: one has to give way. */
function deadlockView(invocation, { changed, chain }) {
  const circle = invocation.deadlock;
  const known = new Map([invocation, ...(chain ?? [])].map((one) => [one.id, one]));
  const end = (id, action) =>
    confirm({
      title: `${action === "kill" ? "Kill" : "Cancel"} ${shortId(id)}?`,
      body: h(
        "p",
        {},
        action === "kill"
          ? "It ends here and now, without undoing anything. The others go on."
          : "Its handler is told and may undo what it did. Then the others go on.",
      ),
      verb: action === "kill" ? "Kill" : "Cancel it",
      isDanger: true,
      run: () => invocations.act(id, action),
      done: changed,
    });
  return notice(
    "warning",
    "paused",
    h(
      "p",
      { class: "notice-title" },
      `Deadlock: ${circle.length === 1 ? "it waits for itself" : `${count(circle.length)} invocations wait for each other`}`,
    ),
    h(
      "ol",
      { class: "circle" },
      circle.map((id, index) =>
        h(
          "li",
          { key: id, class: "row wrap" },
          h("span", { class: "faint small circle-word" }, index === 0 ? "this one" : "waits for"),
          known.has(id) ? targetView(known.get(id)) : null,
          h("a", { class: "link mono small", href: path(["invocations", id]), title: id }, shortId(id)),
          button({ kind: "mini", onclick: () => end(id, "cancel") }, "Cancel"),
          button({ kind: "mini danger", onclick: () => end(id, "kill") }, "Kill"),
        ),
      ),
    ),
    h("p", { class: "small muted" }, "It does not end by itself: one of them has to give way."),
  );
}
