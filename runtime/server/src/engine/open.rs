//! What an invocation waits for, and what it has called, without reading a long journal as a whole.

use super::txn::TxnError;
use super::{EngineError, EngineHandle, JournalReader};
use abide_core::entry::{Entry, EntryRow};
use abide_core::ids::{InvocationId, OpId};
use abide_core::invocation::InvocationRow;
use abide_core::rows::RowKey;
use abide_store::keys::{self, Tag};
use abide_store::{View, codec};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::ops::Range;

/// Entries of a journal that are looked at for what is open, the newest ones. What the record itself knows
/// to be open is found before them, too.
pub const OPEN_LOOKED_AT_MAX: OpId = 2_000;
/// Entries that are looked at for one page of calls.
pub const CHILDREN_LOOKED_AT_MAX: OpId = 5_000;
/// Bytes of a journal that are read for either.
pub const JOURNAL_READ_BYTES_MAX: usize = 16 << 20;
/// Entries read at once.
const CHUNK: OpId = 64;

/// Operations that can still get an outcome, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Open {
    pub operations: Vec<(OpId, EntryRow)>,
    /// The journal was not looked at as a whole: there may be more.
    pub is_cut: bool,
}

/// Calls, sends and attachments of an invocation, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Children {
    pub entries: Vec<(OpId, EntryRow)>,
    /// How many there are in the whole journal, where all of it was looked at.
    pub total: Option<usize>,
    /// Where the next page begins.
    pub next_from: Option<OpId>,
}

impl EngineHandle {
    /// Returns what an invocation has asked for and not heard of.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn open_operations(&self, id: InvocationId, row: &InvocationRow) -> Result<Open, EngineError> {
        Ok(self.inner.journals.open_operations(id, row)?)
    }

    /// Returns whom an invocation has called, from an operation on.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn children(
        &self,
        id: InvocationId,
        row: &InvocationRow,
        from: OpId,
        limit: usize,
    ) -> Result<Children, EngineError> {
        Ok(self.inner.journals.children(id, row, from, limit)?)
    }
}

impl JournalReader {
    fn open_operations(&self, id: InvocationId, row: &InvocationRow) -> Result<Open, TxnError> {
        let len = row.entries_len;
        let mut open = Open::default();
        let (mut from, mut bytes) = (len, 0);
        while from > len.saturating_sub(OPEN_LOOKED_AT_MAX) && bytes < JOURNAL_READ_BYTES_MAX {
            let chunk = from.saturating_sub(CHUNK)..from;
            from = chunk.start;
            let (entries, settled) = (self.entries(id, chunk.clone())?, self.settled(id, chunk)?);
            bytes += entries.iter().map(|(_, _, bytes)| bytes).sum::<usize>() + settled.1;
            let is_open = |(op, entry): &(OpId, EntryRow)| {
                let is_given_up =
                    row.cancelled.is_some_and(|cancelled| cancelled.is_news_after(entry.outcomes_before));
                entry.entry.is_awaitable() && !settled.0.contains(op) && !is_given_up
            };
            let entries = entries.into_iter().map(|(op, entry, _)| (op, entry)).filter(is_open);
            open.operations.splice(0..0, entries);
        }
        open.is_cut = from > 0;
        let mut earlier = Vec::new();
        for op in known_open(row).range(..from) {
            earlier.extend(self.row(View::Durable, &RowKey::Entry(id, *op), id)?.map(|entry| (*op, entry)));
        }
        open.operations.splice(0..0, earlier);
        Ok(open)
    }

    fn children(
        &self,
        id: InvocationId,
        row: &InvocationRow,
        from: OpId,
        limit: usize,
    ) -> Result<Children, TxnError> {
        let mut children = Children::default();
        let (mut at, mut bytes, mut total) = (0, 0, 0);
        let until = row.entries_len.min(from.saturating_add(CHILDREN_LOOKED_AT_MAX));
        // A short journal is read from its beginning, so that all can be counted.
        let is_counted = row.entries_len <= CHILDREN_LOOKED_AT_MAX;
        if !is_counted {
            at = from;
        }
        while at < until && bytes < JOURNAL_READ_BYTES_MAX {
            for (op, entry, read) in self.entries(id, at..(at + CHUNK).min(until))? {
                bytes += read;
                if !is_child(&entry.entry) {
                    continue;
                }
                total += 1;
                if op >= from && children.entries.len() < limit {
                    children.entries.push((op, entry));
                } else if op >= from && children.next_from.is_none() {
                    children.next_from = Some(op);
                }
            }
            at = (at + CHUNK).min(until);
            if !is_counted && children.next_from.is_some() {
                return Ok(children);
            }
        }
        if at < row.entries_len {
            children.next_from = children.next_from.or(Some(at.max(from)));
        } else {
            children.total = is_counted.then_some(total);
        }
        Ok(children)
    }

    /// Reads some entries, each with the bytes it takes.
    fn entries(&self, id: InvocationId, ops: Range<OpId>) -> Result<Vec<(OpId, EntryRow, usize)>, TxnError> {
        let (start, end) = keys::operations(id.partition(self.partitions), Tag::Entry, id, ops);
        let found = self.store.scan(View::Durable, &start, &end, usize::MAX)?;
        let entry = |(key, value): (Vec<u8>, Bytes)| {
            let op = keys::decode_op(&key).expect("a span of entries holds only keys with operations");
            Ok((op, codec::decode(&key, &value)?, value.len()))
        };
        found.into_iter().map(entry).collect()
    }

    /// Returns which of some operations have an outcome, and how many bytes that took.
    fn settled(&self, id: InvocationId, ops: Range<OpId>) -> Result<(BTreeSet<OpId>, usize), TxnError> {
        let (start, end) = keys::operations(id.partition(self.partitions), Tag::Outcome, id, ops);
        let found = self.store.scan(View::Durable, &start, &end, usize::MAX)?;
        let bytes = found.iter().map(|(_, value)| value.len()).sum();
        Ok((found.iter().filter_map(|(key, _)| keys::decode_op(key)).collect(), bytes))
    }
}

/// Returns what the record itself knows to be open.
fn known_open(row: &InvocationRow) -> BTreeSet<OpId> {
    let calls = row.open_calls.callees.keys();
    calls
        .chain(row.open_sleeps.keys())
        .chain(row.open_promises.keys())
        .chain(row.open_attaches.keys())
        .chain(row.run_tries.keys())
        .copied()
        .collect()
}

/// Says whether an entry names another invocation that it calls, or waits for.
fn is_child(entry: &Entry) -> bool {
    matches!(entry, Entry::Call(_) | Entry::Send { .. } | Entry::Attach { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::entry::{Outcome, OutcomeRow, Request};
    use abide_core::invocation::{Cancelled, Origin};
    use abide_core::rows::Row;
    use abide_core::target::Target;
    use abide_core::time::Timestamp;
    use abide_store::{Batch, MemoryStore, Op, Store};
    use std::sync::Arc;

    const ID: InvocationId = InvocationId { unique: 1, partition_key: 0 };

    fn target() -> Target {
        Target { service: "S".into(), key: None, handler: "h".into() }
    }

    fn sleep() -> Entry {
        Entry::Sleep { duration_ms: 5, name: None }
    }

    fn call() -> Entry {
        Entry::Call(Request {
            child: ID,
            target: target(),
            input: Bytes::new(),
            headers: Vec::new(),
            idempotency_key: None,
        })
    }

    /// Stores a journal: entries with how many outcomes stood before them, and which have an outcome.
    fn journal(entries: Vec<(u32, Entry)>, settled: &[OpId]) -> (JournalReader, InvocationRow) {
        let mut row = InvocationRow::new(target(), Origin::Ingress, Timestamp(0));
        row.entries_len = OpId::try_from(entries.len()).unwrap();
        let put = |key: RowKey, row: Row| Op::Put {
            key: keys::encode(ID.partition(1), &key),
            value: codec::encode_row(&row),
        };
        let mut ops = Vec::new();
        for (op, (outcomes_before, entry)) in (0..).zip(entries) {
            let entry = EntryRow { at: Timestamp(1), outcomes_before, entry };
            ops.push(put(RowKey::Entry(ID, op), Row::Entry(entry)));
        }
        for (order, op) in (0..).zip(settled) {
            let outcome = OutcomeRow { order, at: Timestamp(2), outcome: Outcome::Empty };
            ops.push(put(RowKey::Outcome(ID, *op), Row::Outcome(outcome)));
        }
        let store = MemoryStore::new();
        let fence = store.acquire(0).unwrap();
        store.commit(Batch { fence, ops }).unwrap();
        (JournalReader::new(Arc::new(store), 1), row)
    }

    fn open((journal, row): &(JournalReader, InvocationRow)) -> (Vec<OpId>, bool) {
        let open = journal.open_operations(ID, row).unwrap();
        (open.operations.iter().map(|(op, _)| *op).collect(), open.is_cut)
    }

    #[test]
    fn what_has_no_outcome_is_open() {
        let set = Entry::SetState { name: "n".into(), value: "1".into() };
        let entries = vec![(0, sleep()), (0, set), (0, sleep()), (1, sleep())];
        assert_eq!(open(&journal(entries, &[2])), (vec![0, 3], false));
        assert_eq!(open(&journal(Vec::new(), &[])), (vec![], false));
    }

    #[test]
    fn a_cancellation_ends_what_was_asked_before_it() {
        // One outcome, then the cancellation, then another sleep, of a compensation.
        let mut cancelled = journal(vec![(0, sleep()), (0, sleep()), (2, sleep())], &[0]);
        cancelled.1.cancelled = Some(Cancelled { at: Timestamp(2), order: 1 });
        assert_eq!(open(&cancelled).0, [2]);
    }

    #[test]
    fn only_the_end_of_a_long_journal_is_read_and_what_its_record_knows() {
        let settled: Vec<OpId> = (0..6_000).filter(|op| ![1, 2, 5_990].contains(op)).collect();
        let mut long = journal(vec![(0, sleep()); 6_000], &settled);
        long.1.open_sleeps.insert(1, Timestamp(9));
        let (found, is_cut) = open(&long);
        assert_eq!((found, is_cut), (vec![1, 5_990], true));
    }

    #[test]
    fn calls_are_paged_by_their_operation() {
        let entries = |count: u32| {
            let entry = |op| if op % 3 == 0 { (0, call()) } else { (0, sleep()) };
            (0..count).map(entry).collect()
        };
        let (short, row) = journal(entries(10), &[]);
        let page = |from, limit| {
            let found = short.children(ID, &row, from, limit).unwrap();
            let ops: Vec<_> = found.entries.iter().map(|(op, _)| *op).collect();
            (ops, found.total, found.next_from)
        };
        assert_eq!(page(0, 3), (vec![0, 3, 6], Some(4), Some(9)));
        assert_eq!(page(9, 3), (vec![9], Some(4), None));
        assert_eq!(page(0, 4), (vec![0, 3, 6, 9], Some(4), None));
        let (long, row) = journal(entries(12_000), &[]);
        let mut from = Some(0);
        let mut seen = Vec::new();
        while let Some(at) = from {
            let found = long.children(ID, &row, at, 1_500).unwrap();
            assert_eq!(found.total, None);
            seen.extend(found.entries.iter().map(|(op, _)| *op));
            from = found.next_from;
        }
        assert_eq!(seen, (0..12_000).step_by(3).collect::<Vec<_>>());
    }
}
