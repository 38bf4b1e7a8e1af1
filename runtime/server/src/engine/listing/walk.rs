//! Walking over invocations in the order of their creation, without reading more than is asked for.
//!
//! Each partition has two places where they are: under their ids, which begin with the time, live and
//! completed ones apart; and, for computed ids, an index by time. Every place is read a few rows at a
//! time from where the walk is, and what comes next is the first of them.

use super::filter::{Times, created_at};
use crate::engine::txn::TxnError;
use abide_core::ids::{InvocationId, PartitionId};
use abide_core::invocation::InvocationRow;
use abide_core::time::Timestamp;
use abide_store::keys::{self, Tag};
use abide_store::{Order, Store, View, codec};
use bytes::Bytes;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

/// Rows that are read at once of one place: few at first, as most pages need few.
const CHUNK_FIRST: usize = 16;
const CHUNK_MAX: usize = 512;
/// Live invocations with computed ids of one partition that are read all at once where only live ones
/// are wanted; where there are more, the index tells them.
const LIVE_COMPUTED_MAX: usize = 256;

/// An invocation's position in the list: the time of its creation, and its id where that is the same.
pub type Position = (Timestamp, InvocationId);

/// Which invocations a walk comes by.
pub struct Route {
    pub order: Order,
    pub partitions: Vec<PartitionId>,
    pub live: bool,
    pub completed: bool,
    /// Only computed ids: no other has an idempotency key.
    pub is_computed_only: bool,
    pub created: Times,
    /// Only what comes after this.
    pub after: Option<Position>,
}

/// One place to read from.
struct Source {
    partition: PartitionId,
    kind: Kind,
    /// What was not read yet, without partition and tag.
    rest: Option<(Vec<u8>, Vec<u8>)>,
    chunk: usize,
    buffer: VecDeque<(Position, Found)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    ById,
    ByTime,
    /// All there is was read before.
    Read,
}

/// What was found at a position.
pub enum Found {
    /// The record of an invocation, live or completed.
    Stored { key: Vec<u8>, value: Bytes },
    /// An entry of the index by time. The invocation may be gone, or of a kind that is not asked for.
    Indexed,
}

/// See the module. All calls are given the same store.
pub struct CreationWalk {
    route: Route,
    sources: Vec<Source>,
    next: BinaryHeap<(Turn, usize)>,
    rows_read: usize,
}

/// A position, the one that comes first being the greatest.
#[derive(PartialEq, Eq)]
struct Turn(Order, Position);

impl Ord for Turn {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.compare(&other.1, &self.1)
    }
}

impl PartialOrd for Turn {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl CreationWalk {
    /// Begins a walk.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn begin(store: &dyn Store, route: Route) -> Result<Self, TxnError> {
        let mut walk = Self { route, sources: Vec::new(), next: BinaryHeap::new(), rows_read: 0 };
        for partition in walk.route.partitions.clone() {
            if !walk.route.is_computed_only {
                walk.add(partition, Kind::ById, walk.route.ids());
            }
            match walk.few_live_computed(store, partition)? {
                Some(few) => {
                    let read =
                        Source { kind: Kind::Read, buffer: few, ..source(partition, Kind::Read, None) };
                    walk.sources.push(read);
                }
                None => walk.add(partition, Kind::ByTime, walk.route.times()),
            }
        }
        for index in 0..walk.sources.len() {
            walk.line_up(store, index)?;
        }
        Ok(walk)
    }

    fn add(&mut self, partition: PartitionId, kind: Kind, rest: (Vec<u8>, Vec<u8>)) {
        self.sources.push(source(partition, kind, Some(rest)));
    }

    /// Returns the next position.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn next(&mut self, store: &dyn Store) -> Result<Option<(Position, Found)>, TxnError> {
        let Some((_, index)) = self.next.pop() else { return Ok(None) };
        let found = self.sources[index].buffer.pop_front().expect("one that is lined up has a record");
        self.line_up(store, index)?;
        Ok(Some(found))
    }

    /// Returns how many rows were read since the last call.
    pub fn take_rows_read(&mut self) -> usize {
        std::mem::take(&mut self.rows_read)
    }

    /// Says whether nothing comes any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.next.is_empty()
    }

    fn line_up(&mut self, store: &dyn Store, index: usize) -> Result<(), TxnError> {
        let source = &mut self.sources[index];
        self.rows_read += source.refill(store, &self.route)?;
        if let Some((position, _)) = source.buffer.front() {
            self.next.push((Turn(self.route.order, *position), index));
        }
        Ok(())
    }

    /// Reads the live invocations with computed ids of a partition, where only live ones are wanted and
    /// they are few: the index would lead past all that have ended.
    fn few_live_computed(
        &mut self,
        store: &dyn Store,
        partition: PartitionId,
    ) -> Result<Option<VecDeque<(Position, Found)>>, TxnError> {
        if self.route.completed {
            return Ok(None);
        }
        let (from, to) = (InvocationId::computed(0, 0).to_bytes(), [0xff; InvocationId::LEN + 1]);
        let (start, end) = keys::between(partition, Tag::Invocation, &from, &to);
        let limit = LIVE_COMPUTED_MAX + 1;
        let found = store.scan(View::Durable, &start, &end, limit)?;
        self.rows_read += found.len();
        if found.len() == limit {
            return Ok(None);
        }
        let mut few = Vec::new();
        for (key, value) in found {
            let id = keys::decode_invocation(&key).expect("a span of invocations holds only their keys");
            let row: InvocationRow = codec::decode(&key, &value)?;
            let position = (created_at(id, &row), id);
            if self.route.comes_by(position) {
                few.push((position, Found::Stored { key, value }));
            }
        }
        few.sort_by(|(left, _), (right, _)| self.route.order.compare(left, right));
        Ok(Some(few.into()))
    }
}

fn source(partition: PartitionId, kind: Kind, rest: Option<(Vec<u8>, Vec<u8>)>) -> Source {
    Source { partition, kind, rest, chunk: CHUNK_FIRST, buffer: VecDeque::new() }
}

impl Route {
    fn comes_by(&self, position: Position) -> bool {
        let is_ahead = |after| self.order.is_before(&after, &position);
        self.created.contains(&position.0) && self.after.is_none_or(is_ahead)
    }

    /// Returns the ids, other than computed ones, that the walk comes by.
    fn ids(&self) -> (Vec<u8>, Vec<u8>) {
        // Computed ids stand behind all points in time.
        let last = InvocationId::computed(0, 0);
        let at = |time: Timestamp| InvocationId::first_of(time).unwrap_or(last).to_bytes().to_vec();
        let (mut from, mut to) = (at(self.created.start), at(self.created.end));
        if let Some((time, id)) = self.after {
            // A computed id comes after all others of its time.
            let here = if id.is_computed() { at(time.plus_millis(1)) } else { id.to_bytes().to_vec() };
            match self.order {
                Order::Descending => to = to.min(here),
                Order::Ascending if id.is_computed() => from = from.max(here),
                Order::Ascending => from = from.max(keys::after(&here)),
            }
        }
        (from, to)
    }

    /// Returns the keys of the index by time that the walk comes by.
    fn times(&self) -> (Vec<u8>, Vec<u8>) {
        let at = |time: Timestamp| time.0.to_be_bytes().to_vec();
        let (mut from, mut to) = (at(self.created.start), at(self.created.end));
        if let Some((time, id)) = self.after {
            let here = [&time.0.to_be_bytes()[..], &id.to_bytes()].concat();
            match self.order {
                Order::Descending => to = to.min(here),
                Order::Ascending => from = from.max(keys::after(&here)),
            }
        }
        (from, to)
    }
}

impl Source {
    /// Reads on where nothing is left of what was read; returns how many rows it read.
    fn refill(&mut self, store: &dyn Store, route: &Route) -> Result<usize, TxnError> {
        let mut rows_read = 0;
        while self.buffer.is_empty() {
            let Some(rest) = self.rest.take() else { break };
            let tags: &[(Tag, bool)] = match self.kind {
                // In this order: one that ends in between is found twice rather than never.
                Kind::ById => &[(Tag::Invocation, route.live), (Tag::Completed, route.completed)],
                Kind::ByTime => &[(Tag::Created, true)],
                Kind::Read => &[],
            };
            rows_read += self.read(store, route.order, tags, rest)?;
            self.chunk = (self.chunk * 2).min(CHUNK_MAX);
        }
        Ok(rows_read)
    }

    /// Reads a chunk of each tag, and keeps what is before the end of all chunks.
    fn read(
        &mut self,
        store: &dyn Store,
        order: Order,
        tags: &[(Tag, bool)],
        (from, to): (Vec<u8>, Vec<u8>),
    ) -> Result<usize, TxnError> {
        let mut rows_read = 0;
        let mut found = BTreeMap::new();
        let mut edge: Option<Vec<u8>> = None;
        for (tag, _) in tags.iter().filter(|(_, is_wanted)| *is_wanted) {
            let (start, end) = keys::between(self.partition, *tag, &from, &to);
            let chunk = match order {
                Order::Ascending => store.scan(View::Durable, &start, &end, self.chunk),
                Order::Descending => store.scan_back(View::Durable, &start, &end, self.chunk),
            };
            let chunk = chunk?;
            rows_read += chunk.len();
            if let Some((last, _)) = chunk.last().filter(|_| chunk.len() == self.chunk) {
                let last = keys::rest(last).to_vec();
                edge = Some(match (edge, order) {
                    (None, _) => last,
                    (Some(edge), Order::Ascending) => edge.min(last),
                    (Some(edge), Order::Descending) => edge.max(last),
                });
            }
            found.extend(chunk.into_iter().map(|(key, value)| (keys::rest(&key).to_vec(), (key, value))));
        }
        let kept: Box<dyn Iterator<Item = _>> = match (edge, order) {
            (None, Order::Ascending) => Box::new(found.into_iter()),
            (None, Order::Descending) => Box::new(found.into_iter().rev()),
            (Some(edge), Order::Ascending) => {
                self.rest = Some((keys::after(&edge), to));
                Box::new(found.into_iter().take_while(move |(rest, _)| *rest <= edge))
            }
            (Some(edge), Order::Descending) => {
                self.rest = Some((from, edge.clone()));
                Box::new(found.into_iter().rev().take_while(move |(rest, _)| *rest >= edge))
            }
        };
        self.buffer.extend(kept.map(|(_, (key, value))| position_of(key, value)));
        Ok(rows_read)
    }
}

fn position_of(key: Vec<u8>, value: Bytes) -> (Position, Found) {
    if let Some(position) = keys::decode_created(&key) {
        return (position, Found::Indexed);
    }
    let id = keys::decode_invocation(&key).expect("a span of invocations holds only their keys");
    let at = id.created_at().expect("computed ids are in the index by time");
    ((at, id), Found::Stored { key, value })
}
