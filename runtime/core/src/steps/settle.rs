//! An operation gets its outcome: a running guest hears of it, a suspended one wakes.
//!
//! Invariant: an outcome is written once; a second one is ignored.

use crate::command::{Command, Expected, FinishedRun, Settle};
use crate::effect::Effect;
use crate::entry::{Entry, EntryRow, Outcome, OutcomeRow, Settled};
use crate::ids::{CANCEL_OP, InvocationId, OpId};
use crate::invocation::{InvocationRow, Phase};
use crate::rows::{Row, RowKey, Rows};
use crate::step::Place;
use crate::steps::full;
use crate::time::Timestamp;

/// Settles an operation from afar, if it is what the outcome is for.
pub fn apply(place: Place, rows: &mut Rows, settle: Settle, effects: &mut Vec<Effect>) {
    let Settle { invocation: id, op, expected, outcome } = settle;
    if rows.entry(id, op).is_some_and(|row| expected.is_met_by(row)) {
        once(place, rows, id, op, outcome, effects);
        stop_overfull(place, rows, id, effects);
    }
}

/// A guest that runs keeps all that it hears, and others may have any number of outcomes for it.
pub fn stop_overfull(place: Place, rows: &mut Rows, id: InvocationId, effects: &mut Vec<Effect>) {
    let overfull = rows.invocation(id).filter(|row| row.is_overfull());
    if let Some(attempt) = overfull.and_then(InvocationRow::running_attempt) {
        effects.push(Effect::StopAttempt { invocation: id, attempt });
        full::stop(place, rows, id, full::too_many_bytes(), effects);
    }
}

impl Expected {
    fn is_met_by(&self, row: &EntryRow) -> bool {
        match (self, &row.entry) {
            (Self::Sleep { at }, Entry::Sleep { duration_ms, .. }) => row.at.plus_millis(*duration_ms) == *at,
            (Self::Answer { callee }, Entry::Call(request)) => request.child == *callee,
            (Self::Answer { callee }, Entry::Attach { invocation }) => invocation == callee,
            (Self::Awakeable, Entry::Awakeable { .. }) => true,
            (Self::Signal { name }, Entry::ReceiveSignal { name: wanted }) => name == wanted,
            (Self::Promise { name }, Entry::GetPromise { name: wanted }) => name == wanted,
            _ => false,
        }
    }
}

/// Settles an operation unless it has its outcome already.
pub fn once(
    place: Place,
    rows: &mut Rows,
    id: InvocationId,
    op: OpId,
    outcome: Outcome,
    effects: &mut Vec<Effect>,
) {
    if !rows.contains(&RowKey::Outcome(id, op)) {
        record(place, rows, id, op, outcome, effects);
    }
}

/// Settles a run block whose outcome the guest has heard. Returns false when it is not at the place that the guest took
/// for granted: a cancellation was there before.
pub fn heard(
    place: Place,
    rows: &mut Rows,
    id: InvocationId,
    run: FinishedRun,
    effects: &mut Vec<Effect>,
) -> bool {
    let FinishedRun { op, outcome, heard } = run;
    let order = rows.invocation(id).map(|row| row.outcomes_len);
    match heard.filter(|heard| Some(heard.order) == order && !rows.contains(&RowKey::Outcome(id, op))) {
        Some(heard) => write(place, heard.at, rows, id, op, outcome).is_some(),
        None => {
            once(place, rows, id, op, outcome, effects);
            false
        }
    }
}

/// Records an outcome that is known to be the first of its operation, and tells the guest.
pub fn record(
    place: Place,
    rows: &mut Rows,
    id: InvocationId,
    op: OpId,
    outcome: Outcome,
    effects: &mut Vec<Effect>,
) {
    if let Some(settled) = write(place, place.now, rows, id, op, outcome)
        && let Some(row) = rows.invocation(id)
    {
        effects.extend(tell(id, row, settled));
    }
}

/// Writes the next outcome of the journal, if it has the operation. Nobody is told.
pub fn write(
    place: Place,
    at: Timestamp,
    rows: &mut Rows,
    id: InvocationId,
    op: OpId,
    outcome: Outcome,
) -> Option<Settled> {
    let row = rows.invocation_mut(id)?;
    if op >= row.entries_len && op != CANCEL_OP {
        return None;
    }
    let order = row.outcomes_len;
    row.outcomes_len += 1;
    row.journal_bytes += outcome.bytes() as u64;
    row.modified_at = place.now;
    row.run_tries.remove(&op);
    row.open_sleeps.remove(&op);
    row.open_calls.callees.remove(&op);
    row.open_promises.remove(&op);
    row.open_attaches.remove(&op);
    let settled = Settled { op, order, at, outcome: outcome.clone() };
    rows.put(RowKey::Outcome(id, op), Row::Outcome(OutcomeRow { order, at, outcome }));
    Some(settled)
}

fn tell(id: InvocationId, row: &InvocationRow, settled: Settled) -> Option<Effect> {
    let is_cancel = settled.op == CANCEL_OP;
    let wakes = match &row.phase {
        Phase::Running { attempt } => {
            return Some(Effect::Deliver { invocation: id, attempt: *attempt, settled });
        }
        Phase::Suspended { waiting_on } => is_cancel || waiting_on.contains(settled.op),
        Phase::BackingOff { waiting_on, .. } => {
            is_cancel || waiting_on.as_ref().is_some_and(|ops| ops.contains(settled.op))
        }
        // Somebody has to look first, unless it shall end anyway.
        Phase::Paused { .. } => is_cancel,
        Phase::Scheduled { .. } | Phase::Queued { .. } | Phase::Completed { .. } => false,
    };
    let service = row.target.service.clone();
    wakes.then_some(Effect::Then(Command::Begin { invocation: id, service, input: None }))
}
