// The handlers of tests/components/bench, for the TypeScript SDK: same names, same work, same answers.
// The address comes as the argument. Nothing is logged: that can only make it faster.

import { createEndpointHandler, handlers, object, service } from "@restatedev/restate-sdk";
import { createServer } from "node:http2";

const MESSAGES = 100;

const greeter = service({
  name: "Greeter",
  handlers: {
    greet: async (_ctx, name) => `Hello ${name}!`,
  },
});

/** Returns a handler that adds up so many run blocks, one after the other. */
function sumOfSteps(count) {
  return async (ctx) => {
    let sum = 0;
    for (let n = 0; n < count; n++) {
      sum += await ctx.run(`step-${n}`, async () => n);
    }
    return sum;
  };
}

const steps = service({ name: "Steps", handlers: { three: sumOfSteps(3), ten: sumOfSteps(10) } });

const counter = object({
  name: "Counter",
  handlers: {
    add: async (ctx, n) => {
      const count = ((await ctx.get("count")) ?? 0) + n;
      ctx.set("count", count);
      return count;
    },
    get: handlers.object.shared(async (ctx) => (await ctx.get("count")) ?? 0),
  },
});

const chainC = service({
  name: "ChainC",
  handlers: { call: async (_ctx, text) => text + "C" },
});

const chainB = service({
  name: "ChainB",
  handlers: { call: (ctx, text) => ctx.serviceClient(chainC).call(text + "B") },
});

const chainA = service({
  name: "ChainA",
  handlers: { call: (ctx, text) => ctx.serviceClient(chainB).call(text + "A") },
});

const sink = service({
  name: "Sink",
  handlers: { take: async (_ctx, _n) => {} },
});

const fanout = service({
  name: "Fanout",
  handlers: {
    // Returns the id of the last one: who attaches to it knows when the messages have been taken.
    hundred: async (ctx) => {
      let last;
      for (let n = 0; n < MESSAGES; n++) {
        last = ctx.serviceSendClient(sink).take(n);
      }
      return await last.invocationId;
    },
  },
});

const sleeper = service({
  name: "Sleeper",
  handlers: {
    sleep: async (ctx, millis) => {
      const before = await ctx.run("before", async () => "b");
      await ctx.sleep(millis);
      await ctx.run("after", async () => "a");
      return before;
    },
    nap: async (ctx, millis) => {
      await ctx.sleep(millis);
      return "b";
    },
  },
});

const services = [greeter, steps, counter, chainA, chainB, chainC, fanout, sink, sleeper];
const [host, port] = process.argv[2].split(":");
createServer(createEndpointHandler({ services, logger: () => {} })).listen(Number(port), host);
