//! Walking over invocations: one of them, all by id, or newest first.
//!
//! An invocation that ends meanwhile moves from the live ones to the completed ones. Of every stretch the
//! live ones are read first, so that it is not missed; then it may be in both, and is shown once.

use super::super::Rows;
use crate::engine::{Kept, Walk};
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
    kept: Kept,
    key: Vec<u8>,
    value: Bytes,
    record: OnceCell<InvocationRow>,
}

impl Item {
    fn new(kept: Kept, (key, value): Pair) -> Result<Self, Fault> {
        let id = keys::decode_invocation(&key);
        let id = id.ok_or_else(|| Fault::Read("a span of invocations holds another key".to_owned()))?;
        Ok(Self { id, kept, key, value, record: OnceCell::new() })
    }

    fn known(id: InvocationId, (kept, row): (Kept, InvocationRow)) -> Self {
        Self { id, kept, key: Vec::new(), value: Bytes::new(), record: row.into() }
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
        return Ok(Box::new(found.map(|found| Ok(Item::known(id, found))).into_iter()));
    }
    if wanted.is_about_time() {
        return Ok(Box::new(NewestFirst::new(source.clone(), wanted, kinds)));
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
        self.stretch = page.into_iter().map(|pair| Item::new(Kept::Live, pair)).collect::<Result<_, _>>()?;
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
                return self
                    .completed
                    .next()
                    .map(|error| error.and_then(|pair| Item::new(Kept::Completed, pair)));
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
        self.completed.next().map(|pair| Item::new(Kept::Completed, pair?))
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

/// Length of the first window of the past, and by how much the next one is longer where few are found.
const WINDOW_MS: u64 = 60_000;
const WINDOW_GROWTH: u64 = 4;
/// Invocations of a window; one that holds more is halved, as far as time can be.
const WINDOW_ROWS_MAX: usize = 2_000;

/// All partitions, from now into the past, a window at a time.
struct NewestFirst {
    source: Source,
    kinds: Kinds,
    from: u64,
    /// What is from here on was shown.
    to: u64,
    window_ms: u64,
    /// The window, the newest last.
    window: Vec<Item>,
}

impl NewestFirst {
    fn new(source: Source, wanted: &Wanted, kinds: Kinds) -> Self {
        // The first window is what a clock that was set back has left in the future: mostly nothing.
        let future_ms = wanted.to.0.saturating_sub(source.now.0.saturating_add(WINDOW_MS));
        let window_ms = future_ms.max(WINDOW_MS);
        Self { source, kinds, from: wanted.from.0, to: wanted.to.0, window_ms, window: Vec::new() }
    }

    fn read_window(&mut self) -> Result<(), Fault> {
        loop {
            let from = self.from.max(self.to.saturating_sub(self.window_ms));
            let Some(found) = self.read(from)? else {
                self.window_ms = (self.to - from) / 2;
                continue;
            };
            if self.to > self.source.now.0.saturating_add(WINDOW_MS) {
                self.window_ms = WINDOW_MS;
            } else if found.len() < WINDOW_ROWS_MAX / 8 {
                self.window_ms = self.window_ms.saturating_mul(WINDOW_GROWTH);
            }
            (self.window, self.to) = (found, from);
            return Ok(());
        }
    }

    /// Reads what was created from `from` on; None when that is too much at once.
    fn read(&self, from: u64) -> Result<Option<Vec<Item>>, Fault> {
        let most = if self.to - from > 1 { WINDOW_ROWS_MAX } else { usize::MAX };
        let (from, to) = (Timestamp(from), Timestamp(self.to));
        let mut found = Vec::new();
        for partition in self.source.reader.partitions() {
            for (kept, tag) in [(Kept::Live, Tag::Invocation), (Kept::Completed, Tag::Completed)] {
                if !self.kinds.holds(kept) {
                    continue;
                }
                for pair in self.source.walk(keys::created(partition, tag, from, to)) {
                    let item = Item::new(kept, pair?)?;
                    found.push((item.created_at()?, item));
                    if found.len() > most {
                        return Ok(None);
                    }
                }
            }
            for pair in self.source.walk(keys::computed(partition, from, to)) {
                let Some((at, id)) = keys::decode_created(&pair?.0) else { continue };
                let Some(known) = self.source.invocation(id)? else { continue };
                if self.kinds.holds(known.0) {
                    found.push((at, Item::known(id, known)));
                }
                if found.len() > most {
                    return Ok(None);
                }
            }
        }
        // Of one that is in both places the completed one comes first, and stays.
        found.sort_by_key(|(at, item)| (*at, item.id, item.kept == Kept::Live));
        found.dedup_by_key(|(_, item)| item.id);
        Ok(Some(found.into_iter().map(|(_, item)| item).collect()))
    }
}

impl Iterator for NewestFirst {
    type Item = Result<Item, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.window.is_empty() {
            if self.to <= self.from {
                return None;
            }
            if let Err(fault) = self.read_window() {
                return Some(Err(fault));
            }
        }
        self.window.pop().map(Ok)
    }
}
