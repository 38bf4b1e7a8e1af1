//! Reading journals: for an attempt that replays one, and for a check. For a person who looks at one: [`super::outline`].

use super::reader::{live_or_completed, record};
use super::txn::TxnError;
use abide_core::effect::AttemptStart;
use abide_core::entry::{Answer, EntryRow, Outcome, OutcomeRow, Settled};
use abide_core::ids::{InvocationId, OpId};
use abide_core::invocation::{InputRow, InvocationRow};
use abide_core::limits::{APART_BYTES, JOURNAL_ENTRIES_MAX, RESTART_BYTES_MAX, RESTART_ENTRIES_MAX};
use abide_core::rows::{Row, RowKey};
use abide_core::target::ObjectKey;
use abide_store::keys::{self, Tag};
use abide_store::{Peeked, Store, View, codec, pairs};
use std::sync::Arc;

/// What an attempt starts from.
#[derive(Clone, Debug)]
pub struct LoadedJournal {
    pub input: InputRow,
    pub entries: Vec<EntryRow>,
    /// In the order of the journal.
    pub outcomes: Vec<Settled>,
}

/// Reads journals from the store.
#[derive(Clone)]
pub struct JournalReader {
    pub(super) store: Arc<dyn Store>,
    pub(super) partitions: u16,
}

impl JournalReader {
    pub(super) fn new(store: Arc<dyn Store>, partitions: u16) -> Self {
        Self { store, partitions }
    }

    /// Reads what an attempt starts from; None when the invocation is gone. Outcomes that were
    /// written after the attempt was started may be among them.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn load(&self, start: &mut AttemptStart) -> Result<Option<LoadedJournal>, TxnError> {
        let id = start.invocation;
        let input = match start.input.take() {
            Some(input) => input,
            None => match self.row(View::Latest, &RowKey::Input(id), id)? {
                Some(input) => input,
                None => return Ok(None),
            },
        };
        let entries = match start.entries_len {
            0 => Vec::new(),
            expected => self.all_entries(View::Latest, id, expected)?,
        };
        let outcomes = match start.outcomes_len {
            0 => Vec::new(),
            expected => self.all_outcomes(View::Latest, id, expected)?,
        };
        Ok(Some(LoadedJournal { input, entries, outcomes }))
    }

    /// Reads what is recorded of an invocation, whatever it is doing; None when there is no journal.
    pub(super) fn recorded(&self, id: InvocationId) -> Result<Option<LoadedJournal>, TxnError> {
        let Some(input) = self.row(View::Durable, &RowKey::Input(id), id)? else { return Ok(None) };
        let entries = self.all_entries(View::Durable, id, 0)?;
        let outcomes = self.all_outcomes(View::Durable, id, 0)?;
        Ok(Some(LoadedJournal { input, entries, outcomes }))
    }

    /// Reads the record of an invocation, live or completed.
    pub(super) fn invocation(&self, id: InvocationId) -> Result<Option<InvocationRow>, TxnError> {
        let found = live_or_completed(id, |row_key| self.row(View::Durable, row_key, id))?;
        Ok(found.map(|(_, row)| row))
    }

    /// Says whether the first `until` entries of a journal, with their outcomes, are no more than a restart
    /// can take over. Reads one after the other, because there may be far more.
    pub(super) fn is_within_restart(&self, id: InvocationId, until: u32) -> Result<bool, TxnError> {
        if until > RESTART_ENTRIES_MAX {
            return Ok(false);
        }
        let mut bytes = 0;
        for op in 0..until {
            let entry: Option<EntryRow> = self.row(View::Durable, &RowKey::Entry(id, op), id)?;
            let outcome: Option<OutcomeRow> = self.row(View::Durable, &RowKey::Outcome(id, op), id)?;
            bytes += entry.map_or(0, |row| row.entry.bytes().min(APART_BYTES));
            bytes += outcome.map_or(0, |row| row.outcome.bytes().min(APART_BYTES));
        }
        Ok(bytes <= RESTART_BYTES_MAX)
    }

    /// Reads the answer of an invocation that has ended.
    pub(super) fn answer(&self, id: InvocationId) -> Result<Option<Answer>, TxnError> {
        self.row(View::Durable, &RowKey::Answer(id), id)
    }

    /// Returns about how large the answer of an invocation is, without reading a large one.
    pub(super) fn answer_bytes(&self, id: InvocationId) -> Result<Option<usize>, TxnError> {
        let key = keys::encode(id.partition(self.partitions), &RowKey::Answer(id));
        Ok(match self.store.peek(View::Durable, &key)? {
            Peeked::Absent => None,
            Peeked::Value(value) => Some(value.len()),
            Peeked::Apart { bytes } => Some(usize::try_from(bytes).unwrap_or(usize::MAX)),
        })
    }

    /// Reads a value of the state of the object that an invocation runs on, as the driver would now; None when it is
    /// large, or cannot be read: the driver will say why.
    pub fn read_ahead(&self, id: InvocationId, object: &ObjectKey, name: &str) -> Option<Outcome> {
        let row_key = RowKey::State(object.clone(), name.to_owned());
        let key = keys::encode(id.partition(self.partitions), &row_key);
        match self.store.peek(View::Latest, &key).ok()? {
            Peeked::Absent => Some(Outcome::Empty),
            Peeked::Apart { .. } => None,
            Peeked::Value(value) => match codec::decode_row(&row_key, &key, &value).ok()? {
                Row::State(value) => Some(Outcome::Value(value)),
                _ => None,
            },
        }
    }

    pub(super) fn row<T: codec::Record>(
        &self,
        view: View,
        row_key: &RowKey,
        id: InvocationId,
    ) -> Result<Option<T>, TxnError> {
        record(&*self.store, view, id.partition(self.partitions), row_key)
    }

    fn all_entries(&self, view: View, id: InvocationId, expected: u32) -> Result<Vec<EntryRow>, TxnError> {
        self.items(view, Tag::Entry, id, expected, |_, row| row)
    }

    /// Returns the outcomes in the order of the journal.
    fn all_outcomes(&self, view: View, id: InvocationId, expected: u32) -> Result<Vec<Settled>, TxnError> {
        let settled = |op, OutcomeRow { order, at, outcome }| Settled { op, order, at, outcome };
        let mut outcomes = self.items(view, Tag::Outcome, id, expected, settled)?;
        outcomes.sort_by_key(|settled| settled.order);
        Ok(outcomes)
    }

    /// Reads a part of a journal. About as many as are expected have room from the beginning: a long
    /// journal would be copied again and again while it grows.
    pub(super) fn items<T: codec::Record, Item>(
        &self,
        view: View,
        tag: Tag,
        id: InvocationId,
        expected: u32,
        make: impl Fn(OpId, T) -> Item,
    ) -> Result<Vec<Item>, TxnError> {
        let span = keys::journal(id.partition(self.partitions), tag, id);
        let mut items = Vec::with_capacity(expected.min(JOURNAL_ENTRIES_MAX) as usize);
        for pair in pairs(&*self.store, view, span) {
            let (key, value) = pair?;
            let op = keys::decode_op(&key).expect("a journal span holds only keys with operations");
            items.push(make(op, codec::decode(&key, &value)?));
        }
        Ok(items)
    }
}
