// The state of an object: found, edited, and not changed when somebody else was faster.

import { ask, drive, ended, send, shot, until, visit } from "./page.mjs";

const SET = [
  { do: "set", name: "city", value: "Paris" },
  { do: "set", name: "visits", value: 3 },
];

await drive(async (page) => {
  await ended(await send("Thing/ann%2F1/script", SET));
  await visit(page, "objects;service=Thing");
  await page.getByRole("link", { name: "ann/1" }).click();
  const state = page.getByRole("region", { name: "State" });
  await state.getByText('"Paris"').waitFor();

  await state.getByRole("button", { name: "Edit …" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Value of city").fill('{"name": "Lyon"');
  const isRefused = await dialog.getByRole("button", { name: "Save" }).isDisabled();
  await dialog.getByLabel("Value of city").fill('{"name": "Lyon"}');
  await dialog.getByRole("button", { name: "Remove" }).nth(1).click();
  await dialog.getByRole("button", { name: "Add a value" }).click();
  await dialog.getByLabel("Name", { exact: true }).last().fill("since");
  await dialog.getByLabel("Value of since").fill("2026");
  await shot(page, "state-edit");
  await dialog.getByRole("button", { name: "Save" }).click();
  await state.getByText('"Lyon"').waitFor();
  const saved = await values();

  // Somebody else is faster.
  await state.getByRole("button", { name: "Edit …" }).click();
  await ended(await send("Thing/ann%2F1/script", [{ do: "set", name: "since", value: 1999 }]));
  await dialog.getByLabel("Value of since").fill("2000");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("is not as it was when it was looked at").waitFor();
  await dialog.getByRole("button", { name: "Not now" }).click();
  await until("the other change is shown", async () => (await state.innerText()).includes("1999"));
  return { isRefused, saved, kept: await values() };
});

async function values() {
  const { values } = await ask("/services/Thing/state?key=ann%2F1");
  return Object.fromEntries(values.map(({ name, value }) => [name, value.json]));
}
