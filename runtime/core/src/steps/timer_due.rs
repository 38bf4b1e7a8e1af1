//! A due timer becomes a settle, a begin, a retry or a purge.

use crate::command::{Command, Expected, Settle, Timer, TimerKind};
use crate::effect::Effect;
use crate::entry::Outcome;
use crate::invocation::Phase;
use crate::retention::KeptUntil;
use crate::rows::Rows;
use crate::step::Place;
use crate::steps::{purge, submit, timers, unclaimed};

pub fn apply(place: Place, rows: &mut Rows, timer: Timer, effects: &mut Vec<Effect>) {
    if timer.at > place.now {
        // The clock went backwards: a timer is never early.
        effects.push(Effect::ArmTimer(timer));
        return;
    }
    timers::disarm(rows, timer);
    match timer.kind {
        TimerKind::Sleep { op } => {
            let expected = Expected::Sleep { at: timer.at };
            let settle = Settle { invocation: timer.invocation, op, expected, outcome: Outcome::Empty };
            effects.push(Effect::Then(Command::Settle(settle)));
        }
        TimerKind::Begin | TimerKind::Retry { .. } => effects.extend(begin(rows, timer)),
        TimerKind::PurgeJournal => {
            if kept_until(rows, timer).is_some_and(|kept_until| timer.at >= kept_until.journal) {
                purge::journal(place, rows, timer.invocation, effects);
            }
        }
        TimerKind::Purge => {
            if kept_until(rows, timer).is_some_and(|kept_until| timer.at >= kept_until.answer) {
                let purge = Command::Purge { invocation: timer.invocation, ticket: None };
                effects.push(Effect::Then(purge));
            }
        }
        TimerKind::PurgeUnclaimed => unclaimed::due(place, rows, timer, effects),
    }
}

/// Returns how long the invocation is kept. An earlier timer was for an earlier one with this id.
fn kept_until(rows: &Rows, timer: Timer) -> Option<KeptUntil> {
    rows.completed(timer.invocation).and_then(KeptUntil::of)
}

/// Begins an attempt if the invocation still waits for this very timer.
fn begin(rows: &Rows, timer: Timer) -> Option<Effect> {
    let id = timer.invocation;
    let row = rows.invocation(id)?;
    match (&row.phase, timer.kind) {
        (Phase::Scheduled { at }, TimerKind::Begin) if *at == timer.at => {
            Some(Effect::Then(submit::first(id, &row.target, None)))
        }
        (Phase::BackingOff { attempt, until, .. }, TimerKind::Retry { attempt: of })
            if *attempt == of && *until == timer.at =>
        {
            let service = row.target.service.clone();
            Some(Effect::Then(Command::Begin { invocation: id, service, input: None }))
        }
        _ => None,
    }
}
