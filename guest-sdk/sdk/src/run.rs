//! Run blocks: side effects whose outcome is recorded.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context as TaskContext, Poll};

use futures_util::future::{Either, FusedFuture, select};

use crate::bindings::types::Retryable;
use crate::codec::{self, Decode, Encode};
use crate::context::Context;
use crate::error::{HandlerError, HandlerResult, TerminalError};
use crate::host;
use crate::reactor::{Notice, Operation};
use crate::retry::RetryPolicy;
use crate::scope::{self, Bracketed};

type Outcomes<'a, T> = Pin<Box<dyn Future<Output = Result<T, TerminalError>> + 'a>>;
type Start<'a, T> = Box<dyn FnOnce(Option<RetryPolicy>) -> Outcomes<'a, T> + 'a>;

impl Context {
    /// Executes a side effect and records its result.
    ///
    /// The closure runs until it succeeds or fails terminally; from then on the recorded result is
    /// returned and the closure is never executed again. In it, and only in it, the real clock,
    /// real randomness and outbound HTTP are available.
    ///
    /// * It may be executed more than once before its result is recorded, for example when the
    ///   server is killed in between. Make it idempotent where that matters, with an id drawn
    ///   before the block.
    /// * It communicates by its result only. Whatever else it changes in memory is lost on replay,
    ///   which skips it; that it is an `async Fn` closure, not `FnMut`, prevents most of that.
    /// * It cannot use durable operations; they panic with an explanation.
    ///
    /// An ordinary error from `?` makes the runtime try again; a [`TerminalError`] is recorded and
    /// returned here, and so is the last failure when the [`RetryPolicy`] is exhausted.
    ///
    /// ```
    /// use abide_sdk::prelude::*;
    /// # async fn charge(id: &Uuid) -> HandlerResult<String> { Ok(id.to_string()) }
    /// # async fn ship(to: &str) -> HandlerResult<()> { Ok(()) }
    /// # async fn handler(ctx: &Context) -> HandlerResult<()> {
    /// let id = ctx.rand_uuid();
    /// let receipt = ctx.run("charge", async || charge(&id).await).await?;
    ///
    /// // Several at once:
    /// let addresses = ["north", "south"];
    /// let shipped = addresses.map(|to| ctx.run(format!("ship-{to}"), async move || ship(to).await));
    /// for result in join_all(shipped).await {
    ///     result?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// [`TerminalError`]: crate::TerminalError
    /// [`RetryPolicy`]: crate::RetryPolicy
    pub fn run<'a, T>(
        &self,
        name: impl Into<String>,
        closure: impl AsyncFn() -> HandlerResult<T> + 'a,
    ) -> Run<'a, T>
    where
        T: Encode + Decode + 'a,
    {
        Run::new(name.into(), closure)
    }
}

/// A run block: the future that [`Context::run`] returns.
///
/// The block starts when it is first polled, that is when it is awaited or joined with others; the
/// operations of a handler are numbered in this order. Dropping it before it is over makes the
/// handler lose interest; a closure that is being executed stops at its next `await`.
#[must_use = "a run block does nothing until it is awaited"]
pub struct Run<'a, T> {
    retry: Option<RetryPolicy>,
    state: State<'a, T>,
}

enum State<'a, T> {
    Created(Start<'a, T>),
    Started(Outcomes<'a, T>),
    Over,
}

impl<'a, T: Encode + Decode + 'a> Run<'a, T> {
    pub(crate) fn new(name: String, closure: impl AsyncFn() -> HandlerResult<T> + 'a) -> Self {
        let start: Start<'a, T> = Box::new(move |retry| Box::pin(drive(name, retry, closure)));
        Self { retry: None, state: State::Created(start) }
    }

    /// Sets the retry policy of this block. Without one, the policy of the handler applies.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }
}

// Nothing in it is pinned in place: the futures are boxed.
impl<T> Unpin for Run<'_, T> {}

impl<T> Future for Run<'_, T> {
    type Output = Result<T, TerminalError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut started = match std::mem::replace(&mut self.state, State::Over) {
            State::Created(start) => start(self.retry.take()),
            State::Started(started) => started,
            State::Over => panic!("a run block was polled after it was over"),
        };
        let polled = started.as_mut().poll(cx);
        if polled.is_pending() {
            self.state = State::Started(started);
        }
        polled
    }
}

impl<T> FusedFuture for Run<'_, T> {
    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Over)
    }
}

/// Follows one run block from its start to its outcome, through any number of executions.
async fn drive<T: Encode + Decode>(
    name: String,
    retry: Option<RetryPolicy>,
    closure: impl AsyncFn() -> HandlerResult<T>,
) -> Result<T, TerminalError> {
    scope::assert_outside(format_args!("ctx.run(\"{name}\") was called"));
    let op = host::with(|host| host.run_start(&name, retry.map(|policy| policy.to_wire())));
    let mut operation = Operation::new(op);
    let outcome = loop {
        match next_notice(&mut operation).await {
            Notice::Completed(outcome) => break outcome,
            Notice::Execute => {}
        }
        // The block may be ended from outside, for example by a cancellation, while its closure runs.
        let execution = Bracketed::new(op, Rc::from(&*name), async { closure().await });
        match select(pin!(next_notice(&mut operation)), execution).await {
            Either::Left((Notice::Completed(outcome), _)) => break outcome,
            Either::Left((Notice::Execute, _)) => {
                panic!("run block \"{name}\" was asked to execute twice at once")
            }
            Either::Right((result, _)) => report(op, &name, result),
        }
    };
    codec::recorded(&format_args!("the recorded result of run block \"{name}\""), outcome)
}

async fn next_notice(operation: &mut Operation) -> Notice {
    poll_fn(|cx| operation.poll_notice(cx)).await
}

/// Tells the host how an execution ended. The block's outcome comes back as an event.
fn report<T: Encode>(op: u32, name: &str, result: HandlerResult<T>) {
    let encoded = result.map(Encode::into_encoded);
    host::with(|host| match encoded {
        Ok(Ok(bytes)) => host.run_finish(op, Ok(&bytes)),
        Ok(Err(error)) => host.run_failed(
            op,
            &Retryable {
                message: format!("the result of run block \"{name}\" does not serialize: {error}"),
                retry_after_ms: None,
            },
        ),
        Err(HandlerError::Terminal(error)) => host.run_finish(op, Err(&error.into_failure())),
        Err(HandlerError::Retryable(error)) => host.run_failed(op, &error.into_wire()),
    });
}
