// The status of an invocation: its word, its colour, and one sentence on what goes on.

import { h } from "../lib/dom.js";
import { count, firstLine } from "../lib/text.js";
import { at, coarse, duration } from "../lib/time.js";

export const STATUSES = [
  "running",
  "suspended",
  "scheduled",
  "pending",
  "backing-off",
  "paused",
  "completed",
];

/** How an invocation fails that somebody ended. */
const BY_PERSON = { "[409] cancelled": "cancelled", "[409] killed": "killed" };

const HOLLOW = new Set(["pending", "scheduled", "suspended"]);

/** @param {import("../lib/types.js").Invocation} invocation @returns {{tone: string, word: string}} */
export function toneOf(invocation) {
  if (invocation.status !== "completed") return { tone: invocation.status, word: invocation.status };
  if (invocation.completion_result === "success") return { tone: "success", word: "succeeded" };
  const word = BY_PERSON[invocation.completion_failure ?? ""];
  return word ? { tone: "ended", word } : { tone: "failure", word: "failed" };
}

/** @param {import("../lib/types.js").Invocation} invocation */
export function statusBadge(invocation) {
  const { tone, word } = toneOf(invocation);
  return badge(tone, word);
}

/** @param {string} tone @param {string} word */
export function badge(tone, word) {
  return h(
    "span",
    {
      class: `badge tone-${tone} ${HOLLOW.has(tone) ? "hollow" : ""} ${tone === "running" ? "running" : ""}`,
    },
    word,
  );
}

/** Newest failure of an attempt. @param {import("../lib/types.js").Invocation} invocation */
export function lastFailure(invocation) {
  return invocation.last_failures?.at(-1);
}

/**
 * Says in one line what an invocation does or waits for, and how urgent that is.
 *
 * @param {import("../lib/types.js").Invocation} invocation @param {number} [now] @returns {{text: string, tone: string}} with tone "", "warm" or "bad"
 */
export function gist(invocation, now = Date.now()) {
  const failure = lastFailure(invocation);
  const message = failure ? firstLine(failure.message) : "";
  switch (invocation.status) {
    case "scheduled":
      return { text: `begins in ${coarse(at(invocation.scheduled_at) - now)}`, tone: "" };
    case "backing-off":
      return {
        text: `try ${invocation.attempts + 1} ${inTime(invocation.next_retry_at, now)} · ${message}`,
        tone: "warm",
      };
    case "paused":
      return { text: pauseText(invocation, message), tone: "warm" };
    case "running":
      return invocation.next_retry_at && message
        ? {
            text: `a step is tried again ${inTime(invocation.next_retry_at, now)} · ${message}`,
            tone: "warm",
          }
        : { text: waitingText(invocation, now) || "working", tone: "" };
    case "pending":
    case "suspended":
      return {
        text: invocation.deadlock?.length ? "in a deadlock" : waitingText(invocation, now),
        tone: invocation.deadlock?.length ? "warm" : "",
      };
    default:
      return completedText(invocation);
  }
}

/** @param {string | undefined} when @param {number} now */
export function inTime(when, now) {
  const left = at(when) - now;
  return Number.isNaN(left) ? "soon" : left < 1000 ? "now" : `in ${coarse(left)}`;
}

function pauseText(invocation, message) {
  const kind = invocation.pause_reason?.kind;
  if (kind === "attempts-exhausted")
    return `gave up after ${count(invocation.attempts)} attempts · ${message}`;
  if (kind === "journal-mismatch") {
    const { op, recorded, asked } = invocation.pause_reason?.mismatch ?? {};
    return `its code changed at step ${op}: was ${recorded ?? "nothing"}, now ${asked ?? "nothing more"}`;
  }
  return firstLine(invocation.pause_reason?.message ?? "paused");
}

function completedText(invocation) {
  const took = at(invocation.completed_at) - at(invocation.running_at ?? invocation.created_at);
  if (invocation.completion_result === "success")
    return { text: invocation.attempts > 1 ? `in ${count(invocation.attempts)} attempts` : "", tone: "" };
  const why = invocation.completion_failure ?? lastFailure(invocation)?.message;
  const { word } = toneOf(invocation);
  if (word !== "failed" || !why) return { text: `after ${duration(took)}`, tone: "" };
  return { text: firstLine(why), tone: "bad" };
}

/** @param {import("../lib/types.js").Invocation} invocation @param {number} now */
function waitingText(invocation, now) {
  const all = invocation.waiting_for ?? [];
  const first = all[0];
  if (!first) return invocation.status === "suspended" ? "waits" : "";
  const more = (invocation.waiting_for_total ?? all.length) - 1;
  return `${oneWaiting(first, now)}${more > 0 ? ` and ${count(more)} more` : ""}`;
}

/** @param {import("../lib/types.js").Waiting} waiting @param {number} now @returns {string} */
export function oneWaiting(waiting, now = Date.now()) {
  switch (waiting.kind) {
    case "run":
      return `runs ${waiting.name}`;
    case "sleep":
      return `sleeps${waiting.name ? ` (${waiting.name})` : ""}, wakes ${inTime(waiting.until, now)}`;
    case "call":
      return `waits for ${waiting.target ?? "a call"}`;
    case "attach":
      return `waits for the end of ${waiting.target ?? waiting.invocation_id}`;
    case "awakeable":
      return `waits for an awakeable${waiting.name ? ` (${waiting.name})` : ""}`;
    case "signal":
      return `waits for the signal ${waiting.name}`;
    case "promise":
      return `waits for the promise ${waiting.name}`;
    case "key":
      return `waits for its turn${waiting.ahead ? `, ${count(waiting.ahead)} ahead` : ", next"}${waiting.holder?.target ? ` · ${waiting.holder.target} has the key` : ""}`;
    default:
      return `waits for ${waiting.kind}`;
  }
}

/** @param {import("../lib/types.js").Invocation} invocation @param {number} [now] how long it has taken, in ms */
export function tookMs(invocation, now = Date.now()) {
  const from = at(invocation.running_at ?? invocation.created_at);
  return (invocation.completed_at ? at(invocation.completed_at) : now) - from;
}
