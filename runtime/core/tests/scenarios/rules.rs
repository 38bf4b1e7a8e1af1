//! What holds of all that is stored, after every line of every script.

use crate::show;
use crate::world::{self, World};
use abide_core::command::{Message, Timer, TimerKind};
use abide_core::entry::{Entry, EntryRow, OutcomeRow};
use abide_core::ids::{CANCEL_OP, InvocationId, OpId};
use abide_core::invocation::{InvocationRow, MailboxRow, Phase};
use abide_core::limits::OPEN_SLEEPS_KEPT;
use abide_core::object::KeyQueueRow;
use abide_core::rows::{Row, RowKey};
use abide_core::target::ObjectKey;
use std::collections::BTreeMap;

type Stored = BTreeMap<RowKey, Row>;

pub fn check(world: &World) {
    for rows in &world.partitions {
        for (key, row) in rows {
            match (key, row) {
                (RowKey::Invocation(id), Row::Invocation(row)) => live(rows, *id, row),
                (RowKey::Completed(id), Row::Invocation(row)) => completed(rows, *id, row),
                (RowKey::Timer(timer), _) => assert!(is_awaited(rows, timer), "nobody waits for {timer:?}"),
                (RowKey::KeyQueue(object), Row::KeyQueue(queue)) => holder(rows, object, queue),
                (RowKey::KeyWaiter(object, position), Row::KeyWaiter(id)) => {
                    waiter(rows, object, *position, *id);
                }
                (RowKey::Mailbox(id), Row::Mailbox(mailbox)) => letters(rows, *id, mailbox),
                (RowKey::Unclaimed(run), Row::Unclaimed(row)) => {
                    let (at, kind) = (row.looked_at, TimerKind::PurgeUnclaimed);
                    assert!(has_timer(rows, Timer { at, invocation: *run, kind }), "{row:?} stays for good");
                }
                _ => {}
            }
            if let Some(id) = show::owner(key).filter(|_| !matches!(key, RowKey::Timer(_))) {
                let owner = world::row(rows, id).unwrap_or_else(|| panic!("{key:?} belongs to nobody"));
                assert!(is_fitting(key, id, owner), "{key:?} of {}", world.name(id));
            }
        }
    }
}

fn live(rows: &Stored, id: InvocationId, row: &InvocationRow) {
    assert!(!rows.contains_key(&RowKey::Completed(id)), "{id} is live and completed");
    assert!(rows.contains_key(&RowKey::Input(id)), "{id} has lost its input");
    assert_eq!(
        id.is_computed(),
        rows.contains_key(&RowKey::Created(row.created_at, id)),
        "{id} in the index"
    );
    match &row.phase {
        Phase::Scheduled { .. }
        | Phase::Running { .. }
        | Phase::Suspended { .. }
        | Phase::Paused { .. }
        | Phase::BackingOff { .. } => {}
        Phase::Queued { position } => {
            let object = row.target.object().expect("only invocations on objects wait");
            assert!(rows.contains_key(&RowKey::KeyWaiter(object, *position)), "{id} is not in the queue");
            assert!(!row.holds_key);
        }
        Phase::Completed { .. } => panic!("{id} has ended and is stored as live"),
    }
    if let Phase::Scheduled { at } = row.phase {
        assert!(has_timer(rows, Timer { at, invocation: id, kind: TimerKind::Begin }), "{id} never begins");
    }
    if let Phase::BackingOff { attempt, until: at, .. } = row.phase {
        let timer = Timer { at, invocation: id, kind: TimerKind::Retry { attempt } };
        assert!(has_timer(rows, timer), "{id} backs off for good");
    }
    if row.holds_key {
        let object = row.target.object().expect("only invocations on objects have a key");
        let Some(Row::KeyQueue(queue)) = rows.get(&RowKey::KeyQueue(object)) else {
            panic!("{id} has no key")
        };
        assert_eq!(queue.holder, id);
    }
    journal(rows, id, row);
}

fn has_timer(rows: &Stored, timer: Timer) -> bool {
    rows.contains_key(&RowKey::Timer(timer))
}

/// Every entry and every outcome is there once, and what is open is known to be.
fn journal(rows: &Stored, id: InvocationId, row: &InvocationRow) {
    let mut orders = Vec::new();
    orders.extend(outcome(rows, id, CANCEL_OP).map(|row| row.order));
    assert_eq!(row.cancelled.is_some(), !orders.is_empty(), "{id} and its cancellation");
    let (mut calls, mut sleeps) = (BTreeMap::new(), BTreeMap::new());
    let mut bytes = outcome(rows, id, CANCEL_OP).map_or(0, |row| row.outcome.bytes());
    for op in 0..row.entries_len {
        let Some(Row::Entry(EntryRow { at, entry, .. })) = rows.get(&RowKey::Entry(id, op)) else {
            panic!("entry {op} of {id} is missing")
        };
        bytes += entry.bytes() + outcome(rows, id, op).map_or(0, |row| row.outcome.bytes());
        match (outcome(rows, id, op), entry) {
            (Some(row), _) => orders.push(row.order),
            (None, Entry::Call(request)) => _ = calls.insert(op, request.child),
            (None, Entry::Sleep { duration_ms, .. }) => _ = sleeps.insert(op, at.plus_millis(*duration_ms)),
            (None, entry) => assert!(!entry.is_prompt(), "op {op} of {id} is not settled"),
        }
    }
    assert_eq!(row.journal_bytes, bytes as u64, "the bytes in the journal of {id}");
    orders.sort_unstable();
    assert_eq!(orders, (0..row.outcomes_len).collect::<Vec<_>>(), "the outcomes of {id}");
    for (op, at) in &sleeps {
        let timer = Timer { at: *at, invocation: id, kind: TimerKind::Sleep { op: *op } };
        assert!(has_timer(rows, timer), "sleep {op} of {id} is never over");
    }
    assert!(row.open_sleeps.iter().all(|(op, at)| sleeps.get(op) == Some(at)), "the open sleeps of {id}");
    let known = &row.open_calls;
    assert!(known.callees.iter().all(|(op, callee)| calls.get(op) == Some(callee)), "the calls of {id}");
    assert!(known.has_overflowed || known.callees.len() == calls.len(), "{id} forgot a call");
}

fn outcome(rows: &Stored, id: InvocationId, op: OpId) -> Option<&OutcomeRow> {
    match rows.get(&RowKey::Outcome(id, op))? {
        Row::Outcome(row) => Some(row),
        other => panic!("not an outcome: {other:?}"),
    }
}

fn completed(rows: &Stored, id: InvocationId, row: &InvocationRow) {
    assert!(matches!(row.phase, Phase::Completed { .. }), "{id} has not ended");
    assert!(!row.holds_key, "{id} keeps the key");
    assert!(rows.contains_key(&RowKey::Answer(id)), "{id} has no answer");
    let is_purge = |key: &RowKey| match key {
        RowKey::Timer(timer) => timer.invocation == id && timer.kind == TimerKind::Purge,
        _ => false,
    };
    assert!(rows.keys().any(is_purge), "{id} is kept for good");
}

/// Says whether a stored timer has something to do when it is due. Of many sleeps an invocation
/// remembers only some, so the timers of the others outlive it.
fn is_awaited(rows: &Stored, timer: &Timer) -> bool {
    let row = world::row(rows, timer.invocation);
    let phase = row.map(|row| &row.phase);
    match (timer.kind, phase) {
        (TimerKind::Begin, Some(Phase::Scheduled { at })) => *at == timer.at,
        (TimerKind::Retry { attempt: of }, Some(Phase::BackingOff { attempt, until, .. })) => {
            *attempt == of && *until == timer.at
        }
        (TimerKind::PurgeUnclaimed, _) => {
            let row = rows.get(&RowKey::Unclaimed(timer.invocation));
            matches!(row, Some(Row::Unclaimed(row)) if row.looked_at == timer.at)
        }
        (TimerKind::Purge | TimerKind::PurgeJournal, Some(Phase::Completed { .. })) => true,
        (TimerKind::Sleep { op }, Some(Phase::Completed { .. }) | None) => op as usize >= OPEN_SLEEPS_KEPT,
        (TimerKind::Sleep { op }, Some(_)) => outcome(rows, timer.invocation, op).is_none(),
        _ => false,
    }
}

fn holder(rows: &Stored, object: &ObjectKey, queue: &KeyQueueRow) {
    let Some(Row::Invocation(row)) = rows.get(&RowKey::Invocation(queue.holder)) else {
        let released = |row: &Row| match row {
            Row::Outbox(Message::Release { invocation, .. }) => *invocation == queue.holder,
            _ => false,
        };
        // A long queue of which none can run is emptied by one message after the other.
        if rows.values().any(released) {
            return;
        }
        panic!("{} has ended and keeps the key of {object}", queue.holder)
    };
    assert!(row.holds_key && row.target.object().as_ref() == Some(object), "the holder of {object}");
    assert!(queue.head <= queue.tail);
    let waits = |key: &&RowKey| matches!(key, RowKey::KeyWaiter(of, _) if of == object);
    assert_eq!(queue.waiting(), rows.keys().filter(waits).count() as u64, "so many wait for {object}");
}

fn waiter(rows: &Stored, object: &ObjectKey, position: u64, id: InvocationId) {
    let Some(Row::KeyQueue(queue)) = rows.get(&RowKey::KeyQueue(object.clone())) else {
        panic!("{id} waits for {object}, which nobody has")
    };
    assert!((queue.head..queue.tail).contains(&position), "{id} waits at {position} for {object}");
    let Some(Row::Invocation(row)) = rows.get(&RowKey::Invocation(id)) else {
        panic!("{id} has ended and waits for {object}")
    };
    assert_eq!(row.phase, Phase::Queued { position });
    assert_eq!(row.target.object().as_ref(), Some(object));
}

fn letters(rows: &Stored, id: InvocationId, mailbox: &MailboxRow) {
    let numbers = rows.keys().filter_map(|key| match key {
        RowKey::Signal(of, number) if *of == id => Some(*number),
        _ => None,
    });
    let arrived: Vec<_> = mailbox.arrived.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers.collect::<Vec<_>>(), arrived, "the signals of {id}");
}

/// Says whether a row of an invocation is one that the invocation knows of.
fn is_fitting(key: &RowKey, id: InvocationId, row: &InvocationRow) -> bool {
    let is_live = !matches!(row.phase, Phase::Completed { .. });
    match key {
        RowKey::Entry(_, op) => *op < row.entries_len,
        RowKey::Outcome(_, CANCEL_OP) => row.cancelled.is_some(),
        RowKey::Outcome(_, op) => *op < row.entries_len,
        RowKey::Listeners(_) => is_live && row.has_listeners,
        RowKey::Mailbox(_) | RowKey::Signal(..) => row.has_mailbox,
        RowKey::Answer(_) => !is_live,
        RowKey::Created(at, _) => id.is_computed() && *at == row.created_at,
        _ => true,
    }
}
