//! Calls and sends to handlers, of this component or any other.

use std::fmt;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use futures_util::future::FusedFuture;

use crate::bindings::types::{self, Header};
use crate::codec::{self, Decode, Encode};
use crate::context::Context;
use crate::durable::Durable;
use crate::error::TerminalError;
use crate::host::{self, Request};
use crate::invocations::InvocationHandle;
use crate::retry::millis;
use crate::scope;

impl Context {
    /// Prepares a call of a handler that is known by name only.
    ///
    /// For services of the same crate the typed clients are better: they check the names and types
    /// ([`service`](Self::service), [`object`](Self::object), [`workflow`](Self::workflow)). This
    /// one reaches every handler of every deployment, in whatever language it is written.
    ///
    /// ```
    /// use abide_sdk::prelude::*;
    /// use abide_sdk::serde_json::json;
    ///
    /// # async fn handler(ctx: &Context) -> HandlerResult<()> {
    /// let target = Target::object("Stock", "book-17", "reserve");
    /// let left: u32 = ctx.call(target, &json!({ "copies": 2 })).await?;
    ///
    /// // No input, and an answer that nobody needs:
    /// ctx.call::<()>(Target::service("Mail", "flush"), &()).send();
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// When the input does not serialize to JSON.
    pub fn call<T>(&self, target: Target, input: &(impl Encode + ?Sized)) -> Call<T> {
        Call::new(target, input)
    }
}

/// Names a handler: what is called, and on which key.
#[derive(Debug, Clone)]
pub struct Target(types::Target);

impl Target {
    /// Names a handler of a service.
    pub fn service(service: impl Into<String>, handler: impl Into<String>) -> Self {
        Self::new(service.into(), None, handler.into())
    }

    /// Names a handler of a virtual object.
    pub fn object(service: impl Into<String>, key: impl Into<String>, handler: impl Into<String>) -> Self {
        Self::new(service.into(), Some(key.into()), handler.into())
    }

    /// Names a handler of a workflow.
    pub fn workflow(service: impl Into<String>, key: impl Into<String>, handler: impl Into<String>) -> Self {
        Self::new(service.into(), Some(key.into()), handler.into())
    }

    pub(crate) fn new(service: String, key: Option<String>, handler: String) -> Self {
        Self(types::Target { service, key, handler })
    }

    pub(crate) fn as_wire(&self) -> &types::Target {
        &self.0
    }
}

impl fmt::Display for Target {
    /// Writes the path by which the handler is called over HTTP.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types::Target { service, key, handler } = &self.0;
        match key {
            Some(key) => write!(f, "{service}/{key}/{handler}"),
            None => write!(f, "{service}/{handler}"),
        }
    }
}

/// A call of a handler, not made yet.
///
/// Await it for the answer, or for the callee's [`TerminalError`]; an ordinary error of the callee
/// is retried there and never seen here. As all durable futures it is lazy: the call is made when
/// it is polled for the first time, so `join!` and [`join_all`](crate::prelude::join_all) make all
/// of theirs at once. The callee runs once, whatever crashes meanwhile.
///
/// A callee may call in its turn, and may call its own handler, but only so deep: when 100 calls, one
/// above the other, wait already, a further one is not made and fails with code 508
/// (`CALL_DEPTH_MAX`). What shall go on for ever sends itself a message instead, which nobody waits
/// for.
///
/// ```
/// use abide_sdk::prelude::*;
///
/// # pub struct Payments;
/// # #[service]
/// # impl Payments {
/// #     async fn charge(ctx: &Context, cents: u32) -> HandlerResult<String> { Ok(String::new()) }
/// # }
/// # pub struct Mailer;
/// # #[service]
/// # impl Mailer {
/// #     async fn remind(ctx: &Context, address: String) -> HandlerResult<()> { Ok(()) }
/// # }
/// # async fn handler(ctx: &Context) -> HandlerResult<()> {
/// // Wait for the answer:
/// let receipt = ctx.service::<Payments>().charge(500).idempotency_key("order-17").await?;
///
/// // Do something else meanwhile:
/// let charging = ctx.service::<Payments>().charge(500).start();
/// ctx.sleep(Duration::from_secs(1)).await?;
/// let receipt = charging.await?;
///
/// // Nobody waits, now or in a week:
/// let mailer = ctx.service::<Mailer>();
/// mailer.remind("ann@example.org".to_owned()).send();
/// mailer.remind("ann@example.org".to_owned()).send_after(Duration::from_secs(7 * 24 * 3600));
/// # Ok(()) }
/// ```
#[must_use = "a call is not made until it is awaited, started or sent"]
pub struct Call<T> {
    request: Request,
    running: Option<RunningCall<T>>,
}

impl<T> Call<T> {
    pub(crate) fn new(target: Target, input: &(impl Encode + ?Sized)) -> Self {
        let input = codec::body(input)
            .unwrap_or_else(|error| panic!("the input of {target} does not serialize: {error}"));
        let request = Request { target, input, headers: Vec::new(), idempotency_key: None };
        Self { request, running: None }
    }

    /// Makes the call only once: if one with this key was made before, by whomever, its answer is
    /// the answer of this one too.
    pub fn idempotency_key(self, key: impl Into<String>) -> Self {
        self.with(|request| request.idempotency_key = Some(key.into()))
    }

    /// Adds a header, which the callee can read with [`Context::header`].
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.with(|request| request.headers.push(Header { name: name.into(), value: value.into() }))
    }

    /// Makes the call without waiting, and returns the id of the callee's invocation.
    ///
    /// The delivery is as certain as everything else that is recorded; it just does not happen
    /// before the handler waits next, or ends.
    pub fn send(self) -> InvocationHandle {
        self.send_with(None)
    }

    /// As [`send`](Self::send), but the callee begins after a delay, which may be months. The
    /// handler does not wait for it and may end before.
    pub fn send_after(self, delay: Duration) -> InvocationHandle {
        self.send_with(Some(millis(delay)))
    }

    fn send_with(self, delay_ms: Option<u64>) -> InvocationHandle {
        self.assert_not_made();
        assert_outside(&self.request);
        InvocationHandle::new(host::with(|host| host.send(&self.request, delay_ms)))
    }

    fn with(mut self, change: impl FnOnce(&mut Request)) -> Self {
        self.assert_not_made();
        change(&mut self.request);
        self
    }

    fn assert_not_made(&self) {
        assert!(self.running.is_none(), "a call was changed or sent after it had been made");
    }
}

impl<T: Decode> Call<T> {
    /// Makes the call now, to be awaited later.
    pub fn start(self) -> RunningCall<T> {
        self.running.unwrap_or_else(|| RunningCall::start(&self.request))
    }
}

impl<T: Decode> Future for Call<T> {
    type Output = Result<T, TerminalError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let Self { request, running } = &mut *self;
        let running = running.get_or_insert_with(|| RunningCall::start(request));
        Pin::new(running).poll(cx)
    }
}

impl<T: Decode> FusedFuture for Call<T> {
    fn is_terminated(&self) -> bool {
        self.running.as_ref().is_some_and(FusedFuture::is_terminated)
    }
}

/// A call that has been made, from [`Call::start`]. Await it for the answer.
///
/// Dropping it gives up waiting; the callee goes on. Who wants it to end calls
/// [`InvocationHandle::cancel`].
#[must_use = "the answer of a call comes when it is awaited; who does not need it uses `send`"]
pub struct RunningCall<T> {
    invocation: InvocationHandle,
    answer: Durable<T>,
}

impl<T: Decode> RunningCall<T> {
    fn start(request: &Request) -> Self {
        assert_outside(request);
        let called = host::with(|host| host.call(request));
        Self {
            invocation: InvocationHandle::new(called.invocation),
            answer: Durable::issued(format!("the answer of {}", request.target), called.op, codec::sent),
        }
    }
}

fn assert_outside(request: &Request) {
    scope::assert_outside(format_args!("{} was called", request.target));
}

impl<T> RunningCall<T> {
    /// Returns the id of the callee's invocation.
    pub fn invocation_id(&self) -> &str {
        self.invocation.id()
    }

    /// Returns a handle of the callee's invocation, to cancel it or send it signals.
    pub fn handle(&self) -> InvocationHandle {
        self.invocation.clone()
    }
}

impl<T> Future for RunningCall<T> {
    type Output = Result<T, TerminalError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.answer).poll(cx)
    }
}

impl<T> FusedFuture for RunningCall<T> {
    fn is_terminated(&self) -> bool {
        self.answer.is_terminated()
    }
}
