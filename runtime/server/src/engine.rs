//! The engine: one driver per partition feeds commands to the core, commits what it decides and
//! runs the effects, each as soon as its gate allows.

pub mod address;
mod answers;
mod aside;
mod census;
mod control;
mod counting;
pub mod deadlock;
mod driver;
pub mod executor;
mod gate;
mod gathering;
mod handle;
mod inboxes;
mod journal;
mod journal_room;
mod known;
mod lines;
mod listing;
mod load;
mod loading;
mod objects;
mod open;
mod outline;
mod overview;
mod reader;
mod recall;
mod recovery;
mod requests;
mod shared;
mod shell;
mod stopping;
mod summary;
mod tally;
mod telling;
mod timers;
mod txn;
mod waiters;

pub use answers::{Output, Retrieved};
pub use gathering::Gathering;
pub use handle::{EngineError, EngineHandle, STALL_MS, Taken};
pub use inboxes::Inboxes;
pub use journal::{JournalReader, LoadedJournal};
pub use journal_room::JournalRoom;
#[cfg(test)]
pub use journal_room::JournalRooms;
pub use listing::{
    Completion, CreationWalk, Cursor, Found, InvocationFilter, InvocationQuery, InvokedBy, Page, Route, Sort,
    StatusFilter, created_at,
};
pub use load::{LOOKS_MAX, Load, LoadLimits, Overload, ROOM_PAUSE, Room};
pub use loading::{JournalInRoom, Loading};
pub use objects::{Edit, Inbox, ObjectRead, STATE_READ_BYTES_MAX, StateRead};
pub use open::{Children, Open};
pub use outline::{JournalItem, JournalOrder, Look, Outline};
pub use reader::{Kept, Reader, Walk};
pub use requests::{Called, Submitted};
pub use summary::{Counts, Summary};
pub use txn::TxnError;

use crate::clock::Clock;
use crate::logs::GuestLogs;
use crate::metrics::Metrics;
use crate::traces::Traces;
use abide_core::command::Command;
use abide_core::ids::PartitionId;
pub use abide_store::Order;
use abide_store::Store;
use executor::Executor;
use shell::Shell;
use std::sync::Arc;
use stopping::Stopping;
use tokio::sync::{mpsc, watch};
use waiters::Waiters;

/// A problem of ours that stops the engine: the first one wins, and everybody sees it.
#[derive(Clone)]
pub struct Fault {
    reason: Arc<watch::Sender<Option<String>>>,
}

impl Fault {
    fn new() -> Self {
        Self { reason: Arc::new(watch::Sender::new(None)) }
    }

    /// Stops the engine for this reason.
    pub fn raise(&self, reason: &str) {
        if self.set(reason) {
            tracing::error!(reason, "the engine stops; nothing more is acknowledged");
        }
    }

    /// Stops the engine because the server stops.
    pub fn stop(&self) {
        self.set("the server is stopping");
    }

    fn set(&self, reason: &str) -> bool {
        self.reason.send_if_modified(|current| {
            let is_first = current.is_none();
            if is_first {
                *current = Some(reason.to_owned());
            }
            is_first
        })
    }

    /// Does something without which nothing goes on. Should it panic, the engine stops and says so, instead of standing
    /// still for ever.
    async fn watch(self, who: String, work: impl Future<Output = ()>) {
        let _panics = Panics { fault: self, who };
        work.await;
    }

    /// Returns the reason once there is one.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Option<String>> {
        self.reason.subscribe()
    }
}

/// Stops the engine when it is dropped by a panic.
struct Panics {
    fault: Fault,
    who: String,
}

impl Drop for Panics {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.fault.raise(&format!("{} panicked; the log says more", self.who));
        }
    }
}

/// What a new engine needs.
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub partitions: u16,
    pub metrics: Arc<Metrics>,
    pub load: Arc<Load>,
    pub logs: GuestLogs,
    pub traces: Traces,
}

/// An engine whose doors are still closed: the executor is made with its links first.
pub struct Engine {
    parts: Parts,
    inboxes: Inboxes,
    receivers: Vec<mpsc::UnboundedReceiver<Command>>,
    fault: Fault,
}

impl Engine {
    /// Must be called within the runtime that it is to run in.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let channels = (0..parts.partitions).map(|_| mpsc::unbounded_channel());
        let (senders, receivers): (Vec<_>, Vec<_>) = channels.unzip();
        let inboxes = Inboxes::new(senders, parts.store.clone());
        Self { parts, inboxes, receivers, fault: Fault::new() }
    }

    #[must_use]
    pub fn inboxes(&self) -> Inboxes {
        self.inboxes.clone()
    }

    #[must_use]
    pub fn fault(&self) -> Fault {
        self.fault.clone()
    }

    #[must_use]
    pub fn journals(&self) -> JournalReader {
        JournalReader::new(self.parts.store.clone(), self.parts.partitions)
    }

    /// Takes the partitions, recovers what was running, and starts the drivers.
    ///
    /// # Errors
    /// The store cannot be read or taken.
    pub fn start(self, executor: Arc<dyn Executor>) -> Result<EngineHandle, abide_store::Error> {
        let waiters = Arc::new(Waiters::default());
        watch_store(&self.parts.store, &self.fault);
        close_at_fault(executor.clone(), &self.fault);
        let sums = counting::Sums::new(self.parts.partitions);
        let stopping = Stopping::default();
        let (mut drivers, mut outboxes) = (Vec::new(), Vec::new());
        for (index, inbox) in (0..).zip(self.receivers) {
            let partition = PartitionId(index);
            let shell = Shell {
                partition,
                executor: executor.clone(),
                waiters: waiters.clone(),
                inboxes: self.inboxes.clone(),
            };
            let fault = self.fault.clone();
            let (driver, again) =
                driver::Driver::open(partition, &self.parts, inbox, shell.clone(), fault, &sums)?;
            drivers.push(driver);
            outboxes.push((shell, again));
        }
        recovery::send_again(outboxes);
        for (index, driver) in drivers.into_iter().enumerate() {
            let who = format!("the driver of partition {index}");
            stopping.add(tokio::spawn(self.fault.clone().watch(who, driver.run(stopping.end()))));
        }
        Ok(EngineHandle::new(&self.parts, self.inboxes, waiters, self.fault, sums, stopping, executor))
    }
}

/// Attempts that still waited when the runtime is taken down would start, and end, one within the other: each that is
/// dropped gives its room to the next.
fn close_at_fault(executor: Arc<dyn Executor>, fault: &Fault) {
    let mut reason = fault.subscribe();
    tokio::spawn(async move {
        if reason.wait_for(Option::is_some).await.is_ok() {
            executor.close();
        }
    });
}

/// A store that failed acknowledges nothing more, so the engine must not go on.
fn watch_store(store: &Arc<dyn Store>, fault: &Fault) {
    let (mut status, fault) = (store.status(), fault.clone());
    tokio::spawn(async move {
        let failed = |status: &abide_store::Status| matches!(status, abide_store::Status::Failed { .. });
        if let Ok(status) = status.wait_for(failed).await
            && let abide_store::Status::Failed { reason } = &*status
        {
            fault.raise(reason);
        }
    });
}
