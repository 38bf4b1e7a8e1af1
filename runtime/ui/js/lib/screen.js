// What every screen gets: its address, a way to load again and again, and an end.

import * as keyboard from "./keyboard.js";
import { go } from "./route.js";

/**
 * @typedef {{
 *   at: import("./route.js").Route,
 *   server: {ingress: string, version: string},
 *   signal: AbortSignal,
 *   redraw: () => void,
 *   go: typeof go,
 *   every: (ms: number, load: () => Promise<void>, failed?: (error: any) => void) => {now: () => Promise<void>},
 *   keys: (shortcuts: import("./keyboard.js").Shortcut[]) => void,
 * }} Context
 *
 * @typedef {{title: () => string, view: () => any, moved?: () => void, fills?: boolean}} Screen
 */

/**
 * Opens a screen.
 *
 * @param {{identity: string, open: (context: Context) => Screen, at: import("./route.js").Route, redraw: () => void, server: any}} what
 */
export function openScreen({ identity, open, at, redraw, server }) {
  const ends = new AbortController();
  const context = /** @type {Context} */ ({
    at,
    server,
    signal: ends.signal,
    redraw: () => !ends.signal.aborted && redraw(),
    go,
    every: (ms, load, failed) => every({ ms, load, failed, signal: ends.signal, loaded: context.redraw }),
    keys(shortcuts) {
      ends.signal.addEventListener("abort", keyboard.bind(shortcuts));
    },
  });
  const screen = open(context);
  return {
    identity,
    title: screen.title,
    view: screen.view,
    /** Whether it takes the height of the window. */
    fills: screen.fills ?? false,
    /** @param {import("./route.js").Route} at */
    moved(at) {
      context.at = at;
      screen.moved?.();
    },
    stop: () => ends.abort(),
  };
}

/** A page that cannot be seen asks for nothing; one that fails asks less often. */
const FAILURE_PAUSE_MS = 5_000;

/**
 * Loads now and then again, one request after the other, until the signal ends it.
 *
 * @param {{ms: number, load: () => Promise<void>, failed?: (error: any) => void, loaded: () => void, signal: AbortSignal}} what
 */
function every({ ms, load, failed, loaded, signal }) {
  let timer = 0;
  let isLoading = false;
  let isAskedAgain = false;
  const round = async () => {
    clearTimeout(timer);
    if (signal.aborted) return;
    if (isLoading) {
      isAskedAgain = true;
      return;
    }
    isLoading = true;
    let pause = ms;
    try {
      if (!document.hidden) await load();
    } catch (error) {
      if (signal.aborted) return;
      failed?.(error);
      // What this server does not have, it will not have in a minute.
      if (error.isMissing) pause = Infinity;
      else pause = Math.max(ms, FAILURE_PAUSE_MS);
    }
    isLoading = false;
    if (signal.aborted) return;
    loaded();
    if (isAskedAgain) {
      isAskedAgain = false;
      return round();
    }
    if (pause < Infinity) timer = setTimeout(round, pause);
  };
  const seen = () => !document.hidden && round();
  document.addEventListener("visibilitychange", seen, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  round();
  return { now: round };
}
