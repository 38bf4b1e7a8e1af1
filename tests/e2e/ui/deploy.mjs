// New code through the page: dropped, looked at, refused where what runs does not fit, gone back from, removed.

import { readFileSync } from "node:fs";
import { ask, drive, ended, extra, send, shot, until, visit } from "./page.mjs";

const PRICE_THAT_FAILS = { item: "a lamp", price: "9,90", url: null };
const DELIVERY = { item: "a lamp", price: "1.50", url: null };

await drive(async (page) => {
  const dialog = page.getByRole("dialog");
  await visit(page, "deployments");
  await page.getByText("Nothing is deployed yet.").waitFor();
  await page.getByLabel("A component").setInputFiles({ name: "notes.wasm", mimeType: "application/wasm", buffer: Buffer.from("no component") });
  await dialog.getByRole("button", { name: "Look at it" }).click();
  await dialog.getByText("This file is no WebAssembly component.").waitFor();
  await dialog.getByRole("button", { name: "Not now" }).click();

  await drop(page, "shop-v1.wasm", extra.v1);
  await dialog.getByLabel("Name of a variable").fill("SHOP");
  await dialog.getByLabel("Value of SHOP").fill("open");
  const services = await lookAt(dialog);
  const isNew = (await services.innerText()).includes("new");
  await shot(page, "upload-light");
  await deployIt(page, dialog, 1);
  const [first] = await list();
  const { settings } = await ask(`/deployments/${first.id}`);

  const stuck = await send("Shop/order", PRICE_THAT_FAILS);
  const waiting = await send("Shop/deliver", DELIVERY);
  await ended(stuck, "paused");
  await ended(waiting, "suspended");
  const diverges = await divergent(page, dialog);
  const moved = await repaired(page, dialog, stuck, waiting);
  const back = await rolledBack(page, dialog, first.id, waiting);
  return { isNew, env: settings.env, diverges, ...moved, ...back };
});

/** Drops a file from outside of the browser. */
async function drop(page, name, path) {
  const file = { name, base64: readFileSync(path, "base64") };
  const transfer = await page.evaluateHandle(({ name, base64 }) => {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, { type: "application/wasm" }));
    return transfer;
  }, file);
  await page.dispatchEvent(".drop", "dragover", { dataTransfer: transfer });
  await page.locator(".drop.over").waitFor();
  await page.dispatchEvent(".drop", "drop", { dataTransfer: transfer });
  await page.getByRole("dialog", { name: `Deploy ${name}` }).waitFor();
}

async function lookAt(dialog) {
  await dialog.getByRole("button", { name: "Look at it" }).click();
  const services = dialog.getByRole("region", { name: "Services" });
  await services.getByText("Shop", { exact: true }).waitFor();
  return services;
}

async function deployIt(page, dialog, count) {
  await dialog.getByRole("button", { name: "Deploy it" }).click();
  await until("it is in the list", async () => (await page.locator(".deployment-line").count()) === count);
}

async function list() {
  return (await ask("/deployments")).deployments;
}

/** Where the new code parts from what is recorded is shown, and one has to insist. */
async function divergent(page, dialog) {
  await drop(page, "shop-v3.wasm", extra.v3);
  await lookAt(dialog);
  const report = dialog.getByRole("region", { name: "Upgrade check" });
  await report.getByText("Something that runs does not fit").waitFor();
  const said = await report.innerText();
  const deploy = dialog.getByRole("button", { name: "Deploy it" });
  const before = await deploy.isDisabled();
  await dialog.getByLabel("Take over although something does not fit").check();
  const after = await deploy.isDisabled();
  await shot(page, "upload-diverges-light");
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  await shot(page, "upload-diverges-dark");
  await page.emulateMedia({ colorScheme: "light" });
  await dialog.getByRole("button", { name: "Not now" }).click();
  return {
    hasBothSides: said.includes("The journal has") && said.includes("The code now asks for"),
    mustInsist: before && !after,
    deployments: (await list()).length,
  };
}

/** The repaired code takes along what fits: the one that was stuck finishes. */
async function repaired(page, dialog, stuck, waiting) {
  await drop(page, "shop-v2.wasm", extra.v2);
  const services = await lookAt(dialog);
  const takesOver = (await services.innerText()).includes("takes over from");
  await dialog.getByLabel("Move what fits").check();
  await deployIt(page, dialog, 2);
  await ended(stuck);
  const [newest] = await list();
  const { deployment_id } = await ended(waiting, "suspended");
  return { takesOver, isMoved: deployment_id === newest.id };
}

/** Back to the code of before, with what waits, and the newer code is removed. */
async function rolledBack(page, dialog, first, waiting) {
  const lines = page.locator(".deployment-line");
  await lines.filter({ hasText: "superseded" }).getByRole("link", { name: first }).click();
  await page.getByRole("button", { name: "Check" }).click();
  await page.getByRole("region", { name: "Upgrade check" }).waitFor();
  await shot(page, "deployment-check-light");
  await page.getByRole("button", { name: "Promote …" }).click();
  await dialog.getByRole("button", { name: "Promote it" }).click();
  await page.locator(".page-head .badge", { hasText: "active" }).waitFor();
  await page.getByRole("button", { name: "Move here …" }).click();
  await dialog.getByRole("button", { name: "Move what fits" }).click();
  await page.getByText("1 invocation moved, 0 left").waitFor();
  const { deployment_id } = await ended(waiting, "suspended");

  // What takes calls is not removed by mistake.
  await page.getByRole("button", { name: "Remove …" }).click();
  await dialog.getByRole("button", { name: "Remove it" }).click();
  await dialog.getByText("is in use").waitFor();
  await dialog.getByRole("button", { name: "Not now" }).click();
  await page.getByRole("link", { name: "All deployments" }).click();
  await lines.filter({ hasText: "superseded" }).getByRole("link", { name: /^dp_/ }).click();
  await page.getByRole("button", { name: "Remove …" }).click();
  await dialog.getByRole("button", { name: "Remove it" }).click();
  await until("one is left", async () => (await lines.count()) === 1);
  return { isBack: deployment_id === first, left: (await list()).map(({ id }) => id === first) };
}
