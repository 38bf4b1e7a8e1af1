//! Rows: the records a command declared it reads, and what it changed in them.

use crate::command::{Message, Timer};
use crate::entry::{Answer, EntryRow, Outcome, OutcomeRow};
use crate::ids::{DeploymentId, InvocationId, OpId, PartitionId};
use crate::invocation::{InputRow, InvocationRow, ListenersRow, MailboxRow};
use crate::manifest::{DeploymentRow, ServiceRow};
use crate::object::{KeyQueueRow, PromiseRow, UnclaimedRow};
use crate::target::ObjectKey;
use crate::time::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::sync::Arc;

/// Names one record. The order of the bytes in the store is fixed there, not here. Invocations come first:
/// those who watch steps look at them alone.
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
    /// How many attempts were purged with invocations whose ids can come again.
    AttemptsPurged,
    /// Written by uploads, only read here.
    Service(String),
    /// Written by uploads, only read here.
    Deployment(DeploymentId),
    KeyQueue(ObjectKey),
    /// Who waits at a position of the queue.
    KeyWaiter(ObjectKey, u64),
    State(ObjectKey, String),
    Promise(ObjectKey, String),
    /// Not a record: the names of several, only read here.
    Names(NamesOf),
    Listeners(InvocationId),
    Mailbox(InvocationId),
    /// What a signal says, by its number.
    Signal(InvocationId, u64),
    /// Finds an invocation by the time of its creation, where the id does not tell.
    Created(Timestamp, InvocationId),
    /// Promises that wait for this run of a workflow.
    Unclaimed(InvocationId),
}

/// Records whose names can be read all at once, at most
/// [`crate::limits::STATE_NAMES_READ`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NamesOf {
    State(ObjectKey),
    Promises(ObjectKey),
}

impl RowKey {
    /// Returns the name of the record, if it is one of these.
    #[must_use]
    pub fn name_in(&self, names: &NamesOf) -> Option<&str> {
        match (self, names) {
            (Self::State(object, name), NamesOf::State(of))
            | (Self::Promise(object, name), NamesOf::Promises(of))
                if object == of =>
            {
                Some(name)
            }
            _ => None,
        }
    }
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
    Deployment(Arc<DeploymentRow>),
    KeyQueue(KeyQueueRow),
    KeyWaiter(InvocationId),
    State(Bytes),
    Promise(PromiseRow),
    /// In order.
    Names(Vec<String>),
    Listeners(ListenersRow),
    Mailbox(MailboxRow),
    Signal(Outcome),
    Created,
    Unclaimed(UnclaimedRow),
}

impl Row {
    /// Returns the record of an invocation, if it is one.
    #[must_use]
    pub fn as_invocation(&self) -> Option<&InvocationRow> {
        match self {
            Self::Invocation(row) => Some(row),
            _ => None,
        }
    }
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
            // What is declared twice is read once: it may be many names.
            if let btree_map::Entry::Vacant(slot) = rows.slots.entry(key) {
                let row = get(slot.key());
                slot.insert(Slot { row, is_dirty: false });
            }
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

    /// Puts the row, or deletes it when there is none.
    pub(crate) fn set(&mut self, key: RowKey, row: Option<Row>) {
        self.slots.insert(key, Slot { row, is_dirty: true });
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

    /// Returns a live invocation, if its row was declared and is there: for those who only watch.
    #[must_use]
    pub fn find_invocation(&self, id: InvocationId) -> Option<&InvocationRow> {
        match self.slots.get(&RowKey::Invocation(id))?.row.as_ref()? {
            Row::Invocation(row) => Some(row),
            other => unreachable!("invocation {id} is stored as {other:?}"),
        }
    }

    /// Returns all invocations that were loaded, live and completed, in the order of their keys: for those
    /// who only watch.
    pub fn invocations(&self) -> impl Iterator<Item = (&RowKey, &InvocationRow)> {
        let slots = self.slots.iter();
        let of_invocations =
            slots.take_while(|(key, _)| matches!(key, RowKey::Invocation(_) | RowKey::Completed(_)));
        of_invocations.filter_map(|(key, slot)| Some((key, slot.row.as_ref()?.as_invocation()?)))
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

    /// Returns a completed invocation.
    pub(crate) fn completed(&self, id: InvocationId) -> Option<&InvocationRow> {
        match &self.slot(&RowKey::Completed(id)).row {
            Some(Row::Invocation(row)) => Some(row),
            None => None,
            Some(other) => unreachable!("completed invocation {id} is stored as {other:?}"),
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

    pub(crate) fn deployment(&self, id: &DeploymentId) -> Option<&DeploymentRow> {
        match &self.slot(&RowKey::Deployment(id.clone())).row {
            Some(Row::Deployment(row)) => Some(row),
            None => None,
            Some(other) => unreachable!("deployment {id} is stored as {other:?}"),
        }
    }

    pub(crate) fn entry(&self, id: InvocationId, op: OpId) -> Option<&EntryRow> {
        match &self.slot(&RowKey::Entry(id, op)).row {
            Some(Row::Entry(row)) => Some(row),
            None => None,
            Some(other) => unreachable!("entry {op} of {id} is stored as {other:?}"),
        }
    }

    pub(crate) fn outcome(&self, id: InvocationId, op: OpId) -> Option<&OutcomeRow> {
        match &self.slot(&RowKey::Outcome(id, op)).row {
            Some(Row::Outcome(row)) => Some(row),
            None => None,
            Some(other) => unreachable!("outcome {op} of {id} is stored as {other:?}"),
        }
    }

    pub(crate) fn input(&self, id: InvocationId) -> Option<&InputRow> {
        match &self.slot(&RowKey::Input(id)).row {
            Some(Row::Input(row)) => Some(row),
            None => None,
            Some(other) => unreachable!("the input of {id} is stored as {other:?}"),
        }
    }

    pub(crate) fn answer(&self, id: InvocationId) -> Option<&Answer> {
        match &self.slot(&RowKey::Answer(id)).row {
            Some(Row::Answer(answer)) => Some(answer),
            None => None,
            Some(other) => unreachable!("the answer of {id} is stored as {other:?}"),
        }
    }

    pub(crate) fn key_queue(&self, object: &ObjectKey) -> Option<&KeyQueueRow> {
        match &self.slot(&RowKey::KeyQueue(object.clone())).row {
            Some(Row::KeyQueue(row)) => Some(row),
            None => None,
            Some(other) => unreachable!("the queue of {object} is stored as {other:?}"),
        }
    }

    pub(crate) fn key_waiter(&self, object: &ObjectKey, position: u64) -> Option<InvocationId> {
        match &self.slot(&RowKey::KeyWaiter(object.clone(), position)).row {
            Some(Row::KeyWaiter(id)) => Some(*id),
            None => None,
            Some(other) => unreachable!("position {position} of {object} is stored as {other:?}"),
        }
    }

    pub(crate) fn state(&self, object: &ObjectKey, name: &str) -> Option<&Bytes> {
        match &self.slot(&RowKey::State(object.clone(), name.to_owned())).row {
            Some(Row::State(value)) => Some(value),
            None => None,
            Some(other) => unreachable!("state {name} of {object} is stored as {other:?}"),
        }
    }

    pub(crate) fn promise(&self, object: &ObjectKey, name: &str) -> PromiseRow {
        match &self.slot(&RowKey::Promise(object.clone(), name.to_owned())).row {
            Some(Row::Promise(row)) => row.clone(),
            None => PromiseRow::default(),
            Some(other) => unreachable!("promise {name} of {object} is stored as {other:?}"),
        }
    }

    pub(crate) fn listeners(&self, id: InvocationId) -> ListenersRow {
        match &self.slot(&RowKey::Listeners(id)).row {
            Some(Row::Listeners(row)) => row.clone(),
            None => ListenersRow::default(),
            Some(other) => unreachable!("the listeners of {id} are stored as {other:?}"),
        }
    }

    pub(crate) fn mailbox(&self, id: InvocationId) -> MailboxRow {
        match &self.slot(&RowKey::Mailbox(id)).row {
            Some(Row::Mailbox(row)) => row.clone(),
            None => MailboxRow::default(),
            Some(other) => unreachable!("the mailbox of {id} is stored as {other:?}"),
        }
    }

    pub(crate) fn signal(&self, id: InvocationId, number: u64) -> Option<&Outcome> {
        match &self.slot(&RowKey::Signal(id, number)).row {
            Some(Row::Signal(outcome)) => Some(outcome),
            None => None,
            Some(other) => unreachable!("signal {number} of {id} is stored as {other:?}"),
        }
    }

    pub(crate) fn unclaimed(&self, run: InvocationId) -> Option<&UnclaimedRow> {
        match &self.slot(&RowKey::Unclaimed(run)).row {
            Some(Row::Unclaimed(row)) => Some(row),
            None => None,
            Some(other) => unreachable!("promises without the run {run} are stored as {other:?}"),
        }
    }

    /// Returns how many names were stored before this step, as far as they were read.
    pub(crate) fn names_stored(&self, of: &NamesOf) -> usize {
        match &self.slot(&RowKey::Names(of.clone())).row {
            Some(Row::Names(names)) => names.len(),
            None => 0,
            Some(other) => unreachable!("names are stored as {other:?}"),
        }
    }

    /// Returns the names of what is stored, with what this very step changed.
    pub(crate) fn names(&self, of: &NamesOf) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = match &self.slot(&RowKey::Names(of.clone())).row {
            Some(Row::Names(names)) => names.iter().cloned().collect(),
            None => BTreeSet::new(),
            Some(other) => unreachable!("names are stored as {other:?}"),
        };
        for (key, slot) in self.slots.iter().filter(|(_, slot)| slot.is_dirty) {
            match (key.name_in(of), &slot.row) {
                (Some(name), Some(_)) => _ = names.insert(name.to_owned()),
                (Some(name), None) => _ = names.remove(name),
                (None, _) => {}
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_declared_twice_is_read_once() {
        let mut read = 0;
        let rows = Rows::load(vec![RowKey::AttemptsPurged; 2], |_| {
            read += 1;
            None
        });
        assert_eq!((rows.slots.len(), read), (1, 1));
    }
}
