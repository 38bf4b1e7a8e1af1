// What a guest logs is followed while it runs, and told apart by where it came from.

import { send, shot, until, visit } from "./page.mjs";

const WAIT_MS = 1_500;

export async function logs(page) {
  const id = await send("Probe/logs", { ms: WAIT_MS });
  await visit(page, `invocations/${id};tab=logs`);
  const lines = page.getByRole("region", { name: "Logs" }).locator("li");
  await until("what it wrote first is there", async () => (await lines.count()) >= 4);
  await until("what it wrote since came by itself", async () => (await lines.count()) === 8);
  const sources = await lines.evaluateAll((all) => all.map((line) => line.children[2].textContent.toLowerCase()));
  await shot(page, "logs-live-light");
  const counted = await page.getByRole("tab", { name: "Logs" }).innerText();
  return { sources: [...new Set(sources)].sort(), counted: counted.replace(/\D/g, "") };
}
