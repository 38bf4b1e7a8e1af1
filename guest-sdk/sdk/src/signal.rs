//! Named signals: messages to an invocation from somebody who knows no more than their name.

use std::fmt;

use crate::codec::{self, Decode, Encode};
use crate::context::Context;
use crate::durable::{Durable, Issued};
use crate::error::TerminalError;
use crate::invocations::InvocationHandle;
use crate::reception::Awaited;

impl Context {
    /// Waits for the next signal of this name.
    ///
    /// Signals are sent to an invocation by its id, with [`InvocationHandle::signal`]. Those that
    /// come before anybody waits are kept; each is received once, in the order of arrival.
    ///
    /// A future that is dropped before its end, for example because a timeout was faster, loses no
    /// signal: the next one of the same name takes its place.
    ///
    /// Unlike an awakeable a signal needs no id of its own, so who sends it need not have heard
    /// from this handler before.
    ///
    /// ```
    /// use abide_sdk::prelude::*;
    ///
    /// # async fn handler(ctx: &Context) -> HandlerResult<()> {
    /// let mut lines = Vec::new();
    /// while let Some(line) = ctx.signal::<Option<String>>("line").await? {
    ///     lines.push(line);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Awaiting it fails when the signal was sent by [`InvocationHandle::reject_signal`], and with
    /// code 500 when what came is not a `T`.
    pub fn signal<T: Decode>(&self, name: impl Into<String>) -> Durable<T> {
        let name = name.into();
        let what = format!("signal \"{name}\"");
        let issue = move || Issued::receiving(Awaited::Signal(name));
        Durable::new(what, issue, codec::sent)
    }
}

impl InvocationHandle {
    /// Sends a signal to the invocation. One to an invocation that is over is dropped.
    ///
    /// ```
    /// use abide_sdk::prelude::*;
    ///
    /// # async fn handler(ctx: &Context, editor: String) -> HandlerResult<()> {
    /// ctx.invocation(editor).signal("line", "It was a dark and stormy night.")?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the handle's text is not an id, with code 400.
    ///
    /// # Panics
    /// When the value does not serialize to JSON.
    pub fn signal(&self, name: &str, value: &(impl Encode + ?Sized)) -> Result<(), TerminalError> {
        let value = codec::written(&format!("signal \"{name}\""), value);
        self.tell("sent a signal", |host| host.signal_send(self.id(), name, Ok(&value)))
    }

    /// Sends a failure as signal: who waits for it gets a [`TerminalError`] with code 500 and this
    /// reason.
    ///
    /// # Errors
    /// When the handle's text is not an id, with code 400.
    pub fn reject_signal(&self, name: &str, reason: impl fmt::Display) -> Result<(), TerminalError> {
        let failure = TerminalError::new(reason).into_failure();
        self.tell("sent a signal", |host| host.signal_send(self.id(), name, Err(&failure)))
    }
}
