//! The trait the engine is written against: bytes, fences and durability, no meaning.

use std::collections::HashMap;

use bytes::Bytes;
use tokio::sync::watch;

use crate::batch::{Batch, Fence, Peeked, Sequence, View};
use crate::error::Error;
use crate::stats::{Stats, Status};

/// An ordered map of bytes with atomic, fenced batches and two views of it.
pub trait Store: Send + Sync + 'static {
    /// Takes the partition: a new epoch, durable before this returns. Older fences are refused from now on.
    /// Blocks on the disk. An acquire has a sequence number of its own.
    fn acquire(&self, partition: u16) -> Result<Fence, Error>;

    /// Returns what the key holds.
    fn get(&self, view: View, key: &[u8]) -> Result<Option<Bytes>, Error>;

    /// Returns what the key holds, unless that is so large that it is kept apart: for readers who must not wait long.
    fn peek(&self, view: View, key: &[u8]) -> Result<Peeked, Error> {
        Ok(self.get(view, key)?.map_or(Peeked::Absent, Peeked::Value))
    }

    /// Returns at most `limit` pairs with `start <= key < end`, ascending, as of one moment: of a batch either all or
    /// nothing is seen.
    fn scan(
        &self,
        view: View,
        start: &[u8],
        end: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, Error> {
        self.scan_within(view, start, end, limit, usize::MAX)
    }

    /// As [`Store::scan`], and ends with the pair that makes the values reach `bytes_max`: a thousand large values need
    /// not be in memory at once.
    fn scan_within(
        &self,
        view: View,
        start: &[u8],
        end: &[u8],
        limit: usize,
        bytes_max: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, Error>;

    /// As [`Store::scan`], from the end of the span: the last pairs, descending.
    fn scan_back(
        &self,
        view: View,
        start: &[u8],
        end: &[u8],
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, Error>;

    /// Returns at most `limit` keys with `start <= key < end`, ascending, as of one moment. However large their values are,
    /// none is read from a file or kept.
    fn scan_keys(&self, view: View, start: &[u8], end: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, Error>;

    /// Puts a large value on the disk before the batch that will have it: no other batch waits for its bytes then. Returns the
    /// value, to be used in its place: a batch that has these very bytes, not a copy of them, in [`Op::PutPieces`] refers to
    /// what is there already. Blocks on the disk. What no batch comes to have leaves nothing.
    ///
    /// [`Op::PutPieces`]: crate::Op::PutPieces
    fn set_apart(&self, value: Bytes) -> Result<Bytes, Error> {
        Ok(value)
    }

    /// Atomic. Ordered and visible to [`View::Latest`] on return, not durable yet: wait for [`Store::durable`] to reach
    /// the returned sequence before telling anyone. Never waits for a disk sync, unless too much is unsynced already.
    fn commit(&self, batch: Batch) -> Result<Sequence, Error>;

    /// As [`Store::commit`], for a batch that nobody waits for: its sync may wait for that of a later one, though not
    /// for long. Saves a sync wherever one batch prepares what the next one tells.
    fn commit_quietly(&self, batch: Batch) -> Result<Sequence, Error> {
        self.commit(batch)
    }

    /// Says that somebody waits for the batch: its sync waits no longer. May do that sync on the caller's thread, when
    /// it takes a moment only, which saves two changes of threads; otherwise returns at once. For batches that were
    /// committed quietly; a store without such a thing has nothing to do.
    fn push(&self, _sequence: Sequence) {}

    /// Returns the bytes of what is committed and has not come to where it stays: those who can wait do, when it is much.
    fn backlog_bytes(&self) -> u64 {
        0
    }

    /// Returns the highest sequence that is on disk; changes are notified. Never more than was committed.
    fn durable(&self) -> watch::Receiver<Sequence>;

    /// Returns whether work can be given to the store; changes are notified.
    fn status(&self) -> watch::Receiver<Status>;

    /// Returns counters and sizes.
    fn stats(&self) -> Stats;

    /// Makes everything durable, checkpoints and releases the lock. Idempotent; commits are refused afterwards.
    /// Says that it was closed in order, which a mere drop does not: then attempts that ran count as lost.
    fn close(&self) -> Result<(), Error>;
}

/// Refuses a fence that is not the newest of its partition.
pub(crate) fn check_fence(epochs: &HashMap<u16, u64>, fence: Fence) -> Result<(), Error> {
    let current = epochs.get(&fence.partition).copied().unwrap_or(0);
    if fence.epoch == current && current > 0 {
        return Ok(());
    }
    Err(Error::StaleFence { partition: fence.partition, held: fence.epoch, current })
}
