//! A store in memory with the semantics of the one on disk, for tests: it crashes on command and can hold back durability.

pub mod watched;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::convert::Infallible;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::batch::{Batch, Fence, Order, Sequence, Value, View};
use crate::error::Error;
use crate::overlay::{self, Overlay};
use crate::stats::{Stats, Status};
use crate::store::{Store, check_fence};

/// Batches become durable as they are committed, unless [`MemoryStore::hold_durability`] was called.
pub struct MemoryStore {
    state: Mutex<State>,
    durable: watch::Sender<Sequence>,
    status: watch::Sender<Status>,
}

struct State {
    durable_pairs: BTreeMap<Vec<u8>, Bytes>,
    overlay: Overlay,
    unsynced: VecDeque<(Sequence, Batch)>,
    committed: Sequence,
    epochs: HashMap<u16, u64>,
    is_holding: bool,
    is_closed: bool,
    stats: Stats,
}

impl Default for MemoryStore {
    fn default() -> Self {
        MemoryStore::with(BTreeMap::new(), HashMap::new(), 0)
    }
}

impl MemoryStore {
    /// Returns an empty store.
    pub fn new() -> Self {
        MemoryStore::default()
    }

    fn with(durable_pairs: BTreeMap<Vec<u8>, Bytes>, epochs: HashMap<u16, u64>, committed: Sequence) -> Self {
        MemoryStore {
            state: Mutex::new(State {
                durable_pairs,
                overlay: Overlay::default(),
                unsynced: VecDeque::new(),
                committed,
                epochs,
                is_holding: false,
                is_closed: false,
                stats: Stats::default(),
            }),
            durable: watch::Sender::new(committed),
            status: watch::Sender::new(Status::Ready),
        }
    }

    /// From now on commits stay volatile until [`MemoryStore::release`] or [`MemoryStore::release_durability`].
    pub fn hold_durability(&self) {
        self.state.lock().is_holding = true;
    }

    /// Makes every commit durable again, also those held back.
    pub fn release_durability(&self) {
        let mut state = self.state.lock();
        state.is_holding = false;
        self.sync(&mut state, Sequence::MAX);
    }

    /// Makes the held commits durable up to and with `upto`; later ones stay held.
    pub fn release(&self, upto: Sequence) {
        self.sync(&mut self.state.lock(), upto);
    }

    /// From now on the store says that it wants no new work, as one does whose disk is nearly full.
    pub fn refuse(&self, reason: &str) {
        self.status.send_replace(Status::Refusing { reason: reason.to_owned() });
    }

    /// Returns a store with what was durable. This one refuses everything from now on.
    pub fn crash(&self) -> MemoryStore {
        let state = self.state.lock();
        self.status.send_replace(Status::Failed { reason: "crashed by the test".into() });
        MemoryStore::with(state.durable_pairs.clone(), state.epochs.clone(), *self.durable.borrow())
    }

    /// Returns every durable pair, ascending.
    pub fn durable_pairs(&self) -> BTreeMap<Vec<u8>, Bytes> {
        self.state.lock().durable_pairs.clone()
    }

    fn sync(&self, state: &mut State, upto: Sequence) {
        while state.unsynced.front().is_some_and(|(sequence, _)| *sequence <= upto) {
            let (sequence, batch) = state.unsynced.pop_front().expect("front exists: checked above");
            for op in &batch.ops {
                match op.value() {
                    Some(value) => state.durable_pairs.insert(op.key().to_vec(), value.into_whole()),
                    None => state.durable_pairs.remove(op.key()),
                };
            }
            drop(state.overlay.take_applied(sequence));
            state.stats.syncs += 1;
            self.durable.send_replace(sequence);
        }
    }

    fn check_running(&self, state: &State) -> Result<(), Error> {
        if state.is_closed {
            return Err(Error::Stopped { reason: "it was closed".into() });
        }
        match &*self.status.borrow() {
            Status::Ready | Status::Refusing { .. } => Ok(()),
            Status::Failed { reason } => Err(Error::Stopped { reason: reason.clone() }),
        }
    }

    fn upto(&self, state: &State, view: View) -> Sequence {
        match view {
            View::Latest => state.committed,
            View::Durable => *self.durable.borrow(),
        }
    }

    fn scan_in(
        &self,
        order: Order,
        view: View,
        (start, end): (&[u8], &[u8]),
        limit: usize,
    ) -> Vec<(Vec<u8>, Bytes)> {
        if start >= end {
            return Vec::new();
        }
        let state = self.state.lock();
        let over = state.overlay.range(self.upto(&state, view), (start, end), order, limit);
        let over = over.into_iter().map(|(key, value)| (key, value.map(Value::into_whole))).collect();
        let under = state.durable_pairs.range(start.to_vec()..end.to_vec());
        let pair = |(key, value): (&Vec<u8>, &Bytes)| Ok::<_, Infallible>((key.clone(), value.clone()));
        let Ok(merged) = match order {
            Order::Ascending => overlay::merge(over, under.map(pair), order, limit),
            Order::Descending => overlay::merge(over, under.rev().map(pair), order, limit),
        };
        merged
    }
}

impl Store for MemoryStore {
    fn acquire(&self, partition: u16) -> Result<Fence, Error> {
        let mut state = self.state.lock();
        self.check_running(&state)?;
        let epoch = state.epochs.entry(partition).or_default();
        *epoch += 1;
        let fence = Fence { partition, epoch: *epoch };
        // As on disk an acquire has a number of its own, and everything before it is durable when it returns.
        state.committed += 1;
        let sequence = state.committed;
        self.sync(&mut state, sequence);
        self.durable.send_replace(sequence);
        Ok(fence)
    }

    fn get(&self, view: View, key: &[u8]) -> Result<Option<Bytes>, Error> {
        let state = self.state.lock();
        let found = state.overlay.get(self.upto(&state, view), key);
        match found {
            Some(value) => Ok(value.map(Value::into_whole)),
            None => Ok(state.durable_pairs.get(key).cloned()),
        }
    }

    fn scan_within(
        &self,
        view: View,
        start: &[u8],
        end: &[u8],
        limit: usize,
        bytes_max: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, Error> {
        let mut found = self.scan_in(Order::Ascending, view, (start, end), limit);
        let mut bytes = 0usize;
        let is_full = |(_, value): &(Vec<u8>, Bytes)| {
            bytes = bytes.saturating_add(value.len());
            bytes >= bytes_max
        };
        if let Some(last) = found.iter().position(is_full) {
            found.truncate(last + 1);
        }
        Ok(found)
    }

    fn scan_back(
        &self,
        view: View,
        start: &[u8],
        end: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, Error> {
        Ok(self.scan_in(Order::Descending, view, (start, end), limit))
    }

    fn scan_keys(&self, view: View, start: &[u8], end: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        let found = self.scan_in(Order::Ascending, view, (start, end), limit);
        Ok(found.into_iter().map(|(key, _)| key).collect())
    }

    fn commit(&self, batch: Batch) -> Result<Sequence, Error> {
        let mut state = self.state.lock();
        self.check_running(&state)?;
        check_fence(&state.epochs, batch.fence)?;
        state.committed += 1;
        let sequence = state.committed;
        state.stats.commits += 1;
        state.stats.ops += batch.ops.len() as u64;
        state.overlay.insert(sequence, &batch);
        state.unsynced.push_back((sequence, batch));
        if !state.is_holding {
            self.sync(&mut state, sequence);
        }
        Ok(sequence)
    }

    fn durable(&self) -> watch::Receiver<Sequence> {
        self.durable.subscribe()
    }

    fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    fn stats(&self) -> Stats {
        let state = self.state.lock();
        let durable = *self.durable.borrow();
        Stats {
            committed: state.committed,
            durable,
            applied: durable,
            overlay_keys: state.overlay.len() as u64,
            ..state.stats.clone()
        }
    }

    fn close(&self) -> Result<(), Error> {
        self.release_durability();
        self.state.lock().is_closed = true;
        Ok(())
    }
}
