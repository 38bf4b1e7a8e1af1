//! What a running guest asked and did is recorded; run blocks start once that is durable.

use crate::command::{Append, Command, Message, Submission, Timer, TimerKind};
use crate::effect::Effect;
use crate::entry::{Entry, EntryRow, Outcome};
use crate::ids::{InvocationId, OpId};
use crate::invocation::{InputRow, Origin, PauseReason, Phase};
use crate::limits::{JOURNAL_ENTRIES_MAX, OPEN_SLEEPS_KEPT};
use crate::rows::{Row, RowKey, Rows};
use crate::step::Place;
use crate::steps::{run_failed, settle};

pub fn apply(place: Place, rows: &mut Rows, append: Append, effects: &mut Vec<Effect>) {
    let id = append.invocation;
    let Some(row) = rows.invocation_mut(id) else { return };
    // A guest of an older attempt, or one that says the same twice, changes nothing.
    if row.running_attempt() != Some(append.attempt) || row.entries_len != append.first_op {
        return;
    }
    let entries = OpId::try_from(append.entries.len()).unwrap_or(OpId::MAX);
    if entries > JOURNAL_ENTRIES_MAX - row.entries_len {
        pause_at_limit(place, rows, append, effects);
        return;
    }
    row.entries_len += entries;
    row.modified_at = place.now;
    if entries > 0 || !append.finished.is_empty() {
        row.note_progress();
    }
    let (until, outcomes_before) = (row.entries_len, row.outcomes_len);
    let has_runs = append.entries.iter().any(|entry| matches!(entry, Entry::Run { .. }));
    for (op, entry) in (append.first_op..).zip(append.entries) {
        record(place, rows, id, op, &entry, effects);
        let row = EntryRow { at: place.now, outcomes_before, entry };
        rows.put(RowKey::Entry(id, op), Row::Entry(row));
    }
    settle_finished(place, rows, id, append.finished, effects);
    if has_runs {
        effects.push(Effect::Release { invocation: id, attempt: append.attempt, until });
    }
    for failed in append.failed {
        run_failed::apply(place, rows, id, failed, append.jitter, effects);
    }
}

/// The journal is full: nothing more is asked, but what run blocks have done stays done.
fn pause_at_limit(place: Place, rows: &mut Rows, append: Append, effects: &mut Vec<Effect>) {
    let id = append.invocation;
    settle_finished(place, rows, id, append.finished, effects);
    let row = rows.invocation_mut(id).expect("the invocation is there: checked by apply");
    let text = format!("the journal would pass {JOURNAL_ENTRIES_MAX} entries (JOURNAL_ENTRIES_MAX)");
    row.phase = Phase::Paused { reason: PauseReason::LimitReached(text) };
    row.modified_at = place.now;
    effects.push(Effect::StopAttempt { invocation: id, attempt: append.attempt });
}

fn settle_finished(
    place: Place,
    rows: &mut Rows,
    id: InvocationId,
    finished: Vec<(OpId, Outcome)>,
    effects: &mut Vec<Effect>,
) {
    for (op, outcome) in finished {
        settle::apply(place, rows, settle::Settle { invocation: id, op, outcome }, effects);
    }
}

/// Does what an entry asks for.
fn record(
    place: Place,
    rows: &mut Rows,
    id: InvocationId,
    op: OpId,
    entry: &Entry,
    effects: &mut Vec<Effect>,
) {
    match entry {
        Entry::Run { .. } => {}
        Entry::Sleep { duration_ms, .. } => {
            let at = place.now.plus_millis(*duration_ms);
            let timer = Timer { at, invocation: id, kind: TimerKind::Sleep { op } };
            rows.put(RowKey::Timer(timer), Row::Timer);
            effects.push(Effect::ArmTimer(timer));
            let row = rows.invocation_mut(id).expect("the invocation is there: checked by apply");
            if row.open_sleeps.len() < OPEN_SLEEPS_KEPT {
                row.open_sleeps.insert(op, at);
            }
        }
        Entry::Call { child, target, input, headers } => {
            let submission = Submission {
                invocation: *child,
                target: target.clone(),
                origin: Origin::Call { caller: id, op },
                input: InputRow { headers: headers.clone(), body: input.clone() },
                begin_at: None,
                is_acknowledged: false,
            };
            effects.push(Effect::Then(submit_to_owner(place, submission)));
        }
        Entry::Send { child, target, input, headers, delay_ms } => {
            let submission = Submission {
                invocation: *child,
                target: target.clone(),
                origin: Origin::Send { caller: id, op },
                input: InputRow { headers: headers.clone(), body: input.clone() },
                begin_at: delay_ms.map(|delay| place.now.plus_millis(delay)),
                is_acknowledged: false,
            };
            effects.push(Effect::Then(submit_to_owner(place, submission)));
        }
    }
}

fn submit_to_owner(place: Place, submission: Submission) -> Command {
    place.route(Message::Submit(submission))
}
