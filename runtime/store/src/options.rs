//! Every limit of the store, with its default.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::disk::{Disk, OsDisk};
use abide_core::limits::APART_BYTES;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// One log segment. Large enough that a checkpoint per segment is rare, small enough to replay in under a second.
pub const SEGMENT_BYTES: u64 = 32 * MIB;
/// Values above this go into a file of their own: an index leaf holds 128 values and is rewritten as a whole. The core
/// counts on it.
pub const INLINE_VALUE_BYTES_MAX: u64 = APART_BYTES as u64;
/// Keys, small values and references of one batch: it must fit into one segment, and others wait while it is written. The
/// larger values of a batch that has more go into files as well.
pub const BATCH_BYTES_MAX: u64 = 15 * MIB;
/// Values of a batch that is too large go into files down to this part of `inline_value_bytes_max`.
pub const SPILLED_PART_MIN: u64 = 32;
/// One value.
pub const VALUE_BYTES_MAX: u64 = 64 * MIB;
/// One key. The index keeps the first key of each leaf in memory.
pub const KEY_BYTES_MAX: u64 = 4 * KIB;
/// Committed bytes that are not on disk yet. Above it `commit` waits.
pub const UNSYNCED_BYTES_MAX: u64 = 64 * MIB;
/// Record bytes that are synced together. Bounds how long the first of them waits for the last.
pub const GROUP_BYTES_MAX: u64 = 4 * MIB;
/// How long a batch that nobody waits for may stay unsynced.
pub const LINGER: Duration = Duration::from_millis(5);
/// Who waits for a batch writes it on its own thread while there is no more than this to write, blobs not among it.
pub const OWN_GROUP_BYTES_MAX: u64 = 32 * KIB;
/// And while a sync is expected to take no longer than this, after the last ones: nobody's thread is held up by a slow disk.
pub const OWN_SYNC_MAX: Duration = Duration::from_millis(1);
/// How long the applier gathers what the log has, before the index gets it: about as long as most invocations are on their
/// way, so that most of what they write and take back, or write anew, never gets there. What it gathers is kept in memory.
pub const GATHER: Duration = Duration::from_millis(100);
/// The index's cache.
pub const CACHE_BYTES: u64 = 64 * MIB;
/// The index never evicts what it wrote, so it is opened anew after this much, or half of what it has on the disk if that is
/// more: opening it takes the longer the more it has.
pub const REOPEN_BYTES: u64 = 32 * MIB;
/// But after this much, whatever it has on the disk.
pub const REOPEN_BYTES_MAX: u64 = 128 * MIB;
/// The log kept for a rebuild reaches at least this before the first and between small snapshots.
pub const SNAPSHOT_LOG_BYTES_MIN: u64 = 128 * MIB;
/// The log kept for a rebuild reaches at most this between snapshots, unless a snapshot itself is larger.
pub const SNAPSHOT_LOG_BYTES_MAX: u64 = GIB;
/// Free space under which the store asks for no new work.
pub const DISK_RESERVE_BYTES: u64 = 128 * MIB;
/// The index gets so long for one step; then it counts as damaged. Long, because sled syncs every file system of the
/// machine when it opens.
pub const INDEX_STALL_MAX: Duration = Duration::from_secs(300);
/// Spare segments kept for reuse.
pub const SPARES_MAX: usize = 3;

/// Told of a flush of the index, with its folder.
pub type OnFlushed = Arc<dyn Fn(&Path) + Send + Sync>;

/// How a [`crate::DiskStore`] behaves. The defaults are right for a server; tests make everything smaller.
#[derive(Clone)]
pub struct Options {
    pub segment_bytes: u64,
    pub inline_value_bytes_max: u64,
    pub batch_bytes_max: u64,
    pub value_bytes_max: u64,
    pub key_bytes_max: u64,
    pub unsynced_bytes_max: u64,
    pub group_bytes_max: u64,
    pub cache_bytes: u64,
    pub reopen_bytes: u64,
    pub reopen_bytes_max: u64,
    pub snapshot_log_bytes_min: u64,
    pub snapshot_log_bytes_max: u64,
    pub disk_reserve_bytes: u64,
    pub index_stall_max: Duration,
    /// Where log, blobs and snapshots are written. Tests put a disk here that fails or loses power.
    pub disk: Arc<dyn Disk>,
    /// Told after every completed flush of the index, with the index folder. Tests copy the folder there.
    pub on_index_flushed: Option<OnFlushed>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            segment_bytes: SEGMENT_BYTES,
            inline_value_bytes_max: INLINE_VALUE_BYTES_MAX,
            batch_bytes_max: BATCH_BYTES_MAX,
            value_bytes_max: VALUE_BYTES_MAX,
            key_bytes_max: KEY_BYTES_MAX,
            unsynced_bytes_max: UNSYNCED_BYTES_MAX,
            group_bytes_max: GROUP_BYTES_MAX,
            cache_bytes: CACHE_BYTES,
            reopen_bytes: REOPEN_BYTES,
            reopen_bytes_max: REOPEN_BYTES_MAX,
            snapshot_log_bytes_min: SNAPSHOT_LOG_BYTES_MIN,
            snapshot_log_bytes_max: SNAPSHOT_LOG_BYTES_MAX,
            disk_reserve_bytes: DISK_RESERVE_BYTES,
            index_stall_max: INDEX_STALL_MAX,
            disk: Arc::new(OsDisk),
            on_index_flushed: None,
        }
    }
}

impl Options {
    /// Returns options with tiny limits: every rotation, checkpoint and snapshot happens within a short test.
    pub fn tiny() -> Self {
        Options {
            segment_bytes: 64 * KIB,
            batch_bytes_max: 16 * KIB,
            inline_value_bytes_max: KIB,
            group_bytes_max: 16 * KIB,
            unsynced_bytes_max: 256 * KIB,
            cache_bytes: MIB,
            reopen_bytes: 64 * KIB,
            reopen_bytes_max: 64 * KIB,
            snapshot_log_bytes_min: 192 * KIB,
            snapshot_log_bytes_max: MIB,
            disk_reserve_bytes: 0,
            index_stall_max: Duration::from_secs(20),
            ..Options::default()
        }
    }

    pub(crate) fn assert_sane(&self) {
        assert!(
            self.reopen_bytes <= self.reopen_bytes_max,
            "reopen_bytes must not be above reopen_bytes_max"
        );
        // A batch has to fit into an empty segment with its header and the END record after it.
        assert!(
            self.batch_bytes_max * 2 + 4 * KIB <= self.segment_bytes,
            "batch_bytes_max must be under half of segment_bytes"
        );
        assert!(
            self.segment_bytes <= u64::from(u32::MAX) / 2,
            "segment_bytes must fit the log's 32 bit offsets"
        );
        assert!(self.value_bytes_max <= u64::from(u32::MAX), "value_bytes_max must fit 32 bits");
    }
}
