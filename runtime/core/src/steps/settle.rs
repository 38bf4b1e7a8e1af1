//! An entry gets its outcome: a running guest hears of it, a suspended one wakes.
//!
//! Invariant: an outcome is written once; a second settle is ignored.

use crate::command::Command;
use crate::effect::Effect;
use crate::entry::{Outcome, OutcomeRow, Settled};
use crate::ids::{InvocationId, OpId};
use crate::invocation::{InvocationRow, Phase};
use crate::rows::{Row, RowKey, Rows};
use crate::step::Place;

pub struct Settle {
    pub invocation: InvocationId,
    pub op: OpId,
    pub outcome: Outcome,
}

pub fn apply(place: Place, rows: &mut Rows, settle: Settle, effects: &mut Vec<Effect>) {
    let Settle { invocation: id, op, outcome } = settle;
    if rows.contains(&RowKey::Outcome(id, op)) {
        return;
    }
    let Some(row) = rows.invocation_mut(id) else { return };
    if op >= row.entries_len {
        return;
    }
    let order = row.outcomes_len;
    row.outcomes_len += 1;
    row.modified_at = place.now;
    row.run_tries.remove(&op);
    row.open_sleeps.remove(&op);
    let settled = Settled { op, order, at: place.now, outcome: outcome.clone() };
    effects.extend(tell(id, row, settled));
    let row = OutcomeRow { order, at: place.now, outcome };
    rows.put(RowKey::Outcome(id, op), Row::Outcome(row));
}

fn tell(id: InvocationId, row: &InvocationRow, settled: Settled) -> Option<Effect> {
    let waiting_on = match &row.phase {
        Phase::Running { attempt } => {
            return Some(Effect::Deliver { invocation: id, attempt: *attempt, settled });
        }
        Phase::Suspended { waiting_on } => Some(waiting_on),
        Phase::BackingOff { waiting_on, .. } => waiting_on.as_ref(),
        Phase::Scheduled { .. } | Phase::Paused { .. } | Phase::Completed { .. } => None,
    };
    waiting_on.filter(|ops| ops.contains(settled.op)).map(|_| {
        let service = row.target.service.clone();
        Effect::Then(Command::Begin { invocation: id, service, input: None })
    })
}
