// The facts of an invocation: ids, times, who called it, on which code, how long it is kept.

import { h } from "../lib/dom.js";
import { path } from "../lib/route.js";
import { count, shortId } from "../lib/text.js";
import { duration } from "../lib/time.js";
import { copyButton, facts, idView, invocationLink, time } from "../parts/basics.js";
import { tookMs } from "../parts/status.js";

/** @param {import("../lib/types.js").Invocation} invocation */
export function factsCard(invocation) {
  return h(
    "section",
    { class: "card card-body facts-card", "aria-label": "Facts" },
    facts([...moving(invocation), ...fixed(invocation)]),
  );
}

/** @param {import("../lib/types.js").Invocation} invocation @returns {[string, any][]} */
function moving(invocation) {
  return [
    ["Id", idView(invocation.id)],
    ["Created", time(invocation.created_at)],
    [
      invocation.completed_at ? "Took" : "Running for",
      invocation.running_at ? h("span", { class: "number" }, duration(tookMs(invocation))) : null,
    ],
    ["Attempts", h("span", { class: "number" }, count(invocation.attempts))],
    ["Cancelled", invocation.cancelled_at ? time(invocation.cancelled_at) : null],
  ];
}

/** @param {import("../lib/types.js").Invocation} invocation @returns {[string, any][]} */
function fixed(invocation) {
  const { deployment_id: deployment, idempotency_key: key, trace_id: trace } = invocation;
  const restarted = invocation.restarted_from?.invocation_id ?? invocation.restarted_from;
  const kept = invocation.kept_until ? time(invocation.kept_until) : invocation.completion_retention;
  return [
    [
      "Called by",
      invocation.invoked_by_id ? invocationLink(invocation.invoked_by_id) : invocation.invoked_by,
    ],
    [
      "Deployment",
      deployment
        ? idView(deployment, path(["deployments", deployment]))
        : h("span", { class: "faint" }, "not chosen yet"),
    ],
    [
      "Idempotency key",
      key === undefined ? null : [h("span", { class: "mono" }, key || "“”"), copyButton(key, "the key")],
    ],
    ["Restarted from", typeof restarted === "string" ? invocationLink(restarted) : null],
    [
      "Object",
      invocation.key === undefined
        ? null
        : h(
            "a",
            { class: "link", href: path(["objects", invocation.service], { key: invocation.key }) },
            "state and queue",
          ),
    ],
    [invocation.kept_until ? "Kept until" : "Kept after its end", kept],
    [
      "Journal kept",
      invocation.journal_retention === invocation.completion_retention ? null : invocation.journal_retention,
    ],
    [
      "Trace",
      trace ? [h("span", { class: "mono" }, shortId(trace)), copyButton(trace, "the trace id")] : null,
    ],
  ];
}
