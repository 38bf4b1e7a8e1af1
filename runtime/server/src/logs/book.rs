//! The book: lines that wait become chunks in the store, and the oldest go where there are too many.
//!
//! The rows belong to a partition of their own, whose only writer is this. Nobody waits for its batches,
//! so their sync is that of others, or a late one: lines may be lost in a crash, journals are not.

use super::rows::{ChunkRow, Line, PlaceRow, TotalsRow};
use super::{LogError, LogLimits};
use abide_core::ids::InvocationId;
use abide_store::keys::{self, Tag};
use abide_store::{Batch, Fence, LOG_PARTITION, Op, Store, View, codec, pairs};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;

/// A chunk that is smaller is filled up before another one begins.
const CHUNK_BYTES: u32 = 8 << 10;
/// Bytes of one batch, about. The store takes 15 MiB and puts larger values into files, but a batch is in memory as a
/// whole, and those of others wait behind it.
const BATCH_BYTES: usize = 256 << 10;
/// Chunks looked at in one go when the oldest have to go.
const PAGE: usize = 64;

/// Lines of one invocation that are not in the book yet.
#[derive(Clone, Debug, Default)]
pub struct Waiting {
    pub lines: VecDeque<Line>,
    pub bytes: usize,
    /// Lines before these that were too many to wait.
    pub skipped: u64,
}

/// A part of the lines of an invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Number and line.
    pub lines: Vec<(u64, Line)>,
    /// Lines the invocation wrote.
    pub total: u64,
    /// Lines that are not there any more; they were the first ones.
    pub dropped: u64,
}

pub struct Book {
    store: Arc<dyn Store>,
    fence: Fence,
    limits: LogLimits,
    totals: TotalsRow,
    ops: Vec<Op>,
    ops_bytes: usize,
}

impl Book {
    /// Takes the partition of the logs.
    pub fn open(store: Arc<dyn Store>, limits: LogLimits) -> Result<Self, LogError> {
        let fence = store.acquire(LOG_PARTITION)?;
        let totals = read(&*store, &keys::log_totals())?.unwrap_or_default();
        Ok(Self { store, fence, limits, totals, ops: Vec::new(), ops_bytes: 0 })
    }

    /// Appends lines of an invocation.
    pub fn append(&mut self, id: InvocationId, waiting: Waiting) -> Result<(), LogError> {
        let mut places = self.places(id)?;
        let mut next = places.back().map_or(0, |(_, place)| place.end()) + waiting.skipped;
        let mut lines = waiting.lines;
        if waiting.skipped == 0
            && let Some((chunk, place)) = places.pop_back()
        {
            next = self.fill(id, chunk, place, &mut lines, &mut places)?;
        }
        while !lines.is_empty() {
            let chunk = self.totals.next_chunk;
            self.totals.next_chunk += 1;
            let place = self.put(id, chunk, next, Vec::new(), &mut lines);
            next = place.end();
            places.push_back((chunk, place));
            self.commit_if_large()?;
        }
        self.shorten(id, places)?;
        self.forget_oldest()
    }

    /// Fills up the last chunk of an invocation, if there is room.
    fn fill(
        &mut self,
        id: InvocationId,
        chunk: u64,
        place: PlaceRow,
        lines: &mut VecDeque<Line>,
        places: &mut VecDeque<(u64, PlaceRow)>,
    ) -> Result<u64, LogError> {
        let mut place = place;
        if place.bytes < CHUNK_BYTES {
            // What this book has not committed yet has to be readable.
            self.commit()?;
            if let Some(row) = read::<ChunkRow>(&*self.store, &keys::log_chunk(chunk))? {
                self.totals.bytes -= u64::from(place.bytes);
                place = self.put(id, chunk, place.first, row.lines, lines);
            }
        }
        places.push_back((chunk, place));
        Ok(place.end())
    }

    /// Stages a chunk: what it has, and as many lines as fit.
    fn put(
        &mut self,
        id: InvocationId,
        chunk: u64,
        first: u64,
        mut has: Vec<Line>,
        lines: &mut VecDeque<Line>,
    ) -> PlaceRow {
        let mut bytes: usize = has.iter().map(Line::bytes).sum();
        while bytes < CHUNK_BYTES as usize
            && let Some(line) = lines.pop_front()
        {
            bytes += line.bytes();
            has.push(line);
        }
        let count = |count: usize| u32::try_from(count).expect("lines and chunks have a limit");
        let place = PlaceRow { first, lines: count(has.len()), bytes: count(bytes) };
        self.totals.bytes += u64::from(place.bytes);
        self.stage(keys::log_chunk(chunk), &ChunkRow { invocation: id, lines: has });
        self.stage(keys::log_place(id, chunk), &place);
        place
    }

    /// Takes the first lines off an invocation that has too many.
    fn shorten(&mut self, id: InvocationId, mut places: VecDeque<(u64, PlaceRow)>) -> Result<(), LogError> {
        let mut lines: u64 = places.iter().map(|(_, place)| u64::from(place.lines)).sum();
        let mut bytes: u64 = places.iter().map(|(_, place)| u64::from(place.bytes)).sum();
        while (lines > self.limits.lines_per_invocation_max || bytes > self.limits.bytes_per_invocation_max)
            && places.len() > 1
            && let Some((chunk, place)) = places.pop_front()
        {
            lines -= u64::from(place.lines);
            bytes -= u64::from(place.bytes);
            self.delete(id, chunk, place);
            self.commit_if_large()?;
        }
        Ok(())
    }

    /// Takes the oldest chunks away, whosever they are, while all together are too many.
    fn forget_oldest(&mut self) -> Result<(), LogError> {
        while self.totals.bytes > self.limits.bytes_max {
            self.commit()?;
            let (start, end) = keys::all(LOG_PARTITION, Tag::LogChunk);
            let oldest = self.store.scan(View::Latest, &start, &end, PAGE)?;
            if oldest.is_empty() {
                // The sum was wrong; there is nothing left to count.
                self.totals.bytes = 0;
            }
            for (key, value) in oldest {
                if self.totals.bytes <= self.limits.bytes_max {
                    break;
                }
                let Some(chunk) = keys::decode_log_chunk(&key) else { continue };
                let found = codec::decode::<ChunkRow>(&key, &value).ok().and_then(|row| {
                    let place = read(&*self.store, &keys::log_place(row.invocation, chunk)).ok().flatten();
                    place.map(|place| (row.invocation, place))
                });
                match found {
                    Some((invocation, place)) => self.delete(invocation, chunk, place),
                    // One that is damaged must not be in the way of all that follow.
                    None => {
                        self.totals.bytes = self.totals.bytes.saturating_sub(value.len() as u64);
                        self.ops.push(Op::Delete { key });
                    }
                }
            }
        }
        Ok(())
    }

    /// Forgets all lines of an invocation.
    pub fn forget(&mut self, id: InvocationId) -> Result<(), LogError> {
        for (chunk, place) in self.places(id)? {
            self.delete(id, chunk, place);
            self.commit_if_large()?;
        }
        Ok(())
    }

    /// Returns lines of an invocation from number `from` on, at most `max`; `waiting` come after them.
    pub fn read(&self, id: InvocationId, from: u64, max: usize, waiting: &Waiting) -> Result<Part, LogError> {
        let places = self.places(id)?;
        let stored = places.back().map_or(0, |(_, place)| place.end());
        let fresh = stored + waiting.skipped;
        let total = fresh + waiting.lines.len() as u64;
        let dropped = places.front().map_or(fresh, |(_, place)| place.first);
        let mut part = Part { lines: Vec::new(), total, dropped };
        let mut left = max;
        for (chunk, place) in places.iter().filter(|(_, place)| place.end() > from) {
            if left == 0 {
                return Ok(part);
            }
            let Some(row) = read::<ChunkRow>(&*self.store, &keys::log_chunk(*chunk))? else { continue };
            let numbered = (place.first..).zip(row.lines).filter(|(number, _)| *number >= from);
            part.lines.extend(numbered.take(left));
            left = max - part.lines.len();
        }
        let numbered = (fresh..).zip(waiting.lines.iter().cloned()).filter(|(number, _)| *number >= from);
        part.lines.extend(numbered.take(left));
        Ok(part)
    }

    /// Returns where the lines of an invocation are, in order.
    fn places(&self, id: InvocationId) -> Result<VecDeque<(u64, PlaceRow)>, LogError> {
        let place = |pair: Result<(Vec<u8>, Bytes), abide_store::Error>| {
            let (key, value) = pair?;
            let (_, chunk) = keys::decode_log_place(&key).expect("the span holds only such keys");
            Ok((chunk, codec::decode(&key, &value)?))
        };
        pairs(&*self.store, View::Latest, keys::logs_of(id)).map(place).collect()
    }

    fn delete(&mut self, id: InvocationId, chunk: u64, place: PlaceRow) {
        self.totals.bytes = self.totals.bytes.saturating_sub(u64::from(place.bytes));
        self.ops.push(Op::Delete { key: keys::log_chunk(chunk) });
        self.ops.push(Op::Delete { key: keys::log_place(id, chunk) });
        self.ops_bytes += 100;
    }

    fn stage(&mut self, key: Vec<u8>, row: &impl codec::Record) {
        let value = codec::encode(row);
        self.ops_bytes += key.len() + value.len();
        self.ops.push(Op::Put { key, value });
    }

    fn commit_if_large(&mut self) -> Result<(), LogError> {
        if self.ops_bytes > BATCH_BYTES { self.commit() } else { Ok(()) }
    }

    /// Commits what is staged; nobody waits for its sync.
    pub fn commit(&mut self) -> Result<(), LogError> {
        if self.ops.is_empty() {
            return Ok(());
        }
        let totals = self.totals;
        self.stage(keys::log_totals(), &totals);
        self.ops_bytes = 0;
        let ops = std::mem::take(&mut self.ops);
        self.store.commit_quietly(Batch { fence: self.fence, ops })?;
        Ok(())
    }

    /// Returns about the bytes of all lines.
    pub fn bytes(&self) -> u64 {
        self.totals.bytes
    }
}

fn read<T: codec::Record>(store: &dyn Store, key: &[u8]) -> Result<Option<T>, LogError> {
    Ok(store.get(View::Latest, key)?.map(|value| codec::decode(key, &value)).transpose()?)
}
