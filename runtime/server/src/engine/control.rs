//! What a person may do to an invocation: let it stand still and go on, end it, forget it.

use super::address;
use super::handle::{EngineError, EngineHandle};
use abide_core::command::{Command, EndRequest, Repin, Restart, Resume};
use abide_core::effect::{Notice, Refusal};
use abide_core::ids::{DeploymentId, InvocationId};

impl EngineHandle {
    /// Lets an invocation stand still until it is resumed. `Known` when it does already, `Unfit` when it
    /// has not begun.
    ///
    /// # Errors
    /// Too many commands wait for the disk, or the engine stopped before or during the request.
    pub async fn pause(&self, invocation: InvocationId) -> Result<Notice, EngineError> {
        self.arrived_for_command(invocation).await?;
        self.ask(invocation, |ticket| Command::Pause { invocation, ticket }).await
    }

    /// Lets a paused invocation, or one that backs off, go on now, on other code if one is named. `Unfit`
    /// when it is neither and stays on its code.
    ///
    /// # Errors
    /// Too many commands wait for the disk, or the engine stopped before or during the request.
    pub async fn resume(
        &self,
        invocation: InvocationId,
        deployment: Option<DeploymentId>,
    ) -> Result<Notice, EngineError> {
        self.ask(invocation, |ticket| Command::Resume(Resume { invocation, deployment, ticket })).await
    }

    /// Binds an invocation that has begun to other code, which replays its journal from the next attempt
    /// on; one that runs begins anew at once. `Known` when it has this code already, `Unfit` when it has
    /// not begun. With a length it has to be what was checked: another one is refused.
    ///
    /// # Errors
    /// Too many commands wait for the disk, or the engine stopped before or during the request.
    pub async fn repin(
        &self,
        invocation: InvocationId,
        deployment: DeploymentId,
        entries_len: Option<u32>,
    ) -> Result<Notice, EngineError> {
        self.ask(invocation, |ticket| Command::Repin(Repin { invocation, deployment, entries_len, ticket }))
            .await
    }

    /// Has done once more, by a new invocation, what a completed one was asked; `entries_kept` of its
    /// journal are taken over. Returns the id of the new one, or why there is none: `Unfit` when it has
    /// not ended.
    ///
    /// # Errors
    /// Too many commands wait for the disk, or the engine stopped before or during the request.
    pub async fn restart(
        &self,
        of: InvocationId,
        entries_kept: u32,
        deployment: Option<DeploymentId>,
    ) -> Result<Result<InvocationId, Notice>, EngineError> {
        if let Some(refusal) = self.restart_refusal(of, entries_kept).await? {
            return Ok(Err(Notice::Refused(refusal)));
        }
        let invocation = InvocationId::new(self.now(), rand::random(), of.partition_key);
        let restart = |ticket| Command::Restart(Restart { of, invocation, entries_kept, deployment, ticket });
        Ok(match self.ask_for_work(of, restart).await? {
            Notice::Done => Ok(invocation),
            notice => Err(notice),
        })
    }

    /// Finds out what the core should not have to load much for, or cannot know.
    async fn restart_refusal(
        &self,
        of: InvocationId,
        entries_kept: u32,
    ) -> Result<Option<Refusal>, EngineError> {
        let Some(row) = self.invocation(of)? else { return Ok(None) };
        let object = row.target.object();
        if object.is_some_and(|object| address::workflow_run(&object) == of) {
            return Ok(Some(Refusal::WorkflowRun));
        }
        if entries_kept == 0 {
            return Ok(None);
        }
        let is_within =
            self.away(move |engine| Ok(engine.inner.journals.is_within_restart(of, entries_kept)?)).await?;
        Ok((!is_within).then_some(Refusal::TooLong))
    }

    /// Forgets the journal of a completed invocation; its answer is kept as long as it would be. `Known`
    /// when the journal is gone already, `Unfit` when the invocation has not ended.
    ///
    /// # Errors
    /// Too many commands wait for the disk, or the engine stopped before or during the request.
    pub async fn purge_journal(&self, invocation: InvocationId) -> Result<Notice, EngineError> {
        self.ask(invocation, |ticket| Command::PurgeJournal { invocation, ticket }).await
    }

    /// Cancels an invocation: what it waits for fails, so that it can undo what it did.
    ///
    /// # Errors
    /// Too many commands wait for the disk, or the engine stopped before or during the request.
    pub async fn cancel(&self, invocation: InvocationId) -> Result<Notice, EngineError> {
        self.arrived_for_command(invocation).await?;
        self.ask(invocation, |ticket| Command::Cancel(EndRequest::by_person(invocation, ticket))).await
    }

    /// Ends an invocation where it is.
    ///
    /// # Errors
    /// Too many commands wait for the disk, or the engine stopped before or during the request.
    pub async fn kill(&self, invocation: InvocationId) -> Result<Notice, EngineError> {
        self.arrived_for_command(invocation).await?;
        self.ask(invocation, |ticket| Command::Kill(EndRequest::by_person(invocation, ticket))).await
    }

    /// Forgets a completed invocation. `Unfit` when it has not ended.
    ///
    /// # Errors
    /// Too many commands wait for the disk, or the engine stopped before or during the request.
    pub async fn purge(&self, invocation: InvocationId) -> Result<Notice, EngineError> {
        self.ask(invocation, |ticket| Command::Purge { invocation, ticket: Some(ticket) }).await
    }
}
