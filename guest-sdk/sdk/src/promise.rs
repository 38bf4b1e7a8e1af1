//! Durable promises of a workflow.

use std::fmt;
use std::marker::PhantomData;

use crate::bindings::types::Failure;
use crate::codec::{self, Decode, Encode};
use crate::context::SharedWorkflowContext;
use crate::durable::{Durable, Issued};
use crate::error::TerminalError;
use crate::host;
use crate::reception::Awaited;

impl SharedWorkflowContext {
    /// Returns the promise of this name of the workflow.
    ///
    /// Promises are how the handlers of a workflow talk to each other: one waits, another one
    /// completes, in either order. A promise is completed once and keeps its value as long as the
    /// workflow is kept, so any number of handlers can wait for it.
    ///
    /// ```
    /// use abide_sdk::prelude::*;
    ///
    /// # async fn run(ctx: &WorkflowContext) -> HandlerResult<()> {
    /// let approved: bool = ctx.promise("approved").await?;
    /// # Ok(()) }
    /// # async fn approve(ctx: &SharedWorkflowContext) -> HandlerResult<()> {
    /// // In another handler:
    /// ctx.promise("approved").resolve(&true).await?;
    /// # Ok(()) }
    /// ```
    pub fn promise<T>(&self, name: impl Into<String>) -> Promise<T> {
        Promise { name: name.into(), value: PhantomData }
    }
}

/// A promise of a workflow, from [`SharedWorkflowContext::promise`]. Await it to wait until it is
/// completed.
///
/// To join it with others or to race it, turn it into a future first, with
/// [`into_future`](IntoFuture::into_future).
#[derive(Debug)]
#[must_use = "a promise is there to be awaited, peeked at, or completed"]
pub struct Promise<T> {
    name: String,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Promise<T> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), value: PhantomData }
    }
}

impl<T: Decode> Promise<T> {
    /// Looks whether the promise is completed, without waiting for it.
    pub fn peek(&self) -> Durable<Option<T>> {
        let name = self.name.clone();
        let issue = move || Issued::pending(host::with(|host| host.promise_peek(&name)));
        Durable::new(self.what(), issue, codec::sent_or_none)
    }
}

impl<T: Encode> Promise<T> {
    /// Completes the promise with a value.
    ///
    /// Awaiting this fails with code 409 when the promise was completed before.
    ///
    /// # Panics
    /// When the value does not serialize to JSON.
    pub fn resolve(&self, value: &T) -> Durable<()> {
        self.complete(Ok(codec::written(&self.what(), value).into_owned()))
    }
}

impl<T> Promise<T> {
    /// Completes the promise with a failure: who waits for it gets a [`TerminalError`] with code
    /// 500 and this reason.
    ///
    /// Awaiting this fails with code 409 when the promise was completed before.
    pub fn reject(&self, reason: impl fmt::Display) -> Durable<()> {
        self.complete(Err(TerminalError::new(reason).into_failure()))
    }

    fn complete(&self, answer: Result<Vec<u8>, Failure>) -> Durable<()> {
        let name = self.name.clone();
        let issue = move || {
            let answer = answer.as_ref().map(Vec::as_slice);
            Issued::pending(host::with(|host| host.promise_complete(&name, answer)))
        };
        Durable::new(self.what(), issue, codec::nothing)
    }

    fn what(&self) -> String {
        format!("promise \"{}\"", self.name)
    }
}

impl<T: Decode> IntoFuture for Promise<T> {
    type Output = Result<T, TerminalError>;
    type IntoFuture = Durable<T>;

    fn into_future(self) -> Durable<T> {
        let what = self.what();
        let issue = move || Issued::receiving(Awaited::Promise(self.name));
        Durable::new(what, issue, codec::sent)
    }
}
