// Very many invocations: the list is scrolled, filtered and kept up to date without the page ever stalling.

import { drive, extra, send, shot, until, visit } from "./page.mjs";
import { heapMiB, longestTask } from "./trace.mjs";

await drive(async (page) => {
  const begun = Date.now();
  await visit(page, "invocations");
  const rows = page.locator(".vrow");
  await rows.first().waitFor();
  const firstRows = Date.now() - begun;
  const list = page.locator(".vlist");
  const loaded = () => list.getAttribute("aria-rowcount").then(Number);

  const scrolling = await longestTask(page);
  let screens = 0;
  await until("everything was scrolled through", async () => {
    await list.evaluate((el) => (el.scrollTop = el.scrollHeight));
    screens += 1;
    return (await loaded()) >= extra.count;
  }, extra.patienceMs);
  const all = await loaded();
  for (let part = 0; part < 40; part += 1) {
    await list.evaluate((el, part) => (el.scrollTop = (el.scrollHeight * ((part * 17) % 40)) / 40), part);
    await page.evaluate(() => new Promise(requestAnimationFrame));
    if ((await rows.count()) === 0) throw new Error(`nothing is shown at ${part}/40`);
  }
  const longestScrolling = await scrolling();

  // New ones come while somebody looks: at the top they are seen, further down they are counted.
  const living = await longestTask(page);
  await list.evaluate((el) => (el.scrollTop = 0));
  const newest = await come();
  await page.locator(`.vrow[data-id="${newest}"]`).waitFor();
  await list.evaluate((el) => (el.scrollTop = el.scrollHeight / 2));
  await come();
  await page.getByRole("button", { name: /new ones? ↑/ }).waitFor();
  const longestLive = await living();
  await shot(page, "many-light");
  const elements = await page.evaluate(() => document.querySelectorAll("*").length);
  return { loaded: all >= extra.count, isPaged: screens > 1, elements, firstRows, longestScrolling, longestLive, heapMiB: await heapMiB(page) };
});

/** Calls something now and then for a while; returns the last one. */
async function come() {
  let id = "";
  for (let n = 0; n < 20; n += 1) id = await send("Act/nothing", null);
  return id;
}
