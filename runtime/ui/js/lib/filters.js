// The filters of the list of invocations: in the address, in the request, and in words.

import { path } from "./route.js";

/** Names as in the address and in the API, and what they are called. */
export const FILTERS = {
  status: "status",
  result: "result",
  service: "service",
  handler: "handler",
  key: "key",
  deployment: "deployment",
  text: "text",
  id: "id",
  idempotency_key: "idempotency key",
  invoked_by: "invoked by",
  invoked_by_id: "caller",
  created_after: "created after",
  created_before: "created before",
  modified_after: "changed after",
  modified_before: "changed before",
  is_stuck: "needs a person",
};

/** Every status but completed. */
export const IN_FLIGHT = "running,suspended,scheduled,pending,backing-off,paused";

const ORDERING = ["sort", "order"];

/** @param {Record<string, string>} params @returns {Record<string, string>} what the API is asked for */
export function filtersOf(params) {
  return Object.fromEntries(
    Object.keys(FILTERS)
      .filter((name) => params[name])
      .map((name) => [name, params[name]]),
  );
}

/** @param {Record<string, string>} params */
export function queryOf(params) {
  const ordering = Object.fromEntries(
    ORDERING.filter((name) => params[name]).map((name) => [name, params[name]]),
  );
  return { ...filtersOf(params), ...ordering };
}

/** @param {Record<string, string>} params @param {Record<string, string | null>} change */
export function withChange(params, change) {
  return path(["invocations"], { ...params, ...change });
}

/** Views that one wants all the time. */
export const VIEWS = [
  { name: "All", params: {} },
  { name: "In flight", params: { status: IN_FLIGHT } },
  { name: "Needs a person", params: { is_stuck: "true" } },
  { name: "Failed", params: { result: "failure" } },
];

/** @param {Record<string, string>} params */
export function viewOf(params) {
  const own = (view) => Object.entries(view.params);
  return VIEWS.findLast((view) => own(view).every(([name, value]) => params[name] === value))?.name ?? "";
}

/**
 * Reads what a person typed: `service:Payments status:paused Netflix` becomes filters and free text.
 *
 * @param {string} typed @returns {Record<string, string>}
 */
export function readTyped(typed) {
  const found = {};
  const words = [];
  for (const [word] of typed.matchAll(/[\w-]+:"[^"]*"|\S+/g)) {
    const at = word.indexOf(":");
    const name = word.slice(0, at);
    if (at > 0 && name in FILTERS) found[name] = word.slice(at + 1).replace(/^"|"$/g, "");
    else words.push(word);
  }
  return { ...found, text: words.join(" ") };
}
