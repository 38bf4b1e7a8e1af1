//! What the store tells about itself: whether it can be used, and what it has done.

use serde::Serialize;

use crate::batch::Sequence;

/// Whether work can be given to the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Status {
    /// Everything works.
    Ready,
    /// Commits still work, but new work should not be taken in; this passes.
    Refusing { reason: String },
    /// A write failed. Nothing is acknowledged any more; only a restart helps.
    Failed { reason: String },
}

/// Counters since the store was opened, and sizes as they are now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    pub committed: Sequence,
    pub durable: Sequence,
    pub applied: Sequence,
    pub commits: u64,
    pub ops: u64,
    pub unsynced_bytes: u64,
    pub overlay_keys: u64,
    /// Bytes of the segments that are kept, whether full or not, and of the spares.
    pub log_bytes: u64,
    pub log_segments: u64,
    pub log_bytes_written: u64,
    pub syncs: u64,
    pub sync_micros_sum: u64,
    pub sync_micros_max: u64,
    pub checkpoints: u64,
    pub checkpoint_micros_max: u64,
    pub reopens: u64,
    pub reopen_micros_max: u64,
    pub blobs: u64,
    pub blob_bytes: u64,
    pub snapshots: u64,
    pub snapshot_sequence: Sequence,
    pub snapshot_bytes: u64,
    pub index_bytes: u64,
    pub index_rebuilt: bool,
    pub replayed: u64,
    /// Log, index, blobs and snapshots together.
    pub disk_bytes: u64,
    pub disk_free_bytes: u64,
}
