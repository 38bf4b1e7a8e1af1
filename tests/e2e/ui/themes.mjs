// Light and dark, by the system or by hand; and a window as narrow as a phone.

import { visit } from "./page.mjs";

export async function themes(page) {
  await page.emulateMedia({ colorScheme: "dark" });
  await visit(page, "settings");
  const isDark = () => page.evaluate(() => matchMedia("(prefers-color-scheme: dark)").matches && brightness() < 60);
  await page.addInitScript(brightness);
  await page.reload();
  const bySystem = await isDark();
  const theme = page.getByRole("group", { name: "Theme" });
  await theme.getByRole("button", { name: "light" }).click();
  const byHand = await page.evaluate(() => brightness() > 200);
  await page.reload();
  const isKept = await page.evaluate(() => brightness() > 200);
  await theme.getByRole("button", { name: "system" }).click();
  const isBack = await isDark();

  await page.setViewportSize({ width: 390, height: 844 });
  await visit(page, "");
  const nav = page.getByRole("navigation");
  const box = await nav.boundingBox();
  const isAtBottom = Math.round(box.y + box.height) === 844 && Math.round(box.width) === 390;
  await nav.getByRole("link", { name: "Invocations" }).click();
  await page.locator(".vrow").first().click();
  await page.getByRole("link", { name: "Settings", exact: true }).click();
  await page.getByRole("heading", { name: "Settings" }).waitFor();
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.emulateMedia({ colorScheme: "light" });
  return { bySystem, byHand, isKept, isBack, isAtBottom };
}

/** How bright the ground is, of 255. */
function brightness() {
  globalThis.brightness = () => {
    const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number);
    return (r + g + b) / 3;
  };
}
