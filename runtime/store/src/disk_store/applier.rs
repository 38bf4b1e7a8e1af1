//! The applier: brings what the log has into the index, many records at a time, and then forgets it in memory.
//!
//! Nobody waits for it, so it gathers for a moment: of a key that changes often, the index gets the last value only,
//! and the threads that callers do wait for have the processors to themselves meanwhile.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::batch::Sequence;
use crate::disk_store::shared::{Logged, Shared, State};
use crate::error::Error;
use crate::options::GATHER;

/// Records applied together, between two notes of how far the index is.
const GROUP_MAX: usize = 4_096;

/// Runs until the log is closed and everything is applied, or the store fails.
pub fn run(shared: &Arc<Shared>) {
    while let Some(group) = next_group(shared) {
        if let Err(error) = apply_group(shared, group) {
            shared.fail(&error);
            return;
        }
    }
}

/// Says whether there is so much to apply that gathering more is of no use.
pub fn is_pressed(shared: &Shared, state: &State) -> bool {
    state.logged.len() >= GROUP_MAX || state.pending_bytes > shared.options.unsynced_bytes_max / 4
}

/// Waits for records, and for some more of them; `None` when there will be none.
fn next_group(shared: &Shared) -> Option<Vec<Logged>> {
    let is_ending = |state: &State| state.is_log_closed || state.failed.is_some();
    let mut state = shared.state();
    while state.logged.is_empty() {
        if is_ending(&state) {
            return None;
        }
        shared.applier_wakes.wait(&mut state);
    }
    let until = Instant::now() + GATHER;
    while !is_ending(&state) && !is_pressed(shared, &state) {
        if shared.applier_wakes.wait_until(&mut state, until).timed_out() {
            break;
        }
    }
    // So that what is committed by now can go without what is committed later.
    state.overlay.begin_layer();
    let count = state.logged.len().min(GROUP_MAX);
    Some(state.logged.drain(..count).collect())
}

fn apply_group(shared: &Shared, group: Vec<Logged>) -> Result<(), Error> {
    let Some(last) = group.last().map(|logged| logged.record.sequence) else { return Ok(()) };
    apply(shared, &group, last)?;
    shared.index.set_applied(last)?;
    shared.applied.store(last, Ordering::SeqCst);
    forget(shared, &group, last);
    shared.progress.notify_all();
    Ok(())
}

/// Takes out of memory what the index has.
fn forget(shared: &Shared, group: &[Logged], last: Sequence) {
    let memory = group.iter().map(|logged| logged.weight.memory).sum::<u64>();
    let written = group.iter().map(|logged| logged.weight.written).sum();
    let layers = {
        let mut state = shared.state();
        state.pending_bytes -= memory;
        state.overlay.take_applied(last)
    };
    shared.backlog_bytes.fetch_sub(written, Ordering::Relaxed);
    drop(layers);
}

fn apply(shared: &Shared, group: &[Logged], last: Sequence) -> Result<(), Error> {
    let gate = shared.apply_gate.lock();
    shared.applying.store(last, Ordering::SeqCst);
    let applied = shared.index.apply(group.iter().map(|logged| &logged.record))?;
    if applied.blobs_added != 0 || applied.blob_bytes_added != 0 {
        let mut counters = shared.counters.lock();
        counters.blobs = counters.blobs.saturating_add_signed(applied.blobs_added);
        counters.blob_bytes = counters.blob_bytes.saturating_add_signed(applied.blob_bytes_added);
    }
    // The record that replaced them is on disk, and replaying older records never reads a blob.
    for name in applied.unreferenced {
        if !shared.hold.keeps(name) && !shared.readers.keeps(name) {
            shared.blobs.remove(name)?;
        }
    }
    drop(gate);
    // Here too, because the upkeep may take a snapshot for minutes. Nobody who waits for the gate waits for this.
    shared.remove_unneeded_files()
}
