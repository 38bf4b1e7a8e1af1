//! A transaction: rows loaded from the store or from what it has staged, and one batch at the end.

use super::known::Known;
use abide_core::entry::Answer;
use abide_core::ids::{InvocationId, PartitionId};
use abide_core::limits::STATE_NAMES_READ;
use abide_core::rows::{NamesOf, Row, RowKey, Rows};
use abide_store::keys::Tag;
use abide_store::{Batch, Fence, Op, Store, View, codec, keys};
use std::collections::{BTreeSet, HashMap};

/// Why rows could not be loaded or written.
#[derive(Debug, thiserror::Error)]
pub enum TxnError {
    #[error(transparent)]
    Store(#[from] abide_store::Error),
    #[error(transparent)]
    Codec(#[from] codec::CodecError),
}

/// Rows after which a transaction takes no more commands. A row has at most `APART_BYTES` in the log (larger values are
/// files of their own), so these are a little more than 4 MiB. The last command adds less than 10 MiB: the names of a state
/// that is cleared, the calls of an invocation that ends, what a message asks for (`wasm/session` bounds it), or those who are
/// told of a promise. So a batch stays within the store's limit of 15 MiB; what a guest that does its worst could still make of
/// that is in `THREATS.md`.
const STAGED_ROWS_MAX: usize = 128;

/// Collects what a batch of commands writes. Later commands see what earlier ones staged.
pub struct Txn<'a> {
    store: &'a dyn Store,
    partition: PartitionId,
    known: &'a mut Known,
    staged: HashMap<RowKey, Option<Row>>,
}

impl<'a> Txn<'a> {
    /// Begins one, all of whose commands have come in.
    pub fn new(store: &'a dyn Store, partition: PartitionId, known: &'a mut Known) -> Self {
        known.begin_transaction();
        Self { store, partition, known, staged: HashMap::new() }
    }

    /// Returns what is stored without what this transaction stages.
    pub fn store(&self) -> &'a dyn Store {
        self.store
    }

    /// Loads the rows a command declared.
    pub fn load(&mut self, reads: Vec<RowKey>) -> Result<Rows, TxnError> {
        let mut failed = None;
        let rows = Rows::load(reads, |key| match self.get(key) {
            Ok(row) => row,
            Err(error) => {
                failed.get_or_insert(error);
                None
            }
        });
        failed.map_or(Ok(rows), Err)
    }

    /// Returns what an invocation came to.
    pub fn answer(&mut self, id: InvocationId) -> Result<Option<Answer>, TxnError> {
        Ok(match self.get(&RowKey::Answer(id))? {
            Some(Row::Answer(answer)) => Some(answer),
            Some(_) | None => None,
        })
    }

    fn get(&mut self, row_key: &RowKey) -> Result<Option<Row>, TxnError> {
        if let Some(row) = self.staged.get(row_key) {
            return Ok(row.clone());
        }
        if let RowKey::Names(of) = row_key {
            return self.names(of).map(|names| Some(Row::Names(names)));
        }
        if let Ok(row) = self.known.get(row_key) {
            return Ok(row);
        }
        let key = keys::encode(self.partition, row_key);
        let Some(value) = self.store.get(View::Latest, &key)? else {
            self.known.note_absent(row_key.clone());
            return Ok(None);
        };
        if let RowKey::Service(name) = row_key {
            return Ok(Some(Row::Service(self.known.service(name, &key, value)?)));
        }
        let row = codec::decode_row(row_key, &key, &value)?;
        self.known.note(row_key.clone(), Some(row.clone()));
        Ok(Some(row))
    }

    /// Reads the names of several rows, with what was staged: all, or as many as are ever read.
    fn names(&self, of: &NamesOf) -> Result<Vec<String>, TxnError> {
        let tag = match of {
            NamesOf::State(_) => Tag::State,
            NamesOf::Promises(_) => Tag::Promise,
        };
        let (start, end) = keys::names(self.partition, of);
        let is_gone = |(key, row): &(&RowKey, &Option<Row>)| row.is_none() && key.name_in(of).is_some();
        let gone = self.staged.iter().filter(is_gone).count();
        let stored = self.store.scan_keys(View::Latest, &start, &end, STATE_NAMES_READ + gone)?;
        let mut names: BTreeSet<String> =
            stored.iter().filter_map(|key| keys::decode_name(key, tag)).collect();
        for (row_key, row) in &self.staged {
            match (row_key.name_in(of), row) {
                (Some(name), Some(_)) => _ = names.insert(name.to_owned()),
                (Some(name), None) => _ = names.remove(name),
                (None, _) => {}
            }
        }
        Ok(names.into_iter().collect())
    }

    pub fn stage(&mut self, writes: Vec<(RowKey, Option<Row>)>) {
        self.staged.extend(writes);
    }

    /// Says whether the batch is large enough to be committed before more commands are applied.
    pub fn is_full(&self) -> bool {
        self.staged.len() >= STAGED_ROWS_MAX
    }

    /// Returns the batch to commit, or None when nothing changed. What it writes is known from then on.
    pub fn into_batch(self, fence: Fence) -> Option<Batch> {
        if self.staged.is_empty() {
            return None;
        }
        let ops = self.staged.into_iter().map(|(row_key, row)| {
            let key = keys::encode(self.partition, &row_key);
            let op = match &row {
                Some(row) => codec::put_row(key, row),
                None => Op::Delete { key },
            };
            self.known.note(row_key, row);
            op
        });
        Some(Batch { fence, ops: ops.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::target::ObjectKey;
    use abide_store::disk::sim::{Operation, SimDisk};
    use abide_store::{DiskStore, Options};
    use std::sync::Arc;
    use std::time::Duration;

    const P: PartitionId = PartitionId(0);

    #[test]
    fn names_are_learned_without_reading_a_value() {
        let folder = std::env::temp_dir().join(format!("abide-names-{}", std::process::id()));
        let disk = SimDisk::new();
        let options = Options { disk: Arc::new(disk.clone()), ..Options::tiny() };
        let store = DiskStore::open(&folder, options).unwrap();
        let object = ObjectKey { service: "S".into(), key: "k".into() };
        let put = |row_key| Op::Put { key: keys::encode(P, &row_key), value: vec![7; 5_000].into() };
        let states = (0..50).map(|n| put(RowKey::State(object.clone(), format!("{n:02}"))));
        let promises = (0..50).map(|n| put(RowKey::Promise(object.clone(), format!("{n:02}"))));
        let fence = store.acquire(0).unwrap();
        for ops in [states.collect::<Vec<_>>(), promises.collect()] {
            store.commit(Batch { fence, ops }).unwrap();
        }
        while store.stats().overlay_keys > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        disk.fail(Operation::Read, "blobs/", 0, std::io::ErrorKind::TimedOut);
        let mut known = Known::default();
        let txn = Txn::new(&store, P, &mut known);
        let expected: Vec<_> = (0..50).map(|n| format!("{n:02}")).collect();
        for of in [NamesOf::State(object.clone()), NamesOf::Promises(object.clone())] {
            assert_eq!(txn.names(&of).unwrap(), expected);
        }
        drop(store);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
