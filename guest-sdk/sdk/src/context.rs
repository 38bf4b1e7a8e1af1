//! The handler's access to durable operations.

use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::bindings::types::{Header, Target};
use crate::error::HandlerResult;
use crate::random::Random;
use crate::run::Run;
use crate::sleep::Sleep;

/// What a handler of a service can do durably.
///
/// Every handler gets it as its first argument. It is cheap to clone, so that futures and helper
/// types can have their own. Everything that waits is lazy, as usual in Rust: the operation is
/// issued when its future is polled for the first time. `a.await; b.await` is one after the other,
/// `join!(a, b)` is both at once.
#[derive(Debug, Clone)]
pub struct Context {
    shared: Rc<Shared>,
}

#[derive(Debug)]
struct Shared {
    id: String,
    target: Target,
    headers: Vec<Header>,
    random: Random,
}

impl Context {
    pub(crate) fn new(id: String, target: Target, headers: Vec<Header>, random_seed: u64) -> Self {
        Self { shared: Rc::new(Shared { id, target, headers, random: Random::new(random_seed) }) }
    }

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
        T: Serialize + DeserializeOwned + 'a,
    {
        Run::new(name.into(), closure)
    }

    /// Waits for a time, which may be months. Survives restarts.
    ///
    /// ```
    /// use abide_sdk::prelude::*;
    /// # async fn handler(ctx: &Context) -> HandlerResult<()> {
    /// ctx.sleep(Duration::from_secs(60)).named("cool down").await?;
    /// # Ok(()) }
    /// ```
    pub fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(duration)
    }

    /// Waits for a future, but no longer than a time. Dropping an unfinished durable future is safe.
    ///
    /// ```
    /// use abide_sdk::prelude::*;
    /// # async fn quote() -> HandlerResult<u32> { Ok(1) }
    /// # async fn handler(ctx: &Context) -> HandlerResult<()> {
    /// match ctx.timeout(Duration::from_secs(5), ctx.run("quote", async || quote().await)).await? {
    ///     Some(price) => println!("{}", price?),
    ///     None => println!("too slow"),
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the timer itself fails, as it does when the invocation is cancelled.
    pub async fn timeout<F: Future>(
        &self,
        limit: Duration,
        future: F,
    ) -> Result<Option<F::Output>, crate::TerminalError> {
        use futures_util::future::{Either, select};
        match select(std::pin::pin!(future), self.sleep(limit).named("timeout")).await {
            Either::Left((output, _)) => Ok(Some(output)),
            Either::Right((elapsed, _)) => elapsed.map(|()| None),
        }
    }

    /// Draws a random UUID (version 4), the same one on every attempt. Good as idempotency key.
    ///
    /// # Panics
    /// Inside a run block; draw it before.
    pub fn rand_uuid(&self) -> Uuid {
        self.rand().uuid()
    }

    /// Returns the random source of this invocation, which draws the same on every attempt.
    pub fn rand(&self) -> Random {
        self.shared.random.clone()
    }

    /// Returns the id of this invocation.
    pub fn invocation_id(&self) -> &str {
        &self.shared.id
    }

    /// Returns the name of the service that was called.
    pub fn service_name(&self) -> &str {
        &self.shared.target.service
    }

    /// Returns the name of the handler that was called.
    pub fn handler_name(&self) -> &str {
        &self.shared.target.handler
    }

    /// Returns the headers of the request, in order: name and value.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.shared.headers.iter().map(|header| (header.name.as_str(), header.value.as_str()))
    }

    /// Returns the value of the first header of this name; case does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(each, _)| each.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}
