// Very many invocations: the list is scrolled, filtered and read without the page ever stalling.

import { drive, extra, shot, until, visit } from "./page.mjs";
import { longestTask } from "./trace.mjs";

await drive(async (page) => {
  await visit(page, "invocations");
  await page.locator(".vrow").first().waitFor();
  const busy = await longestTask(page);
  const list = page.locator(".vlist");
  const loaded = () => list.getAttribute("aria-rowcount").then(Number);
  let screens = 0;
  await until("everything was scrolled through", async () => {
    await list.evaluate((el) => (el.scrollTop = el.scrollHeight));
    screens += 1;
    return (await loaded()) >= extra.count;
  });
  const elements = await page.evaluate(() => document.querySelectorAll("*").length);
  for (let part = 0; part < 40; part += 1) {
    await list.evaluate((el, part) => (el.scrollTop = (el.scrollHeight * ((part * 17) % 40)) / 40), part);
    await page.evaluate(() => new Promise(requestAnimationFrame));
    if ((await page.locator(".vrow").count()) === 0) throw new Error(`nothing is shown at ${part}/40`);
  }
  await shot(page, "many-light");
  const longest = await busy();
  return { loaded: (await loaded()) >= extra.count, isPaged: screens > 1, elements, longest: Math.round(longest) };
});
