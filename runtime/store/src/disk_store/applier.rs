//! The applier: brings what the log has into the index, record by record, and then forgets it in memory.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::disk_store::shared::{Logged, Shared};
use crate::error::Error;
use crate::log::record::{Entry, Record};

/// Records applied between two notes of how far the index is.
const GROUP_MAX: usize = 256;

/// Runs until the log is closed and everything is applied, or the store fails.
pub fn run(shared: &Arc<Shared>) {
    while let Some(group) = next_group(shared) {
        if let Err(error) = apply_group(shared, group) {
            shared.fail(&error);
            return;
        }
    }
}

fn next_group(shared: &Shared) -> Option<Vec<Logged>> {
    let mut state = shared.state();
    loop {
        if !state.logged.is_empty() {
            let count = state.logged.len().min(GROUP_MAX);
            return Some(state.logged.drain(..count).collect());
        }
        if state.is_log_closed || state.failed.is_some() {
            return None;
        }
        shared.logged.wait(&mut state);
    }
}

fn apply_group(shared: &Shared, group: Vec<Logged>) -> Result<(), Error> {
    for logged in &group {
        apply(shared, &logged.record)?;
    }
    let Some(last) = group.last() else { return Ok(()) };
    shared.index.set_applied(last.record.sequence)?;
    shared.applied.store(last.record.sequence, Ordering::SeqCst);
    let mut state = shared.state();
    for logged in &group {
        if let Entry::Batch { changes, .. } = &logged.record.entry {
            let keys = changes.iter().map(|(key, _)| &key[..]);
            state.overlay.remove_applied(logged.record.sequence, keys);
        }
        state.pending_bytes -= logged.bytes;
    }
    shared.progress.notify_all();
    Ok(())
}

fn apply(shared: &Shared, record: &Record) -> Result<(), Error> {
    let _gate = shared.apply_gate.lock();
    shared.applying.store(record.sequence, Ordering::SeqCst);
    let applied = shared.index.apply(record)?;
    if applied.blobs_added != 0 || applied.blob_bytes_added != 0 {
        let mut counters = shared.counters.lock();
        counters.blobs = counters.blobs.saturating_add_signed(applied.blobs_added);
        counters.blob_bytes = counters.blob_bytes.saturating_add_signed(applied.blob_bytes_added);
    }
    // The record that replaced them is on disk, and replaying older records never reads a blob.
    for name in applied.unreferenced {
        if !shared.hold.keeps(name) {
            shared.blobs.remove(name)?;
        }
    }
    Ok(())
}
