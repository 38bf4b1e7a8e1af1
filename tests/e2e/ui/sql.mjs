// SQL: every question that is offered has an answer, an own one is kept in the address, and a mistake is told.

import { readFileSync } from "node:fs";
import { ended, send, shot, until, visit } from "./page.mjs";

const IDS = "SELECT id, target FROM sys_invocation WHERE target_handler_name = 'nothing'";

export async function sql(page) {
  const id = await send("Act/nothing", null);
  await ended(id);
  await visit(page, "sql");
  const offered = page.getByLabel("Often asked …");
  const answer = page.getByRole("region", { name: "Answer" });
  const questions = await offered.locator("option").evaluateAll((all) => all.map(({ value }) => value).filter(Boolean));
  const refused = [];
  for (const question of questions) {
    const answered = page.waitForResponse((response) => response.url().endsWith("/query"));
    await offered.selectOption(question);
    if ((await answered).status() !== 200) refused.push(question);
    await until("it was answered", async () => (await page.getByRole("button", { name: "Run" }).count()) === 1);
  }

  await page.keyboard.press("/");
  await page.getByRole("textbox", { name: "Query" }).fill(IDS);
  await page.keyboard.press("Control+Enter");
  await answer.getByRole("link", { name: id }).waitFor();
  await page.reload();
  await answer.getByRole("link", { name: id }).waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), answer.getByRole("button", { name: "CSV" }).click()]);
  const [head, first] = readFileSync(await download.path(), "utf8").split("\r\n");

  await page.getByRole("textbox", { name: "Query" }).fill("SELECT id FROM nowhere");
  await page.getByRole("button", { name: "Run" }).click();
  await page.getByRole("alert").getByText("nowhere").waitFor();
  await shot(page, "sql-mistake-light");
  await page.getByLabel("Asked before …").selectOption({ index: 1 });
  await answer.getByRole("link", { name: id }).click();
  await page.locator(".page-head .badge", { hasText: "succeeded" }).waitFor();
  return { hasQuestions: questions.length > 5, refused, csv: [head, first === `${id},Act/nothing`] };
}
