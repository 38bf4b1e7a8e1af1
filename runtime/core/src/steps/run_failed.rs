//! A run block failed: it is held back for a while, or its policy is exhausted.

use crate::command::FailedRun;
use crate::effect::Effect;
use crate::entry::{Failure, Outcome};
use crate::ids::InvocationId;
use crate::invocation::{AttemptFailure, InvocationRow, RunTries};
use crate::rows::{RowKey, Rows};
use crate::step::Place;
use crate::steps::{ended, settle};

pub fn apply(
    place: Place,
    rows: &mut Rows,
    id: InvocationId,
    failed: FailedRun,
    jitter: u16,
    effects: &mut Vec<Effect>,
) {
    if rows.contains(&RowKey::Outcome(id, failed.op)) {
        return;
    }
    // An earlier block of the same append may have ended the invocation.
    let Some(row) = rows.invocation_mut(id) else { return };
    let Some(attempt) = row.running_attempt() else { return };
    remember(place, row, &failed);
    match next_delay(place, row, &failed, jitter) {
        Some(delay_ms) => {
            let retry_at = place.now.plus_millis(delay_ms);
            let tries = row.run_tries.get_mut(&failed.op).expect("inserted by remember");
            tries.retry_at = retry_at;
            effects.push(Effect::HoldRun { invocation: id, attempt, op: failed.op, retry_at });
        }
        None if failed.policy.is_some() => {
            row.note_progress();
            let outcome = Outcome::Failure(Failure::new(500, failed.message).within_limits());
            settle::once(place, rows, id, failed.op, outcome, effects);
        }
        None => {
            // A resume tries the block as often as the policy says, not once.
            row.run_tries.remove(&failed.op);
            effects.push(Effect::StopAttempt { invocation: id, attempt });
            ended::give_up(place, rows, id, failed.message, effects);
        }
    }
}

fn remember(place: Place, row: &mut InvocationRow, failed: &FailedRun) {
    let fresh = RunTries { failures: 0, first_failed_at: place.now, retry_at: place.now };
    let tries = row.run_tries.entry(failed.op).or_insert(fresh);
    tries.failures = tries.failures.saturating_add(1);
    if failed.policy.is_none() {
        // Tries under a policy of the block's own do not use up the handler's.
        row.failures = row.failures.saturating_add(1);
        row.first_failed_at.get_or_insert(place.now);
    }
    let message = crate::limits::cut(failed.message.clone(), crate::limits::ATTEMPT_FAILURE_BYTES_MAX);
    row.remember(AttemptFailure { attempt: row.tries(), at: place.now, message, op: Some(failed.op) });
}

/// Returns the delay before the next try; a block without a policy follows its handler's.
fn next_delay(place: Place, row: &InvocationRow, failed: &FailedRun, jitter: u16) -> Option<u64> {
    let tries = &row.run_tries[&failed.op];
    let policy = failed.policy.as_ref().unwrap_or(&row.retry.policy);
    let delay = policy.delay_ms(tries.failures, tries.first_failed_at, place.now, jitter)?;
    Some(failed.retry_after_ms.unwrap_or(delay))
}
