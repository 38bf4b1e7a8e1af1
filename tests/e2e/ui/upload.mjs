// An upload: a file that is none is refused, a component is looked at, confirmed, and takes calls.

import { drive, extra, shot, visit } from "./page.mjs";

await drive(async (page) => {
  await visit(page, "deployments");
  await page.getByText("Nothing is deployed yet.").waitFor();
  const chooser = page.getByLabel("A component");
  const dialog = page.getByRole("dialog");
  await chooser.setInputFiles({ name: "notes.wasm", mimeType: "application/wasm", buffer: Buffer.from("no component") });
  await dialog.getByRole("button", { name: "Look at it" }).click();
  await dialog.getByText("This file is no WebAssembly component.").waitFor();
  await dialog.getByRole("button", { name: "Not now" }).click();

  await chooser.setInputFiles(extra.component);
  await dialog.getByLabel("Name of a variable").fill("NETFLIX");
  await dialog.getByLabel("Value of NETFLIX").fill("up");
  await dialog.getByRole("button", { name: "Look at it" }).click();
  await dialog.getByRole("button", { name: "Deploy it" }).waitFor();
  await shot(page, "upload-light");
  await dialog.getByRole("button", { name: "Deploy it" }).click();
  const line = page.locator(".deployment-line");
  await line.waitFor();
  const services = await line.innerText();
  await line.getByRole("link", { name: /^dp_/ }).click();
  const settings = page.getByRole("region", { name: "Settings" });
  await settings.getByText("NETFLIX").waitFor();
  return { hasTour: services.includes("SubscriptionService"), env: (await settings.innerText()).includes("NETFLIX = up") };
});
