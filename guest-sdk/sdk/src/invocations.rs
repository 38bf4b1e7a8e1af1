//! Other invocations: waiting for one, and ending one.

use crate::bindings::types::Failure;
use crate::codec::{self, Decode};
use crate::context::Context;
use crate::durable::{Durable, Issued};
use crate::error::TerminalError;
use crate::host::{self, Host};
use crate::reception::Awaited;
use crate::scope;

impl Context {
    /// Returns a handle of the invocation with this id, for example one that was kept in the state.
    ///
    /// Nothing is asked of the runtime yet; whether there is such an invocation turns out when the
    /// handle is used.
    ///
    /// ```
    /// use abide_sdk::prelude::*;
    ///
    /// # async fn handler(ctx: &ObjectContext) -> HandlerResult<()> {
    /// if let Some(earlier) = ctx.get::<String>("running").await? {
    ///     ctx.invocation(earlier).cancel()?;
    /// }
    /// # Ok(()) }
    /// ```
    pub fn invocation(&self, id: impl Into<String>) -> InvocationHandle {
        InvocationHandle::new(id.into())
    }
}

/// Another invocation, from [`Context::invocation`], [`Call::send`](crate::Call::send) or
/// [`RunningCall::handle`](crate::RunningCall::handle).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct InvocationHandle {
    id: String,
}

impl InvocationHandle {
    pub(crate) fn new(id: String) -> Self {
        Self { id }
    }

    /// Returns the id of the invocation.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Waits for the answer of the invocation, for as long as it takes.
    ///
    /// Awaiting fails with the [`TerminalError`] that the invocation ended with; with code 404 when
    /// there is no such invocation, for example because it ended long ago; with code 400 when the
    /// text is not an id. [`Bytes`](crate::Bytes) takes an answer of whatever type.
    ///
    /// ```
    /// use abide_sdk::prelude::*;
    ///
    /// # async fn handler(ctx: &Context, id: String) -> HandlerResult<()> {
    /// let receipt = ctx.invocation(id).attach::<String>().await?;
    /// # Ok(()) }
    /// ```
    pub fn attach<T: Decode>(&self) -> Durable<T> {
        let id = self.id.clone();
        let issue = move || Issued::receiving(Awaited::End(id));
        Durable::new(format!("the answer of invocation {}", self.id), issue, codec::sent)
    }

    /// Asks the invocation to end: what it waits for fails, so that it can undo what it did.
    ///
    /// Does not wait until it has ended; [`attach`](Self::attach) does.
    ///
    /// # Errors
    /// When the text is not an id, with code 400.
    pub fn cancel(&self) -> Result<(), TerminalError> {
        self.tell("cancelled", |host| host.cancel(&self.id))
    }

    /// Ends the invocation at once, without giving it a chance to undo what it did.
    ///
    /// For those that [`cancel`](Self::cancel) does not end.
    ///
    /// # Errors
    /// When the text is not an id, with code 400.
    pub fn kill(&self) -> Result<(), TerminalError> {
        self.tell("killed", |host| host.kill(&self.id))
    }

    pub(crate) fn tell(
        &self,
        done: &str,
        tell: impl FnOnce(&dyn Host) -> Result<(), Failure>,
    ) -> Result<(), TerminalError> {
        scope::assert_outside(format_args!("invocation {} was {done}", self.id));
        host::with(tell).map_err(TerminalError::from_failure)
    }
}
