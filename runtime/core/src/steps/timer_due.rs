//! A due timer becomes a settle, a begin or a retry.

use crate::command::{Command, Timer, TimerKind};
use crate::effect::Effect;
use crate::entry::Outcome;
use crate::invocation::Phase;
use crate::rows::{RowKey, Rows};
use crate::step::Place;

pub fn apply(place: Place, rows: &mut Rows, timer: Timer, effects: &mut Vec<Effect>) {
    if timer.at > place.now {
        // The clock went backwards: a timer is never early.
        effects.push(Effect::ArmTimer(timer));
        return;
    }
    rows.delete(RowKey::Timer(timer));
    match timer.kind {
        TimerKind::Sleep { op } => {
            let (invocation, outcome) = (timer.invocation, Outcome::Empty);
            effects.push(Effect::Then(Command::Settle { invocation, op, outcome }));
        }
        TimerKind::Begin | TimerKind::Retry { .. } => effects.extend(begin(rows, timer)),
    }
}

/// Begins an attempt if the invocation still waits for this very timer.
fn begin(rows: &Rows, timer: Timer) -> Option<Effect> {
    let row = rows.invocation(timer.invocation)?;
    let waits = match (&row.phase, timer.kind) {
        (Phase::Scheduled { .. }, TimerKind::Begin) => true,
        (Phase::BackingOff { attempt, .. }, TimerKind::Retry { attempt: of }) => *attempt == of,
        _ => false,
    };
    let service = row.target.service.clone();
    waits.then_some(Effect::Then(Command::Begin { invocation: timer.invocation, service, input: None }))
}
