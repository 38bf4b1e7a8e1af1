// What an invocation waits for, what ends the wait, and whom that one waits for in turn.

import { h } from "../lib/dom.js";
import { invocations } from "../lib/resources.js";
import { path } from "../lib/route.js";
import { count } from "../lib/text.js";
import { idView, invocationLink, readTarget, targetView, time } from "../parts/basics.js";
import { icon } from "../parts/icons.js";
import { shellLine } from "../parts/json-view.js";
import { badge, gist, oneWaiting, statusBadge } from "../parts/status.js";

const HOPS_MAX = 8;
const SHOWN_MAX = 12;

/** Returns whom an invocation waits for, as far as one is named. @param {import("../lib/types.js").Invocation} invocation */
function awaited(invocation) {
  const first = invocation.waiting_for?.find((one) => one.invocation_id || one.holder);
  return first?.holder?.invocation_id ?? first?.invocation_id;
}

/**
 * Follows who waits for whom, to the one that everything hangs on.
 *
 * @param {import("../lib/types.js").Invocation} invocation @param {AbortSignal} signal
 */
export async function waitingChain(invocation, signal) {
  const chain = [];
  const seen = new Set([invocation.id]);
  for (
    let next = awaited(invocation);
    next && !seen.has(next) && chain.length < HOPS_MAX;
    next = awaited(chain[chain.length - 1])
  ) {
    seen.add(next);
    const found = await invocations.get(next, signal).catch((error) => {
      if (signal.aborted) throw error;
      return null;
    });
    if (!found) break;
    chain.push(found);
  }
  return chain;
}

/** @param {import("../lib/types.js").Invocation} invocation @param {any[] | null} chain @param {(id: string) => string} curl */
export function waitingView(invocation, chain, curl) {
  const all = invocation.waiting_for ?? [];
  // A step that runs is a line of the journal already.
  if (all.every(({ kind }) => kind === "run") || invocation.status === "completed") return null;
  const total = invocation.waiting_for_total ?? all.length;
  return h(
    "section",
    { class: "card", "aria-label": "Waiting for" },
    h(
      "div",
      { class: "card-head" },
      h("h2", {}, "Waiting for"),
      total > 1 ? h("span", { class: "faint small" }, `${count(total)} things, whichever comes first`) : null,
    ),
    h(
      "ul",
      { class: "lines waiting" },
      all
        .slice(0, SHOWN_MAX)
        .map((one) =>
          h("li", { key: `${one.kind}${one.op ?? ""}`, class: "stack" }, oneView(one, chain ?? [], curl)),
        ),
    ),
    chain && chain.length > 0 ? chainView(chain) : null,
  );
}

/** @param {import("../lib/types.js").Waiting} waiting @param {any[]} chain @param {(id: string) => string} curl */
function oneView(waiting, chain, curl) {
  const named = waiting.holder ?? (waiting.invocation_id ? waiting : null);
  // The chain below says more of it.
  const other = chain.some(({ id }) => id === named?.invocation_id) ? null : named;
  return [
    h(
      "div",
      { class: "row wrap" },
      icon("wait"),
      h("span", { class: "strong" }, oneWaiting(waiting).replace(/^waits for /, "")),
      waiting.op === undefined
        ? null
        : h("a", { class: "faint small", href: `#step-${waiting.op}` }, `step ${waiting.op}`),
      h("span", { class: "faint small" }, "since ", time(waiting.since)),
      waiting.id ? idView(waiting.id) : null,
      other?.invocation_id
        ? h(
            "span",
            { class: "row push" },
            other.status
              ? badge(other.status === "completed" ? "success" : other.status, other.status)
              : null,
            idView(other.invocation_id, path(["invocations", other.invocation_id])),
          )
        : null,
    ),
    waiting.kind === "awakeable" && waiting.id ? shellLine(curl(waiting.id)) : null,
  ];
}

/** @param {any[]} chain */
function chainView(chain) {
  return h(
    "div",
    { class: "card-body chain" },
    h("h3", { class: "small muted" }, chain.length > 1 ? "It all hangs on the last of these" : "It hangs on"),
    h(
      "ol",
      {},
      chain.map((one, index) =>
        h(
          "li",
          { key: one.id, class: "row wrap", style: { "padding-left": `${index * 18}px` } },
          h("span", { class: "faint" }, "↳"),
          h(
            "a",
            { href: path(["invocations", one.id]), class: "target" },
            targetView(readTarget(one.target)),
          ),
          statusBadge(one),
          h("span", { class: "small muted cut grow" }, gist(one).text),
          invocationLink(one.id),
        ),
      ),
    ),
  );
}

/** How to resolve an awakeable from a shell. @param {string} ingress @param {string} awakeable */
export function curlLine(ingress, awakeable) {
  return `curl ${ingress || "http://127.0.0.1:8080"}/restate/awakeables/${awakeable}/resolve --json '{"answer": "yes"}'`;
}
