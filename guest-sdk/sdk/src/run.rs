//! Run blocks: side effects whose outcome is recorded.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_util::future::{Either, FusedFuture, select};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::types::{Outcome, Retryable};
use crate::error::{HandlerError, HandlerResult, TerminalError};
use crate::host;
use crate::reactor::{Notice, Operation};
use crate::retry::RetryPolicy;
use crate::scope::{self, Bracketed};

type Outcomes<'a, T> = Pin<Box<dyn Future<Output = Result<T, TerminalError>> + 'a>>;
type Start<'a, T> = Box<dyn FnOnce(Option<RetryPolicy>) -> Outcomes<'a, T> + 'a>;

/// A run block: the future that [`Context::run`](crate::Context::run) returns.
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

impl<'a, T: Serialize + DeserializeOwned + 'a> Run<'a, T> {
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

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
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
async fn drive<T: Serialize + DeserializeOwned>(
    name: String,
    retry: Option<RetryPolicy>,
    closure: impl AsyncFn() -> HandlerResult<T>,
) -> Result<T, TerminalError> {
    scope::assert_outside(format_args!("ctx.run(\"{name}\") was called"));
    let name: Rc<str> = name.into();
    let op = host::with(|host| host.run_start(&name, retry.map(|policy| policy.to_wire())));
    let mut operation = Operation::new(op);
    let outcome = loop {
        match next_notice(&mut operation).await {
            Notice::Completed(outcome) => break outcome,
            Notice::Execute => {}
        }
        // The block may be ended from outside, for example by a cancellation, while its closure runs.
        let execution = Bracketed::new(op, name.clone(), async { closure().await });
        match select(pin!(next_notice(&mut operation)), execution).await {
            Either::Left((Notice::Completed(outcome), _)) => break outcome,
            Either::Left((Notice::Execute, _)) => {
                panic!("run block \"{name}\" was asked to execute twice at once")
            }
            Either::Right((result, _)) => report(op, &name, result),
        }
    };
    decode(&name, outcome)
}

async fn next_notice(operation: &mut Operation) -> Notice {
    poll_fn(|cx| operation.poll_notice(cx)).await
}

/// Tells the host how an execution ended. The block's outcome comes back as an event.
fn report<T: Serialize>(op: u32, name: &str, result: HandlerResult<T>) {
    let encoded = result.map(|value| serde_json::to_vec(&value));
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

fn decode<T: DeserializeOwned>(name: &str, outcome: Outcome) -> Result<T, TerminalError> {
    let bytes = match outcome {
        Outcome::Value(bytes) => bytes,
        Outcome::Empty => b"null".to_vec(),
        Outcome::Names(_) => panic!("the runtime answered run block \"{name}\" with names"),
        Outcome::Failure(failure) => return Err(TerminalError::from_failure(failure)),
    };
    // Not the handler's failure but a mistake in its code, which a new deployment can repair.
    Ok(serde_json::from_slice(&bytes).unwrap_or_else(|error| {
        panic!(
            "the recorded result of run block \"{name}\" is not a {}: {error}. Serialize and Deserialize of the \
             result have to agree.",
            std::any::type_name::<T>()
        )
    }))
}
