// Every screen in light, dark and narrow: pictures to look at, and what must hold of each.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { faint, look } from "./look.mjs";
import { admin, ask, drive, ended, extra, given, send, settled } from "./page.mjs";

const SUBSCRIPTION = { userId: "user-123", creditCard: "4111111111111111", subscriptions: ["Hulu", "Prime"] };
const PAYMENT = { amount: 100, currency: "USD", customerId: "cust-123", orderId: "order-456" };
const TICKET = { ticketId: "ticket-789", price: 100, customerEmail: "me@mail.com", concertDate: "2035-10-01T20:00:00Z" };
const KINDS = {
  light: { colorScheme: "light", width: 1440, height: 900 },
  dark: { colorScheme: "dark", width: 1440, height: 900 },
  narrow: { colorScheme: "light", width: 390, height: 844 },
};

await drive(async (page) => {
  const made = await make();
  const places = {
    overview: "",
    invocations: "invocations",
    retrying: `invocations/${made.retrying}`,
    failures: `invocations/${made.retrying};tab=failures`,
    logs: `invocations/${made.retrying};tab=logs`,
    waiting: `invocations/${made.waiting}`,
    saga: `invocations/${made.saga}`,
    ticket: `invocations/${made.ticket}`,
    queued: `invocations/${made.queued}`,
    deadlock: `invocations/${made.deadlock}`,
    mismatch: `invocations/${made.mismatch}`,
    objects: "objects;service=Thing",
    object: "objects/UserSubscriptions;key=user-123",
    services: "services",
    service: "services/SubscriptionService",
    call: "services/SubscriptionService;tab=call",
    deployments: "deployments",
    deployment: `deployments/${extra.tour}`,
    sql: "sql;query=SELECT%20id,%20target,%20status%20FROM%20sys_invocation%20LIMIT%2020",
    settings: "settings",
  };
  mkdirSync(given.shots, { recursive: true });
  const wrong = [];
  for (const [kind, { colorScheme, ...size }] of Object.entries(KINDS)) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize(size);
    for (const [name, place] of Object.entries(places)) {
      await page.goto(`${admin}/ui/${place}`);
      await settled(page);
      if (name === "ticket") {
        await page.getByRole("button", { name: "Show its journal" }).first().click();
        await page.getByText("it asked for nothing").waitFor();
      }
      await page.screenshot({ path: join(given.shots, `${name}-${kind}.png`) });
      for (const fault of await page.evaluate(look)) wrong.push(`${name} (${kind}): ${fault}`);
      for (const fault of await page.evaluate(faint)) wrong.push(`${name} (${kind}) can hardly be read: ${fault}`);
    }
  }
  return { wrong };
}, { ignoreHTTPSErrors: true });

/** One invocation of every sort that is worth a picture. */
async function make() {
  for (let n = 0; n < 4; n += 1) await send("SubscriptionService/add", SUBSCRIPTION);
  const retrying = await send("SubscriptionService/add", { ...SUBSCRIPTION, subscriptions: ["Hulu", "Prime", "Netflix"] });
  const saga = await send("SubscriptionSaga/add", { ...SUBSCRIPTION, subscriptions: ["Hulu", "Prime", "Disney"] });
  for (const name of ["Hulu", "Prime", "Disney"]) await send("UserSubscriptions/user-123/add", name);
  const ticket = await send("ConcertTicketingService/buy", TICKET);
  const waiting = await send("Payments/process", PAYMENT);
  await send("ParallelSubscriptionService/add", SUBSCRIPTION);
  const holder = await send("Thing/busy/script", [{ do: "awakeable", name: "approval" }, { do: "await", of: 0 }]);
  await ended(holder, "suspended");
  const queued = await send("Thing/busy/script", []);
  const self = { service: "Thing", key: "knot", handler: "script" };
  const deadlock = await send("Thing/knot/script", [{ do: "call", to: self, input: [] }]);
  const mismatch = await send("Misbehaving/changingMind", null);
  await Promise.all([ended(saga), ended(ticket), ended(waiting, "suspended")]);
  await ask(`/deployments/${extra.misbehaving}`, { method: "PATCH", headers: { "content-type": "application/json" }, body: JSON.stringify({ env: { MIND: "changed" } }) });
  await ended(mismatch, "paused");
  return { retrying, saga, ticket, waiting, queued, deadlock, mismatch };
}
