//! The handle to a running engine: what the ingress and the admin API may ask of it.

use super::listing::{self, InvocationQuery};
use super::txn::TxnError;
use super::waiters::Waiters;
use super::{Fault, Inboxes, Journal, JournalReader, Parts};
use crate::clock::Clock;
use abide_core::command::{Command, Submission};
use abide_core::entry::Answer;
use abide_core::ids::InvocationId;
use abide_core::invocation::{InvocationRow, Phase};
use abide_core::rows::RowKey;
use abide_core::target::Target;
use abide_store::{Status, Store, View};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::sync::{Semaphore, oneshot};

/// Submissions that may wait for the disk at once; more are told to come back later.
pub const SUBMISSIONS_MAX: usize = 20_000;
/// Calls that may be held open at once; more are told to come back later.
pub const CALLS_MAX: usize = 100_000;

/// Why the engine did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(
        "{SUBMISSIONS_MAX} submissions wait for the disk, or {CALLS_MAX} calls for their answer; try again later"
    )]
    Overloaded,
    /// The store takes no work: the disk is full, or a write failed.
    #[error("{reason}")]
    Stopped { reason: String },
    #[error(transparent)]
    Fault(#[from] TxnError),
}

/// What is known of an invocation's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    Unknown,
    NotReady,
    Ready(Answer),
}

/// What came of an attempt to resume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resumed {
    Done,
    Unknown,
    /// It runs, is scheduled, or waits for something else than a person.
    NotStopped,
    Completed,
}

/// A running engine. Cheap to clone.
#[derive(Clone)]
pub struct EngineHandle {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    inboxes: Inboxes,
    waiters: Arc<Waiters>,
    journals: JournalReader,
    submissions: Arc<Semaphore>,
    calls: Arc<Semaphore>,
    fault: Fault,
}

impl EngineHandle {
    pub(super) fn new(parts: &Parts, inboxes: Inboxes, waiters: Arc<Waiters>, fault: Fault) -> Self {
        let inner = Inner {
            store: parts.store.clone(),
            clock: parts.clock.clone(),
            journals: JournalReader::new(parts.store.clone(), parts.partitions),
            submissions: Arc::new(Semaphore::new(SUBMISSIONS_MAX)),
            calls: Arc::new(Semaphore::new(CALLS_MAX)),
            inboxes,
            waiters,
            fault,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Returns the time as the engine sees it.
    #[must_use]
    pub fn now(&self) -> abide_core::time::Timestamp {
        self.inner.clock.now()
    }

    /// Returns a fresh id in the partition that owns the target.
    #[must_use]
    pub fn new_invocation_id(&self, target: &Target) -> InvocationId {
        let partition_key = match &target.key {
            Some(key) => key_hash(&target.service, key),
            None => rand::random(),
        };
        InvocationId::new(self.inner.clock.now(), rand::random(), partition_key)
    }

    /// Submits an invocation; returns when that is durable.
    ///
    /// # Errors
    /// The engine takes no work now.
    pub async fn submit(&self, submission: Submission) -> Result<(), EngineError> {
        let submission = Submission { is_acknowledged: true, ..submission };
        let accepted = self.send_and_wait(submission.invocation, Command::Submit(submission))?;
        self.unless_stopped(accepted).await
    }

    /// Submits an invocation and waits for its answer, as long as it takes.
    ///
    /// # Errors
    /// The engine takes no work now, or stopped before there was an answer.
    pub async fn call(&self, submission: Submission) -> Result<Answer, EngineError> {
        let id = submission.invocation;
        let _waiting = Waiting { waiters: &self.inner.waiters, id };
        let answer = self.inner.waiters.for_answer(id);
        self.check_running()?;
        let _open = self.inner.calls.clone().try_acquire_owned().map_err(|_| EngineError::Overloaded)?;
        // The answer comes after the submission is durable, so nobody has to hear of that.
        let submission = Submission { is_acknowledged: false, ..submission };
        self.inner.inboxes.send(id, Command::Submit(submission));
        self.unless_stopped(answer).await
    }

    /// Waits for the end of an invocation; None when there is no such invocation.
    ///
    /// # Errors
    /// The store cannot be read, or the engine stopped before there was an answer.
    pub async fn attach(&self, id: InvocationId) -> Result<Option<Answer>, EngineError> {
        let _waiting = Waiting { waiters: &self.inner.waiters, id };
        let answer = self.inner.waiters.for_answer(id);
        match self.output(id)? {
            Output::Unknown => Ok(None),
            Output::Ready(answer) => Ok(Some(answer)),
            Output::NotReady => self.unless_stopped(answer).await.map(Some),
        }
    }

    /// Returns the answer if there is one.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn output(&self, id: InvocationId) -> Result<Output, EngineError> {
        if let Some(answer) = self.inner.journals.answer(id)? {
            return Ok(Output::Ready(answer));
        }
        let live: Option<InvocationRow> =
            self.inner.journals.row(View::Durable, &RowKey::Invocation(id), id)?;
        match live {
            Some(_) => Ok(Output::NotReady),
            // It may have ended between the two looks.
            None => Ok(self.inner.journals.answer(id)?.map_or(Output::Unknown, Output::Ready)),
        }
    }

    /// Lets a paused invocation, or one that backs off, go on now; returns when that is durable.
    ///
    /// # Errors
    /// The store cannot be read, or takes no work now.
    pub async fn resume(&self, id: InvocationId) -> Result<Resumed, EngineError> {
        let Some(row) = self.invocation(id)? else { return Ok(Resumed::Unknown) };
        match row.phase {
            Phase::Paused { .. } | Phase::BackingOff { .. } => {
                let accepted = self.send_and_wait(id, Command::Resume { invocation: id })?;
                self.unless_stopped(accepted).await.map(|()| Resumed::Done)
            }
            Phase::Scheduled { .. } | Phase::Running { .. } | Phase::Suspended { .. } => {
                Ok(Resumed::NotStopped)
            }
            Phase::Completed { .. } => Ok(Resumed::Completed),
        }
    }

    /// Returns the record of an invocation, live or completed.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn invocation(&self, id: InvocationId) -> Result<Option<InvocationRow>, EngineError> {
        let live = self.inner.journals.row(View::Durable, &RowKey::Invocation(id), id)?;
        if live.is_some() {
            return Ok(live);
        }
        Ok(self.inner.journals.row(View::Durable, &RowKey::Completed(id), id)?)
    }

    /// Lists invocations, newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn invocations(
        &self,
        query: &InvocationQuery,
    ) -> Result<Vec<(InvocationId, InvocationRow)>, EngineError> {
        Ok(listing::list(&*self.inner.store, self.inner.inboxes.partitions(), self.inner.clock.now(), query)?)
    }

    /// Returns the journal of an invocation.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn journal(&self, id: InvocationId) -> Result<Option<Journal>, EngineError> {
        Ok(self.inner.journals.read(id)?)
    }

    /// Returns why no work is taken now, if so.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        if let Some(reason) = self.inner.fault.subscribe().borrow().clone() {
            return Some(reason);
        }
        match &*self.inner.store.status().borrow() {
            Status::Ready => None,
            Status::Refusing { reason } | Status::Failed { reason } => Some(reason.clone()),
        }
    }

    /// Returns the counters of the store.
    #[must_use]
    pub fn store_stats(&self) -> abide_store::Stats {
        self.inner.store.stats()
    }

    fn check_running(&self) -> Result<(), EngineError> {
        self.refusal().map_or(Ok(()), |reason| Err(EngineError::Stopped { reason }))
    }

    /// Hands in a command that is acknowledged; what is returned comes once it is durable.
    fn send_and_wait(
        &self,
        id: InvocationId,
        command: Command,
    ) -> Result<oneshot::Receiver<()>, EngineError> {
        self.check_running()?;
        let permit =
            self.inner.submissions.clone().try_acquire_owned().map_err(|_| EngineError::Overloaded)?;
        let accepted = self.inner.waiters.for_acceptance(id, permit);
        self.inner.inboxes.send(id, command);
        Ok(accepted)
    }

    async fn unless_stopped<T>(
        &self,
        wanted: impl Future<Output = Result<T, oneshot::error::RecvError>>,
    ) -> Result<T, EngineError> {
        let mut fault = self.inner.fault.subscribe();
        let stopped = |reason: Option<String>| EngineError::Stopped {
            reason: reason.unwrap_or_else(|| "the server is stopping".into()),
        };
        tokio::select! {
            biased;
            wanted = wanted => wanted.map_err(|_| stopped(self.refusal())),
            reason = fault.wait_for(Option::is_some) => Err(stopped(reason.ok().and_then(|reason| reason.clone()))),
        }
    }
}

/// Gives up the place among the waiters when the client goes away. Made before the place is taken,
/// so that it is dropped after it.
struct Waiting<'a> {
    waiters: &'a Waiters,
    id: InvocationId,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.waiters.tidy(self.id);
    }
}

/// Returns the partition key of a keyed service: the same key, the same owner.
fn key_hash(service: &str, key: &str) -> u64 {
    let mut hash = Sha256::new();
    hash.update(service.len().to_be_bytes());
    hash.update(service);
    hash.update(key);
    let digest: [u8; 32] = hash.finalize().into();
    u64::from_be_bytes(*digest.first_chunk().expect("a digest has 32 bytes"))
}
