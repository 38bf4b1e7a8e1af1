//! A durable operation as a future: issued when it is first polled, over when its outcome is read.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::FusedFuture;

use crate::bindings::types::{OpId, Outcome};
use crate::error::TerminalError;
use crate::reactor::{Notice, Operation};
use crate::reception::{Awaited, Reception};
use crate::scope;

/// A durable operation: the future that most functions of a context return.
///
/// The operation begins when the future is polled for the first time, that is when it is awaited,
/// joined, or raced with others; one that is never polled never happens. Waiting needs no memory
/// and no processor, and may take months. Dropping the future before its end is safe.
#[must_use = "a durable operation does nothing until it is awaited"]
pub struct Durable<T> {
    /// What is awaited, as error messages name it.
    what: String,
    stage: Stage,
    read: Read<T>,
}

/// Turns an outcome into what the handler gets; the text says what was awaited.
type Read<T> = fn(&str, Outcome) -> Result<T, TerminalError>;

enum Stage {
    Created(Box<dyn FnOnce() -> Issued>),
    Issued(Issued),
    Over,
}

/// What the runtime says when it is asked for something.
pub(crate) enum Issued {
    /// The outcome is clear without an operation.
    Known(Outcome),
    /// The outcome will come as an event.
    Pending(Operation),
    /// As `Pending`, with an operation that outlives the future.
    Receiving(Reception),
}

impl Issued {
    pub(crate) fn pending(op: OpId) -> Self {
        Self::Pending(Operation::new(op))
    }

    /// Waits with an operation that was left, or asks for one.
    pub(crate) fn receiving(awaited: Awaited) -> Self {
        match Reception::begin(awaited) {
            Ok(reception) => Self::Receiving(reception),
            Err(failure) => Self::Known(Outcome::Failure(failure)),
        }
    }
}

impl Issued {
    fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let notice = match self {
            Self::Known(outcome) => return Poll::Ready(std::mem::replace(outcome, Outcome::Empty)),
            Self::Pending(operation) => operation.poll_notice(cx),
            Self::Receiving(reception) => reception.poll_notice(cx),
        };
        notice.map(|notice| match notice {
            Notice::Completed(outcome) => outcome,
            Notice::Execute => panic!("the runtime asked for the execution of what is no run block"),
        })
    }
}

impl<T> Durable<T> {
    /// Creates an operation that is issued when the future is first polled.
    pub(crate) fn new(what: String, issue: impl FnOnce() -> Issued + 'static, read: Read<T>) -> Self {
        Self { what, stage: Stage::Created(Box::new(issue)), read }
    }

    /// Waits for an operation that has been issued.
    pub(crate) fn issued(what: String, op: OpId, read: Read<T>) -> Self {
        Self { what, stage: Stage::Issued(Issued::pending(op)), read }
    }

    fn issue(&self, stage: Stage) -> Issued {
        match stage {
            Stage::Created(issue) => {
                scope::assert_outside(format_args!("{} was awaited", self.what));
                issue()
            }
            Stage::Issued(issued) => issued,
            Stage::Over => panic!("{} was polled after it was over", self.what),
        }
    }
}

impl<T> fmt::Debug for Durable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Durable").field(&self.what).finish()
    }
}

impl<T> Future for Durable<T> {
    type Output = Result<T, TerminalError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let stage = std::mem::replace(&mut self.stage, Stage::Over);
        let mut issued = self.issue(stage);
        let Poll::Ready(outcome) = issued.poll_outcome(cx) else {
            self.stage = Stage::Issued(issued);
            return Poll::Pending;
        };
        Poll::Ready((self.read)(&self.what, outcome))
    }
}

impl<T> FusedFuture for Durable<T> {
    fn is_terminated(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }
}
