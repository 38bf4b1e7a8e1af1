// One-way calls, with and without a delay, and how to come back for their results.

import { eventually, ingress, refusal, report, rpc, shape } from "./ingress.mjs";

const probe = ingress.serviceSendClient({ name: "Probe" });
const register = ingress.objectClient({ name: "Register" }, "ann");

async function withKey() {
  const once = rpc.sendOpts({ idempotencyKey: "greet" });
  const sent = await probe.hello({ name: "Ann" }, once);
  const result = await ingress.result(sent);
  const again = await probe.hello({ name: "Bob" }, once);
  return {
    sent: shape(sent),
    result,
    again: shape(again),
    isSame: sent.invocationId === again.invocationId,
    stored: await ingress.result(again),
  };
}

async function withoutKey() {
  const sent = await ingress.objectSendClient({ name: "Register" }, "ann").add(3);
  const isThere = async () => ((await register.read()) === 3 ? true : undefined);
  const refused = await ingress.result(sent).catch((error) => error.message.split(".")[0]);
  return {
    sent: shape(sent),
    arrived: await eventually(isThere),
    isRefused: refused === `Unable to fetch the result for ${sent.invocationId}`,
  };
}

async function delayed() {
  const add = (opts) => ingress.send({ service: "Register", key: "ann", handler: "add", parameter: 4, opts });
  const hourLater = rpc.sendOpts({ idempotencyKey: "later", delay: { hours: 1 } });
  const [later, again] = [await add(hourLater), await add(hourLater)];
  const early = await register.read();

  const begin = Date.now();
  const sent = await add(rpc.sendOpts({ idempotencyKey: "soon", delay: 500 }));
  const result = await ingress.result(sent);
  return {
    later: shape(later),
    again: shape(again),
    isSame: later.invocationId === again.invocationId,
    early,
    sent: shape(sent),
    result,
    isInTime: Date.now() - begin >= 500,
  };
}

async function failures() {
  const failing = rpc.sendOpts({ idempotencyKey: "failing" });
  const sent = await probe.terminal({ message: "no tea", code: 418 }, failing);
  const nobody = { ...sent, invocationId: sent.invocationId.slice(0, -4) + "0000" };
  return {
    attached: await refusal(ingress.result(sent)),
    stored: await refusal(ingress.result(sent)),
    unknown: await refusal(ingress.result(nobody)),
    unknownHandler: await refusal(probe.nope()),
  };
}

report({
  withoutKey: await withoutKey(),
  withKey: await withKey(),
  delayed: await delayed(),
  failures: await failures(),
});
