// One invocation: done once more, from the beginning and from a step; let stand still, go on, be killed, be forgotten.

import { admin, ask, ended, send, shot, until, visit } from "./page.mjs";

export async function restarts(page) {
  const id = await send("Act/script", [{ do: "sleep", ms: 5 }, { do: "sleep", ms: 5 }]);
  await ended(id);
  const whole = await restart(page, id, "the beginning");
  const part = await restart(page, id, "after step 0");
  const [was, anew, taken] = await Promise.all([id, whole, part].map(times));
  return {
    isNamed: [await origin(whole), await origin(part)].every((origin) => origin === id),
    // A step that is taken over keeps its time; one that is done anew has another.
    fromBeginning: anew[0] !== was[0],
    fromStep: taken[0] === was[0] && taken[1] !== was[1],
  };
}

/** Restarts an invocation by hand; returns the id of the new one, which the page leads to. */
async function restart(page, id, from) {
  await visit(page, `invocations/${id}`);
  await page.locator("#step-1").waitFor();
  await page.getByRole("button", { name: "Actions" }).click();
  await page.getByRole("menuitem", { name: "Restart as new" }).click();
  const dialog = page.getByRole("dialog");
  const options = await dialog.getByLabel("From where").locator("option").allInnerTexts();
  await dialog.getByLabel("From where").selectOption({ index: options.findIndex((text) => text.startsWith(from)) });
  await shot(page, "restart-light");
  await dialog.getByRole("button", { name: "Restart it" }).click();
  await page.locator(".toast").getByRole("link", { name: "Open" }).last().click();
  await until("the new one is shown", () => page.url() !== `${admin}/ui/invocations/${id}`);
  await page.locator(".page-head .badge", { hasText: "succeeded" }).waitFor();
  await page.getByText("Restarted from").waitFor();
  await page.getByRole("button", { name: "Dismiss" }).last().click();
  return page.url().split("/").at(-1);
}

async function origin(id) {
  return (await ask(`/invocations/${id}`)).restarted_from;
}

/** When each step was settled. */
async function times(id) {
  const { items } = await ask(`/invocations/${id}/journal`);
  return items.filter(({ item }) => item === "outcome").map(({ at }) => at);
}

export async function pauses(page) {
  const id = await send("Act/script", [{ do: "awakeable", name: "door" }, { do: "await", of: 0 }]);
  await ended(id, "suspended");
  await visit(page, `invocations/${id}`);
  const dialog = page.getByRole("dialog");
  const choose = async (name) => {
    await page.getByRole("button", { name: /^(More|Actions)$/ }).click();
    await page.getByRole("menuitem", { name }).click();
  };
  const badge = (word) => page.locator(".page-head .badge", { hasText: word }).waitFor();
  await choose("Pause …");
  await dialog.getByRole("button", { name: "Pause it" }).click();
  await badge("paused");
  await page.locator(".page-head").getByRole("button", { name: "Resume …" }).click();
  await dialog.getByRole("button", { name: "Resume it" }).click();
  await badge("suspended");
  await choose("Kill …");
  await dialog.getByRole("button", { name: "Kill it" }).click();
  await badge("killed");
  await choose("Purge …");
  await dialog.getByRole("button", { name: "Purge it" }).click();
  await until("the list is shown", () => page.url() === `${admin}/ui/invocations`);
  return { isGone: (await fetch(`${admin}/invocations/${id}`)).status === 404 };
}
