//! What a running guest asked and did is recorded; run blocks start once that is durable.
//!
//! What run blocks came to, the guest mostly has heard already: of one that runs nothing but them, only a cancellation
//! can come in between. So a step of it is one message, not two. The same goes for values of the state, which its
//! attempt reads itself; if somebody has changed one meanwhile, what the guest did since is of no use either.

use crate::command::{Append, Ask, FinishedRun};
use crate::effect::Effect;
use crate::entry::{Entry, EntryRow};
use crate::ids::{Attempt, InvocationId, OpId};
use crate::invocation::{InvocationRow, PauseReason, Phase};
use crate::limits::{JOURNAL_BYTES_MAX, JOURNAL_ENTRIES_MAX};
use crate::rows::{Row, RowKey, Rows};
use crate::step::Place;
use crate::steps::entries::{self, Asked, LimitReached, state};
use crate::steps::{begin, full, run_failed, settle};
use std::mem;

pub fn apply(place: Place, rows: &mut Rows, mut append: Append, effects: &mut Vec<Effect>) {
    let id = append.invocation;
    let Some(row) = rows.invocation_mut(id) else { return };
    // A guest of an older attempt, or one that says the same twice, changes nothing.
    if row.running_attempt() != Some(append.attempt) || row.entries_len != append.first_op {
        return;
    }
    let entries = OpId::try_from(append.entries.len()).unwrap_or(OpId::MAX);
    row.modified_at = place.now;
    let (heard, finished): (Vec<_>, Vec<_>) =
        mem::take(&mut append.finished).into_iter().partition(|run| run.heard.is_some());
    let has_progress = entries > 0 || !heard.is_empty() || !finished.is_empty();
    append.finished = finished;
    // Before the limit is looked at, which may end it: it could not undo what it never heard to be cancelled.
    let mut is_in_order = true;
    for run in heard {
        is_in_order &= settle::heard(place, rows, id, run, effects);
    }
    let row = rows.invocation_mut(id).expect("the invocation is there: read above");
    let limit = limit_reached(row, &append, entries);
    if !is_in_order || (limit.is_some() && has_read_past_cancellation(row, &append)) {
        begin_again(place, rows, append, effects);
        return;
    }
    if let Some(text) = limit {
        stop_at_limit(place, rows, append, text, effects);
        return;
    }
    row.entries_len += entries;
    if has_progress {
        row.note_progress();
    }
    let until = row.entries_len;
    let has_runs = append.entries.iter().any(|ask| matches!(ask.entry, Entry::Run { .. }));
    let recorded = record_entries(place, rows, &mut append, effects);
    settle_finished(place, rows, &mut append, effects);
    match recorded {
        Recorded::All => {}
        Recorded::UntilOvertaken => {
            begin_again(place, rows, append, effects);
            return;
        }
        Recorded::UntilLimit(text) => {
            pause(place, rows, id, append.attempt, text, effects);
            return;
        }
    }
    if has_runs {
        effects.push(Effect::AllowRuns { invocation: id, attempt: append.attempt, until });
    }
    count_failures(place, rows, append, effects);
}

/// How far the entries of a message came into the journal.
enum Recorded {
    All,
    /// The last one in the journal is a read of a value that was another one by then.
    UntilOvertaken,
    /// The next one passes a limit, which the text names.
    UntilLimit(String),
}

/// Takes the entries out of a message and records them. The journal ends before what was not recorded, so the next attempt
/// asks for it again.
fn record_entries(place: Place, rows: &mut Rows, append: &mut Append, effects: &mut Vec<Effect>) -> Recorded {
    let id = append.invocation;
    let cancelled = rows.invocation(id).and_then(|row| row.cancelled);
    let (object, run) = (append.object.as_ref(), append.run);
    let (mut recorded, mut ends, mut bytes) = (Recorded::All, None, 0);
    for (op, ask) in (append.first_op..).zip(mem::take(&mut append.entries)) {
        let Ask { entry, outcomes_before, read } = ask;
        let is_given_up = cancelled.is_some_and(|cancelled| cancelled.is_news_after(outcomes_before));
        let asked = Asked { place, id, op, object, run, is_given_up };
        match (read, &entry) {
            (Some(read), Entry::GetState { name }) => {
                if !state::heard(asked, rows, name, read, effects) {
                    (recorded, ends) = (Recorded::UntilOvertaken, Some(op + 1));
                }
            }
            _ => {
                if let Err(LimitReached(text)) = entries::record(asked, rows, &entry, effects) {
                    (recorded, ends) = (Recorded::UntilLimit(text), Some(op));
                    break;
                }
            }
        }
        bytes += entry.bytes() as u64;
        rows.put(RowKey::Entry(id, op), Row::Entry(EntryRow { at: place.now, outcomes_before, entry }));
        if ends.is_some() {
            break;
        }
    }
    let row = rows.invocation_mut(id).expect("the invocation is there: read by apply");
    row.journal_bytes += bytes;
    row.entries_len = ends.unwrap_or(row.entries_len);
    recorded
}

/// Something came before what the guest took for granted: a cancellation, or somebody who changed what it had read. What it
/// did since is of no use; the next attempt hears all of it in its order.
fn begin_again(place: Place, rows: &mut Rows, mut append: Append, effects: &mut Vec<Effect>) {
    let (id, attempt) = (append.invocation, append.attempt);
    settle_finished(place, rows, &mut append, effects);
    count_failures(place, rows, append, effects);
    // A run block that failed for good may have ended it.
    let Some(row) = rows.invocation_mut(id).filter(|row| row.running_attempt() == Some(attempt)) else {
        return;
    };
    row.note_progress();
    effects.push(Effect::StopAttempt { invocation: id, attempt });
    begin::start(place, rows, id, None, effects);
}

fn count_failures(place: Place, rows: &mut Rows, append: Append, effects: &mut Vec<Effect>) {
    for failed in append.failed {
        run_failed::apply(place, rows, append.invocation, failed, append.jitter, effects);
    }
}

/// Returns which limit the journal would pass with all of this, if it does.
fn limit_reached(row: &InvocationRow, append: &Append, entries: OpId) -> Option<String> {
    if entries > JOURNAL_ENTRIES_MAX - row.entries_len {
        return Some(full::too_many_entries());
    }
    let is_full = row.journal_bytes + append.journal_bytes() > JOURNAL_BYTES_MAX;
    is_full.then(full::too_many_bytes)
}

/// Says whether the attempt of a cancelled guest has read a value in the place of the cancellation. The next one has not.
fn has_read_past_cancellation(row: &InvocationRow, append: &Append) -> bool {
    let mut reads = append.entries.iter().filter_map(|ask| ask.read.as_ref());
    row.cancelled.is_some_and(|cancelled| reads.any(|read| read.heard.order == cancelled.order))
}

/// The journal is full: nothing more is asked, but what run blocks have done stays done.
fn stop_at_limit(place: Place, rows: &mut Rows, mut append: Append, text: String, effects: &mut Vec<Effect>) {
    let (id, attempt) = (append.invocation, append.attempt);
    settle_finished(place, rows, &mut append, effects);
    effects.push(Effect::StopAttempt { invocation: id, attempt });
    full::stop(place, rows, id, text, effects);
}

/// A limit other than those of the journal: a person may make room, so that it can go on.
fn pause(
    place: Place,
    rows: &mut Rows,
    id: InvocationId,
    attempt: Attempt,
    text: String,
    effects: &mut Vec<Effect>,
) {
    let row = rows.invocation_mut(id).expect("the invocation is there: checked by apply");
    row.phase = Phase::Paused { reason: PauseReason::LimitReached(text) };
    row.modified_at = place.now;
    effects.push(Effect::StopAttempt { invocation: id, attempt });
}

/// Takes what run blocks came to, and nobody has heard, out of a message and settles it.
fn settle_finished(place: Place, rows: &mut Rows, append: &mut Append, effects: &mut Vec<Effect>) {
    for FinishedRun { op, outcome, .. } in mem::take(&mut append.finished) {
        settle::once(place, rows, append.invocation, op, outcome, effects);
    }
}
