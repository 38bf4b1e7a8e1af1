// Everything without a mouse: going to every screen, tabs, menus, dialogs that give the focus back.

import { admin, ended, send, until, visit } from "./page.mjs";

const PLACES = { i: "invocations", b: "objects", s: "services", d: "deployments", q: "sql", t: "settings", o: "" };

export async function keys(page) {
  const id = await send("Act/script", [{ do: "awakeable" }, { do: "await", of: 0 }]);
  await ended(id, "suspended");
  await visit(page, "");
  const gone = [];
  for (const [key, place] of Object.entries(PLACES)) {
    await page.keyboard.press("g");
    await page.keyboard.press(key);
    if (page.url() === `${admin}/ui/${place}`) gone.push(key);
  }

  await visit(page, `invocations/${id}`);
  await page.getByRole("tab", { name: "Journal" }).waitFor();
  await page.keyboard.press("Tab");
  const isSkipFirst = await focused(page, (el) => el.className === "skip");
  await page.keyboard.press("Enter");
  const isSkipped = await focused(page, (el) => el.id === "main");
  await page.getByRole("tab", { name: "Journal" }).focus();
  await page.keyboard.press("ArrowRight");
  // The address of a page that changes it itself is known here a moment later, and what is drawn follows it.
  const isSelected = () => focused(page, (el) => el.getAttribute("aria-selected") === "true");
  await until("the next tab is shown", async () => page.url().endsWith(";tab=logs") && (await isSelected()));
  const isLogs = await isSelected();

  await page.getByRole("button", { name: "More" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("menu").waitFor();
  await page.keyboard.press("ArrowDown");
  const isInMenu = await focused(page, (el) => el.role === "menuitem");
  await page.keyboard.press("Escape");
  await until("the menu is closed", async () => (await page.getByRole("menu").count()) === 0);
  const isMenuClosed = await focused(page, (el) => el.getAttribute("aria-haspopup") === "menu");

  await page.getByRole("button", { name: "Cancel …" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  const isInDialog = await focused(page, (el) => el.closest("dialog") !== null);
  await page.keyboard.press("Escape");
  await until("the dialog is closed", async () => (await page.getByRole("dialog").count()) === 0);
  const isGivenBack = await focused(page, (el) => el.innerText.startsWith("Cancel"));

  // Letters arrive, one by one, also where some keys do more.
  await visit(page, "services/Act;tab=call;handler=script");
  await page.getByRole("textbox", { name: "Input" }).fill("");
  await page.getByRole("textbox", { name: "Input" }).pressSequentially('[{"do": "who"}]');
  await page.keyboard.press("Control+Enter");
  await page.getByRole("region", { name: "Answer" }).getByText("200").waitFor();
  return { gone: gone.join(""), isSkipFirst, isSkipped, isLogs, isInMenu, isMenuClosed, isInDialog, isGivenBack };
}

async function focused(page, claim) {
  return page.evaluate(`(${claim})(document.activeElement)`);
}
