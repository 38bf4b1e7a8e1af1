//! A store in memory that tells of each question before it answers, for tests of who waits for whom.

use super::MemoryStore;
use crate::batch::{Batch, Fence, Peeked, Sequence, View};
use crate::error::Error;
use crate::stats::{Stats, Status};
use crate::store::Store;
use bytes::Bytes;
use tokio::sync::watch;

/// What a store is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Acquire,
    Get,
    Peek,
    SetApart,
    Scan,
    ScanBack,
    ScanKeys,
    Commit,
}

/// Answers as its store does, after the watcher has heard of it: that may look at something, wait, or panic.
pub struct Watched {
    store: MemoryStore,
    watcher: Box<dyn Fn(Asked) + Send + Sync>,
    apart_bytes: Option<u64>,
}

impl Watched {
    pub fn new(store: MemoryStore, watcher: impl Fn(Asked) + Send + Sync + 'static) -> Self {
        Self { store, watcher: Box::new(watcher), apart_bytes: None }
    }

    /// Says of every value that it is kept apart and has so many bytes, to who peeks.
    #[must_use]
    pub fn apart(self, bytes: u64) -> Self {
        Self { apart_bytes: Some(bytes), ..self }
    }

    fn tell(&self, asked: Asked) -> &MemoryStore {
        (self.watcher)(asked);
        &self.store
    }
}

impl Store for Watched {
    fn acquire(&self, partition: u16) -> Result<Fence, Error> {
        self.tell(Asked::Acquire).acquire(partition)
    }

    fn get(&self, view: View, key: &[u8]) -> Result<Option<Bytes>, Error> {
        self.tell(Asked::Get).get(view, key)
    }

    fn peek(&self, view: View, key: &[u8]) -> Result<Peeked, Error> {
        let store = self.tell(Asked::Peek);
        self.apart_bytes.map_or_else(|| store.peek(view, key), |bytes| Ok(Peeked::Apart { bytes }))
    }

    fn scan_within(
        &self,
        view: View,
        start: &[u8],
        end: &[u8],
        limit: usize,
        bytes_max: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, Error> {
        self.tell(Asked::Scan).scan_within(view, start, end, limit, bytes_max)
    }

    fn scan_back(
        &self,
        view: View,
        start: &[u8],
        end: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, Error> {
        self.tell(Asked::ScanBack).scan_back(view, start, end, limit)
    }

    fn scan_keys(&self, view: View, start: &[u8], end: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        self.tell(Asked::ScanKeys).scan_keys(view, start, end, limit)
    }

    fn set_apart(&self, value: Bytes) -> Result<Bytes, Error> {
        self.tell(Asked::SetApart).set_apart(value)
    }

    fn commit(&self, batch: Batch) -> Result<Sequence, Error> {
        self.tell(Asked::Commit).commit(batch)
    }

    fn durable(&self) -> watch::Receiver<Sequence> {
        self.store.durable()
    }

    fn status(&self) -> watch::Receiver<Status> {
        self.store.status()
    }

    fn stats(&self) -> Stats {
        self.store.stats()
    }

    fn close(&self) -> Result<(), Error> {
        self.store.close()
    }
}
