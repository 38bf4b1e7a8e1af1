// What is on the screen stays where it is while things happen: layout shift as browsers measure it.

import { ended, send, settled, until, visit } from "./page.mjs";

/** What web vitals call good; more is felt as a jump. */
const SHIFT_MAX = 0.1;

export async function steadiness(page) {
  const waiting = await send("Act/script", [{ do: "awakeable" }, { do: "await", of: 0 }]);
  const retried = await send("Act/patient", [{ do: "say", value: 1 }, { do: "crash", message: "not yet" }]);
  await ended(waiting, "suspended");
  await ended(retried, "backing-off");
  const jumps = {};
  await page.addInitScript(record);
  for (const place of ["", "invocations", `invocations/${retried}`, `invocations/${waiting}`, "objects", "services", "deployments"]) {
    await visit(page, place);
    await settled(page);
    await news(page, place);
    const shift = await page.evaluate(() => globalThis.shifted);
    if (shift.sum > SHIFT_MAX) jumps[place] = shift;
  }
  return jumps;
}

/** Waits until what happens meanwhile has been seen. */
async function news(page, place) {
  await send("Act/script", [{ do: "fail", code: 418, message: "no tea left" }]);
  await send("Thing/new/script", [{ do: "set", name: "a", value: 1 }]);
  const rounds = await page.evaluate(() => performance.getEntriesByType("resource").length);
  const more = place === "" ? 8 : 3;
  await until("it asked again", () => page.evaluate((wanted) => performance.getEntriesByType("resource").length >= wanted, rounds + more));
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

/** Sums up from the beginning, and remembers what moved. */
function record() {
  globalThis.shifted = { sum: 0, moved: [] };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.hadRecentInput) continue;
      globalThis.shifted.sum += entry.value;
      for (const { node } of entry.sources ?? []) globalThis.shifted.moved.push(`${entry.value.toFixed(3)} ${node?.nodeName} ${node?.className ?? node?.parentElement?.className}`);
    }
  }).observe({ type: "layout-shift", buffered: true });
}
