// What needs a person, by its cause: a hundred invocations that one outage stopped are one thing to repair.

import { firstLine } from "./text.js";

/**
 * @typedef {{key: string, kind: "retry" | "paused" | "mismatch" | "deadlock", text: string,
 *   invocations: import("./types.js").Invocation[]}} Cause
 */

/** Numbers and ids differ from one to the next, and are not what it is about. */
const VARYING = /[0-9a-f]{8}-[0-9a-f-]{27}|\b\w*\d\w*\b/gi;

/**
 * Puts those together that stopped for the same reason; the order is that of the newest of each.
 *
 * @param {import("./types.js").Invocation[]} stuck @returns {Cause[]}
 */
export function byCause(stuck) {
  /** @type {Map<string, Cause>} */
  const causes = new Map();
  for (const invocation of stuck) {
    const { kind, text } = causeOf(invocation);
    const key = [invocation.service, invocation.handler, kind, text.replace(VARYING, "#")].join("\n");
    const cause = causes.get(key);
    if (cause) cause.invocations.push(invocation);
    else causes.set(key, { key, kind, text, invocations: [invocation] });
  }
  return [...causes.values()];
}

/** @param {import("./types.js").Invocation} invocation @returns {{kind: Cause["kind"], text: string}} */
function causeOf(invocation) {
  const failure = invocation.last_failures?.at(-1);
  const message = failure ? firstLine(failure.message) : "";
  if (invocation.status === "paused") {
    const { kind, message: why, mismatch } = invocation.pause_reason ?? {};
    if (mismatch)
      return {
        kind: "mismatch",
        text: `step ${mismatch.op} was ${mismatch.recorded ?? "nothing"}, and is ${mismatch.asked ?? "nothing"} now`,
      };
    return { kind: "paused", text: (kind === "attempts-exhausted" && message) || firstLine(why ?? message) };
  }
  // Of those that only wait, only circles are listed.
  if (invocation.status === "suspended" || invocation.status === "pending")
    return { kind: "deadlock", text: "waits in a circle that does not end by itself" };
  return { kind: "retry", text: message };
}
