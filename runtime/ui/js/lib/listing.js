// A list of invocations that grows page by page and stays up to date without jumping.
//
// At its top, new rows come in. Further down nothing moves: rows in view are looked up again by id, and what
// no longer fits the filter fades.

import { invocations } from "./resources.js";

const FIRST_PAGE = 100;
const PAGE = 500;
/** Ids in one request for rows in view. */
const LOOKED_UP_MAX = 80;

/** @typedef {import("./types.js").Invocation} Invocation */

/** @param {AbortSignal} signal @param {() => void} changed */
export function listing(signal, changed) {
  const list = {
    /** @type {Invocation[]} */
    rows: [],
    /** @type {string | null} */
    next: null,
    /** @type {any} */
    error: null,
    isLoading: false,
    isLoaded: false,
    /** New ones that are not in the list yet, because a person looks further down. */
    news: 0,
    /** @type {Set<string>} those that left the filter */
    gone: new Set(),
    asOf: 0,
    restart,
    restore,
    more,
    refresh,
  };
  /** @type {Record<string, any>} */
  let query = {};
  let generation = 0;
  let canLookUp = true;
  /** Ids of all rows. @type {Set<string>} */
  let known = new Set();

  /** Begins anew with other filters. @param {Record<string, any>} wanted */
  async function restart(wanted) {
    query = wanted;
    generation += 1;
    Object.assign(list, { isLoading: true, isLoaded: false, error: null, news: 0 });
    list.gone.clear();
    changed();
    await load(FIRST_PAGE, undefined, replace);
  }

  /** Goes on with rows from before. @param {Record<string, any>} wanted @param {{rows: Invocation[], next: string | null}} left */
  function restore(wanted, left) {
    query = wanted;
    replace({ invocations: left.rows, next_before: left.next });
    list.isLoaded = true;
  }

  /** Loads the next page, if there is one. */
  async function more() {
    if (list.isLoading || list.next === null) return;
    list.isLoading = true;
    await load(PAGE, list.next, (page) => {
      const fresh = page.invocations.filter(({ id }) => !known.has(id));
      for (const { id } of fresh) known.add(id);
      list.rows = list.rows.concat(fresh);
      list.next = page.next_before;
    });
  }

  /** @param {number} limit @param {string | undefined} before @param {(page: any) => void} take */
  async function load(limit, before, take) {
    const mine = generation;
    try {
      const page = await invocations.list({ ...query, limit, before }, signal);
      if (mine !== generation) return;
      take(page);
      Object.assign(list, { isLoaded: true, error: null, asOf: Date.now() });
    } catch (error) {
      if (signal.aborted || mine !== generation) return;
      Object.assign(list, { error, isLoaded: true });
      if (before === undefined) replace({ invocations: [], next_before: null });
    }
    list.isLoading = false;
    changed();
  }

  /**
   * Brings it up to date. Below the top, only what is in view is looked up again.
   *
   * @param {{isAtTop: boolean, first: number, last: number}} view
   */
  async function refresh({ isAtTop, first, last }) {
    if (list.isLoading || !list.isLoaded) return;
    const mine = generation;
    const page = await invocations.list({ ...query, limit: FIRST_PAGE }, signal);
    if (mine !== generation) return;
    if (isAtTop) takeTop(page);
    else await lookUp(page, list.rows.slice(first, Math.min(last, first + LOOKED_UP_MAX)), first, mine);
    Object.assign(list, { error: null, asOf: Date.now() });
    changed();
  }

  function takeTop(page) {
    const last = page.invocations.at(-1);
    const end = last && page.next_before !== null ? list.rows.findIndex(({ id }) => id === last.id) : -1;
    if (end < 0) return replace(page);
    for (const { id } of list.rows.slice(0, end + 1)) known.delete(id);
    for (const { id } of page.invocations) known.add(id);
    list.rows = page.invocations.concat(list.rows.slice(end + 1));
    list.news = 0;
    list.gone.clear();
  }

  function replace(page) {
    list.rows = page.invocations;
    list.next = page.next_before;
    list.news = 0;
    list.gone.clear();
    known = new Set(list.rows.map(({ id }) => id));
  }

  async function lookUp(page, visible, first, mine) {
    list.news = page.invocations.filter(({ id }) => !known.has(id)).length;
    if (!canLookUp || visible.length === 0) return;
    const ids = visible.map(({ id }) => id);
    try {
      const wanted = { ...query, id: ids.join(","), limit: ids.length };
      const { invocations: found } = await invocations.list(wanted, signal);
      if (mine !== generation) return;
      const byId = new Map(found.map((row) => [row.id, row]));
      ids.forEach((id, offset) => {
        const row = byId.get(id);
        if (!row) list.gone.add(id);
        else if (list.rows[first + offset]?.id === id) {
          list.rows[first + offset] = row;
          list.gone.delete(id);
        }
      });
    } catch (error) {
      if (error.status !== 400) throw error;
      canLookUp = false;
    }
  }

  return list;
}
