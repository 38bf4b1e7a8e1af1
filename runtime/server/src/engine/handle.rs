//! The handle to a running engine: what the ingress and the admin API may ask of it.

use super::counting::Sums;
use super::executor::Executor;
use super::load::{
    ANSWERS_BYTES_MAX, CALLS_MAX, JOURNAL_LOOKS_MAX, LOOKS_MAX, Load, Overload, ROOM_PAUSES_MAX,
    SUBMISSIONS_MAX,
};
use super::overview::Overviews;
use super::stopping::Stopping;
use super::txn::TxnError;
use super::waiters::Waiters;
use super::{Fault, Inboxes, JournalReader, Parts, Reader};
use crate::clock::Clock;
use crate::metrics::Metrics;
use abide_core::entry::EntryRow;
use abide_core::ids::{InvocationId, OpId};
use abide_core::invocation::InvocationRow;
use abide_core::object::KeyQueueRow;
use abide_core::rows::RowKey;
use abide_core::target::ObjectKey;
use abide_store::{Status, Store, View};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// A driver that is at one turn for so long stands still.
pub const STALL_MS: u64 = 10_000;

/// Why the engine did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is too much to do already.
    #[error("{0}; try again later")]
    Overloaded(#[from] Overload),
    #[error(
        "the invocation with this idempotency key ended and was purged while it was asked for; try again"
    )]
    Purged,
    /// The store takes no work: the disk is full, or a write failed.
    #[error("{reason}")]
    Stopped { reason: String },
    /// The engine stopped with the request on its way to the disk: it may be there, or not.
    #[error(
        "{reason}; this may have been accepted all the same, and goes on then once the server is up again{}",
        if *is_repeatable { ", so ask again then" } else { ", so submitting it again may do it twice" }
    )]
    Interrupted { reason: String, is_repeatable: bool },
    #[error(transparent)]
    Fault(#[from] TxnError),
}

/// How much of the room for requests and calls is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// New requests that wait for the disk.
    pub submissions: u64,
    /// Calls that wait for their answer.
    pub calls: u64,
    /// Invocations that wait for their start.
    pub starts: u64,
    /// Bytes of bodies that are read, or wait for a driver.
    pub bodies_bytes: u64,
    /// Bytes of large stored answers that their clients have not taken yet.
    pub answers_bytes: u64,
}

/// A running engine. Cheap to clone.
#[derive(Clone)]
pub struct EngineHandle {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub inboxes: Inboxes,
    pub waiters: Arc<Waiters>,
    pub journals: JournalReader,
    pub submissions: Arc<Semaphore>,
    /// Apart from the submissions, so that what is too much can be ended.
    pub commands: Arc<Semaphore>,
    /// Apart from the commands, so that who asks for what is not there keeps nobody out who ends what is.
    pub looks: Arc<Semaphore>,
    /// Submissions that found no room and wait a moment for some.
    pub room_pauses: Semaphore,
    pub calls: Arc<Semaphore>,
    /// By the byte.
    pub answers: Arc<Semaphore>,
    /// Those who look at a journal.
    pub journal_looks: Arc<Semaphore>,
    pub load: Arc<Load>,
    pub fault: Fault,
    pub overviews: Overviews,
    pub sums: Sums,
    pub metrics: Arc<Metrics>,
    pub stopping: Stopping,
    pub executor: Arc<dyn Executor>,
}

impl EngineHandle {
    pub(super) fn new(
        parts: &Parts,
        inboxes: Inboxes,
        waiters: Arc<Waiters>,
        fault: Fault,
        sums: Sums,
        stopping: Stopping,
        executor: Arc<dyn Executor>,
    ) -> Self {
        let inner = Inner {
            store: parts.store.clone(),
            clock: parts.clock.clone(),
            journals: JournalReader::new(parts.store.clone(), parts.partitions),
            submissions: Arc::new(Semaphore::new(SUBMISSIONS_MAX)),
            commands: Arc::new(Semaphore::new(SUBMISSIONS_MAX)),
            looks: Arc::new(Semaphore::new(LOOKS_MAX)),
            room_pauses: Semaphore::new(ROOM_PAUSES_MAX),
            calls: Arc::new(Semaphore::new(CALLS_MAX)),
            answers: Arc::new(Semaphore::new(ANSWERS_BYTES_MAX)),
            journal_looks: Arc::new(Semaphore::new(JOURNAL_LOOKS_MAX)),
            load: parts.load.clone(),
            inboxes,
            waiters,
            fault,
            overviews: Overviews::default(),
            sums,
            metrics: parts.metrics.clone(),
            stopping,
            executor,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Returns the time as the engine sees it.
    #[must_use]
    pub fn now(&self) -> abide_core::time::Timestamp {
        self.inner.clock.now()
    }

    /// Returns the record of an invocation, live or completed.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn invocation(&self, id: InvocationId) -> Result<Option<InvocationRow>, EngineError> {
        Ok(self.inner.journals.invocation(id)?)
    }

    /// Returns one entry of a journal.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn entry(&self, id: InvocationId, op: OpId) -> Result<Option<EntryRow>, EngineError> {
        Ok(self.inner.journals.row(View::Durable, &RowKey::Entry(id, op), id)?)
    }

    /// Returns who has the key of an object, and how many wait for it; None when nobody has it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn key_queue(&self, object: &ObjectKey) -> Result<Option<KeyQueueRow>, EngineError> {
        let reader = self.reader();
        Ok(reader.get(reader.owner_of_object(object), &RowKey::KeyQueue(object.clone()))?)
    }

    /// Returns a reader of all that is durable.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(self.inner.store.clone(), self.inner.inboxes.partitions())
    }

    /// Returns why no work is taken now, if so.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        self.failure().or_else(|| match &*self.inner.store.status().borrow() {
            Status::Refusing { reason } => Some(reason.clone()),
            Status::Ready | Status::Failed { .. } => None,
        })
    }

    /// Returns why nothing at all is done, if so.
    fn failure(&self) -> Option<String> {
        if let Some(reason) = self.inner.fault.subscribe().borrow().clone() {
            return Some(reason);
        }
        match &*self.inner.store.status().borrow() {
            Status::Failed { reason } => Some(reason.clone()),
            Status::Ready | Status::Refusing { .. } => None,
        }
    }

    /// Returns how much of the room for requests and calls is taken.
    #[must_use]
    pub fn taken(&self) -> Taken {
        let taken = |room: usize, left: &Semaphore| (room - left.available_permits()) as u64;
        let Inner { submissions, calls, answers, load, executor, .. } = &*self.inner;
        Taken {
            submissions: taken(SUBMISSIONS_MAX, submissions),
            calls: taken(CALLS_MAX, calls),
            starts: (load.submitted() + executor.waiting()) as u64,
            bodies_bytes: load.bodies_bytes() as u64,
            answers_bytes: taken(ANSWERS_BYTES_MAX, answers),
        }
    }

    /// Takes all the room for requests, calls and answers, as long as the permits live.
    #[cfg(test)]
    pub(crate) fn take_room(&self) -> [tokio::sync::OwnedSemaphorePermit; 3] {
        let Inner { submissions, calls, answers, .. } = &*self.inner;
        [(submissions, SUBMISSIONS_MAX), (calls, CALLS_MAX), (answers, ANSWERS_BYTES_MAX)]
            .map(|(room, size)| room.clone().try_acquire_many_owned(u32::try_from(size).unwrap()).unwrap())
    }

    /// Returns a reader of journals.
    #[must_use]
    pub fn journals(&self) -> JournalReader {
        self.inner.journals.clone()
    }

    /// Returns what is wrong with the server, if anything is: it stops, refuses work, or stands still.
    #[must_use]
    pub fn ailment(&self) -> Option<String> {
        self.closing().map(str::to_owned).or_else(|| self.refusal()).or_else(|| {
            let (partition, turn_ms) = self.inner.metrics.engine.partitions.slowest(self.now())?;
            (turn_ms >= STALL_MS).then(|| {
                format!(
                    "the driver of partition {partition} has been at one turn for {} s: the disk may hang",
                    turn_ms / 1_000
                )
            })
        })
    }

    /// Returns the counters of the store. Reads folders.
    #[must_use]
    pub fn store_stats(&self) -> abide_store::Stats {
        self.inner.store.stats()
    }

    /// Checks that what was accepted goes on, whether or not new work is taken.
    pub(super) fn check_running(&self) -> Result<(), EngineError> {
        self.failure().map_or(Ok(()), |reason| Err(EngineError::Stopped { reason }))
    }
}
