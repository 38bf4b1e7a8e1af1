// The list of invocations: filters in the address, free text, keys, live, and what is done to many.

import { ask, drive, ended, send, shot, until, visit } from "./page.mjs";

await drive(async (page) => {
  const waiting = [];
  for (let n = 0; n < 5; n += 1) waiting.push(await send("Act/script", [{ do: "awakeable", name: `a${n}` }, { do: "await", of: 0 }]));
  for (const id of waiting) await ended(id, "suspended");
  const failed = await send("Act/script", [{ do: "fail", code: 418, message: "no tea left" }]);
  await ended(failed);
  await visit(page, "invocations");
  const rows = page.locator(".vrow");
  await until("all rows are there", async () => (await rows.count()) === 6);

  // Live: what comes is seen, without a reload.
  const marked = await page.evaluate(() => (window.notReloaded = true));
  await send("Act/nothing", null);
  await until("the new row came by itself", async () => (await rows.count()) === 7);

  // Keys: down, down, up, open; and back to the same place.
  const at = await rows.nth(1).getAttribute("data-id");
  for (const key of ["j", "j", "k", "j", "Enter"]) await page.keyboard.press(key);
  await page.getByRole("region", { name: "Facts" }).waitFor();
  const opened = page.url().endsWith(at);
  await page.keyboard.press("Backspace");
  await page.locator(`.vrow.at[data-id="${at}"]`).waitFor();

  const isSamePage = marked && (await page.evaluate(() => window.notReloaded === true));
  const found = await filters(page, rows, failed);
  const bulk = await cancelMany(page, rows, waiting);
  const stuck = await resumeByCause(page);
  await visit(page, "invocations");
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).getByText("next").waitFor();
  await shot(page, "keys-light");
  await page.keyboard.press("Escape");
  return { isSamePage, opened, ...found, ...bulk, ...stuck };
});

async function filters(page, rows, failed) {
  await page.keyboard.press("/");
  await page.keyboard.type("No Tea");
  // A slow machine may ask for the first letters before the last are typed: they too are of one row alone.
  await until("the text is asked for", () => page.url().endsWith(";text=No%20Tea"));
  await until("the text is found", async () => (await rows.count()) === 1);
  const byText = (await rows.first().getAttribute("data-id")) === failed;
  await page.getByLabel("Search").fill("status:suspended");
  await page.getByLabel("Search").press("Enter");
  await until("the status is found", async () => (await rows.count()) === 5);
  const isInAddress = page.url().endsWith("/ui/invocations;status=suspended");
  await page.reload();
  await until("the address has it all", async () => (await rows.count()) === 5);
  await page.getByRole("button", { name: "Drop the filter status" }).click();
  await until("all are back", async () => (await rows.count()) === 7);
  return { byText, isInAddress };
}

/** Two by selection, the rest by filter: counted first, then confirmed. */
async function cancelMany(page, rows, waiting) {
  await visit(page, "invocations;status=suspended");
  await until("the rows are there", async () => (await rows.count()) === 5);
  await rows.nth(0).getByRole("checkbox").check();
  await rows.nth(1).getByRole("checkbox").check();
  await page.locator(".picked-foot").getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Cancel 2", exact: true }).click();
  await until("two are gone", async () => (await rows.count()) === 3);
  await page.getByLabel("Act on all that match").selectOption("cancel");
  const really = page.getByRole("button", { name: "Cancel 3", exact: true });
  await really.waitFor();
  await shot(page, "bulk-light");
  const untouched = (await ask("/invocations?status=suspended")).invocations.length;
  await really.click();
  await until("none is left", async () => (await rows.count()) === 0);
  const ends = await Promise.all(waiting.map((id) => ended(id)));
  await visit(page, "invocations");
  await until("they are told from failures", async () => (await page.locator(".vrow .badge", { hasText: "cancelled" }).count()) === 5);
  const { invocations } = await ask("/invocations?status=suspended");
  return { untouched, cancelled: ends.filter(({ completion_failure }) => completion_failure === "[409] cancelled").length, left: invocations.length };
}

/** Several that stopped for one reason are one line of the overview, and go on together. */
async function resumeByCause(page) {
  const stuck = [];
  for (let n = 0; n < 3; n += 1) stuck.push(await send("Act/brittle", [{ do: "crash", message: `the bank is closed (${n})` }]));
  for (const id of stuck) await ended(id, "paused");
  await visit(page, "");
  const cause = page.getByRole("region", { name: "Needs a person" }).locator(".cause");
  await until("they are one line", async () => (await cause.count()) === 1 && (await cause.innerText()).includes("×3"));
  await shot(page, "causes-light");
  await until("they are counted on every screen", async () => (await page.locator(".nav .count").innerText()).startsWith("3"));
  const before = await Promise.all(stuck.map((id) => ask(`/invocations/${id}`)));
  await cause.getByRole("button", { name: "Resume …" }).click();
  await page.getByLabel("the newest deployment of its service").check();
  await page.getByRole("button", { name: "Resume 3", exact: true }).click();
  const again = await Promise.all(before.map(({ id, attempts }) => until("it was tried again", async () => (await ask(`/invocations/${id}`)).attempts > attempts)));
  return { resumed: again.length };
}
