//! What guests log: kept with the invocation for as long as its journal, and heard by those who follow.
//!
//! A line is taken under a short lock in memory and written a moment later, in a batch that nobody waits
//! for. So logging costs an invocation no sync, and a crash may lose the last moment's lines; lines are
//! not part of the journal, which decides what is true. What a replay writes again never comes here.
//!
//! The rows are in a partition of their own (`LOG_PARTITION`), not among those of the core: the drivers
//! only tell when a journal is purged. Should a crash come between the two, the next start finds what is
//! left, see [`GuestLogs::sweep`].

mod book;
mod marks;
mod ring;
mod rows;
#[cfg(test)]
mod tests;

pub use book::Part;
pub use ring::{Heard, News, Wanted};
pub use rows::{Level, Line, Source};

use crate::clock::Clock;
use abide_core::ids::InvocationId;
use abide_core::target::Target;
use abide_store::keys::{self, Tag};
use abide_store::{LOG_PARTITION, Status, Store, View, codec, pairs};
use book::{Book, Waiting};
use marks::Marks;
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use ring::Ring;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long lines wait for others that are written with them.
const PAUSE_MS: u64 = 100;
/// Bytes of all lines that wait; what comes then is dropped.
const WAITING_BYTES_MAX: usize = 16 << 20;
/// Numbers of lines per millisecond that a server could have given, to go on above them.
const NUMBERS_PER_MS: u64 = 1 << 12;

/// Why logs cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error(transparent)]
    Store(#[from] abide_store::Error),
    #[error(transparent)]
    Codec(#[from] codec::CodecError),
}

/// How much is kept. What is over a limit goes from its beginning: the newest lines say most.
#[derive(Clone, Copy, Debug)]
pub struct LogLimits {
    pub lines_per_invocation_max: u64,
    pub bytes_per_invocation_max: u64,
    /// About the bytes of all lines of all invocations.
    pub bytes_max: u64,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self { lines_per_invocation_max: 10_000, bytes_per_invocation_max: 1 << 20, bytes_max: 256 << 20 }
    }
}

/// Lines that are not in the book, and invocations that have to leave it.
#[derive(Default)]
struct Pending {
    lines: HashMap<InvocationId, Waiting>,
    bytes: usize,
    forgotten: Vec<InvocationId>,
}

struct Inner {
    limits: LogLimits,
    clock: Arc<dyn Clock>,
    pending: Mutex<Pending>,
    /// Locked for whole writes and reads. Taken before `pending`.
    book: Mutex<Book>,
    store: Arc<dyn Store>,
    ring: Mutex<Ring>,
    marks: Marks,
    /// There is something to write.
    work: Notify,
    /// There is something to hear.
    news: Notify,
    written: Counter,
    dropped: Counter,
}

/// The logs of all guests. Cheap to clone.
#[derive(Clone)]
pub struct GuestLogs {
    inner: Arc<Inner>,
}

/// The counters of the logs.
#[derive(Clone, Debug, Default)]
pub struct LogCounters {
    pub written: Counter,
    pub dropped: Counter,
}

impl GuestLogs {
    /// Takes the partition of the logs.
    ///
    /// # Errors
    /// The store cannot be read or taken.
    pub fn open(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        limits: LogLimits,
        counters: LogCounters,
    ) -> Result<Self, LogError> {
        let book = Mutex::new(Book::open(store.clone(), limits)?);
        let ring = Mutex::new(Ring::new(clock.now().0 * NUMBERS_PER_MS));
        let inner = Inner {
            limits,
            clock,
            pending: Mutex::default(),
            book,
            store,
            ring,
            marks: Marks::all(),
            work: Notify::new(),
            news: Notify::new(),
            written: counters.written,
            dropped: counters.dropped,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Takes a line of an invocation.
    pub fn record(&self, invocation: InvocationId, target: &Arc<Target>, line: Line) {
        let inner = &self.inner;
        inner.ring.lock().push(invocation, target.clone(), line.clone());
        inner.news.notify_waiters();
        inner.marks.set(invocation);
        if inner.pending.lock().push(invocation, line, &inner.limits) {
            inner.written.inc();
        } else {
            inner.dropped.inc();
        }
        inner.work.notify_one();
    }

    /// Forgets the lines of an invocation: its journal is purged. Costs nothing where there are none.
    pub fn forget(&self, invocation: InvocationId) {
        if !self.inner.marks.may_have(invocation) {
            return;
        }
        let mut pending = self.inner.pending.lock();
        pending.take(invocation);
        pending.forgotten.push(invocation);
        drop(pending);
        self.inner.work.notify_one();
    }

    /// Returns lines of an invocation from number `from` on. Reads the store.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn read(&self, invocation: InvocationId, from: u64, max: usize) -> Result<Part, LogError> {
        // Nothing goes from what waits to the book meanwhile.
        let book = self.inner.book.lock();
        let waiting = {
            let pending = self.inner.pending.lock();
            if pending.forgotten.contains(&invocation) {
                return Ok(Part::default());
            }
            // A copy: all guests that log, and the drivers, wait for this lock, and the store may take its time.
            pending.lines.get(&invocation).cloned().unwrap_or_default()
        };
        book.read(invocation, from, max, &waiting)
    }

    /// Returns the last lines of all invocations.
    #[must_use]
    pub fn last(&self, wanted: &Wanted, max: usize) -> News {
        self.inner.ring.lock().last(wanted, max)
    }

    /// Returns what is new from a number on; waits for it when there is nothing, but no longer than `patience`.
    pub async fn follow(&self, from: u64, wanted: &Wanted, max: usize, patience: Duration) -> News {
        let waiting = async {
            loop {
                // Before the look, or what comes in between is not heard.
                let mut news = std::pin::pin!(self.inner.news.notified());
                news.as_mut().enable();
                let found = self.inner.ring.lock().from(from, wanted, max);
                if !found.lines.is_empty() || found.missed > 0 {
                    return found;
                }
                news.await;
            }
        };
        let found = tokio::time::timeout(patience, waiting).await;
        found.unwrap_or_else(|_| self.inner.ring.lock().from(from, wanted, max))
    }

    /// Writes what waits, now. What cannot be written is dropped, and does not keep the rest.
    ///
    /// # Errors
    /// Something could not be written; the error says why, of the first.
    pub fn flush(&self) -> Result<(), LogError> {
        let mut book = self.inner.book.lock();
        let pending = std::mem::take(&mut *self.inner.pending.lock());
        let mut written = Ok(());
        for invocation in pending.forgotten {
            written = written.and(book.forget(invocation));
        }
        for (invocation, waiting) in pending.lines {
            written = written.and(book.append(invocation, waiting));
        }
        written.and(book.commit())
    }

    /// Writes what comes, until the store takes nothing any more.
    pub async fn run(self) {
        loop {
            self.inner.work.notified().await;
            self.inner.clock.sleep_until(self.inner.clock.now().plus_millis(PAUSE_MS)).await;
            let logs = self.clone();
            match tokio::task::spawn_blocking(move || logs.flush()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) if self.is_over(&error) => {
                    return tracing::debug!(%error, "guest logs are not written any more");
                }
                Ok(Err(error)) => tracing::error!(%error, "some lines of guests were not written"),
                Err(error) => return tracing::error!(%error, "guest logs are not written any more"),
            }
        }
    }

    /// Says whether nothing can be written any more: the store stopped, or belongs to another process.
    fn is_over(&self, error: &LogError) -> bool {
        use abide_store::Error::{StaleFence, Stopped};
        matches!(error, LogError::Store(Stopped { .. } | StaleFence { .. }))
            || matches!(&*self.inner.store.status().borrow(), Status::Failed { .. })
    }

    /// Finds lines whose invocation, or its journal, was purged just before a crash, and which invocations
    /// have lines at all. `has_journal` tells of which the journal is there. Reads much of the store.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn sweep(
        &self,
        has_journal: impl Fn(InvocationId) -> Result<bool, LogError>,
    ) -> Result<(), LogError> {
        let mut last = None;
        for pair in pairs(&*self.inner.store, View::Latest, keys::all(LOG_PARTITION, Tag::LogPlace)) {
            let (key, _) = pair?;
            let Some((invocation, _)) = keys::decode_log_place(&key) else { continue };
            if last.replace(invocation) == Some(invocation) {
                continue;
            }
            self.inner.marks.set(invocation);
            if !has_journal(invocation)? {
                self.forget(invocation);
            }
        }
        self.inner.marks.are_complete();
        Ok(())
    }

    /// Returns about the bytes of all lines in the store.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.inner.book.lock().bytes()
    }
}

impl Pending {
    /// Takes a line in; says whether there was room.
    fn push(&mut self, invocation: InvocationId, line: Line, limits: &LogLimits) -> bool {
        let has_room = self.bytes < WAITING_BYTES_MAX;
        let waiting = self.lines.entry(invocation).or_default();
        if !has_room {
            // Lines have one order, so those that wait cannot have a gap between them.
            waiting.skipped += waiting.lines.len() as u64 + 1;
            self.bytes -= std::mem::take(&mut waiting.bytes);
            waiting.lines.clear();
            return false;
        }
        let bytes = line.bytes();
        waiting.lines.push_back(line);
        waiting.bytes += bytes;
        self.bytes += bytes;
        while (waiting.bytes as u64 > limits.bytes_per_invocation_max
            || waiting.lines.len() as u64 > limits.lines_per_invocation_max)
            && let Some(gone) = waiting.lines.pop_front()
        {
            waiting.skipped += 1;
            waiting.bytes -= gone.bytes();
            self.bytes -= gone.bytes();
        }
        true
    }

    fn take(&mut self, invocation: InvocationId) {
        if let Some(waiting) = self.lines.remove(&invocation) {
            self.bytes -= waiting.bytes;
        }
    }
}
