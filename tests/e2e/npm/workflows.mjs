// A workflow: submitted, looked at, decided by a shared handler, awaited.

import { eventually, ingress, refusal, report, rpc, shape } from "./ingress.mjs";

const loanOf = (key) => ingress.workflowClient({ name: "Loan" }, key);

async function approved() {
  const loan = loanOf("ann/1 ä");
  const submitted = await loan.workflowSubmit(500);
  const early = await loan.workflowOutput();
  const status = await eventually(() => loan.status());
  const again = await loan.workflowSubmit(700);
  const called = await refusal(loan.run(700));

  const attached = loan.workflowAttach();
  const decided = await loan.decide(true);
  const result = await attached;
  return {
    submitted: shape(submitted),
    early: early.ready,
    status,
    again: shape(again),
    isSame: again.invocationId === submitted.invocationId,
    called,
    decided,
    attached: result,
    attachedLate: await loan.workflowAttach(),
    output: await loan.workflowOutput(),
    byId: await ingress.result(submitted),
    statusLate: await loan.status(),
    againLate: shape(await loan.workflowSubmit(900)),
  };
}

async function refused() {
  const loan = loanOf("bob");
  await loan.workflowSubmit(1_000_000);
  await loan.decide(false, rpc.opts({ idempotencyKey: "click" }));
  return {
    attached: await refusal(loan.workflowAttach()),
    output: await refusal(loan.workflowOutput()),
    // The first click's answer, although the decision was made.
    clickedAgain: await loan.decide(false, rpc.opts({ idempotencyKey: "click" })),
  };
}

/** Calls a workflow and waits for its end, while somebody else decides. */
async function called() {
  const loan = loanOf("eve");
  const running = loan.run(20);
  await eventually(() => loan.status());
  await loan.decide(true);
  return await running;
}

async function misuses() {
  const loan = loanOf("nobody");
  return {
    attach: await refusal(loan.workflowAttach()),
    output: await refusal(loan.workflowOutput()),
    idempotencyKey: await refusal(loan.workflowSubmit(1, rpc.sendOpts({ idempotencyKey: "k" }))),
  };
}

report({
  approved: await approved(),
  refused: await refused(),
  called: await called(),
  misuses: await misuses(),
});
