//! Waiting for one of several things. Waiting for all of them is in the [prelude](crate::prelude).

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::context::Context;
use crate::error::TerminalError;

impl Context {
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
    ) -> Result<Option<F::Output>, TerminalError> {
        match race(future, self.sleep(limit).named("timeout")).await {
            Either::Left(output) => Ok(Some(output)),
            Either::Right(elapsed) => elapsed.map(|()| None),
        }
    }
}

/// Waits for the first of two futures and drops the other one.
///
/// Which one is the first is decided by the journal, so it is the same on every attempt; when both
/// are done already, it is the one written first. Dropping a future gives up waiting, no more: a
/// handler that was called goes on, and an awakeable can still be resolved, into nothing.
///
/// For more than two there are [`select!`](crate::prelude::select), and for those in a `Vec`
/// [`select_all`](crate::prelude::select_all).
///
/// ```
/// use abide_sdk::prelude::*;
/// # async fn handler(ctx: &Context) -> HandlerResult<&'static str> {
/// let approval = ctx.awakeable::<bool>();
/// let week = ctx.sleep(Duration::from_secs(7 * 24 * 3600));
/// Ok(match race(approval, week).await {
///     Either::Left(approved) => if approved? { "approved" } else { "refused" },
///     Either::Right(elapsed) => {
///         elapsed?;
///         "nobody cared"
///     }
/// })
/// # }
/// ```
pub async fn race<A: Future, B: Future>(first: A, second: B) -> Either<A::Output, B::Output> {
    match select(pin!(first), pin!(second)).await {
        Either::Left((output, _)) => Either::Left(output),
        Either::Right((output, _)) => Either::Right(output),
    }
}
