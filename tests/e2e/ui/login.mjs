// A server with a token: the page asks for it, keeps it in its tab, and forgets it.

import { admin, drive, extra, shot } from "./page.mjs";

await drive(async (page, browser) => {
  await page.goto(`${admin}/ui/invocations`);
  const token = page.getByLabel("Token");
  await token.waitFor();
  await shot(page, "login-light");
  await token.fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("does not know this token").waitFor();
  await token.fill(extra.token);
  await token.press("Enter");
  await page.getByRole("heading", { name: "Invocations" }).waitFor();
  const kept = await page.evaluate(() => ({ session: Object.values(sessionStorage), local: Object.values(localStorage), cookies: document.cookie }));
  await page.reload();
  await page.getByRole("heading", { name: "Invocations" }).waitFor();
  const other = await browser.newPage();
  await other.goto(`${admin}/ui/`);
  await other.getByLabel("Token").waitFor();
  await page.getByRole("button", { name: "Forget the token" }).click();
  await page.getByLabel("Token").waitFor();
  const left = await page.evaluate(() => sessionStorage.length);
  return { kept, left };
});
