// The invocations that one called, as far as somebody wants to see their journals.

import { lines } from "../lib/journal.js";
import { invocations } from "../lib/resources.js";

const ITEMS_MAX = 500;

/** @param {import("../lib/screen.js").Context} context */
export function children(context) {
  /** @type {Map<string, {invocation: any, journal: any, lines: any[], error: any}>} */
  const known = new Map();

  async function load(id) {
    if (known.get(id)?.invocation?.status === "completed") return;
    try {
      const invocation = await invocations.get(id, context.signal);
      const journal = await invocations.journal(id, { limit: ITEMS_MAX }, context.signal);
      known.set(id, { invocation, journal, lines: lines(journal, invocation), error: null });
    } catch (error) {
      if (context.signal.aborted) return;
      known.set(id, { invocation: null, journal: null, lines: [], error });
    }
    context.redraw();
  }

  return {
    /** Returns one, which is loaded when it is asked for first. @param {string} id */
    get(id) {
      if (!known.has(id)) {
        known.set(id, { invocation: null, journal: null, lines: [], error: null });
        load(id);
      }
      return known.get(id) ?? null;
    },
    refresh: () => Promise.all([...known.keys()].map(load)),
    shown: () => [...known.values()].filter(({ invocation }) => invocation),
    areAtRest: () =>
      [...known.values()].every(({ error, invocation }) => error || invocation?.status === "completed"),
  };
}
