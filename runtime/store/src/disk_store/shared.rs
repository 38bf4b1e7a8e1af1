//! What callers and the three threads share: the state under one short lock, and how each part tells the others.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::watch;

use crate::backup::hold::Hold;
use crate::batch::{Batch, Fence, Sequence};
use crate::blobs::{BlobName, Blobs};
use crate::disk;
use crate::disk_store::ahead::Ahead;
use crate::disk_store::readers::Readers;
use crate::disk_store::whole;
use crate::error::Error;
use crate::folder::Folder;
use crate::index::Index;
use crate::log::record::Record;
use crate::log::{Log, Segments};
use crate::options::Options;
use crate::overlay::Overlay;
use crate::stats::{Stats, Status};

/// Something committed that the log does not have yet.
pub struct Queued {
    pub sequence: Sequence,
    pub weight: Weight,
    pub since: Instant,
    pub what: What,
}

pub enum What {
    Batch {
        batch: Batch,
        /// Larger values go into files.
        inline_value_bytes_max: u64,
    },
    Epoch(Fence),
}

/// A record that the log has and the index does not.
pub struct Logged {
    pub record: Record,
    pub weight: Weight,
}

/// The bytes of a batch.
#[derive(Clone, Copy, Default)]
pub struct Weight {
    /// Of its rows and its record in memory, large values among them.
    pub memory: u64,
    /// Of its record, and of large values that are not set apart.
    pub written: u64,
}

#[derive(Default)]
pub struct State {
    pub overlay: Overlay,
    pub epochs: HashMap<u16, u64>,
    pub committed: Sequence,
    pub durable: Sequence,
    /// Waits for the log, in order.
    pub queue: VecDeque<Queued>,
    /// Somebody waits for what is queued, or it has waited long enough.
    pub is_sync_due: bool,
    /// The committer looks only when it is told to, not after a while.
    pub is_committer_asleep: bool,
    /// Is in the log and waits for the index, in order.
    pub logged: VecDeque<Logged>,
    /// Bytes of `queue`, `logged` and whatever is between them.
    pub pending_bytes: u64,
    pub is_closing: bool,
    /// Whoever closes it says that it stops in order.
    pub is_in_order: bool,
    /// Nothing is added to `logged` any more.
    pub is_log_closed: bool,
    pub failed: Option<String>,
    pub upkeep: Upkeep,
}

/// What the upkeep thread is asked to do.
#[derive(Default)]
pub struct Upkeep {
    pub is_checkpoint_due: bool,
    pub is_stopping: bool,
}

pub struct Shared {
    pub options: Options,
    pub folder: Folder,
    pub index: Index,
    pub blobs: Blobs,
    pub segments: Arc<Segments>,
    /// The end of the log. Whoever has it may take from the queue; it is taken before the state, never after.
    pub log: Mutex<Log>,
    /// How long the next sync is expected to take.
    pub sync_expected_micros: AtomicU64,
    state: Mutex<State>,
    /// Bytes that are written for what is committed and not in the index.
    pub backlog_bytes: AtomicU64,
    /// The queue has something, or the store closes or failed.
    pub committer_wakes: Condvar,
    /// `logged` has something, or the store closes or failed.
    pub applier_wakes: Condvar,
    /// `pending_bytes` or `durable` changed, or the store failed.
    pub progress: Condvar,
    /// The upkeep has something to do.
    pub upkeep_wakes: Condvar,
    pub durable: watch::Sender<Sequence>,
    pub status: watch::Sender<Status>,
    /// The newest record whose changes have begun to reach the index.
    pub applying: AtomicU64,
    /// The newest record whose changes are all in the index.
    pub applied: AtomicU64,
    /// Held while records are applied; whoever holds it sees an index that does not move.
    pub apply_gate: Mutex<()>,
    pub counters: Mutex<Stats>,
    /// What a running backup needs is not thrown away.
    pub hold: Hold,
    /// Nor are the files of values that somebody is about to read.
    pub readers: Readers,
    /// Values that are on the disk before their batch.
    pub ahead: Arc<Ahead>,
}

impl Shared {
    #[allow(clippy::too_many_arguments, reason = "called once, each argument is a part made by the recovery")]
    pub fn new(
        options: Options,
        folder: Folder,
        index: Index,
        blobs: Blobs,
        log: Log,
        epochs: HashMap<u16, u64>,
        last: Sequence,
        counters: Stats,
    ) -> Shared {
        Shared {
            options,
            folder,
            index,
            blobs,
            segments: log.segments(),
            log: Mutex::new(log),
            sync_expected_micros: AtomicU64::new(0),
            state: Mutex::new(State { epochs, committed: last, durable: last, ..State::default() }),
            committer_wakes: Condvar::new(),
            applier_wakes: Condvar::new(),
            progress: Condvar::new(),
            upkeep_wakes: Condvar::new(),
            backlog_bytes: AtomicU64::new(0),
            durable: watch::Sender::new(last),
            status: watch::Sender::new(Status::Ready),
            applying: AtomicU64::new(last),
            applied: AtomicU64::new(last),
            apply_gate: Mutex::new(()),
            counters: Mutex::new(counters),
            hold: Hold::default(),
            readers: Readers::default(),
            ahead: Arc::default(),
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Stops everything for good. The first reason wins; the process that embeds us decides to exit.
    pub fn fail(&self, error: &Error) {
        let reason = error.to_string();
        let mut state = self.state();
        if state.failed.is_some() {
            return;
        }
        if matches!(error, Error::Index { .. })
            && let Err(error) = self.folder.ask_for_index(&reason)
        {
            tracing::error!(%error, "the next start will not know that the index has to be rebuilt");
        }
        // A disk that fails may have lost what it took before.
        if let Err(error) = whole::withdraw_whole(&self.folder) {
            tracing::error!(%error, "the next start will not know that the index has to be read");
        }
        tracing::error!(%reason, "the store stops: nothing is acknowledged any more");
        state.failed = Some(reason.clone());
        self.status.send_replace(Status::Failed { reason });
        self.wake_all();
    }

    /// Hands on what a reader came to, whoever it is: a disk that cannot be read stops everything, and so does a damaged
    /// index, which would give wrong answers next. A damaged value is named, and harms only those who ask for it.
    pub fn noticed<T>(&self, found: Result<T, Error>) -> Result<T, Error> {
        match &found {
            Err(error @ Error::Index { .. }) => self.fail(error),
            Err(error @ Error::Io { source, .. }) if !disk::lacks_descriptor(source) => self.fail(error),
            _ => {}
        }
        found
    }

    pub fn wake_all(&self) {
        self.committer_wakes.notify_all();
        self.applier_wakes.notify_all();
        self.progress.notify_all();
        self.upkeep_wakes.notify_all();
    }

    /// Removes blobs that no key refers to and no backup needs, unless they are still read. One that stays is swept by the
    /// next start.
    pub fn give_up_blobs(&self, names: Vec<BlobName>) {
        for name in names.into_iter().filter(|name| !self.readers.keeps(*name)) {
            if let Err(error) = self.blobs.remove(name) {
                tracing::warn!(%error, "a blob without a key is left for the next start");
            }
        }
    }

    /// Removes blobs that were kept for readers who are done, and what values had that were set apart.
    pub fn remove_unneeded_files(&self) -> Result<(), Error> {
        self.ahead.take_done().iter().try_for_each(|name| self.blobs.remove_temporary(name))?;
        self.readers.take_unread().into_iter().try_for_each(|name| self.blobs.remove(name))
    }

    /// Refuses work after a failure or a close.
    pub fn check_running(&self, state: &State) -> Result<(), Error> {
        if let Some(reason) = &state.failed {
            return Err(Error::Stopped { reason: reason.clone() });
        }
        if state.is_closing {
            return Err(Error::Stopped { reason: "it was closed".into() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use super::*;
    use crate::batch::Op;
    use crate::disk::sim::{Operation, SimDisk};
    use crate::disk_store::DiskStore;
    use crate::store::Store;

    fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
        let started = Instant::now();
        while !is_true() {
            assert!(started.elapsed() < Duration::from_secs(20), "timed out: {what}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// As one that nobody read when it lost its key.
    #[test]
    fn a_blob_that_was_kept_and_cannot_be_removed_stops_the_store() {
        let home = tempfile::tempdir().unwrap();
        let disk = SimDisk::new();
        let options = Options { disk: Arc::new(disk.clone()), ..Options::tiny() };
        let store = DiskStore::open(home.path(), options).unwrap();
        let fence = store.acquire(1).unwrap();
        let put = |byte: u8| Op::Put { key: b"key".to_vec(), value: vec![byte; 3_000].into() };
        let reading = store.shared.readers.begin();
        for byte in [1, 2] {
            store.commit(Batch { fence, ops: vec![put(byte)] }).unwrap();
        }
        wait_until("the first value is replaced", || store.stats().overlay_keys == 0);
        disk.fail(Operation::Remove, "blobs/", 0, io::ErrorKind::PermissionDenied);
        drop(reading);
        let is_failed = || {
            let status = store.status().borrow().clone();
            matches!(status, Status::Failed { reason } if reason.contains("cannot remove"))
        };
        wait_until("the store stops", is_failed);
    }
}
