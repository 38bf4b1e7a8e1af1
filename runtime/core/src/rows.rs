//! Rows: the records a command declared it reads, and what it changed in them.

use crate::command::{Message, Timer};
use crate::entry::{Answer, EntryRow, OutcomeRow};
use crate::ids::{InvocationId, OpId, PartitionId};
use crate::invocation::{InputRow, InvocationRow};
use crate::manifest::ServiceRow;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names one record. The order of the bytes in the store is fixed there, not here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKey {
    /// A live invocation.
    Invocation(InvocationId),
    /// One that has ended; kept apart, so that a start only looks at live ones.
    Completed(InvocationId),
    Input(InvocationId),
    Answer(InvocationId),
    Entry(InvocationId, OpId),
    Outcome(InvocationId, OpId),
    Timer(Timer),
    Outbox(PartitionId, u64),
    /// Sequence of the last message to a partition.
    OutboxHead(PartitionId),
    /// Sequence of the last message a partition has acknowledged.
    OutboxTail(PartitionId),
    /// Sequence of the last message applied from a partition.
    InboxMark(PartitionId),
    /// Written by uploads, only read here.
    Service(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Row {
    Invocation(Box<InvocationRow>),
    Input(InputRow),
    Answer(Answer),
    Entry(EntryRow),
    Outcome(OutcomeRow),
    Timer,
    Outbox(Message),
    Counter(u64),
    /// Shared: its manifest is large, and every first attempt looks at it.
    Service(Arc<ServiceRow>),
}

struct Slot {
    row: Option<Row>,
    is_dirty: bool,
}

/// The loaded rows of one command.
///
/// # Panics
/// Every accessor panics when the row was not declared by [`crate::command::Command::reads`]: that
/// is a mistake in the core, and a wrong "absent" would be worse.
#[derive(Default)]
pub struct Rows {
    slots: BTreeMap<RowKey, Slot>,
}

impl Rows {
    /// Builds the rows of a command from what the store holds.
    #[must_use]
    pub fn load(reads: Vec<RowKey>, mut get: impl FnMut(&RowKey) -> Option<Row>) -> Self {
        let mut rows = Self::default();
        for key in reads {
            let row = get(&key);
            rows.slots.insert(key, Slot { row, is_dirty: false });
        }
        rows
    }

    /// Returns what has to be written: a row to put, or None to delete.
    #[must_use]
    pub fn into_writes(self) -> Vec<(RowKey, Option<Row>)> {
        let dirty = self.slots.into_iter().filter(|(_, slot)| slot.is_dirty);
        dirty.map(|(key, slot)| (key, slot.row)).collect()
    }

    fn slot(&self, key: &RowKey) -> &Slot {
        self.slots.get(key).unwrap_or_else(|| panic!("row {key:?} is read but was not declared"))
    }

    pub(crate) fn put(&mut self, key: RowKey, row: Row) {
        self.slots.insert(key, Slot { row: Some(row), is_dirty: true });
    }

    pub(crate) fn delete(&mut self, key: RowKey) {
        self.slots.insert(key, Slot { row: None, is_dirty: true });
    }

    pub(crate) fn contains(&self, key: &RowKey) -> bool {
        self.slot(key).row.is_some()
    }

    pub(crate) fn invocation(&self, id: InvocationId) -> Option<&InvocationRow> {
        match &self.slot(&RowKey::Invocation(id)).row {
            Some(Row::Invocation(row)) => Some(row),
            None => None,
            Some(other) => unreachable!("invocation {id} is stored as {other:?}"),
        }
    }

    /// Returns the invocation to change it; it is written back.
    pub(crate) fn invocation_mut(&mut self, id: InvocationId) -> Option<&mut InvocationRow> {
        let key = RowKey::Invocation(id);
        let slot =
            self.slots.get_mut(&key).unwrap_or_else(|| panic!("row {key:?} is read but was not declared"));
        match &mut slot.row {
            Some(Row::Invocation(row)) => {
                slot.is_dirty = true;
                Some(row)
            }
            None => None,
            Some(other) => unreachable!("invocation {id} is stored as {other:?}"),
        }
    }

    pub(crate) fn counter(&self, key: &RowKey) -> u64 {
        match &self.slot(key).row {
            Some(Row::Counter(value)) => *value,
            None => 0,
            Some(other) => unreachable!("{key:?} is stored as {other:?}"),
        }
    }

    pub(crate) fn service(&self, name: &str) -> Option<&ServiceRow> {
        match &self.slot(&RowKey::Service(name.to_owned())).row {
            Some(Row::Service(row)) => Some(row),
            None => None,
            Some(other) => unreachable!("service {name} is stored as {other:?}"),
        }
    }
}
