// The tour, by hand: call, see it fail, repair the environment, see it finish; confirm a payment.

import { execFileSync } from "node:child_process";
import { drive, ended, ingress, shot, until, visit } from "./page.mjs";

await drive(async (page) => {
  await visit(page, "");
  await page.getByRole("link", { name: "Services" }).click();
  await page.getByRole("link", { name: "SubscriptionService", exact: true }).click();
  await page.getByRole("tab", { name: "Call" }).click();
  await fillSubscription(page, ["Hulu", "Netflix"]);
  await page.getByRole("button", { name: "send", exact: true }).click();
  await page.getByRole("button", { name: "Send", exact: true }).click();
  const answer = page.getByRole("region", { name: "Answer" });
  await answer.getByText("202").waitFor();
  await shot(page, "tour-sent");

  await answer.getByRole("link").first().click();
  await page.getByText("Netflix API down").first().waitFor();
  const id = page.url().split("/").at(-1);
  await page.getByText('run("add-Netflix")').waitFor();
  const failing = await page.locator(".j-line.warm .j-text").textContent();
  await shot(page, "tour-failing");

  await page.getByRole("region", { name: "Facts" }).getByRole("link", { name: /^dp_/ }).click();
  await repair(page);
  await page.goBack();
  await page.locator(".page-head .badge", { hasText: "succeeded" }).waitFor();
  await page.getByText('"SUCCESS"').first().waitFor();
  await shot(page, "tour-finished");
  const { attempts } = await ended(id);

  return { isNamed: failing.includes('run("add-Netflix")'), isRetried: attempts > 1, payment: await payment(page) };
});

async function fillSubscription(page, subscriptions) {
  await page.getByLabel("userId").fill("user-123");
  await page.getByLabel("creditCard").fill("4111111111111111");
  for (const [index, name] of subscriptions.entries()) {
    await page.getByRole("button", { name: "Add an item" }).click();
    await page.locator(`[id="input.subscriptions.${index}"]`).fill(name);
  }
}

/** Sets NETFLIX=up in the settings of the deployment. */
async function repair(page) {
  await page.getByRole("button", { name: "Edit …" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Add a variable" }).click();
  await dialog.getByLabel("Name of a variable").last().fill("NETFLIX");
  await dialog.getByLabel("Value of NETFLIX").fill("up");
  await shot(page, "tour-settings");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByText("The settings are changed").waitFor();
  await page.getByText("NETFLIX").first().waitFor();
}

/** A call that is not answered goes on; the line that the page shows ends the wait. */
async function payment(page) {
  await visit(page, "services/Payments;tab=call;handler=process");
  await page.getByLabel("orderId").fill("order-456");
  await page.getByLabel("currency").fill("USD");
  await page.getByRole("button", { name: "Call", exact: true }).click();
  await page.getByText("It has not answered yet").waitFor();
  await page.locator(".notice").getByRole("link").click();
  const waiting = page.getByRole("region", { name: "Waiting for" });
  await waiting.getByText("an awakeable").waitFor();
  await shot(page, "tour-waiting");
  await waiting.getByRole("button", { name: "Copy the line" }).click();
  const line = await page.evaluate(() => navigator.clipboard.readText());
  const isShown = (await waiting.innerText()).includes(line);
  const paid = line.replace(/'\{.*\}'$/, `'{"success": true, "transactionId": "txn-123"}'`);
  execFileSync("sh", ["-c", `${paid} --silent --show-error --fail`]);
  await page.locator(".page-head .badge", { hasText: "succeeded" }).waitFor();
  await until("the answer is shown", async () => (await page.locator(".j-lines").innerText()).includes("txn-123"));
  return { isShown, isOfIngress: line.startsWith(`curl ${ingress}/restate/awakeables/sign_1`) };
}
