//! The store on disk: sled as the index, a commit log in front of it as the truth.

mod ahead;
mod applier;
mod committer;
mod open;
mod read;
mod readers;
mod recover;
mod shared;
mod upkeep;
pub(crate) mod whole;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::backup::Backup;
use crate::batch::{Batch, Fence, Op, Order, Peeked, Sequence, View};
use crate::error::{Error, printable};
use crate::faults;
use crate::folder::{Lock, folder_bytes};
use crate::log::record;
use crate::options::{Options, SPILLED_PART_MIN};
use crate::stats::{Stats, Status};
use crate::store::{Store, check_fence};
pub(crate) use recover::missing_for_rebuild;
pub(crate) use shared::Shared;
use shared::{Queued, Weight, What};

/// A store in a folder of this machine. Dropping it closes it.
pub struct DiskStore {
    shared: Arc<Shared>,
    running: Mutex<Option<Running>>,
}

/// Whether somebody waits for a batch to be durable.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Urgency {
    Awaited,
    Quiet,
}

/// What a close takes away.
struct Running {
    committer: JoinHandle<()>,
    applier: JoinHandle<()>,
    upkeep: JoinHandle<()>,
    _lock: Lock,
}

impl DiskStore {
    /// Opens the folder, creates it when it is not there, and recovers from whatever the last process left.
    pub fn open(dir: &Path, options: Options) -> Result<DiskStore, Error> {
        let opened = open::open(dir, faults::applied(options, dir))?;
        let shared = opened.shared;
        let committer = spawn("abide-store-log", &shared, committer::run)?;
        let applier = spawn("abide-store-index", &shared, applier::run)?;
        let upkeep = spawn("abide-store-upkeep", &shared, upkeep::run)?;
        let running = Running { committer, applier, upkeep, _lock: opened.lock };
        Ok(DiskStore { shared, running: Mutex::new(Some(running)) })
    }

    /// Begins a backup; only one at a time.
    ///
    /// # Errors
    /// Another one runs.
    pub fn backup(&self) -> Result<Backup, Error> {
        Backup::begin(self.shared.clone())
    }

    /// Returns how much a batch is, and how large a value in the log itself can be so that it fits there.
    fn check_limits(&self, batch: &Batch) -> Result<(Weight, u64), Error> {
        let options = &self.shared.options;
        for op in &batch.ops {
            let key = op.key();
            if key.len() as u64 > options.key_bytes_max {
                return Err(Error::KeyTooLarge { bytes: key.len() as u64, limit: options.key_bytes_max });
            }
            let bytes = op.value_bytes();
            if bytes > options.value_bytes_max {
                return Err(Error::ValueTooLarge {
                    key: printable(key),
                    bytes,
                    limit: options.value_bytes_max,
                });
            }
        }
        let mut inline_max = options.inline_value_bytes_max;
        let inline_min = inline_max / SPILLED_PART_MIN;
        let mut bytes = record::batch_bytes(batch, inline_max);
        while bytes > options.batch_bytes_max && inline_max > inline_min {
            inline_max = (inline_max / 2).max(inline_min);
            bytes = record::batch_bytes(batch, inline_max);
        }
        if bytes > options.batch_bytes_max {
            return Err(Error::BatchTooLarge { bytes, limit: options.batch_bytes_max });
        }
        let rows = batch.ops.iter().map(Op::bytes).sum::<u64>();
        // What is not set apart is written with its record.
        let ops = batch.ops.iter().filter(|op| op.value_bytes() > inline_max && !self.shared.ahead.has(op));
        let beside = ops.map(Op::value_bytes).sum::<u64>();
        Ok((Weight { memory: bytes + rows, written: bytes + beside }, inline_max))
    }

    /// Queues under the lock: check, number, make visible, hand over.
    fn enqueue(
        &self,
        weight: Weight,
        urgency: Urgency,
        what: impl FnOnce(&mut shared::State) -> Result<What, Error>,
    ) -> Result<Sequence, Error> {
        let shared = &self.shared;
        let mut state = shared.state();
        while state.pending_bytes > shared.options.unsynced_bytes_max {
            shared.check_running(&state)?;
            shared.progress.wait(&mut state);
        }
        shared.check_running(&state)?;
        let what = what(&mut state)?;
        state.committed += 1;
        let sequence = state.committed;
        if let What::Batch { batch, .. } = &what {
            state.overlay.insert(sequence, batch);
        }
        state.pending_bytes += weight.memory;
        shared.backlog_bytes.fetch_add(weight.written, Ordering::Relaxed);
        state.queue.push_back(Queued { sequence, weight, since: Instant::now(), what });
        // Who waits for room waits for a sync, too.
        let is_urgent =
            urgency == Urgency::Awaited || state.pending_bytes > shared.options.unsynced_bytes_max / 2;
        state.is_sync_due |= is_urgent;
        let is_committer_asleep = state.is_committer_asleep;
        drop(state);
        if is_urgent || is_committer_asleep {
            shared.committer_wakes.notify_one();
        }
        Ok(sequence)
    }

    fn commit_with(&self, batch: Batch, urgency: Urgency) -> Result<Sequence, Error> {
        let (weight, inline_value_bytes_max) = self.check_limits(&batch)?;
        let ops = batch.ops.len() as u64;
        let sequence = self.enqueue(weight, urgency, |state| {
            check_fence(&state.epochs, batch.fence)?;
            Ok(What::Batch { batch, inline_value_bytes_max })
        })?;
        let mut counters = self.shared.counters.lock();
        counters.commits += 1;
        counters.ops += ops;
        Ok(sequence)
    }

    /// Writes what is committed and lets go of the folder.
    fn end(&self) -> Result<(), Error> {
        let Some(running) = self.running.lock().take() else { return Ok(()) };
        self.shared.state().is_closing = true;
        self.shared.wake_all();
        self.shared.ahead.wait_until_written();
        let is_joined = running.committer.join().is_ok() & running.applier.join().is_ok();
        self.shared.state().upkeep.is_stopping = true;
        self.shared.wake_all();
        let is_joined = is_joined & running.upkeep.join().is_ok();
        let failed = self.shared.state().failed.clone();
        if failed.is_none() {
            self.shared.remove_unneeded_files()?;
        }
        if !is_joined {
            return Err(Error::Stopped { reason: "one of its threads panicked".into() });
        }
        self.shared.index.close()?;
        match failed {
            Some(reason) => Err(Error::Stopped { reason }),
            // Last: a power cut before this may have hit what the index still wrote.
            None if !self.shared.state().is_in_order => Ok(()),
            None => {
                let noted = whole::note_closed(&self.shared.folder, self.shared.state().committed);
                if let Err(error) = noted {
                    tracing::warn!(%error, "the next start reads all of the index");
                }
                Ok(())
            }
        }
    }

    fn wait_durable(&self, sequence: Sequence) -> Result<(), Error> {
        let shared = &self.shared;
        let mut state = shared.state();
        while state.durable < sequence {
            if let Some(reason) = &state.failed {
                return Err(Error::Stopped { reason: reason.clone() });
            }
            shared.progress.wait(&mut state);
        }
        Ok(())
    }
}

fn spawn(
    name: &str,
    shared: &Arc<Shared>,
    run: impl FnOnce(&Arc<Shared>) + Send + 'static,
) -> Result<JoinHandle<()>, Error> {
    let shared_of_thread = shared.clone();
    thread::Builder::new()
        .name(name.to_string())
        .spawn(move || run(&shared_of_thread))
        .map_err(Error::io("start a thread for", &shared.folder.dir))
}

impl Store for DiskStore {
    fn acquire(&self, partition: u16) -> Result<Fence, Error> {
        let mut fence = Fence { partition, epoch: 0 };
        let sequence = self.enqueue(Weight::default(), Urgency::Awaited, |state| {
            let epoch = state.epochs.entry(partition).or_default();
            *epoch += 1;
            fence.epoch = *epoch;
            Ok(What::Epoch(fence))
        })?;
        self.wait_durable(sequence)?;
        Ok(fence)
    }

    fn get(&self, view: View, key: &[u8]) -> Result<Option<Bytes>, Error> {
        read::get(&self.shared, view, key)
    }

    fn peek(&self, view: View, key: &[u8]) -> Result<Peeked, Error> {
        read::peek(&self.shared, view, key)
    }

    fn scan_within(
        &self,
        view: View,
        start: &[u8],
        end: &[u8],
        limit: usize,
        bytes_max: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, Error> {
        let wanted = read::Wanted { span: (start, end), order: Order::Ascending, limit, bytes_max };
        read::scan(&self.shared, view, wanted)
    }

    fn scan_back(
        &self,
        view: View,
        start: &[u8],
        end: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, Error> {
        let order = Order::Descending;
        let wanted = read::Wanted { span: (start, end), order, limit, bytes_max: usize::MAX };
        read::scan(&self.shared, view, wanted)
    }

    fn scan_keys(&self, view: View, start: &[u8], end: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        let order = Order::Ascending;
        let wanted = read::Wanted { span: (start, end), order, limit, bytes_max: usize::MAX };
        read::scan_keys(&self.shared, view, wanted)
    }

    fn set_apart(&self, value: Bytes) -> Result<Bytes, Error> {
        self.shared.noticed(ahead::set_apart(&self.shared, value))
    }

    fn commit(&self, batch: Batch) -> Result<Sequence, Error> {
        self.commit_with(batch, Urgency::Awaited)
    }

    fn commit_quietly(&self, batch: Batch) -> Result<Sequence, Error> {
        self.commit_with(batch, Urgency::Quiet)
    }

    fn push(&self, sequence: Sequence) {
        committer::push(&self.shared, sequence);
    }

    fn backlog_bytes(&self) -> u64 {
        self.shared.backlog_bytes.load(Ordering::Relaxed)
    }

    fn durable(&self) -> watch::Receiver<Sequence> {
        self.shared.durable.subscribe()
    }

    fn status(&self) -> watch::Receiver<Status> {
        self.shared.status.subscribe()
    }

    fn stats(&self) -> Stats {
        let counters = self.shared.counters.lock().clone();
        let (log_segments, log_bytes) = self.shared.segments.size();
        let index_bytes = folder_bytes(&self.shared.index.dir());
        let disk_bytes = log_bytes + index_bytes + counters.blob_bytes + counters.snapshot_bytes;
        let state = self.shared.state();
        Stats {
            log_segments,
            log_bytes,
            index_bytes,
            disk_bytes,
            committed: state.committed,
            durable: state.durable,
            applied: self.shared.applied.load(Ordering::SeqCst),
            unsynced_bytes: state.pending_bytes,
            overlay_keys: state.overlay.len() as u64,
            ..counters
        }
    }

    fn close(&self) -> Result<(), Error> {
        self.shared.state().is_in_order = true;
        self.end()
    }
}

impl Drop for DiskStore {
    fn drop(&mut self) {
        // Nobody has said that whoever used it came to the end of it.
        if let Err(error) = self.end() {
            tracing::error!(%error, "the store was dropped and did not close cleanly");
        }
    }
}
