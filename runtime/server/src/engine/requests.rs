//! Requests of the outside: submissions, and what may be asked of an invocation.
//!
//! What waits here hears of it when it is durable, not before.

use super::address;
use super::answers::{Retrieved, fresh};
use super::handle::{EngineError, EngineHandle};
use super::load::{Overload, ROOM_PAUSE, Room};
use abide_core::command::{Command, Signal, Submission, Ticket};
use abide_core::effect::Notice;
use abide_core::entry::Outcome;
use abide_core::ids::{AwakeableId, InvocationId};
use abide_core::target::{ObjectKey, Target};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// What came of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submitted {
    New,
    /// The same idempotency key, or the same workflow, was submitted before.
    Known,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Called {
    Answered(Retrieved),
    /// The workflow was submitted before; a second call does not wait for the first.
    WorkflowKnown,
}

impl EngineHandle {
    /// Returns the id for a submission: computed for a workflow run or with an idempotency key, else a
    /// fresh one. It is in the partition that owns the target.
    #[must_use]
    pub fn address(
        &self,
        target: &Target,
        idempotency_key: Option<&str>,
        is_workflow_run: bool,
    ) -> InvocationId {
        match (target.object().filter(|_| is_workflow_run), idempotency_key) {
            (Some(workflow), _) => address::workflow_run(&workflow),
            (None, Some(idempotency_key)) => address::idempotent(target, idempotency_key),
            (None, None) => address::fresh(target, self.now(), rand::random()),
        }
    }

    /// Returns the room for the body of a new request to the service, if more can be done. `key` says for which key
    /// of an object it would queue.
    ///
    /// # Errors
    /// The engine takes no work now, or there is too much of it already.
    pub async fn admit(
        &self,
        service: &str,
        key: impl Fn() -> Option<ObjectKey>,
    ) -> Result<Room, EngineError> {
        self.check_open()?;
        if !self.has_room(service) || self.inner.load.is_key_full(&key) {
            self.pause_for_room().await;
            self.check_open()?;
            self.check_load(service)?;
            self.inner.load.check_key(key)?;
        }
        Ok(self.room())
    }

    fn has_room(&self, service: &str) -> bool {
        let executor = &self.inner.executor;
        self.inner.load.has_room(executor.waiting(), || executor.waiting_of(service))
    }

    /// Waits a moment, unless very many do.
    async fn pause_for_room(&self) {
        let Ok(_place) = self.inner.room_pauses.try_acquire() else { return };
        tokio::select! {
            () = tokio::time::sleep(ROOM_PAUSE) => {}
            () = self.closed() => {}
        }
    }

    /// Returns the room for the body of a request that is no new work.
    #[must_use]
    pub fn room(&self) -> Room {
        Room::new(self.inner.load.clone())
    }

    /// Returns the room for the body of a request about what was accepted, such as one that brings it nearer to its end:
    /// new work does not keep it out.
    #[must_use]
    pub fn room_beside(&self) -> Room {
        Room::beside(self.inner.load.clone())
    }

    /// As [`Self::has_room`], and counts a refusal.
    fn check_load(&self, service: &str) -> Result<(), Overload> {
        if self.has_room(service) { Ok(()) } else { Err(self.inner.load.refuse(Overload::Waiting)) }
    }

    /// Counts a submission in, until its driver has taken it.
    fn enter(&self, submission: &Submission) -> Result<(), EngineError> {
        self.check_load(&submission.target.service)?;
        self.inner.load.enters(submission.input.body.len());
        Ok(())
    }

    /// Submits an invocation; returns when that is durable.
    ///
    /// # Errors
    /// The engine takes no work now, or stopped before it was known what came of it.
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, EngineError> {
        self.check_open()?;
        let permit = self.place_for_work()?;
        self.enter(&submission)?;
        let id = submission.invocation;
        let submit = |ticket| Command::Submit(Submission { ticket: Some(ticket), ..submission });
        // The body was counted in: the driver counts it out.
        match self.ask_from(permit, None, id, submit).await? {
            Notice::Known => Ok(Submitted::Known),
            _ => Ok(Submitted::New),
        }
    }

    /// Submits an invocation and waits for its answer, as long as it takes. One that was submitted
    /// before by the same idempotency key is waited for instead.
    ///
    /// # Errors
    /// The engine takes no work now, or stopped before there was an answer.
    pub async fn call(&self, submission: Submission) -> Result<Called, EngineError> {
        self.check_open()?;
        let open = self.place_for_call()?;
        self.enter(&submission)?;
        let id = submission.invocation;
        if id.is_computed() {
            // Apart, so that the usual call does not take the memory of it.
            return Box::pin(self.call_once(submission, open)).await;
        }
        let (_seat, answer) = self.inner.waiters.for_answer(id);
        // The answer comes after the submission is durable, so nobody has to hear of that.
        let submission = Submission { ticket: None, ..submission };
        self.inner.inboxes.send(id, Command::Submit(submission));
        self.until_stopped(answer)
            .await
            .map(|answer| Called::Answered(fresh(answer)))
            .map_err(interrupted(false))
    }

    /// The same with an id that may have been there before, or still is.
    async fn call_once(
        &self,
        submission: Submission,
        open: OwnedSemaphorePermit,
    ) -> Result<Called, EngineError> {
        let id = submission.invocation;
        let is_workflow_run = submission.idempotency_key.is_none();
        let (seat, notice, mut answer) = self.inner.waiters.for_call(id);
        let submission = Submission { ticket: Some(seat.ticket()), ..submission };
        self.inner.inboxes.send(id, Command::Submit(submission));
        let first = async {
            tokio::select! {
                biased;
                Ok(Notice::Known) = notice => Ok(None),
                answer = &mut answer => answer.map(Some),
            }
        };
        let first = self.until_stopped(first).await.map_err(interrupted(true))?;
        match first {
            Some(answer) => Ok(Called::Answered(fresh(answer))),
            None if is_workflow_run => Ok(Called::WorkflowKnown),
            // It may be purged in between; then whoever asked has come too late, as after a purge.
            None => match self.answer_of(id, answer, Some(open)).await? {
                Some(retrieved) => Ok(Called::Answered(retrieved)),
                None => Err(EngineError::Purged),
            },
        }
    }

    /// Completes an awakeable; returns when that is durable. One that is completed already, or whose
    /// invocation is over, is left as it is. `body` is the room of the outcome.
    ///
    /// # Errors
    /// Too many commands wait for the disk, or the engine stopped before or during the request.
    pub async fn complete_awakeable(
        &self,
        awakeable: AwakeableId,
        outcome: Outcome,
        body: Room,
    ) -> Result<(), EngineError> {
        let complete = |ticket| Command::CompleteAwakeable { awakeable, outcome, ticket: Some(ticket) };
        self.ask_with(awakeable.invocation, Some(body), complete).await.map(|_| ())
    }

    /// Sends a signal to an invocation. `Full` when it keeps as many as it may. `body` is the room of the outcome.
    ///
    /// # Errors
    /// Too many commands wait for the disk, or the engine stopped before or during the request.
    pub async fn signal(
        &self,
        invocation: InvocationId,
        name: String,
        outcome: Outcome,
        body: Room,
    ) -> Result<Notice, EngineError> {
        self.arrived_for_command(invocation).await?;
        let signal = |ticket| Command::Signal(Signal { invocation, name, outcome, ticket: Some(ticket) });
        self.ask_with(invocation, Some(body), signal).await
    }

    /// Hands in a command with a ticket and waits until what came of it is durable.
    pub(super) async fn ask(
        &self,
        id: InvocationId,
        command: impl FnOnce(Ticket) -> Command,
    ) -> Result<Notice, EngineError> {
        self.ask_with(id, None, command).await
    }

    /// The same, with the room of its body if it has one. Not refused because no new work is taken, or because of much of
    /// it.
    pub(super) async fn ask_with(
        &self,
        id: InvocationId,
        body: Option<Room>,
        command: impl FnOnce(Ticket) -> Command,
    ) -> Result<Notice, EngineError> {
        self.check_running()?;
        let place = self.place_of(&self.inner.commands, Overload::Submissions)?;
        self.ask_from(place, body, id, command).await
    }

    /// Lets the owner of an id come to all that was sent to it before.
    pub(super) async fn look(&self, id: InvocationId) -> Result<(), EngineError> {
        self.check_running()?;
        let place = self.place_of(&self.inner.looks, Overload::Looks)?;
        let look = |ticket| Command::Look { invocation: id, ticket };
        self.ask_from(place, None, id, look).await.map(|_| ())
    }

    /// The same as [`Self::ask`] for a command that makes new work.
    pub(super) async fn ask_for_work(
        &self,
        id: InvocationId,
        command: impl FnOnce(Ticket) -> Command,
    ) -> Result<Notice, EngineError> {
        self.check_open()?;
        let place = self.place_for_work()?;
        self.ask_from(place, None, id, command).await
    }

    fn place_for_work(&self) -> Result<OwnedSemaphorePermit, EngineError> {
        self.place_of(&self.inner.submissions, Overload::Submissions)
    }

    fn place_of(
        &self,
        places: &Arc<Semaphore>,
        overload: Overload,
    ) -> Result<OwnedSemaphorePermit, EngineError> {
        let place = places.clone().try_acquire_owned();
        Ok(place.map_err(|_| self.inner.load.refuse(overload))?)
    }

    async fn ask_from(
        &self,
        place: OwnedSemaphorePermit,
        body: Option<Room>,
        id: InvocationId,
        command: impl FnOnce(Ticket) -> Command,
    ) -> Result<Notice, EngineError> {
        let (ticket, notice) = self.inner.waiters.for_notice(place, body);
        let command = command(ticket);
        let interrupted = interrupted(is_repeatable(&command));
        self.inner.inboxes.send(id, command);
        self.until_stopped(notice).await.map_err(interrupted)
    }

    /// Waits for what comes of a command that was handed in; an error says why the engine stopped before that. The
    /// command may be on the disk all the same.
    pub(super) async fn until_stopped<T>(
        &self,
        wanted: impl Future<Output = Result<T, oneshot::error::RecvError>>,
    ) -> Result<T, String> {
        let mut fault = self.inner.fault.subscribe();
        let stopped = |reason: Option<String>| reason.unwrap_or_else(|| "the server is stopping".into());
        tokio::select! {
            biased;
            wanted = wanted => wanted.map_err(|_| stopped(self.refusal())),
            reason = fault.wait_for(Option::is_some) => Err(stopped(reason.ok().and_then(|reason| reason.clone()))),
        }
    }
}

/// Says whether a command that was applied already changes nothing when it comes again.
fn is_repeatable(command: &Command) -> bool {
    match command {
        Command::Submit(submission) => submission.invocation.is_computed(),
        Command::Signal(_) | Command::Restart(_) => false,
        _ => true,
    }
}

/// The engine stopped before it was known what came of something.
pub(super) fn interrupted(is_repeatable: bool) -> impl FnOnce(String) -> EngineError {
    move |reason| EngineError::Interrupted { reason, is_repeatable }
}
