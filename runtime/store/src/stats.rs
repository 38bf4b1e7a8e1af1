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
    /// The disk failed. Nothing is acknowledged any more; only a restart helps.
    Failed { reason: String },
}

/// Upper bounds, in microseconds, by which the times of syncs are counted.
pub const SYNC_MICROS_BOUNDS: [u64; 12] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000];
/// Upper bounds by which the batches of one sync are counted.
pub const GROUP_BOUNDS: [u64; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

/// Returns the place of a value among counts, of which there is one more than bounds.
pub(crate) fn bucket(bounds: &[u64], value: u64) -> usize {
    bounds.partition_point(|bound| *bound < value)
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
    /// Syncs by [`SYNC_MICROS_BOUNDS`], and those above all of them.
    pub sync_counts: [u64; SYNC_MICROS_BOUNDS.len() + 1],
    /// Syncs by the batches they made durable, see [`GROUP_BOUNDS`].
    pub group_counts: [u64; GROUP_BOUNDS.len() + 1],
    pub group_batches_sum: u64,
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
    /// All of the index was read when the store was opened.
    pub index_verified: bool,
    /// The process before this one closed the store in order.
    pub was_closed: bool,
    pub replayed: u64,
    /// Log, index, blobs and snapshots together.
    pub disk_bytes: u64,
    pub disk_free_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_under_the_first_bound_that_is_not_below_it() {
        assert_eq!([0, 1, 2, 3, 128, 129].map(|value| bucket(&GROUP_BOUNDS, value)), [0, 0, 1, 2, 7, 8]);
    }
}
