//! The committer: takes what is queued, puts large values that are not there yet and then the records on disk, and says so.
//!
//! It is a thread, and, for a moment, whoever waits for a batch and finds nobody at work: with few callers the changes of
//! threads would take longer than the disk.
//!
//! Order: blobs and their names, records, one sync, `durable`, and only then the index. Durable readers find what is
//! synced but not applied yet in the overlay, so waiters need not wait for the index.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::batch::{Batch, Op, Sequence, Value};
use crate::blobs::{BlobName, BlobRef, Framed};
use crate::disk_store::applier;
use crate::disk_store::shared::{Logged, Queued, Shared, Weight, What};
use crate::error::Error;
use crate::log::record::{Entry, Record, Stored};
use crate::log::{Appended, Log};
use crate::options::{LINGER, OWN_GROUP_BYTES_MAX, OWN_SYNC_MAX};
use crate::stats::{GROUP_BOUNDS, SYNC_MICROS_BOUNDS, bucket};

/// Runs until the store is closed or fails.
pub fn run(shared: &Arc<Shared>) {
    while is_work_due(shared) {
        write_group(shared, &mut shared.log.lock());
    }
    close_log(shared, &mut shared.log.lock());
    let mut state = shared.state();
    state.is_log_closed = true;
    shared.wake_all();
}

/// Sees to it that a batch which was committed quietly is synced now: here, when that takes a moment only.
pub fn push(shared: &Shared, sequence: Sequence) {
    let bytes: u64 = {
        let mut state = shared.state();
        if state.durable >= sequence || state.queue.is_empty() {
            // It is on disk, or on its way.
            return;
        }
        state.is_sync_due = true;
        state.queue.iter().map(|queued| queued.weight.memory).sum()
    };
    let micros = Duration::from_micros(shared.sync_expected_micros.load(Ordering::Relaxed));
    if bytes <= OWN_GROUP_BYTES_MAX
        && micros <= OWN_SYNC_MAX
        && let Some(mut log) = shared.log.try_lock()
        && log.has_room(bytes)
    {
        write_group(shared, &mut log);
    }
    // What is not written, or came meanwhile.
    if shared.state().is_sync_due {
        shared.committer_wakes.notify_one();
    }
}

/// Waits for work that is due; false when there will be none.
///
/// As long as there are commits it only naps, and whoever commits quietly need not wake it: it looks again before the
/// batch has waited for `LINGER`.
fn is_work_due(shared: &Shared) -> bool {
    let mut state = shared.state();
    let mut at_last_nap = None;
    loop {
        if state.failed.is_some() {
            return false;
        }
        match state.queue.front().map(|first| first.since) {
            None if state.is_closing => return false,
            None if at_last_nap != Some(state.committed) => {
                at_last_nap = Some(state.committed);
                shared.committer_wakes.wait_for(&mut state, LINGER);
            }
            None => {
                state.is_committer_asleep = true;
                shared.committer_wakes.wait(&mut state);
                state.is_committer_asleep = false;
            }
            Some(_) if state.is_sync_due || state.is_closing => return true,
            Some(since) if since.elapsed() >= LINGER => return true,
            Some(since) => _ = shared.committer_wakes.wait_until(&mut state, since + LINGER),
        }
    }
}

/// Writes what is queued, or the first part of it. Whoever calls it holds the log until a failure is known to all, so
/// nobody writes behind one.
fn write_group(shared: &Shared, log: &mut Log) {
    let _guard = FailsOnPanic(shared);
    let group = take_group(shared);
    let written =
        store_blobs(shared, group).and_then(|(records, weights)| append(shared, log, records, weights));
    if let Err(error) = written {
        shared.fail(&error);
    }
}

/// What was taken and not written is never acknowledged, and nothing after it.
struct FailsOnPanic<'a>(&'a Shared);

impl Drop for FailsOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(&Error::Stopped { reason: "writing the log panicked".into() });
        }
    }
}

/// Takes from the queue until the group is large. Nothing, when others took it or the store failed.
fn take_group(shared: &Shared) -> Vec<Queued> {
    let mut state = shared.state();
    if state.failed.is_some() {
        return Vec::new();
    }
    let mut bytes = 0;
    let mut count = 0;
    for queued in &state.queue {
        if count > 0 && bytes + queued.weight.memory > shared.options.group_bytes_max {
            break;
        }
        bytes += queued.weight.memory;
        count += 1;
    }
    let group = state.queue.drain(..count).collect();
    state.is_sync_due = !state.queue.is_empty();
    group
}

/// From now on a damaged last record cannot pass for a torn tail.
fn close_log(shared: &Shared, log: &mut Log) {
    let (sequence, is_in_order) = {
        let state = shared.state();
        (state.durable, state.is_in_order && state.failed.is_none())
    };
    if is_in_order && let Err(error) = log.append(&[Record { sequence, entry: Entry::Mark }]) {
        shared.fail(&error);
    }
}

/// Puts the large values of the group into files and returns what the log gets.
fn store_blobs(shared: &Shared, group: Vec<Queued>) -> Result<(Vec<Record>, Vec<Weight>), Error> {
    let mut are_names_new = false;
    let mut records = Vec::with_capacity(group.len());
    let mut weights = Vec::with_capacity(group.len());
    for queued in group {
        weights.push(queued.weight);
        let entry = match queued.what {
            What::Epoch(fence) => Entry::Epoch(fence),
            What::Batch { batch, inline_value_bytes_max } => {
                let Queued { sequence, .. } = queued;
                batch_entry(shared, sequence, batch, inline_value_bytes_max, &mut are_names_new)?
            }
        };
        records.push(Record { sequence: queued.sequence, entry });
    }
    if are_names_new {
        shared.blobs.sync_names()?;
    }
    Ok((records, weights))
}

fn batch_entry(
    shared: &Shared,
    sequence: u64,
    batch: Batch,
    inline_value_bytes_max: u64,
    are_names_new: &mut bool,
) -> Result<Entry, Error> {
    let mut changes = Vec::with_capacity(batch.ops.len());
    for (position, op) in batch.ops.into_iter().enumerate() {
        let is_large = op.value_bytes() > inline_value_bytes_max || shared.ahead.has(&op);
        let (key, value) = match op {
            Op::Delete { key } => (key, None),
            Op::Put { key, value } => (key, Some(Value::Whole(value))),
            Op::PutPieces { key, pieces } => (key, Some(Value::Pieces(pieces))),
        };
        let stored = match value {
            None => None,
            Some(value) if is_large => {
                let position = u32::try_from(position).expect("a batch has fewer operations than bytes");
                *are_names_new = true;
                Some(put_apart(shared, BlobName { sequence, position }, &value, inline_value_bytes_max)?)
            }
            Some(value) => Some(Stored::Inline(value.into_whole())),
        };
        changes.push((key, stored));
    }
    Ok(Entry::Batch { fence: batch.fence, changes })
}

/// Gives a value the file that it was set apart in, or writes one.
fn put_apart(shared: &Shared, name: BlobName, value: &Value, around_max: u64) -> Result<Stored, Error> {
    let pieces = value.pieces();
    if let Some((at, file)) = shared.ahead.among(pieces) {
        let (head, tail) = (pieces[..at].concat(), pieces[at + 1..].concat());
        if (head.len() + tail.len()) as u64 <= around_max && shared.blobs.link(&file.name, name)? {
            let blob = BlobRef { name, bytes: file.bytes, sha256: file.sha256 };
            return Ok(Stored::Framed(Framed { head: head.into(), blob, tail: tail.into() }));
        }
    }
    shared.blobs.write(name, pieces).map(Stored::Blob)
}

/// Appends the records, in as many groups as it takes, and tells everyone after each.
fn append(
    shared: &Shared,
    log: &mut Log,
    mut records: Vec<Record>,
    mut weights: Vec<Weight>,
) -> Result<(), Error> {
    while !records.is_empty() {
        let appended = log.append(&records)?;
        count(shared, &appended);
        let rest = records.split_off(appended.records);
        let rest_weights = weights.split_off(appended.records);
        publish(shared, records, weights, appended.is_rotated);
        (records, weights) = (rest, rest_weights);
    }
    Ok(())
}

fn count(shared: &Shared, appended: &Appended) {
    let micros = u64::try_from(appended.synced_in.as_micros()).unwrap_or(u64::MAX);
    // After a slow one the next ones are expected to be slow as well, each a little less.
    let before = shared.sync_expected_micros.load(Ordering::Relaxed);
    shared.sync_expected_micros.store(micros.max(before - before / 8), Ordering::Relaxed);
    let mut counters = shared.counters.lock();
    counters.syncs += 1;
    counters.sync_micros_sum += micros;
    counters.sync_counts[bucket(&SYNC_MICROS_BOUNDS, micros)] += 1;
    let batches = appended.records as u64;
    counters.group_counts[bucket(&GROUP_BOUNDS, batches)] += 1;
    counters.group_batches_sum += batches;
    counters.sync_micros_max = counters.sync_micros_max.max(micros);
    counters.log_bytes_written += appended.bytes;
}

/// The records are on disk: durable readers see them before anyone is told, then the index gets them.
fn publish(shared: &Shared, records: Vec<Record>, weights: Vec<Weight>, is_rotated: bool) {
    let mut state = shared.state();
    let Some(last) = records.last() else { return };
    state.durable = last.sequence;
    // With something there already, the applier is at work or gathers, and looks by itself.
    let was_empty = state.logged.is_empty();
    state.logged.extend(records.into_iter().zip(weights).map(|(record, weight)| Logged { record, weight }));
    state.upkeep.is_checkpoint_due |= is_rotated;
    let durable = state.durable;
    let is_applier_called = was_empty || applier::is_pressed(shared, &state);
    drop(state);
    shared.durable.send_replace(durable);
    if is_applier_called {
        shared.applier_wakes.notify_one();
    }
    shared.progress.notify_all();
    if is_rotated {
        shared.upkeep_wakes.notify_one();
    }
}
