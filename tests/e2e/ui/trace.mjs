// How long the page was busy at a stretch: processor time of its main thread, so that other work on the machine does
// not count.

/** Records from now on; the function it returns ends that and answers with the longest task, in milliseconds. */
export async function longestTask(page) {
  const session = await page.context().newCDPSession(page);
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value.filter(isOfInterest)));
  await session.send("Tracing.start", { transferMode: "ReportEvents", categories: "toplevel,__metadata" });
  return async () => {
    const done = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
    await session.send("Tracing.end");
    await done;
    const mains = events.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain");
    const isMain = (event) => mains.some(({ pid, tid }) => pid === event.pid && tid === event.tid);
    const tasks = events.filter((event) => event.tdur !== undefined && isMain(event));
    if (tasks.length === 0) throw new Error("the trace has no task of the page");
    return Math.round(tasks.reduce((longest, { tdur }) => Math.max(longest, tdur), 0) / 1000);
  };
}

function isOfInterest({ name, ph }) {
  return name === "thread_name" || (ph === "X" && name.endsWith("RunTask"));
}

/** What the page keeps in memory, when all that it dropped is gone. */
export async function heapMiB(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  return Math.round(usedSize / 2 ** 20);
}
