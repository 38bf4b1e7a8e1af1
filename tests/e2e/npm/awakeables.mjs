// Awakeables: the id comes from the handler that waits, the value from here.

import { eventually, ingress, refusal, report, rpc } from "./ingress.mjs";

const WAIT = [
  { do: "awakeable" },
  { do: "set", name: "id", value: "$0" },
  { do: "try", step: { do: "await", of: 0 } },
];

/** Lets the object of this key wait, and returns the awakeable's id and what waits for its result. */
async function waiting(key) {
  const once = rpc.sendOpts({ idempotencyKey: key });
  const sent = await ingress.objectSendClient({ name: "Thing" }, key).script(WAIT, once);
  const thing = ingress.objectClient({ name: "Thing" }, key);
  const id = await eventually(async () => (await thing.look([{ do: "get", name: "id" }]))[0]);
  return { id, result: async () => (await ingress.result(sent))[2] };
}

async function resolved() {
  const { id, result } = await waiting("resolved");
  await ingress.resolveAwakeable(id, { paid: true });
  const value = await result();
  // Whoever sends twice is not told off, and changes nothing.
  await ingress.resolveAwakeable(id, { paid: false });
  await ingress.rejectAwakeable(id, "too late");
  return { looksLikeOne: /^sign_1/.test(id), value, still: await result() };
}

async function resolvedWithNothing() {
  const { id, result } = await waiting("nothing");
  await ingress.resolveAwakeable(id);
  return await result();
}

async function rejected() {
  const { id, result } = await waiting("rejected");
  await ingress.rejectAwakeable(id, "the card is expired – sorry");
  return await result();
}

report({
  resolved: await resolved(),
  resolvedWithNothing: await resolvedWithNothing(),
  rejected: await rejected(),
  noId: await refusal(ingress.resolveAwakeable("sign_xx", 1)),
});
