//! An attempt is over: the invocation completes, waits, tries again or pauses.

use crate::command::{End, Ended, Timer, TimerKind};
use crate::effect::Effect;
use crate::entry::{Answer, Failure};
use crate::ids::{InvocationId, OpId};
use crate::invocation::{AttemptFailure, InvocationRow, PauseReason, Phase, WaitSet};
use crate::limits::{self, LOSSES_FREE, LOSSES_MAX};
use crate::retry::OnMaxAttempts;
use crate::rows::Rows;
use crate::step::Place;
use crate::steps::{begin, complete, timers};
use crate::time::Timestamp;

pub fn apply(place: Place, rows: &mut Rows, ended: Ended, effects: &mut Vec<Effect>) {
    let Ended { invocation: id, attempt, end, jitter } = ended;
    let Some(row) = rows.invocation_mut(id) else { return };
    if row.running_attempt() != Some(attempt) {
        return;
    }
    row.modified_at = place.now;
    if !matches!(end, End::Lost | End::Stopped) {
        row.losses = 0;
    }
    match end {
        End::Returned(value) => complete::complete(place, rows, id, Answer::Value(value), effects),
        End::Failed(failure) => {
            complete::complete(place, rows, id, Answer::Failure(failure.within_limits()), effects);
        }
        End::Suspended { outcomes_seen, .. } | End::AwaitsRetry { outcomes_seen, .. }
            if outcomes_seen < row.outcomes_len =>
        {
            // An outcome was on its way while the guest went to sleep.
            begin::start(place, rows, id, None, effects);
        }
        End::Suspended { waiting_on, .. } => row.phase = Phase::Suspended { waiting_on },
        End::AwaitsRetry { waiting_on, retry_at, .. } => {
            let until = first_retry_at(row, &waiting_on, retry_at);
            back_off(rows, id, until, Some(waiting_on), effects);
        }
        End::Crashed { message, op, retry_after_ms } => {
            crashed(place, rows, id, jitter, Crash { message, op, retry_after_ms }, effects);
        }
        End::Mismatched(report) => {
            row.phase = Phase::Paused { reason: PauseReason::JournalMismatch(report) };
        }
        End::Lost => lost(place, rows, id, jitter, effects),
        End::Stopped => begin::start(place, rows, id, None, effects),
        End::PutOff { message } => put_off(place, rows, id, jitter, message, effects),
    }
}

/// It tries again after a while, as often as it takes: what was accepted is done.
fn put_off(
    place: Place,
    rows: &mut Rows,
    id: InvocationId,
    jitter: u16,
    message: String,
    effects: &mut Vec<Effect>,
) {
    let row = rows.invocation_mut(id).expect("the invocation is there: checked by apply");
    let message = limits::cut(message, limits::ATTEMPT_FAILURE_BYTES_MAX);
    row.remember(AttemptFailure { attempt: row.tries(), at: place.now, message, op: None });
    let spread_ms = limits::PUT_OFF_MS * u64::from(jitter) / u64::from(u16::MAX);
    back_off(rows, id, place.now.plus_millis(limits::PUT_OFF_MS + spread_ms), None, effects);
}

/// The process may have ended because of this attempt. One that is lost time and again, and records
/// nothing in between, is tried again later each time, so that others get on, and paused in the end.
fn lost(place: Place, rows: &mut Rows, id: InvocationId, jitter: u16, effects: &mut Vec<Effect>) {
    let row = rows.invocation_mut(id).expect("the invocation is there: checked by apply");
    row.losses = row.losses.saturating_add(1);
    let losses = row.losses;
    if losses <= LOSSES_FREE {
        begin::start(place, rows, id, None, effects);
        return;
    }
    let message = format!("the process ended during this attempt, {losses} times in a row without progress");
    if losses > LOSSES_MAX {
        row.remember(AttemptFailure {
            attempt: row.tries(),
            at: place.now,
            message: message.clone(),
            op: None,
        });
        row.phase = Phase::Paused { reason: PauseReason::LimitReached(format!("{message} (LOSSES_MAX)")) };
        return;
    }
    crashed(place, rows, id, jitter, Crash { message, op: None, retry_after_ms: None }, effects);
}

/// Returns when the first of the held run blocks may be tried again. Blocks that the guest no longer
/// waits for do not count: one whose time has passed would start attempts over and over. Where it waits for
/// too many to list, the attempt has said it.
fn first_retry_at(row: &InvocationRow, waiting_on: &WaitSet, said: Timestamp) -> Timestamp {
    match waiting_on {
        WaitSet::Any => said,
        WaitSet::Ops(ops) => {
            let tries = ops.iter().filter_map(|op| row.run_tries.get(op));
            tries.map(|tries| tries.retry_at).min().unwrap_or(said)
        }
    }
}

struct Crash {
    message: String,
    op: Option<OpId>,
    retry_after_ms: Option<u64>,
}

fn crashed(
    place: Place,
    rows: &mut Rows,
    id: InvocationId,
    jitter: u16,
    crash: Crash,
    effects: &mut Vec<Effect>,
) {
    let row = rows.invocation_mut(id).expect("the invocation is there: checked by apply");
    let message = limits::cut(crash.message, limits::ATTEMPT_FAILURE_BYTES_MAX);
    row.failures = row.failures.saturating_add(1);
    let first_failed_at = *row.first_failed_at.get_or_insert(place.now);
    row.remember(AttemptFailure {
        attempt: row.tries(),
        at: place.now,
        message: message.clone(),
        op: crash.op,
    });
    match row.retry.policy.delay_ms(row.failures, first_failed_at, place.now, jitter) {
        Some(delay_ms) => {
            let until = place.now.plus_millis(crash.retry_after_ms.unwrap_or(delay_ms));
            back_off(rows, id, until, None, effects);
        }
        None => give_up(place, rows, id, message, effects),
    }
}

fn back_off(
    rows: &mut Rows,
    id: InvocationId,
    until: Timestamp,
    waiting_on: Option<WaitSet>,
    effects: &mut Vec<Effect>,
) {
    let row = rows.invocation_mut(id).expect("the invocation is there: checked by apply");
    let attempt = row.running_attempt().expect("an attempt runs until here: checked by apply");
    row.phase = Phase::BackingOff { attempt, until, waiting_on };
    let timer = Timer { at: until, invocation: id, kind: TimerKind::Retry { attempt } };
    timers::arm(rows, timer, effects);
}

/// The retry policy is exhausted: the invocation pauses or ends, as its handler says.
pub fn give_up(place: Place, rows: &mut Rows, id: InvocationId, message: String, effects: &mut Vec<Effect>) {
    let Some(row) = rows.invocation_mut(id) else { return };
    match row.retry.on_max_attempts {
        OnMaxAttempts::Pause => pause(row),
        OnMaxAttempts::Kill => {
            let answer = Answer::Failure(Failure::new(500, message).within_limits());
            complete::complete(place, rows, id, answer, effects);
        }
    }
}

fn pause(row: &mut InvocationRow) {
    row.phase = Phase::Paused { reason: PauseReason::AttemptsExhausted };
}
