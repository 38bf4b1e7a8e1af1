// The journal as lines: each operation with what came of it, when it began and when it ended.

import { at } from "./time.js";

/**
 * @typedef {{key: string, op: number | null, kind: string, entry: import("./types.js").Item | null,
 *   outcome: import("./types.js").Item | null, from: number, to: number, isOpen: boolean, isInstant: boolean,
 *   failures: import("./types.js").AttemptFailure[], retryAt: number, tries: number, tone: string}} Line
 */

/** They have no outcome: what they ask is done when it is recorded. */
const INSTANT = new Set([
  "set-state",
  "clear-state",
  "clear-all-state",
  "send",
  "complete-awakeable",
  "send-signal",
  "cancel",
  "kill",
]);

/**
 * @param {import("./types.js").Journal} journal @param {import("./types.js").Invocation} invocation
 * @returns {Line[]}
 */
export function lines(journal, invocation) {
  /** @type {Line[]} */
  const found = [];
  const byOp = new Map();
  for (const item of journal.items) {
    if (item.item === "entry") {
      const line = fromEntry(item);
      byOp.set(item.op, line);
      found.push(line);
    } else if (item.op !== undefined && byOp.has(item.op)) {
      settle(byOp.get(item.op), item);
    } else {
      found.push(fromOutcome(item));
    }
  }
  const end = at(invocation.completed_at);
  for (const line of found) {
    if (line.op !== null) addFailures(line, invocation);
    if (line.isOpen && !Number.isNaN(end)) Object.assign(line, { isOpen: false, to: end, tone: "ended" });
  }
  return found;
}

/** @param {import("./types.js").Item} item @returns {Line} */
function fromEntry(item) {
  const from = at(item.at);
  const isInstant = INSTANT.has(item.kind) || item.is_settled === undefined;
  return {
    key: `op${item.op}`,
    op: item.op ?? null,
    kind: item.kind,
    entry: item,
    outcome: null,
    from,
    to: isInstant ? from : NaN,
    isOpen: !isInstant,
    isInstant,
    failures: [],
    retryAt: NaN,
    tries: 0,
    tone: isInstant ? "success" : "running",
  };
}

/** An outcome without its entry: of a page before, or a cancellation. @param {import("./types.js").Item} item @returns {Line} */
function fromOutcome(item) {
  const when = at(item.at);
  return {
    key: `item${item.index}`,
    op: item.op ?? null,
    kind: item.kind,
    entry: null,
    outcome: item,
    from: when,
    to: when,
    isOpen: false,
    isInstant: true,
    failures: [],
    retryAt: NaN,
    tries: 0,
    tone: item.result === "failure" ? "failure" : "success",
  };
}

/** @param {Line} line @param {import("./types.js").Item} outcome */
function settle(line, outcome) {
  line.outcome = outcome;
  line.to = at(outcome.at);
  line.isOpen = false;
  line.tone = outcome.result === "failure" ? "failure" : "success";
}

/** @param {Line} line @param {import("./types.js").Invocation} invocation */
function addFailures(line, invocation) {
  if (invocation.pause_reason?.mismatch?.op === line.op) line.tone = "paused";
  line.failures = invocation.last_failures.filter(({ op }) => op === line.op);
  const run = invocation.retrying_runs?.find(({ op }) => op === line.op);
  if (run) Object.assign(line, { tries: run.failures, retryAt: at(run.next_retry_at) });
  if (!line.isOpen) return;
  if (line.failures.length || run) line.tone = "backing-off";
  else if (line.kind !== "run") line.tone = "suspended";
}

/**
 * Returns every point in time that the lines and the invocation know, oldest first.
 *
 * @param {Line[]} lines @param {import("./types.js").Invocation} invocation @param {number} now
 */
export function moments(lines, invocation, now) {
  const points = [
    invocation.created_at,
    invocation.running_at,
    invocation.completed_at,
    invocation.cancelled_at,
  ].map(at);
  for (const line of lines)
    points.push(line.from, line.to, ...line.failures.map((failure) => at(failure.at)));
  for (const failure of invocation.last_failures) points.push(at(failure.at));
  if (invocation.status !== "completed") points.push(now);
  return points.filter((point) => !Number.isNaN(point)).sort((a, b) => a - b);
}

/** Returns the invocation that a line is about, if it is about one. @param {Line} line */
export function childOf(line) {
  const kinds = ["call", "send", "attach"];
  return kinds.includes(line.kind) ? line.entry?.invocation_id : undefined;
}
