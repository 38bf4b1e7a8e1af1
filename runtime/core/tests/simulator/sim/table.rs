//! The rows of one partition, and the journals in them.

use abide_core::entry::{Answer, EntryRow, Settled};
use abide_core::ids::{InvocationId, OpId};
use abide_core::invocation::InvocationRow;
use abide_core::rows::{Row, RowKey};
use std::collections::BTreeMap;

pub type Table = BTreeMap<RowKey, Row>;

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

/// Returns all live invocations.
pub fn all_live(table: &Table) -> impl Iterator<Item = (InvocationId, &InvocationRow)> {
    let nobody = InvocationId { unique: 0, partition_key: 0 };
    let rows = table.range(RowKey::Invocation(nobody)..RowKey::Completed(nobody));
    rows.filter_map(|(key, row)| match key {
        RowKey::Invocation(id) => Some((*id, invocation(row)?)),
        _ => None,
    })
}

pub fn entries(table: &Table, id: InvocationId) -> Vec<EntryRow> {
    let rows = table.range(RowKey::Entry(id, 0)..=RowKey::Entry(id, OpId::MAX));
    let mut entries = Vec::new();
    for (op, (key, row)) in rows.enumerate() {
        assert_eq!(*key, RowKey::Entry(id, op as u32), "journals have no gaps");
        match row {
            Row::Entry(entry) => entries.push(entry.clone()),
            other => panic!("an entry is stored as {other:?}"),
        }
    }
    entries
}

/// Returns the outcomes in the order of the journal.
pub fn outcomes(table: &Table, id: InvocationId) -> Vec<Settled> {
    let rows = table.range(RowKey::Outcome(id, 0)..=RowKey::Outcome(id, OpId::MAX));
    let mut outcomes: Vec<Settled> = rows.map(|(key, row)| settled(key, row)).collect();
    outcomes.sort_by_key(|settled| settled.order);
    for (order, settled) in outcomes.iter().enumerate() {
        assert_eq!(settled.order, order as u32, "outcomes have an order without gaps");
    }
    outcomes
}

fn settled(key: &RowKey, row: &Row) -> Settled {
    match (key, row) {
        (RowKey::Outcome(_, op), Row::Outcome(row)) => {
            Settled { op: *op, order: row.order, at: row.at, outcome: row.outcome.clone() }
        }
        other => panic!("not an outcome: {other:?}"),
    }
}
