// Where the links between the parts of a journal lead: what the page computes, without the many items.

import { visit } from "./page.mjs";

/** From, items of this part, items in all; then where the parts before, after and at the end begin. 500 is a whole part. */
const LINKS = {
  "0 500 1010": "0 500 1000",
  "500 500 1010": "0 1000 1000",
  "1000 10 1010": "500 1000 1000",
  "0 2 100": "0 2 98",
  "50 2 100": "48 52 98",
  "98 2 100": "96 98 98",
  "400 2 1200": "398 402 1198",
  "400 30 1020": "370 430 1000",
  "1500 0 1010": "1000 1500 1000",
};

/** Returns those that lead elsewhere. */
export async function pagers(page) {
  await visit(page, "");
  const found = await page.evaluate(async (pages) => {
    // Its address names the version.
    const { starts } = await import(document.querySelector('link[href$="/js/lib/pager.js"]').href);
    const links = ([from, length, total]) => Object.values(starts(from, length, total, 500)).join(" ");
    return pages.map((numbers) => [numbers, links(numbers.split(" ").map(Number))]);
  }, Object.keys(LINKS));
  return Object.fromEntries(found.filter(([numbers, links]) => LINKS[numbers] !== links));
}
