//! The upkeep: spares, checkpoints, snapshots, reopening the index, files that were kept for readers, and an eye on the free
//! space. Nobody waits for it.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::batch::{Fence, Sequence};
use crate::disk_store::shared::Shared;
use crate::disk_store::whole;
use crate::error::Error;
use crate::folder::folder_bytes;
use crate::index;
use crate::log::record::Stored;
use crate::options::Options;
use crate::snapshot::{self, SnapshotInfo};
use crate::stats::Status;

/// How often the free space is looked at when nothing else happens.
const TICK: Duration = Duration::from_secs(1);
/// Pairs between two looks at whether the store closes, or the disk is nearly full.
const SNAPSHOT_PAIRS_PER_LOOK: u64 = 1024;

/// Runs until the store is closed or fails.
pub fn run(shared: &Arc<Shared>) {
    let mut applier = Watch { applying: 0, since: Instant::now() };
    let mut is_checkpoint_due = false;
    loop {
        let result = turn(shared, is_checkpoint_due).and_then(|()| applier.look(shared));
        if let Err(error) = result {
            shared.fail(&error);
            return;
        }
        match next(shared) {
            Some(is_due) => is_checkpoint_due = is_due,
            None => return,
        }
    }
}

/// Notices that sled loops for ever over a damaged leaf. The thread that is in there cannot be helped.
struct Watch {
    applying: Sequence,
    since: Instant,
}

impl Watch {
    fn look(&mut self, shared: &Shared) -> Result<(), Error> {
        let applying = shared.applying.load(Ordering::SeqCst);
        if applying != self.applying || applying == shared.applied.load(Ordering::SeqCst) {
            (self.applying, self.since) = (applying, Instant::now());
        }
        if self.since.elapsed() > shared.options.index_stall_max {
            return Err(Error::Index { why: format!("sled has not finished record {applying}") });
        }
        Ok(())
    }
}

/// Waits for something to do or the next tick; `None` at the end.
fn next(shared: &Shared) -> Option<bool> {
    let mut state = shared.state();
    if !state.upkeep.is_checkpoint_due && !state.upkeep.is_stopping && state.failed.is_none() {
        shared.upkeep_wakes.wait_for(&mut state, TICK);
    }
    if state.upkeep.is_stopping || state.failed.is_some() {
        return None;
    }
    Some(std::mem::take(&mut state.upkeep.is_checkpoint_due))
}

fn turn(shared: &Shared, is_checkpoint_due: bool) -> Result<(), Error> {
    let is_space_low = watch_space(shared)?;
    // For when nobody writes: whatever is applied takes them along.
    shared.remove_unneeded_files()?;
    // With little space left only what must be written is written: the committer makes a segment when it needs one.
    if shared.segments.spares() == 0 && !is_space_low {
        shared.segments.make_spare()?;
    }
    // Then a part of the log is free, and it is wanted now.
    let is_checkpoint_due = end_backup(shared) || is_checkpoint_due;
    if is_checkpoint_due {
        // It puts on the disk what the checkpoint would.
        if is_renewal_due(shared) {
            renew(shared)?;
        }
        checkpoint(shared)?;
        if is_snapshot_due(shared) && !is_space_low {
            take_snapshot(shared)?;
        }
    }
    Ok(())
}

/// Takes back what a backup holds, whatever it waits for at this moment, once the store asks for no new work; returns
/// whether there was one.
fn end_backup(shared: &Shared) -> bool {
    let reason = match &*shared.status.borrow() {
        Status::Refusing { reason } => reason.clone(),
        Status::Ready | Status::Failed { .. } => return false,
    };
    let Some(doomed) = shared.hold.give_up(&reason) else { return false };
    tracing::warn!("the running backup is given up: the space that it holds is needed");
    shared.give_up_blobs(doomed);
    true
}

/// Asks for no new work while the disk is nearly full: what is running can still be finished then.
/// Returns whether there is too little for a spare or another snapshot.
fn watch_space(shared: &Shared) -> Result<bool, Error> {
    let dir = &shared.folder.dir;
    let free = shared.options.disk.free_bytes(dir).map_err(Error::io("read the free space of", dir))?;
    let snapshot_bytes = {
        let mut counters = shared.counters.lock();
        counters.disk_free_bytes = free;
        counters.snapshot_bytes
    };
    let reserve = shared.options.disk_reserve_bytes;
    let is_low = free < reserve;
    shared.status.send_if_modified(|status| match status {
        Status::Ready if is_low => {
            let reason = format!(
                "{} has {free} bytes free, less than the reserve of {reserve}; free some space, the store goes on by itself",
                dir.display()
            );
            tracing::warn!(%reason, "the store asks for no new work");
            *status = Status::Refusing { reason };
            true
        }
        Status::Refusing { .. } if !is_low => {
            *status = Status::Ready;
            true
        }
        Status::Ready | Status::Refusing { .. } | Status::Failed { .. } => false,
    });
    // A snapshot is about as large as the last one.
    Ok(is_low || free < reserve.saturating_add(snapshot_bytes).saturating_add(shared.options.segment_bytes))
}

/// Puts the index on disk and gives up the log that neither it nor a rebuild needs.
pub fn checkpoint(shared: &Shared) -> Result<(), Error> {
    let before = Instant::now();
    // Read first: what is applied during the flush may or may not be part of it.
    let flushed = shared.applied.load(Ordering::SeqCst);
    shared.index.flush()?;
    let micros = u64::try_from(before.elapsed().as_micros()).unwrap_or(u64::MAX);
    let snapshot_sequence = {
        let mut counters = shared.counters.lock();
        counters.checkpoints += 1;
        counters.checkpoint_micros_max = counters.checkpoint_micros_max.max(micros);
        counters.snapshot_sequence
    };
    shared.segments.recycle(shared.hold.limit(flushed.min(snapshot_sequence))).map(drop)
}

/// The log kept for a rebuild may be as large as the snapshot it follows, so that both together stay within a small
/// multiple of the content, and writing snapshots never costs more than writing the log did.
fn is_snapshot_due(shared: &Shared) -> bool {
    let (sequence, bytes) = {
        let counters = shared.counters.lock();
        (counters.snapshot_sequence, counters.snapshot_bytes)
    };
    let log_bytes: u64 =
        shared.segments.sealed().iter().filter(|s| s.last_sequence > sequence).map(|s| s.bytes).sum();
    let options = &shared.options;
    let small = (bytes * 2).clamp(options.snapshot_log_bytes_min, options.snapshot_log_bytes_max);
    log_bytes >= small.max(bytes)
}

/// Takes a snapshot, unless the store closes or the disk fills up meanwhile, and gives up the log before it.
pub fn take_snapshot(shared: &Shared) -> Result<(), Error> {
    let before = Instant::now();
    let Some(info) = write_snapshot(shared)? else { return Ok(()) };
    tracing::info!(
        sequence = info.sequence,
        bytes = info.bytes,
        seconds = before.elapsed().as_secs_f32(),
        "a snapshot was taken"
    );
    {
        let mut counters = shared.counters.lock();
        counters.snapshots += 1;
        counters.snapshot_sequence = info.sequence;
        counters.snapshot_bytes = info.bytes;
    }
    let disk = &*shared.options.disk;
    for older in snapshot::list(disk, &shared.folder.snapshots())? {
        if older.sequence < info.sequence {
            disk.remove(&older.path).map_err(Error::io("remove", &older.path))?;
        }
    }
    checkpoint(shared)
}

/// Returns nothing when it was put off: the log is still there for a rebuild.
fn write_snapshot(shared: &Shared) -> Result<Option<SnapshotInfo>, Error> {
    let sequence = shared.applied.load(Ordering::SeqCst);
    let written = match whole_snapshot(shared, sequence) {
        Err(Error::Io { source, path, .. }) if source.kind() == ErrorKind::StorageFull => {
            tracing::warn!(path = %path.display(), "the disk has no room for a snapshot: it is put off");
            None
        }
        written => written?,
    };
    if written.is_none() {
        snapshot::abandon(&*shared.options.disk, &shared.folder.snapshots(), sequence)?;
    }
    Ok(written)
}

fn whole_snapshot(shared: &Shared, sequence: Sequence) -> Result<Option<SnapshotInfo>, Error> {
    let disk = shared.options.disk.clone();
    let mut writer = snapshot::Writer::create(disk, &shared.folder.snapshots(), sequence)?;
    for (partition, epoch) in shared.index.epochs()? {
        writer.epoch(Fence { partition, epoch })?;
    }
    let add = |writer: &mut snapshot::Writer, count: usize, key: &[u8], stored: &Stored| {
        writer.pair(key, &index::encode_stored(stored))?;
        if (count as u64).is_multiple_of(SNAPSHOT_PAIRS_PER_LOOK) { is_to_go_on(shared) } else { Ok(true) }
    };
    let is_complete = shared.index.range(&[], None, |pairs| {
        for (count, pair) in pairs.enumerate() {
            let (key, stored) = pair?;
            match add(&mut writer, count, &key, &stored) {
                Ok(true) => {}
                stopped => return Ok(stopped),
            }
        }
        Ok(Ok(true))
    })??;
    if is_complete { writer.finish().map(Some) } else { Ok(None) }
}

/// A snapshot is not worth the last bytes of the disk, nor a close that waits for it.
fn is_to_go_on(shared: &Shared) -> Result<bool, Error> {
    watch_space(shared)?;
    if matches!(&*shared.status.borrow(), Status::Refusing { .. }) {
        tracing::warn!("the disk is nearly full: the snapshot is put off");
        return Ok(false);
    }
    let state = shared.state();
    Ok(!state.upkeep.is_stopping && state.failed.is_none())
}

/// The more the index has, the longer it takes to open, so the rarer that is.
fn is_renewal_due(shared: &Shared) -> bool {
    let Options { reopen_bytes, reopen_bytes_max, .. } = shared.options;
    let bytes = shared.index.bytes_since_open();
    bytes > reopen_bytes
        && bytes > (folder_bytes(&shared.index.dir()) / 2).clamp(reopen_bytes, reopen_bytes_max)
}

fn renew(shared: &Shared) -> Result<(), Error> {
    let was_whole = whole::is_noted_whole(&shared.folder, &shared.index.dir());
    let waited = shared.index.renew()?;
    if was_whole {
        note_whole(shared)?;
    }
    let micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
    tracing::debug!(micros, "the index was opened anew, so long readers waited");
    let mut counters = shared.counters.lock();
    counters.reopens += 1;
    counters.reopen_micros_max = counters.reopen_micros_max.max(micros);
    Ok(())
}

/// Notes that the index is whole in its present folder, unless the store has failed meanwhile, and took the note back.
fn note_whole(shared: &Shared) -> Result<(), Error> {
    whole::note_whole(&shared.folder, &shared.index.dir())?;
    if shared.state().failed.is_some() { whole::withdraw_whole(&shared.folder) } else { Ok(()) }
}

/// Returns what a stats reader is told about the newest snapshot of a folder.
pub fn newest_snapshot(infos: &[SnapshotInfo]) -> (Sequence, u64) {
    infos.last().map_or((0, 0), |info| (info.sequence, info.bytes))
}
