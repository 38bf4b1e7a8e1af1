// A browser with one page of the server, and what no script should see: errors, other hosts, broken policies.

import { chromium } from "playwright-core";
import { mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
/** Machines that test are slow. */
const PATIENCE_MS = 60_000;

export const given = JSON.parse(process.argv[2]);
export const { admin, ingress, extra } = given;

/** Runs a script on a fresh browser and prints what it returns as JSON. `expected` is a message it provokes. */
export async function drive(script, { expected, ...options } = {}) {
  const browser = await chromium.launchPersistentContext(mkdtempSync(join(given.home, "chromium-")), {
    executablePath: given.chromium,
    args: FLAGS,
    headless: true,
    viewport: { width: 1440, height: 900 },
    acceptDownloads: true,
    permissions: ["clipboard-read", "clipboard-write"],
    ...options,
  });
  browser.setDefaultTimeout(PATIENCE_MS);
  const seen = [];
  const watch = (page) => {
    page.on("pageerror", (error) => seen.push(`error: ${error.message}\n${error.stack}`));
    page.on("console", (message) => isWrong(message, expected) && seen.push(`console: ${message.text()}`));
    page.on("request", (request) => isOutside(request.url()) && seen.push(`request: ${request.url()}`));
    page.on("response", (response) => response.status() >= 500 && seen.push(`answer: ${response.status()} ${response.url()}`));
  };
  browser.pages().forEach(watch);
  browser.on("page", watch);
  const page = browser.pages()[0] ?? (await browser.newPage());
  let result;
  try {
    result = await script(page, browser);
  } catch (error) {
    await shot(page, "failed").catch(() => {});
    console.error(`${error.stack}\nat ${page.url()}\n${seen.join("\n")}\n${await page.locator("body").innerText().catch(() => "")}`);
    process.exitCode = 1;
    return browser.close();
  }
  await browser.close();
  if (seen.length) {
    console.error(`what a page must not do:\n${seen.join("\n")}`);
    process.exitCode = 1;
    return;
  }
  console.log(JSON.stringify(result ?? {}));
}

/** Refusals of the server are part of some scripts, and the browser writes each of them down. */
function isWrong(message, expected) {
  if (expected?.test(message.text())) return false;
  return ["error", "warning"].includes(message.type()) && !message.text().startsWith("Failed to load resource");
}

function isOutside(url) {
  return !url.startsWith(`${admin}/`) && !url.startsWith("blob:") && !url.startsWith("data:");
}

/** Goes to a place within the page. */
export async function visit(page, place) {
  await page.goto(`${admin}/ui/${place}`);
  await page.locator("main").waitFor();
}

/** Waits until everything that a screen asks for first is there. */
export async function settled(page) {
  await page.locator("main h1").waitFor();
  await page.waitForFunction(() => !document.querySelector(".skeleton, .is-loading") && !document.querySelector("main")?.innerText.includes("loading …"));
  await page.evaluate(() => document.fonts.ready.then(() => new Promise(requestAnimationFrame)));
}

/** Takes a picture into target/ui-shots. */
export async function shot(page, name) {
  mkdirSync(given.shots, { recursive: true });
  await page.screenshot({ path: join(given.shots, `${name}.png`) });
}

/** Waits until something is so. */
export async function until(what, look, patienceMs = PATIENCE_MS) {
  const end = Date.now() + patienceMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`it never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Asks the admin API, beside the page. */
export async function ask(path, init) {
  const response = await fetch(admin + path, init);
  const text = await response.text();
  return text === "" ? null : JSON.parse(text);
}

/** Sends to a handler over the ingress, null to one without input, and returns the id of the invocation. */
export async function send(path, input) {
  const json = { headers: { "content-type": "application/json" }, body: JSON.stringify(input) };
  const init = { method: "POST", ...(input === null ? {} : json) };
  const response = await fetch(`${ingress}/${path}/send`, init);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()).invocationId;
}

/** Waits for the status of an invocation, beside the page. */
export function ended(id, status = "completed") {
  return until(`${id} is ${status}`, async () => {
    const invocation = await ask(`/invocations/${id}`);
    return invocation.status === status && invocation;
  });
}
