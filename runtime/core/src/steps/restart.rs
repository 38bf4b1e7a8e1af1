//! What a completed invocation was asked is done once more, by a new one: from its beginning, or after a
//! part of its journal that it takes over with all that came of it.
//!
//! What is taken over is not done again: its calls and messages keep the ids they had. An operation
//! without an outcome cannot be taken over, because nobody would give it one: sleeps, calls and awakeables
//! belong to the invocation that is over.

use crate::command::Restart;
use crate::effect::{Effect, Notice, Refusal};
use crate::entry::{EntryRow, OutcomeRow};
use crate::ids::{InvocationId, OpId};
use crate::invocation::{InputRow, InvocationRow, Origin};
use crate::limits::{APART_BYTES, RESTART_BYTES_MAX, RESTART_ENTRIES_MAX};
use crate::rows::{Row, RowKey, Rows};
use crate::step::Place;
use crate::steps::{pin, submit};

pub fn apply(place: Place, rows: &mut Rows, restart: Restart, effects: &mut Vec<Effect>) {
    let ticket = restart.ticket;
    let notice = match begin_anew(place, rows, restart, effects) {
        Ok(()) => Notice::Done,
        Err(notice) => notice,
    };
    effects.push(Effect::Notice { ticket, notice });
}

fn begin_anew(
    place: Place,
    rows: &mut Rows,
    restart: Restart,
    effects: &mut Vec<Effect>,
) -> Result<(), Notice> {
    let Restart { of, invocation: id, .. } = restart;
    let over = over(rows, of)?.clone();
    if rows.contains(&RowKey::Invocation(id)) {
        return Err(Notice::Known);
    }
    let refused = Notice::Refused;
    let input = rows.input(of).ok_or(refused(Refusal::JournalPurged))?.clone();
    let kept = Kept::of(rows, of, &over, restart.entries_kept).map_err(refused)?;
    let pin = restart.deployment.as_ref().map(|deployment| pin::to(rows, id, &over, deployment));
    let mut row = InvocationRow::new(over.target.clone(), Origin::Restart { of }, place.now);
    if let Some(pin) = pin.transpose().map_err(refused)? {
        pin.bind(&mut row);
    }
    if restart.entries_kept > 0 {
        // The guest sees the times and the random numbers that it saw there.
        row.begun_at = over.begun_at;
        row.seed = Some(over.seed.unwrap_or(of));
    }
    record(rows, id, row, &input, kept);
    effects.push(Effect::Then(submit::first(id, &over.target, Some(input))));
    Ok(())
}

fn over(rows: &Rows, of: InvocationId) -> Result<&InvocationRow, Notice> {
    let Some(row) = rows.completed(of) else {
        let is_live = rows.contains(&RowKey::Invocation(of));
        return Err(if is_live { Notice::Unfit } else { Notice::Absent });
    };
    // One that never began does not know of which kind it would have been, but its id tells.
    let is_run = row.is_workflow_run() || (of.is_computed() && row.idempotency_key.is_none());
    if is_run { Err(Notice::Refused(Refusal::WorkflowRun)) } else { Ok(row) }
}

/// The part of a journal that is taken over.
struct Kept {
    entries: Vec<EntryRow>,
    /// In the order of the journal, without gaps.
    outcomes: Vec<(OpId, OutcomeRow)>,
}

impl Kept {
    fn of(rows: &Rows, of: InvocationId, over: &InvocationRow, until: u32) -> Result<Self, Refusal> {
        if until > over.entries_len {
            return Err(Refusal::BeyondEnd);
        }
        if until > RESTART_ENTRIES_MAX {
            return Err(Refusal::TooLong);
        }
        let last = until.checked_sub(1).and_then(|op| rows.entry(of, op));
        let heard = last.map_or(0, |entry| entry.outcomes_before);
        if over.cancelled.is_some_and(|cancelled| cancelled.order < heard) {
            return Err(Refusal::Cancelled);
        }
        let mut kept = Self { entries: Vec::new(), outcomes: Vec::new() };
        let mut bytes = 0;
        for op in 0..until {
            let entry = rows.entry(of, op).expect("the journal has no gaps below its length").clone();
            bytes += entry.entry.bytes().min(APART_BYTES);
            match rows.outcome(of, op) {
                Some(outcome) => {
                    bytes += outcome.outcome.bytes().min(APART_BYTES);
                    kept.outcomes.push((op, outcome.clone()));
                }
                None if entry.entry.is_awaitable() => return Err(Refusal::Open(op)),
                None => {}
            }
            kept.entries.push(entry);
        }
        if bytes > RESTART_BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        kept.close_up();
        Ok(kept)
    }

    /// Outcomes of later operations leave gaps. None is before an entry that is kept: what a guest has
    /// heard when it asks is of what it asked before.
    fn close_up(&mut self) {
        self.outcomes.sort_by_key(|(_, outcome)| outcome.order);
        for (order, (_, outcome)) in (0..).zip(&mut self.outcomes) {
            outcome.order = order;
        }
    }
}

fn record(rows: &mut Rows, id: InvocationId, mut row: InvocationRow, input: &InputRow, kept: Kept) {
    let Kept { entries, outcomes } = kept;
    row.entries_kept = count(entries.len());
    row.entries_len = row.entries_kept;
    row.outcomes_len = count(outcomes.len());
    let bytes = entries.iter().map(|entry| entry.entry.bytes());
    let bytes = bytes.chain(outcomes.iter().map(|(_, outcome)| outcome.outcome.bytes()));
    row.journal_bytes = bytes.map(|bytes| bytes as u64).sum();
    rows.put(RowKey::Invocation(id), Row::Invocation(Box::new(row)));
    rows.put(RowKey::Input(id), Row::Input(input.clone()));
    for (op, entry) in (0..).zip(entries) {
        rows.put(RowKey::Entry(id, op), Row::Entry(entry));
    }
    for (op, outcome) in outcomes {
        rows.put(RowKey::Outcome(id, op), Row::Outcome(outcome));
    }
}

fn count(len: usize) -> u32 {
    u32::try_from(len).expect("RESTART_ENTRIES_MAX fits")
}
