//! Listing invocations, live and completed ones together, filtered and page by page.
//!
//! A list by creation reads about as many rows as it shows. A filter that means few reads what is in
//! between as well, up to a limit; then the page is short and says where to go on. For a list by the last
//! change all invocations are looked at; the next pages, and other readers, use what was found.

mod cursor;
mod filter;
mod reader;
mod scan;
#[cfg(test)]
mod speed;
#[cfg(test)]
mod tests;
mod walk;

pub use cursor::{Cursor, Sort};
pub use filter::{Completion, InvocationFilter, InvokedBy, StatusFilter, created_at};
pub use reader::Reader;
pub use scan::{Changes, changes, each};
pub use walk::{CreationWalk, Found, Position, Route};

use super::EngineError;
use super::txn::TxnError;
use crate::clock::Clock;
use abide_core::ids::InvocationId;
use abide_core::invocation::InvocationRow;
use abide_core::time::Timestamp;
use abide_store::{Order, codec};
use std::cell::Cell;

/// Rows that one page reads at most; a filter that means few may need several pages for a few.
pub const LIST_ROWS_MAX: usize = 20_000;
/// How long the reading of one page may take, in milliseconds.
pub const LIST_MS_MAX: u64 = 500;
/// Rows that are read at most where all invocations have to be looked at, and for how long.
pub const SCAN_ROWS_MAX: usize = 2_000_000;
pub const SCAN_MS_MAX: u64 = 20_000;

/// Which invocations to list, in which order, and how many.
#[derive(Clone, Debug)]
pub struct InvocationQuery {
    pub filter: InvocationFilter,
    pub sort: Sort,
    pub order: Order,
    pub limit: usize,
    /// The end of the page before.
    pub after: Option<Cursor>,
}

impl InvocationQuery {
    /// Returns the newest of those that are meant.
    #[must_use]
    pub fn newest(filter: InvocationFilter, limit: usize) -> Self {
        Self { filter, sort: Sort::Created, order: Order::Descending, limit, after: None }
    }
}

/// A part of a list.
#[derive(Debug)]
pub struct Page {
    pub invocations: Vec<(InvocationId, InvocationRow)>,
    /// Where the next page begins; None at the end of the list. The page may be short all the same.
    pub next: Option<Cursor>,
    /// There are more than were looked at, and any of them may be missing.
    pub is_truncated: bool,
    pub rows_read: usize,
}

impl Page {
    fn empty() -> Self {
        Self { invocations: Vec::new(), next: None, is_truncated: false, rows_read: 0 }
    }
}

/// How much may be read.
pub struct Budget<'a> {
    rows: usize,
    until: Timestamp,
    clock: &'a dyn Clock,
    /// Rows read when the clock is looked at again: that costs more than to read one.
    next_look: Cell<usize>,
}

const ROWS_PER_LOOK: usize = 64;

impl<'a> Budget<'a> {
    #[must_use]
    pub fn new(clock: &'a dyn Clock, rows: usize, millis: u64) -> Self {
        Self { rows, until: clock.now().plus_millis(millis), clock, next_look: Cell::new(0) }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn is_left(&self, reader: &Reader<'_>) -> bool {
        let read = reader.rows_read.get();
        if read >= self.next_look.get() {
            self.next_look.set(read + ROWS_PER_LOOK);
            return read < self.rows && self.clock.now() < self.until;
        }
        read < self.rows
    }
}

/// Lists by creation what is meant.
///
/// # Errors
/// The store cannot be read.
pub fn list(reader: &Reader<'_>, query: &InvocationQuery, budget: &Budget<'_>) -> Result<Page, EngineError> {
    if !query.filter.ids.is_empty() {
        return list_ids(reader, query);
    }
    let mut page = Page::empty();
    let mut walk = CreationWalk::begin(reader.store, route(reader, query))?;
    while let Some((position, found)) = walk.next(reader.store)? {
        reader.note_read(walk.take_rows_read());
        let row = match found {
            Found::Stored { key, value } => Some(codec::decode(&key, &value).map_err(TxnError::from)?),
            // One that has been replaced meanwhile, by another with the same id, has its place elsewhere.
            Found::Indexed => reader.row(position.1)?.filter(|row| created_at(position.1, row) == position.0),
        };
        if let Some(row) = row
            && reader.is_meant(&query.filter, position.1, &row)?
        {
            page.invocations.push((position.1, row));
        }
        let is_full = page.invocations.len() == query.limit || !budget.is_left(reader);
        if is_full {
            page.next = (!walk.is_over()).then_some(query.cursor(position));
            break;
        }
    }
    page.rows_read = reader.rows_read.get();
    Ok(page)
}

impl InvocationQuery {
    fn cursor(&self, position: Position) -> Cursor {
        Cursor { sort: self.sort, order: self.order, position }
    }

    /// Says whether a position comes after the page before.
    fn is_ahead(&self, position: &Position) -> bool {
        self.after.is_none_or(|after| self.order.is_before(&after.position, position))
    }
}

fn route(reader: &Reader<'_>, query: &InvocationQuery) -> Route {
    let filter = &query.filter;
    let (live, completed) = filter.live_and_completed();
    Route {
        order: query.order,
        partitions: filter.partitions(reader.partitions),
        live,
        completed,
        is_computed_only: !filter.idempotency_keys.is_empty(),
        created: filter.created.clone(),
        after: query.after.map(|cursor| cursor.position),
    }
}

/// Lists invocations that are named one by one.
fn list_ids(reader: &Reader<'_>, query: &InvocationQuery) -> Result<Page, EngineError> {
    let mut ids = query.filter.ids.clone();
    ids.sort_unstable();
    ids.dedup();
    let mut found = Vec::new();
    for id in ids {
        if let Some(row) = reader.row(id)?
            && reader.is_meant(&query.filter, id, &row)?
        {
            let at = match query.sort {
                Sort::Created => created_at(id, &row),
                Sort::Modified => row.modified_at,
            };
            found.push(((at, id), row));
        }
    }
    found.sort_by(|(left, _), (right, _)| query.order.compare(left, right));
    found.retain(|(position, _)| query.is_ahead(position));
    let is_more = found.len() > query.limit;
    found.truncate(query.limit);
    let next = found.last().filter(|_| is_more).map(|(position, _)| query.cursor(*position));
    let invocations = found.into_iter().map(|((_, id), row)| (id, row)).collect();
    Ok(Page { invocations, next, is_truncated: false, rows_read: reader.rows_read.get() })
}

/// Lists by the last change what is meant, from what a look at all has found.
///
/// # Errors
/// The store cannot be read.
pub fn list_changes(
    reader: &Reader<'_>,
    query: &InvocationQuery,
    changes: &Changes,
    budget: &Budget<'_>,
) -> Result<Page, EngineError> {
    if !query.filter.ids.is_empty() {
        return list_ids(reader, query);
    }
    let begin = changes.positions.partition_point(|position| !query.is_ahead(position));
    let mut page = Page::empty();
    page.is_truncated = !changes.is_whole;
    let mut last = query.after.map(|cursor| cursor.position);
    let mut rest = changes.positions[begin..].iter();
    while page.invocations.len() < query.limit && budget.is_left(reader) {
        let Some(position) = rest.next() else { break };
        last = Some(*position);
        let id = position.1;
        // One that has changed meanwhile has its place elsewhere.
        if let Some(row) = reader.row(id)?
            && row.modified_at == position.0
            && reader.is_meant(&query.filter, id, &row)?
        {
            page.invocations.push((id, row));
        }
    }
    let is_over = rest.len() == 0 && changes.is_all;
    page.next = last.filter(|_| !is_over).map(|position| query.cursor(position));
    page.rows_read = reader.rows_read.get();
    Ok(page)
}
