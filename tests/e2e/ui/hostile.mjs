// Names and payloads that would like to be markup stay text, on every screen.

import { ask, drive, ended, extra, ingress, send, until, visit } from "./page.mjs";

const EVIL = `"><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'\`${"${7*7}"}{{7*7}}<svg/onload=window.pwned=1>`;
const URLISH = "javascript:window.pwned=1";

await drive(async (page) => {
  const object = await send(`Thing/${encodeURIComponent(EVIL)}/script`, [
    { do: "set", name: EVIL, value: { [EVIL]: EVIL, url: URLISH } },
    { do: "awakeable", name: EVIL },
    { do: "await", of: 1 },
  ]);
  await ended(object, "suspended");
  const failed = await send("Act/script", [{ do: "fail", code: 418, message: EVIL }]);
  await ended(failed);
  const retried = await send("Act/patient", [{ do: "say", value: EVIL }, { do: "crash", message: EVIL }]);
  await ended(retried, "backing-off");
  await fetch(`${ingress}/Act/script`, { method: "POST", headers: { "content-type": "application/json", "x-evil": "<img src=x onerror=window.pwned=1>", "idempotency-key": URLISH }, body: "[]" });
  await ask(`/deployments/${extra.deployment}`, { method: "PATCH", headers: { "content-type": "application/json" }, body: JSON.stringify({ env: { "<img/src=x/onerror=window.pwned=1>": EVIL } }) });

  const key = encodeURIComponent(EVIL);
  const places = ["", "invocations", `invocations;text=${key}`, `invocations;key=${key}`, `invocations/${object}`, `invocations/${failed}`, `invocations/${failed};tab=failures`, `invocations/${retried}`, `objects/Thing;key=${key}`, `objects;service=Thing;prefix=${key}`, `services;text=${key}`, `services/${key}`, "services/Thing;tab=call", `deployments/${extra.deployment}`, `deployments/${key}`, `sql;query=${key}`, key, `invocations/${key}`];
  const bad = [];
  let shown = 0;
  for (const place of places) {
    await visit(page, place);
    await page.waitForTimeout(700);
    await openAll(page);
    const found = await page.evaluate(() => ({ pwned: window.pwned, elements: document.querySelectorAll("img, iframe, object, embed, body script, [onerror], [onload]").length, links: [...document.querySelectorAll("a[href]")].filter((a) => !/^(http:|https:|blob:)/.test(a.href)).map((a) => a.href), text: document.body.innerText + [...document.querySelectorAll("input, textarea")].map((one) => one.value).join() }));
    if (found.pwned || found.elements || found.links.length) bad.push({ place, ...found, text: undefined });
    if (found.text.includes("onerror")) shown += 1;
  }
  // The script itself may use a browser's ways around: the policy of the page has to hold.
  const refused = await page.evaluate(() => {
    try {
      document.body.insertAdjacentHTML("beforeend", "<b>x</b>");
      return false;
    } catch {
      return true;
    }
  });
  await until("it is shown as text", () => shown >= 8);
  return { bad, refused };
}, { expected: /^This document requires 'TrustedHTML'/ });

/** Opens every line and every detail that can be opened. */
async function openAll(page) {
  const all = page.getByRole("button", { name: "All details" });
  if (await all.count()) await all.click();
  // Found and clicked in one step: the page may open it by itself in between.
  const openOne = () => {
    const closed = document.querySelector(".j-head .j-text[aria-expanded=false]");
    closed?.click();
    return closed !== null;
  };
  while (await page.evaluate(openOne));
}
