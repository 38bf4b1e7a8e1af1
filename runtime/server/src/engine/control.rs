//! What a person may do to an invocation: let it stand still and go on, end it, forget it.

use super::handle::{EngineError, EngineHandle};
use abide_core::command::Command;
use abide_core::effect::Notice;
use abide_core::ids::{DeploymentId, InvocationId};

impl EngineHandle {
    /// Lets an invocation stand still until it is resumed. `Known` when it does already, `Unfit` when it
    /// has not begun.
    ///
    /// # Errors
    /// The engine takes no work now.
    pub async fn pause(&self, invocation: InvocationId) -> Result<Notice, EngineError> {
        self.arrived(invocation).await?;
        self.ask(invocation, |ticket| Command::Pause { invocation, ticket }).await
    }

    /// Lets a paused invocation, or one that backs off, go on now, on other code if one is named. `Unfit`
    /// when it is neither and stays on its code.
    ///
    /// # Errors
    /// The engine takes no work now.
    pub async fn resume(
        &self,
        invocation: InvocationId,
        deployment: Option<DeploymentId>,
    ) -> Result<Notice, EngineError> {
        self.ask(invocation, |ticket| Command::Resume { invocation, deployment, ticket }).await
    }

    /// Binds an invocation that has begun to other code, which replays its journal from the next attempt
    /// on; one that runs begins anew at once. `Known` when it has this code already, `Unfit` when it has
    /// not begun.
    ///
    /// # Errors
    /// The engine takes no work now.
    pub async fn repin(
        &self,
        invocation: InvocationId,
        deployment: DeploymentId,
    ) -> Result<Notice, EngineError> {
        self.ask(invocation, |ticket| Command::Repin { invocation, deployment, ticket }).await
    }

    /// Cancels an invocation: what it waits for fails, so that it can undo what it did.
    ///
    /// # Errors
    /// The engine takes no work now.
    pub async fn cancel(&self, invocation: InvocationId) -> Result<Notice, EngineError> {
        self.arrived(invocation).await?;
        self.ask(invocation, |ticket| Command::Cancel { invocation, caller: None, ticket: Some(ticket) })
            .await
    }

    /// Ends an invocation where it is.
    ///
    /// # Errors
    /// The engine takes no work now.
    pub async fn kill(&self, invocation: InvocationId) -> Result<Notice, EngineError> {
        self.arrived(invocation).await?;
        self.ask(invocation, |ticket| Command::Kill { invocation, caller: None, ticket: Some(ticket) }).await
    }

    /// Forgets a completed invocation. `Unfit` when it has not ended.
    ///
    /// # Errors
    /// The engine takes no work now.
    pub async fn purge(&self, invocation: InvocationId) -> Result<Notice, EngineError> {
        self.ask(invocation, |ticket| Command::Purge { invocation, ticket: Some(ticket) }).await
    }
}
