//! Named signals: messages to an invocation from somebody who knows no more than their name.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::mem::ManuallyDrop;
use std::task::{self, Poll};

use crate::codec::{self, Decode, Encode};
use crate::context::Context;
use crate::durable::{Durable, Issued};
use crate::error::TerminalError;
use crate::host;
use crate::invocations::InvocationHandle;
use crate::reactor::{Notice, Operation};

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
        Durable::new(what, move || Issued::Receiving(Reception::of(name)), codec::sent)
    }
}

thread_local! {
    /// Operations whose futures were dropped, by the name of their signal. What is left at the end of
    /// the instance ends with it.
    static LEFT: ManuallyDrop<RefCell<BTreeMap<String, VecDeque<Operation>>>> = ManuallyDrop::default();
}

/// Makes the next handler of this thread begin with nothing left, as each one does in its own instance.
#[cfg(test)]
pub(crate) fn begin_anew() {
    std::mem::forget(LEFT.with(|left| left.take()));
}

/// An operation that receives a signal. The signal is meant for the handler, not for one future of
/// it: a future that is dropped leaves its operation to the next one of the same name.
pub(crate) struct Reception {
    name: String,
    operation: Option<Operation>,
}

impl Reception {
    /// Goes on with an operation that was left, or issues one.
    fn of(name: String) -> Self {
        let left = LEFT.with(|left| {
            let mut left = left.borrow_mut();
            let operations = left.get_mut(&name)?;
            // A cancellation ended those that were left.
            std::iter::from_fn(|| operations.pop_front()).find(|operation| !operation.is_cancelled())
        });
        let issue = || Operation::new(host::with(|host| host.signal_receive(&name)));
        let operation = Some(left.unwrap_or_else(issue));
        Self { name, operation }
    }

    /// Waits for the next notice.
    pub(crate) fn poll_notice(&mut self, cx: &mut task::Context<'_>) -> Poll<Notice> {
        let operation = self.operation.as_mut().expect("it is there until the signal is read");
        let notice = operation.poll_notice(cx);
        if notice.is_ready() {
            self.operation = None;
        }
        notice
    }
}

impl Drop for Reception {
    fn drop(&mut self) {
        let Some(operation) = self.operation.take() else { return };
        let name = std::mem::take(&mut self.name);
        LEFT.with(|left| {
            let mut left = left.borrow_mut();
            let operations = left.entry(name).or_default();
            // The oldest first: it gets the first signal.
            let place = operations.partition_point(|other| other.id() < operation.id());
            operations.insert(place, operation);
        });
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
