//! Walking over invocations: one of them, all by id, or newest first.
//!
//! An invocation that ends meanwhile moves from the live ones to the completed ones. Of every stretch the
//! live ones are read first, so that it is not missed; then it may be in both, and is shown once.

use super::super::Rows;
use crate::engine::{CreationWalk, Found, Kept, Order, Route, Walk, created_at};
use crate::sql::plan::Wanted;
use crate::sql::source::{Fault, Pair, Pairs, Source, decode};
use abide_core::ids::{InvocationId, PartitionId};
use abide_core::invocation::InvocationRow;
use abide_core::time::Timestamp;
use abide_store::keys::{self, Tag};
use bytes::Bytes;
use std::cell::OnceCell;
use std::collections::VecDeque;
use std::iter::Peekable;

/// An invocation. Its record is decoded when a column asks for it.
pub struct Item {
    pub id: InvocationId,
    key: Vec<u8>,
    value: Bytes,
    record: OnceCell<InvocationRow>,
}

impl Item {
    fn new((key, value): Pair) -> Result<Self, Fault> {
        let id = keys::decode_invocation(&key);
        let id = id.ok_or_else(|| Fault::Read("a span of invocations holds another key".to_owned()))?;
        Ok(Self { id, key, value, record: OnceCell::new() })
    }

    fn known(id: InvocationId, row: InvocationRow) -> Self {
        Self { id, key: Vec::new(), value: Bytes::new(), record: row.into() }
    }

    pub fn record(&self) -> Result<&InvocationRow, Fault> {
        if let Some(record) = self.record.get() {
            return Ok(record);
        }
        let record = decode(&self.key, &self.value)?;
        Ok(self.record.get_or_init(|| record))
    }

    /// Returns its place in time: what its id tells, where it does.
    pub fn created_at(&self) -> Result<Timestamp, Fault> {
        match self.id.created_at() {
            Some(at) => Ok(at),
            None => Ok(self.record()?.created_at),
        }
    }
}

/// Which invocations are read.
#[derive(Clone, Copy)]
struct Kinds {
    live: bool,
    completed: bool,
}

impl Kinds {
    fn of(status: Option<&str>) -> Self {
        match status {
            None => Self { live: true, completed: true },
            Some("completed") => Self { live: false, completed: true },
            Some(_) => Self { live: true, completed: false },
        }
    }

    fn holds(self, kept: Kept) -> bool {
        match kept {
            Kept::Live => self.live,
            Kept::Completed => self.completed,
        }
    }
}

pub fn scan(source: &Source, wanted: &Wanted) -> Result<Rows<Item>, Fault> {
    read(source, wanted, Kinds::of(wanted.equal("status")))
}

pub fn scan_live(source: &Source, wanted: &Wanted) -> Result<Rows<Item>, Fault> {
    read(source, wanted, Kinds { live: true, completed: false })
}

fn read(source: &Source, wanted: &Wanted, kinds: Kinds) -> Result<Rows<Item>, Fault> {
    if let Some(id) = wanted.equal("id") {
        let Ok(id) = id.parse() else { return Ok(Box::new(std::iter::empty())) };
        let found = source.invocation(id)?.filter(|(kept, _)| kinds.holds(*kept));
        return Ok(Box::new(found.map(|(_, row)| Ok(Item::known(id, row))).into_iter()));
    }
    if wanted.is_about_time() {
        return Ok(Box::new(NewestFirst::begin(source, wanted, kinds)?));
    }
    let source = source.clone();
    let partitions = source.reader.partitions();
    Ok(Box::new(partitions.flat_map(move |partition| ById::new(source.clone(), partition, kinds))))
}

/// All of a partition, by id.
struct ById {
    source: Source,
    kinds: Kinds,
    live: Walk,
    /// The live ones of this stretch.
    stretch: VecDeque<Item>,
    /// The completed ones of this stretch.
    completed: Peekable<Pairs>,
    /// Where the completed ones of the next stretch begin; None after the last one.
    next: Option<Vec<u8>>,
    end: Vec<u8>,
}

impl ById {
    fn new(source: Source, partition: PartitionId, kinds: Kinds) -> Self {
        let (start, end) = keys::all(partition.0, Tag::Completed);
        let live = source.reader.walk(keys::all(partition.0, Tag::Invocation));
        let completed: Pairs = Box::new(std::iter::empty());
        let completed = completed.peekable();
        Self { source, kinds, live, stretch: VecDeque::new(), completed, next: Some(start), end }
    }

    /// Reads a page of live ones, and then opens the completed ones up to where that page ends.
    fn read_stretch(&mut self, start: Vec<u8>) -> Result<(), Fault> {
        self.source.check()?;
        let page = if self.kinds.live { self.live.next_page()? } else { Vec::new() };
        self.source.watch.note_rows(page.len());
        self.stretch = page.into_iter().map(Item::new).collect::<Result<_, _>>()?;
        let more = self.live.rest().filter(|_| self.kinds.live);
        self.next = more.map(|(next, _)| keys::with_tag(next, Tag::Completed));
        if self.kinds.completed {
            let end = self.next.as_ref().unwrap_or(&self.end).clone();
            let completed: Pairs = Box::new(self.source.walk((start, end)));
            self.completed = completed.peekable();
        }
        Ok(())
    }

    /// Returns the next one of this stretch.
    fn next_here(&mut self) -> Option<Result<Item, Fault>> {
        let completed = match self.completed.peek() {
            Some(Ok((key, _))) => keys::decode_invocation(key),
            Some(Err(_)) => {
                return self.completed.next().map(|error| error.and_then(Item::new));
            }
            None => None,
        };
        match (self.stretch.front().map(|item| item.id), completed) {
            (Some(live), Some(completed)) if live == completed => {
                self.stretch.pop_front();
            }
            (Some(live), completed) if completed.is_none_or(|completed| live < completed) => {
                return self.stretch.pop_front().map(Ok);
            }
            _ => {}
        }
        self.completed.next().map(|pair| Item::new(pair?))
    }
}

impl Iterator for ById {
    type Item = Result<Item, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.next_here() {
                return Some(item);
            }
            let start = self.next.take()?;
            if let Err(fault) = self.read_stretch(start) {
                return Some(Err(fault));
            }
        }
    }
}

/// All partitions, from the newest on.
struct NewestFirst {
    source: Source,
    kinds: Kinds,
    walk: CreationWalk,
}

impl NewestFirst {
    fn begin(source: &Source, wanted: &Wanted, kinds: Kinds) -> Result<Self, Fault> {
        let walk = source.reader.by_creation(Route {
            order: Order::Descending,
            partitions: source.reader.partitions().collect(),
            live: kinds.live,
            completed: kinds.completed,
            is_computed_only: false,
            created: wanted.from..wanted.to,
            after: None,
        })?;
        Ok(Self { source: source.clone(), kinds, walk })
    }

    fn read_next(&mut self) -> Result<Option<Item>, Fault> {
        loop {
            self.source.check()?;
            let found = self.source.reader.next_by_creation(&mut self.walk)?;
            self.source.watch.note_rows(self.walk.take_rows_read());
            match found {
                None => return Ok(None),
                Some((_, Found::Stored { key, value })) => return Item::new((key, value)).map(Some),
                Some(((at, id), Found::Indexed)) => {
                    // One that has been replaced meanwhile, by another with the same id, has its place elsewhere.
                    if let Some((kept, row)) = self.source.invocation(id)?
                        && self.kinds.holds(kept)
                        && created_at(id, &row) == at
                    {
                        return Ok(Some(Item::known(id, row)));
                    }
                }
            }
        }
    }
}

impl Iterator for NewestFirst {
    type Item = Result<Item, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read_next().transpose()
    }
}
