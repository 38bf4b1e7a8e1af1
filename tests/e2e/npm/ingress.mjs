// What the scripts share: the ingress that the command line names, and how they tell what they found.

import { HttpCallError, connect, rpc, serde } from "@restatedev/restate-sdk-clients";

export { connect, rpc, serde };

export const url = process.argv[2];
export const ingress = connect({ url });

const LIMIT_MS = 60_000;
const PAUSE_MS = 20;

// A request that is never answered must not hold up the tests.
const watchdog = setTimeout(() => {
  console.error(`no end after ${LIMIT_MS} ms`);
  process.exit(1);
}, LIMIT_MS);
watchdog.unref();

/** Prints what a script found, with null where JavaScript has undefined. */
export function report(found) {
  console.log(JSON.stringify(found, (_name, value) => value ?? null));
}

/** Returns the status and the body of a request that must be refused. */
export async function refusal(request) {
  try {
    return { answered: await request };
  } catch (error) {
    if (!(error instanceof HttpCallError)) throw error;
    return { status: error.status, body: JSON.parse(error.responseText) };
  }
}

/** Asks until there is an answer. */
export async function eventually(ask) {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== null) return answer;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** Says what an answer to a send has, without what is another one each time. */
export function shape(sent) {
  const { invocationId, executionTime, ...rest } = sent;
  return {
    ...rest,
    hasId: /^inv_1[0-9A-Za-z]+$/.test(invocationId),
    hasTime: executionTime !== undefined && !Number.isNaN(Date.parse(executionTime)),
  };
}
