//! What no write may ever do.

use super::table::{Table, completed, invocation, live, outcomes};
use abide_core::command::{Timer, TimerKind};
use abide_core::entry::{Entry, OutcomeRow};
use abide_core::ids::{InvocationId, OpId};
use abide_core::invocation::{InvocationRow, Phase, WaitSet};
use abide_core::rows::{Row, RowKey};

/// Checks a write against the rows before it. `is_resumed`: a person caused it.
pub fn check_write(before: &Table, key: &RowKey, row: Option<&Row>, is_resumed: bool) {
    let old = before.get(key);
    match key {
        RowKey::Entry(..)
        | RowKey::Outcome(..)
        | RowKey::Completed(_)
        | RowKey::Input(_)
        | RowKey::Answer(_) => {
            assert!(old.is_none(), "{key:?} is written twice");
            assert!(row.is_some(), "{key:?} is deleted");
        }
        RowKey::Invocation(id) => match (old.and_then(invocation), row.and_then(invocation)) {
            (Some(old), Some(new)) => check_change(*id, old, new, is_resumed),
            (None, Some(_)) => assert!(completed(before, *id).is_none(), "{id} begins a second life"),
            (_, None) => {}
        },
        RowKey::Timer(timer) => check_timer(before, timer, row),
        RowKey::Outbox(..) => assert!(old.is_none() || row.is_none(), "{key:?} is written twice"),
        RowKey::OutboxHead(_) | RowKey::OutboxTail(_) | RowKey::InboxMark(_) => match (old, row) {
            (Some(Row::Counter(old)), Some(Row::Counter(new))) => assert!(new > old, "{key:?} goes back"),
            (None, Some(Row::Counter(_))) => {}
            other => panic!("{key:?} is no counter: {other:?}"),
        },
        RowKey::Service(_) => panic!("the core writes {key:?}"),
    }
    if let (RowKey::Outcome(id, op), Some(Row::Outcome(outcome))) = (key, row) {
        check_outcome(before, *id, *op, outcome);
    }
}

fn check_change(id: InvocationId, old: &InvocationRow, new: &InvocationRow, is_resumed: bool) {
    assert!(new.entries_len >= old.entries_len, "the journal of {id} shrinks");
    assert!(new.outcomes_len >= old.outcomes_len, "the outcomes of {id} shrink");
    assert!(new.deployment.is_some() || old.deployment.is_none(), "{id} forgets its deployment");
    match (old.running_attempt(), new.running_attempt()) {
        (Some(old), Some(new)) => assert!(new == old || new == old + 1, "{id}: #{old} to #{new}"),
        (None, Some(attempt)) => assert_eq!(attempt, old.attempts + 1, "attempts of {id} count up"),
        (_, None) => assert_eq!(new.attempts, old.attempts, "only an attempt of {id} counts"),
    }
    match (&old.phase, &new.phase) {
        (Phase::Scheduled { at }, Phase::Running { .. }) => {
            assert!(new.begun_at >= Some(*at), "{id} begins early");
        }
        (Phase::BackingOff { until, waiting_on: None, .. }, Phase::Running { .. }) => {
            assert!(is_resumed || new.modified_at >= *until, "{id} is tried again early");
        }
        (Phase::Paused { .. }, Phase::Running { .. }) => assert!(is_resumed, "{id} is resumed by nobody"),
        _ => {}
    }
}

/// Checks after a command and all its follow-ups that nobody waits for what is there.
pub fn check_rest(table: &Table, changed: &RowKey) {
    let id = match changed {
        RowKey::Invocation(id) | RowKey::Outcome(id, _) => *id,
        _ => return,
    };
    let waiting_on = match live(table, id).map(|row| &row.phase) {
        Some(Phase::Suspended { waiting_on }) => waiting_on,
        Some(Phase::BackingOff { waiting_on: Some(waiting_on), .. }) => waiting_on,
        _ => return,
    };
    if let WaitSet::Ops(ops) = waiting_on {
        let is_there = |op: &&OpId| table.contains_key(&RowKey::Outcome(id, **op));
        assert_eq!(ops.iter().find(is_there), None, "{id} sleeps while it could go on");
    }
}

/// A sleep never ends early, whatever the clock did.
fn check_outcome(before: &Table, id: InvocationId, op: OpId, outcome: &OutcomeRow) {
    let row = match before.get(&RowKey::Entry(id, op)) {
        Some(Row::Entry(row)) => row,
        // The entry is written in the same step.
        None => return,
        Some(other) => panic!("an entry is stored as {other:?}"),
    };
    match &row.entry {
        Entry::Sleep { duration_ms, .. } => {
            assert!(outcome.at >= row.at.plus_millis(*duration_ms), "{id} op {op} wakes early");
        }
        Entry::Send { .. } => panic!("{id} op {op} is a send and has an outcome"),
        Entry::Run { .. } | Entry::Call { .. } => {}
    }
}

/// A timer goes when it is due, and then what it stands for happens in the same transaction.
fn check_timer(before: &Table, timer: &Timer, row: Option<&Row>) {
    if let (Some(_), TimerKind::Sleep { op }) = (row, timer.kind) {
        let slept = before.contains_key(&RowKey::Outcome(timer.invocation, op));
        assert!(!slept, "a timer is set for a sleep that is over");
    }
}

/// Checks that an invocation knows how long its journal is.
pub fn check_lengths(table: &Table, changed: &RowKey) {
    let id = match changed {
        RowKey::Invocation(id) | RowKey::Completed(id) => *id,
        RowKey::Entry(id, _) | RowKey::Outcome(id, _) => *id,
        _ => return,
    };
    let row = live(table, id).or_else(|| completed(table, id));
    let row = row.unwrap_or_else(|| panic!("{id} is gone"));
    let last = RowKey::Entry(id, OpId::MAX);
    let entries = table.range(RowKey::Entry(id, 0)..=last).next_back();
    let entries_len = entries.map_or(0, |(key, _)| match key {
        RowKey::Entry(_, op) => op + 1,
        other => panic!("not an entry: {other:?}"),
    });
    assert_eq!(row.entries_len, entries_len, "length of the journal of {id}");
    assert_eq!(row.outcomes_len, outcomes(table, id).len() as u32, "outcomes of {id}");
}
