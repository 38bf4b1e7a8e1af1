//! The committer: takes what is queued, puts large values and then the records on disk, and says so.
//!
//! Order: blobs and their names, records, one sync, `durable`, and only then the index. Durable readers find what is
//! synced but not applied yet in the overlay, so waiters need not wait for the index.

use std::sync::Arc;
use std::time::Instant;

use crate::batch::{Batch, Op};
use crate::blobs::BlobName;
use crate::disk_store::applier;
use crate::disk_store::shared::{Logged, Queued, Shared, State, What};
use crate::error::Error;
use crate::log::record::{Entry, Record, Stored};
use crate::log::{Appended, Log};
use crate::options::LINGER;
use crate::stats::{GROUP_BOUNDS, SYNC_MICROS_BOUNDS, bucket};

/// Runs until the store is closed or fails.
pub fn run(shared: &Arc<Shared>, mut log: Log) {
    if let Err(error) = serve(shared, &mut log) {
        shared.fail(&error);
    }
    let mut state = shared.state();
    state.is_log_closed = true;
    shared.wake_all();
}

fn serve(shared: &Shared, log: &mut Log) -> Result<(), Error> {
    while let Some(group) = next_group(shared) {
        let (records, bytes) = store_blobs(shared, group)?;
        append(shared, log, records, bytes)?;
    }
    if shared.state().failed.is_none() {
        // From now on a damaged last record cannot pass for a torn tail.
        let sequence = shared.state().durable;
        log.append(&[Record { sequence, entry: Entry::Mark }])?;
    }
    Ok(())
}

/// Waits for work that is due; `None` when there will be none.
fn next_group(shared: &Shared) -> Option<Vec<Queued>> {
    let mut state = shared.state();
    let mut linger_until = None;
    loop {
        if state.failed.is_some() {
            return None;
        }
        if state.queue.is_empty() {
            if state.is_closing {
                return None;
            }
            shared.queued.wait(&mut state);
        } else if state.is_sync_due || state.is_closing {
            let group = take_group(&mut state, shared.options.group_bytes_max);
            state.is_sync_due = !state.queue.is_empty();
            return Some(group);
        } else {
            let until = *linger_until.get_or_insert_with(|| Instant::now() + LINGER);
            state.is_sync_due |= shared.queued.wait_until(&mut state, until).timed_out();
        }
    }
}

/// Takes from the queue until the group is large; at least one.
fn take_group(state: &mut State, bytes_max: u64) -> Vec<Queued> {
    let mut bytes = 0;
    let mut count = 0;
    for queued in &state.queue {
        bytes += queued.bytes;
        if count > 0 && bytes > bytes_max {
            break;
        }
        count += 1;
    }
    state.queue.drain(..count).collect()
}

/// Puts the large values of the group into files and returns what the log gets.
fn store_blobs(shared: &Shared, group: Vec<Queued>) -> Result<(Vec<Record>, Vec<u64>), Error> {
    let mut are_names_new = false;
    let mut records = Vec::with_capacity(group.len());
    let mut bytes = Vec::with_capacity(group.len());
    for queued in group {
        bytes.push(queued.bytes);
        let entry = match queued.what {
            What::Epoch(fence) => Entry::Epoch(fence),
            What::Batch(batch) => batch_entry(shared, queued.sequence, batch, &mut are_names_new)?,
        };
        records.push(Record { sequence: queued.sequence, entry });
    }
    if are_names_new {
        shared.blobs.sync_names()?;
    }
    Ok((records, bytes))
}

fn batch_entry(
    shared: &Shared,
    sequence: u64,
    batch: Batch,
    are_names_new: &mut bool,
) -> Result<Entry, Error> {
    let mut changes = Vec::with_capacity(batch.ops.len());
    for (position, op) in batch.ops.into_iter().enumerate() {
        changes.push(match op {
            Op::Delete { key } => (key, None),
            Op::Put { key, value } if value.len() as u64 > shared.options.inline_value_bytes_max => {
                let position = u32::try_from(position).expect("a batch has fewer operations than bytes");
                let blob = shared.blobs.write(BlobName { sequence, position }, &value)?;
                *are_names_new = true;
                (key, Some(Stored::Blob(blob)))
            }
            Op::Put { key, value } => (key, Some(Stored::Inline(value))),
        });
    }
    Ok(Entry::Batch { fence: batch.fence, changes })
}

/// Appends the records, in as many groups as it takes, and tells everyone after each.
fn append(
    shared: &Shared,
    log: &mut Log,
    mut records: Vec<Record>,
    mut bytes: Vec<u64>,
) -> Result<(), Error> {
    while !records.is_empty() {
        let appended = log.append(&records)?;
        count(shared, &appended);
        let rest = records.split_off(appended.records);
        let rest_bytes = bytes.split_off(appended.records);
        publish(shared, records, bytes, appended.is_rotated);
        (records, bytes) = (rest, rest_bytes);
    }
    Ok(())
}

fn count(shared: &Shared, appended: &Appended) {
    let micros = u64::try_from(appended.synced_in.as_micros()).unwrap_or(u64::MAX);
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
fn publish(shared: &Shared, records: Vec<Record>, bytes: Vec<u64>, is_rotated: bool) {
    let mut state = shared.state();
    let Some(last) = records.last() else { return };
    state.durable = last.sequence;
    // With something there already, the applier is at work or gathers, and looks by itself.
    let was_empty = state.logged.is_empty();
    state.logged.extend(records.into_iter().zip(bytes).map(|(record, bytes)| Logged { record, bytes }));
    state.upkeep.is_checkpoint_due |= is_rotated;
    let durable = state.durable;
    let is_applier_called = was_empty || applier::is_pressed(shared, &state);
    drop(state);
    shared.durable.send_replace(durable);
    if is_applier_called {
        shared.logged.notify_one();
    }
    shared.progress.notify_all();
    if is_rotated {
        shared.upkeep.notify_one();
    }
}
