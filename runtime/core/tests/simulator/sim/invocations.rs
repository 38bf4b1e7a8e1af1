//! What holds of an invocation after each command and its follow-ups.

use super::catalogue::offered;
use super::objects::{holds_key, is_to_be_released};
use super::table::{
    Table, answer, completed, entries, listeners, live, mailbox, outcome_rows, promise, queue, timers,
};
use super::writes::kept_until;
use abide_core::command::{Timer, TimerKind};
use abide_core::entry::{Entry, EntryRow, Failure, Outcome};
use abide_core::ids::{CANCEL_OP, InvocationId, OpId};
use abide_core::invocation::{Cancelled, InvocationRow, Listener, Origin, Phase, WaitSet};
use abide_core::limits::{OPEN_CALLS_KEPT, OPEN_SLEEPS_KEPT};
use abide_core::rows::{Row, RowKey};
use abide_core::time::Timestamp;
use std::collections::BTreeSet;

pub fn check(table: &Table, id: InvocationId) {
    match (live(table, id), completed(table, id)) {
        (Some(row), None) => check_live(table, id, row),
        (None, Some(row)) => check_completed(table, id, row),
        (None, None) => check_absent(table, id),
        (Some(_), Some(_)) => panic!("{id} is live and has ended"),
    }
}

fn check_live(table: &Table, id: InvocationId, row: &InvocationRow) {
    assert!(table.contains_key(&RowKey::Input(id)), "{id} has no input");
    assert_eq!(answer(table, id), None, "{id} is live and has an answer");
    check_created(table, id, row);
    check_lengths(table, id, row);
    check_phase(table, id, row);
    check_key(table, id, row);
    let settled = check_outcomes(table, id, row);
    check_open(table, id, row, &settled);
    check_bytes(table, id, row);
    check_mailbox(table, id, row, &settled);
    let listeners = listeners(table, id);
    assert_eq!(row.has_listeners, listeners.is_some(), "listeners of {id}");
    if let Some(row) = listeners {
        let mut seen = Vec::new();
        for listener in &row.listeners {
            assert!(!seen.contains(listener), "{listener:?} listens twice to {id}");
            seen.push(*listener);
        }
    }
}

/// A guest hears at once that its invocation is cancelled, wherever that was.
pub fn check_cancelled(table: &Table, id: InvocationId) {
    if let Some(row) = live(table, id) {
        assert!(row.running_attempt().is_some(), "{id} is cancelled and {:?}", row.phase);
    }
}

fn check_created(table: &Table, id: InvocationId, row: &InvocationRow) {
    let is_indexed = table.contains_key(&RowKey::Created(row.created_at, id));
    assert_eq!(is_indexed, id.is_computed(), "the time of creation of {id}");
}

fn check_lengths(table: &Table, id: InvocationId, row: &InvocationRow) {
    let entries_len = entries(table, id).count() as u32;
    assert_eq!(row.entries_len, entries_len, "length of the journal of {id}");
    let mut orders: Vec<u32> = outcome_rows(table, id).map(|(_, row)| row.order).collect();
    orders.sort_unstable();
    assert!(orders.iter().copied().eq(0..row.outcomes_len), "outcomes of {id}: {orders:?}");
    let mut before = 0;
    for (op, entry) in entries(table, id) {
        let place = entry.outcomes_before;
        assert!(place >= before && place <= row.outcomes_len, "{id} op {op} has a place");
        before = place;
    }
}

fn check_phase(table: &Table, id: InvocationId, row: &InvocationRow) {
    let has_timer = |at: Timestamp, kind: TimerKind| {
        table.contains_key(&RowKey::Timer(Timer { at, invocation: id, kind }))
    };
    match &row.phase {
        Phase::Scheduled { at } => assert!(has_timer(*at, TimerKind::Begin), "nothing begins {id}"),
        Phase::Queued { position } => {
            let object = row.target.object().expect("only objects have a queue");
            let stored = table.get(&RowKey::KeyWaiter(object, *position));
            assert_eq!(stored, Some(&Row::KeyWaiter(id)), "{id} waits at {position}");
        }
        Phase::Running { attempt } => assert_eq!(*attempt, row.attempts, "{id} has a last attempt"),
        Phase::Suspended { waiting_on } => check_waits(table, id, waiting_on),
        Phase::BackingOff { attempt, until, waiting_on } => {
            let kind = TimerKind::Retry { attempt: *attempt };
            assert!(has_timer(*until, kind), "nothing tries {id} again");
            waiting_on.iter().for_each(|waiting_on| check_waits(table, id, waiting_on));
        }
        Phase::Paused { .. } => {}
        Phase::Completed { .. } => panic!("{id} is stored as live"),
    }
    match &row.phase {
        Phase::Scheduled { .. } | Phase::Queued { .. } => {
            assert!(row.tries() == 0 && row.entries_len == row.entries_kept, "{id}");
            let is_restarted = matches!(row.origin, Origin::Restart { .. });
            assert!(is_restarted || (row.deployment.is_none() && row.entries_kept == 0), "{id}");
        }
        _ => assert!(row.deployment.is_some() && row.begun_at.is_some(), "{id} has begun"),
    }
}

/// Nobody waits for what is there.
fn check_waits(table: &Table, id: InvocationId, waiting_on: &WaitSet) {
    if let WaitSet::Ops(ops) = waiting_on {
        let is_there = |op: &&OpId| table.contains_key(&RowKey::Outcome(id, **op));
        assert_eq!(ops.iter().find(is_there), None, "{id} sleeps while it could go on");
    }
}

/// Who runs on its object alone has the key, and who has the key is known to the queue.
fn check_key(table: &Table, id: InvocationId, row: &InvocationRow) {
    let offered = offered(&row.target);
    let has_begun = row.tries() > 0;
    let needs_key = has_begun && offered.is_some_and(|offered| offered.needs_key());
    assert_eq!(row.holds_key, needs_key, "{id} has its key");
    let holder = row.target.object().and_then(|object| queue(table, &object)).map(|queue| queue.holder);
    assert_eq!(holder == Some(id), row.holds_key, "the queue knows who has the key of {}", row.target);
}

/// Returns the operations that have an outcome.
fn check_outcomes(table: &Table, id: InvocationId, row: &InvocationRow) -> BTreeSet<OpId> {
    let mut settled = BTreeSet::new();
    for (op, outcome) in outcome_rows(table, id) {
        if op == CANCEL_OP {
            assert_eq!(outcome.outcome, Outcome::Failure(Failure::cancelled()), "{id} is cancelled");
            let cancelled = Cancelled { at: outcome.at, order: outcome.order };
            assert_eq!(row.cancelled, Some(cancelled), "{id} is cancelled at a time and a place");
        } else {
            settled.insert(op);
        }
    }
    let has_cancel = table.contains_key(&RowKey::Outcome(id, CANCEL_OP));
    assert_eq!(row.cancelled.is_some(), has_cancel, "{id} is cancelled in its journal");
    settled
}

fn check_bytes(table: &Table, id: InvocationId, row: &InvocationRow) {
    let entries = entries(table, id).map(|(_, entry)| entry.entry.bytes());
    let outcomes = outcome_rows(table, id).map(|(_, outcome)| outcome.outcome.bytes());
    let bytes: usize = entries.chain(outcomes).sum();
    assert_eq!(row.journal_bytes, bytes as u64, "{id} knows how long its journal is");
}

/// What the record says of open operations is what the journal says.
fn check_open(table: &Table, id: InvocationId, row: &InvocationRow, settled: &BTreeSet<OpId>) {
    let (mut calls, mut sleeps) = (0, 0);
    for (op, entry) in entries(table, id) {
        let is_open = !settled.contains(&op);
        match &entry.entry {
            Entry::Call(request) => {
                calls += 1;
                let known = row.open_calls.callees.get(&op);
                assert!(known.is_none_or(|callee| is_open && *callee == request.child), "{id} calls {op}");
                let must_be_known = is_open && !row.open_calls.has_overflowed;
                assert!(known.is_some() || !must_be_known, "{id} forgets its call {op}");
            }
            Entry::Sleep { duration_ms, .. } => {
                sleeps += 1;
                let at = entry.at.plus_millis(*duration_ms);
                let known = row.open_sleeps.get(&op);
                assert!(known.is_none_or(|until| is_open && *until == at), "{id} sleeps at {op}");
                assert!(known.is_some() || !is_open || sleeps > OPEN_SLEEPS_KEPT, "{id} forgets {op}");
                let timer = Timer { at, invocation: id, kind: TimerKind::Sleep { op } };
                let has_timer = table.contains_key(&RowKey::Timer(timer));
                assert!(has_timer || !is_open, "nothing wakes {id} op {op}");
            }
            Entry::Run { .. } => {
                assert!(is_open || !row.run_tries.contains_key(&op), "{id} counts tries of {op}");
            }
            Entry::GetPromise { name } => {
                let object = row.target.object().expect("promises belong to workflows");
                let listener = Listener { caller: id, op };
                let promise = promise(table, &object, name);
                let waits = promise.is_some_and(|promise| promise.waiting.contains(&listener));
                assert_eq!(waits, is_open, "{id} op {op} waits for promise {name} of {object}");
                assert_eq!(row.open_promises.get(&op), is_open.then_some(name), "{id} op {op} waits");
            }
            Entry::GetState { .. } | Entry::StateKeys => assert!(!is_open, "{id} op {op} waits"),
            Entry::PeekPromise { .. } | Entry::CompletePromise { .. } => assert!(!is_open, "{id} op {op}"),
            Entry::Attach { invocation } => {
                assert_eq!(row.open_attaches.get(&op), is_open.then_some(invocation), "{id} op {op} waits");
            }
            Entry::Awakeable { .. } | Entry::ReceiveSignal { .. } => {}
            Entry::Send { .. }
            | Entry::Cancel { .. }
            | Entry::Kill { .. }
            | Entry::SetState { .. }
            | Entry::ClearState { .. }
            | Entry::ClearAllState
            | Entry::CompleteAwakeable { .. }
            | Entry::SendSignal { .. } => assert!(is_open, "{id} op {op} has an outcome"),
        }
    }
    assert!(!row.open_calls.has_overflowed || calls > OPEN_CALLS_KEPT, "{id} has few calls");
    let is_entry = |op: &OpId| *op < row.entries_len;
    assert!(row.open_calls.callees.keys().all(is_entry) && row.run_tries.keys().all(is_entry), "{id}");
}

/// Who waits for a signal is in the mailbox, what has come is too, and never both of one name.
fn check_mailbox(table: &Table, id: InvocationId, row: &InvocationRow, settled: &BTreeSet<OpId>) {
    let mailbox = mailbox(table, id);
    assert_eq!(row.has_mailbox, mailbox.is_some(), "mailbox of {id}");
    let mailbox = mailbox.cloned().unwrap_or_default();
    let open = entries(table, id).filter(|(op, _)| !settled.contains(op));
    let waiting = open.filter_map(|(op, entry)| match &entry.entry {
        Entry::ReceiveSignal { name } if !is_given_up(table, id, entry) => Some((op, name.clone())),
        _ => None,
    });
    assert!(waiting.eq(mailbox.waiting.iter().cloned()), "{id} waits for {:?}", mailbox.waiting);
    let both =
        mailbox.arrived.iter().find(|(_, name)| mailbox.waiting.iter().any(|(_, wants)| wants == name));
    assert_eq!(both, None, "{id} waits for what has come");
    check_signals(table, id, &mailbox);
}

/// What was asked before a cancellation is not waited for any more.
pub fn is_given_up(table: &Table, id: InvocationId, entry: &EntryRow) -> bool {
    match table.get(&RowKey::Outcome(id, CANCEL_OP)) {
        Some(Row::Outcome(cancel)) => entry.outcomes_before <= cancel.order,
        _ => false,
    }
}

fn check_signals(table: &Table, id: InvocationId, mailbox: &abide_core::invocation::MailboxRow) {
    let rows = table.range(RowKey::Signal(id, 0)..=RowKey::Signal(id, u64::MAX));
    let numbers = rows.map(|(key, _)| match key {
        RowKey::Signal(_, number) => *number,
        other => panic!("not a signal: {other:?}"),
    });
    assert!(numbers.eq(mailbox.arrived.iter().map(|(number, _)| *number)), "signals of {id}");
    assert!(mailbox.arrived.iter().all(|(number, _)| *number < mailbox.next), "signals of {id} are new");
}

fn check_completed(table: &Table, id: InvocationId, row: &InvocationRow) {
    assert!(answer(table, id).is_some(), "{id} has ended without an answer");
    check_created(table, id, row);
    assert_eq!(listeners(table, id), None, "{id} has ended and somebody listens");
    let has_key = holds_key(table, id, row) && !is_to_be_released(table, id);
    assert!(!row.holds_key && !has_key, "{id} has ended and has a key");
    let waits_for_ends = !row.open_calls.callees.is_empty() || !row.open_attaches.is_empty();
    assert!(
        !waits_for_ends && row.open_sleeps.is_empty() && row.open_promises.is_empty(),
        "{id} waits and has ended"
    );
    assert!(row.run_tries.is_empty(), "{id} tries and has ended");
    let entries_len = entries(table, id).count() as u32;
    assert_eq!(row.entries_len, entries_len, "length of the journal of {id}");
    if row.entries_len == 0 && row.outcomes_len == 0 {
        assert_eq!(outcome_rows(table, id).count(), 0, "outcomes of {id} are left");
    }
    let mailbox = mailbox(table, id).cloned().unwrap_or_default();
    check_signals(table, id, &mailbox);
    let (journal_until, answer_until) = kept_until(row);
    let has_timer = |kind: TimerKind, until: Timestamp| {
        let at_once = RowKey::Timer(Timer { at: until, invocation: id, kind });
        let is_later = |timer: Timer| timer.invocation == id && timer.kind == kind;
        table.contains_key(&at_once) || timers(table, until).any(is_later)
    };
    assert!(has_timer(TimerKind::Purge, answer_until), "nothing purges {id}");
    let has_journal = table.contains_key(&RowKey::Input(id));
    if has_journal && journal_until < answer_until {
        assert!(has_timer(TimerKind::PurgeJournal, journal_until), "nothing purges the journal of {id}");
    }
}

/// Nothing is left of what is purged but timers that will be ignored.
fn check_absent(table: &Table, id: InvocationId) {
    for key in [RowKey::Input(id), RowKey::Answer(id), RowKey::Listeners(id), RowKey::Mailbox(id)] {
        assert!(!table.contains_key(&key), "{key:?} is left");
    }
    assert_eq!(
        entries(table, id).count() + outcome_rows(table, id).count(),
        0,
        "the journal of {id} is left"
    );
    check_signals(table, id, &Default::default());
    for timer in timers(table, Timestamp(0)).filter(|timer| timer.invocation == id) {
        let TimerKind::Sleep { op } = timer.kind else { continue };
        assert!(op as usize >= OPEN_SLEEPS_KEPT, "the timer of {id} op {op} is left");
    }
}
