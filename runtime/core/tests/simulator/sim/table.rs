//! The rows of one partition, and what can be read from them.

use abide_core::command::{Timer, TimerKind};
use abide_core::entry::{Answer, EntryRow, OutcomeRow, Settled};
use abide_core::ids::{InvocationId, OpId};
use abide_core::invocation::{InvocationRow, ListenersRow, MailboxRow};
use abide_core::object::{KeyQueueRow, PromiseRow, StateVersion};
use abide_core::rows::{NamesOf, Row, RowKey};
use abide_core::target::ObjectKey;
use abide_core::time::Timestamp;
use bytes::Bytes;
use std::collections::BTreeMap;

pub type Table = BTreeMap<RowKey, Row>;

/// Returns a row, or the names that stand for several.
pub fn get(table: &Table, key: &RowKey) -> Option<Row> {
    let RowKey::Names(of) = key else { return table.get(key).cloned() };
    let first = match of.clone() {
        NamesOf::State(object) => RowKey::State(object, String::new()),
        NamesOf::Promises(object) => RowKey::Promise(object, String::new()),
    };
    let names = table.range(first..).map_while(|(key, _)| key.name_in(of));
    Some(Row::Names(names.map(Into::into).collect()))
}

pub fn put(table: &mut Table, key: RowKey, row: Option<Row>) {
    match row {
        Some(row) => table.insert(key, row),
        None => table.remove(&key),
    };
}

pub fn live(table: &Table, id: InvocationId) -> Option<&InvocationRow> {
    invocation(table.get(&RowKey::Invocation(id))?)
}

pub fn completed(table: &Table, id: InvocationId) -> Option<&InvocationRow> {
    invocation(table.get(&RowKey::Completed(id))?)
}

pub fn invocation(row: &Row) -> Option<&InvocationRow> {
    match row {
        Row::Invocation(row) => Some(row),
        _ => None,
    }
}

pub fn answer(table: &Table, id: InvocationId) -> Option<&Answer> {
    match table.get(&RowKey::Answer(id))? {
        Row::Answer(answer) => Some(answer),
        other => panic!("an answer is stored as {other:?}"),
    }
}

pub fn counter(table: &Table, key: &RowKey) -> u64 {
    match table.get(key) {
        Some(Row::Counter(value)) => *value,
        None => 0,
        Some(other) => panic!("a counter is stored as {other:?}"),
    }
}

/// Returns an object's state.
pub fn state<'a>(
    table: &'a Table,
    object: &ObjectKey,
) -> impl Iterator<Item = (&'a str, &'a Bytes)> + use<'a> {
    let of = NamesOf::State(object.clone());
    let rows = table.range(RowKey::State(object.clone(), String::new())..);
    rows.map_while(move |(key, row)| match (key.name_in(&of), row) {
        (Some(name), Row::State(value)) => Some((name, value)),
        _ => None,
    })
}

/// Returns the version of an object's state.
pub fn state_version(table: &Table, object: &ObjectKey) -> StateVersion {
    StateVersion::of(state(table, object))
}

/// Returns all live invocations.
pub fn all_live(table: &Table) -> impl Iterator<Item = (InvocationId, &InvocationRow)> {
    let nobody = InvocationId { unique: 0, partition_key: 0 };
    let rows = table.range(RowKey::Invocation(nobody)..RowKey::Completed(nobody));
    rows.filter_map(|(key, row)| match key {
        RowKey::Invocation(id) => Some((*id, invocation(row)?)),
        _ => None,
    })
}

/// Returns all invocations that have ended and are kept.
pub fn all_completed(table: &Table) -> impl Iterator<Item = (InvocationId, &InvocationRow)> {
    let nobody = InvocationId { unique: 0, partition_key: 0 };
    let rows = table.range(RowKey::Completed(nobody)..RowKey::Input(nobody));
    rows.filter_map(|(key, row)| match key {
        RowKey::Completed(id) => Some((*id, invocation(row)?)),
        _ => None,
    })
}

/// Returns the entries of a journal, which has no gaps.
pub fn entries(table: &Table, id: InvocationId) -> impl Iterator<Item = (OpId, &EntryRow)> {
    let rows = table.range(RowKey::Entry(id, 0)..=RowKey::Entry(id, OpId::MAX));
    (0..).zip(rows).map(move |(op, (key, row))| match (key, row) {
        (RowKey::Entry(_, at), Row::Entry(entry)) if *at == op => (op, entry),
        other => panic!("the journal of {id} has {other:?} in place of entry {op}"),
    })
}

pub fn outcome_rows(table: &Table, id: InvocationId) -> impl Iterator<Item = (OpId, &OutcomeRow)> {
    let rows = table.range(RowKey::Outcome(id, 0)..=RowKey::Outcome(id, OpId::MAX));
    rows.map(move |(key, row)| match (key, row) {
        (RowKey::Outcome(_, op), Row::Outcome(row)) => (*op, row),
        other => panic!("not an outcome of {id}: {other:?}"),
    })
}

/// Returns the outcomes in the order of the journal.
pub fn outcomes(table: &Table, id: InvocationId) -> Vec<Settled> {
    let rows = outcome_rows(table, id);
    let settled = |(op, row): (OpId, &OutcomeRow)| Settled {
        op,
        order: row.order,
        at: row.at,
        outcome: row.outcome.clone(),
    };
    let mut outcomes: Vec<Settled> = rows.map(settled).collect();
    outcomes.sort_by_key(|settled| settled.order);
    for (order, settled) in outcomes.iter().enumerate() {
        assert_eq!(settled.order, order as u32, "outcomes have an order without gaps");
    }
    outcomes
}

pub fn queue<'a>(table: &'a Table, object: &ObjectKey) -> Option<&'a KeyQueueRow> {
    match table.get(&RowKey::KeyQueue(object.clone()))? {
        Row::KeyQueue(row) => Some(row),
        other => panic!("a queue is stored as {other:?}"),
    }
}

/// Returns who waits for the key of an object, in order.
pub fn waiters<'a>(
    table: &'a Table,
    object: &'a ObjectKey,
) -> impl Iterator<Item = (u64, InvocationId)> + 'a {
    let first = RowKey::KeyWaiter(object.clone(), 0);
    table.range(first..).map_while(move |(key, row)| match (key, row) {
        (RowKey::KeyWaiter(of, position), Row::KeyWaiter(id)) if of == object => Some((*position, *id)),
        _ => None,
    })
}

pub fn promise<'a>(table: &'a Table, object: &ObjectKey, name: &str) -> Option<&'a PromiseRow> {
    match table.get(&RowKey::Promise(object.clone(), name.to_owned()))? {
        Row::Promise(row) => Some(row),
        other => panic!("a promise is stored as {other:?}"),
    }
}

pub fn listeners(table: &Table, id: InvocationId) -> Option<&ListenersRow> {
    match table.get(&RowKey::Listeners(id))? {
        Row::Listeners(row) => Some(row),
        other => panic!("listeners are stored as {other:?}"),
    }
}

pub fn mailbox(table: &Table, id: InvocationId) -> Option<&MailboxRow> {
    match table.get(&RowKey::Mailbox(id))? {
        Row::Mailbox(row) => Some(row),
        other => panic!("a mailbox is stored as {other:?}"),
    }
}

/// Returns the timers from a point in time on.
pub fn timers(table: &Table, from: Timestamp) -> impl Iterator<Item = Timer> + '_ {
    let nobody = InvocationId { unique: 0, partition_key: 0 };
    let first = RowKey::Timer(Timer { at: from, invocation: nobody, kind: TimerKind::Begin });
    table.range(first..).map_while(|(key, _)| match key {
        RowKey::Timer(timer) => Some(*timer),
        _ => None,
    })
}
