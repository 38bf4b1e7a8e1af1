//! An attempt begins: the first one pins the deployment, every one gets a new number.
//!
//! None begins on a journal that others have filled beyond its limit: it would be in memory before its guest asks anything.

use crate::command::{Timer, TimerKind};
use crate::effect::{AttemptStart, Effect};
use crate::entry::Answer;
use crate::ids::InvocationId;
use crate::invocation::{InputRow, Phase};
use crate::rows::Rows;
use crate::step::Place;
use crate::steps::{complete, full, pin, timers};

pub fn apply(
    place: Place,
    rows: &mut Rows,
    id: InvocationId,
    service: &str,
    input: Option<InputRow>,
    effects: &mut Vec<Effect>,
) {
    let Some(row) = rows.invocation(id) else { return };
    match row.phase {
        Phase::Scheduled { .. } | Phase::Suspended { .. } | Phase::Paused { .. } => {}
        Phase::Queued { .. } => {
            // Only the one that is granted the key leaves the queue this way.
            let row = rows.invocation_mut(id).expect("the invocation is there: read above");
            row.holds_key = true;
            row.phase = Phase::Scheduled { at: place.now };
        }
        Phase::BackingOff { attempt, until: at, .. } => {
            // It may be early: then nobody waits for the timer any more.
            timers::disarm(rows, Timer { at, invocation: id, kind: TimerKind::Retry { attempt } });
        }
        // Two outcomes of one transaction may both have asked for it.
        Phase::Running { .. } => return,
        Phase::Completed { .. } => unreachable!("a completed invocation is not stored as live"),
    }
    let row = rows.invocation(id).expect("the invocation is there: read above");
    if row.deployment.is_none()
        && let Err(failure) = pin::newest(rows, id, service)
    {
        complete::complete(place, rows, id, Answer::Failure(failure), effects);
        return;
    }
    let row = rows.invocation_mut(id).expect("the invocation is there: checked above");
    row.begun_at.get_or_insert(place.now);
    start(place, rows, id, input, effects);
}

/// Starts the next attempt of an invocation whose deployment is pinned.
pub fn start(
    place: Place,
    rows: &mut Rows,
    id: InvocationId,
    input: Option<InputRow>,
    effects: &mut Vec<Effect>,
) {
    let Some(row) = rows.invocation_mut(id) else { return };
    if row.is_overfull() {
        full::stop(place, rows, id, full::too_many_bytes(), effects);
        return;
    }
    row.attempts += 1;
    row.phase = Phase::Running { attempt: row.attempts };
    row.modified_at = place.now;
    let begins = AttemptStart {
        invocation: id,
        attempt: row.attempts,
        birth: row.birth,
        seed: row.seed.unwrap_or(id),
        entries_kept: row.entries_kept,
        deployment: row.deployment.clone().expect("the deployment is pinned before the first attempt"),
        target: row.target.clone(),
        kind: row.kind,
        mode: row.mode,
        begun_at: row.begun_at.expect("set before the first attempt"),
        entries_len: row.entries_len,
        outcomes_len: row.outcomes_len,
        journal_bytes: row.journal_bytes,
        held: row.run_tries.iter().map(|(op, tries)| (*op, tries.retry_at)).collect(),
        input,
    };
    effects.push(Effect::StartAttempt(begins));
    if row.entries_len > 0 {
        // Run blocks of earlier attempts may be in writes that are not durable yet.
        effects.push(Effect::AllowRuns { invocation: id, attempt: row.attempts, until: row.entries_len });
    }
}
