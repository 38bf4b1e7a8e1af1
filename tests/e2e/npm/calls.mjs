// Calls of services and objects, idempotency keys, what is refused.

import { connect, ingress, refusal, report, rpc, serde, url } from "./ingress.mjs";

const probe = ingress.serviceClient({ name: "Probe" });
const register = (key, through = ingress) => through.objectClient({ name: "Register" }, key);
const text = {
  contentType: "text/plain",
  serialize: (value) => new TextEncoder().encode(value),
  deserialize: (bytes) => new TextDecoder().decode(bytes),
};

async function payloads() {
  const bytes = new Uint8Array([0, 255, 10]);
  const binary = rpc.opts({ input: serde.binary, output: serde.binary });
  return {
    json: await probe.hello({ name: "Ann" }),
    byName: await ingress.call({ service: "Probe", handler: "hello", parameter: { name: "Bob" } }),
    null: await probe.echo(null),
    nothing: await probe.nothing(),
    empty: await probe.nothing(undefined, rpc.opts({ input: serde.empty, output: serde.empty })),
    binary: Array.from(await probe.binary(bytes, binary)),
    text: await probe.text("grüezi", rpc.opts({ input: text, output: text })),
  };
}

async function objects() {
  const odd = "a/b ä%2F?";
  await register("ann").add(5);
  return {
    sum: await register("ann").add(2),
    read: await register("ann").read(),
    other: await register("bob").read(),
    oddSum: await register(odd).add(1),
    oddKey: await ingress.call({ service: "Thing", key: odd, handler: "key" }),
  };
}

async function headers() {
  const user = connect({ url, headers: { "x-user": "ann", "x-from": "default" } });
  const client = user.serviceClient({ name: "Probe" });
  const { headers } = await client.headers({}, rpc.opts({ headers: { "x-from": "call" } }));
  return [headers["x-user"], headers["x-from"], headers["x-restate-ingress-path"]];
}

async function idempotency() {
  const random = (key) => probe.random({}, rpc.opts({ idempotencyKey: key }));
  const [first, again, other] = [await random("one"), await random("one"), await random("two")];

  // The caller gives up, and asks again: the handler still works on the first request.
  const nap = { ms: 400 };
  const hasty = probe.sleep(nap, rpc.opts({ idempotencyKey: "nap", timeout: 100 }));
  const givenUp = await hasty.catch((error) => error.name);
  const rested = await probe.sleep(nap, rpc.opts({ idempotencyKey: "nap" }));

  // The request arrives, its answer does not, and the client sends it again.
  let requests = 0;
  const losesTheFirstAnswer = async (...request) => {
    const response = await fetch(...request);
    requests += 1;
    if (requests > 1) return response;
    await response.arrayBuffer();
    throw new TypeError("the connection broke");
  };
  const careful = connect({ url, fetch: losesTheFirstAnswer, retry: { initialInterval: 1 } });
  const retried = await register("retried", careful).add(1, rpc.opts({ idempotencyKey: "add" }));
  return {
    isSame: first.uuid === again.uuid,
    isOther: first.uuid !== other.uuid,
    givenUp,
    rested,
    requests,
    retried,
    counted: await register("retried").read(),
  };
}

async function refusals() {
  const failure = { message: "no tea", code: 418, metadata: { pot: "short" } };
  return {
    terminal: await refusal(probe.terminal(failure)),
    unknownService: await refusal(ingress.serviceClient({ name: "Nope" }).hello()),
    unknownHandler: await refusal(probe.nope()),
    private: await refusal(ingress.serviceClient({ name: "Hidden" }).hi(1)),
    badInput: await refusal(register("ann").add("much")),
  };
}

report({
  payloads: await payloads(),
  objects: await objects(),
  headers: await headers(),
  idempotency: await idempotency(),
  refusals: await refusals(),
});
