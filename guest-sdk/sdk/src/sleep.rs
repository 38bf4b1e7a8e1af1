//! Durable timers.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use futures_util::future::FusedFuture;

use crate::context::Context;
use crate::durable::{Durable, Issued};
use crate::error::TerminalError;
use crate::retry::millis;
use crate::{codec, host};

impl Context {
    /// Waits for a time, which may be months. Survives restarts.
    ///
    /// ```
    /// use abide_sdk::prelude::*;
    /// # async fn handler(ctx: &Context) -> HandlerResult<()> {
    /// ctx.sleep(Duration::from_secs(60)).named("cool down").await?;
    /// # Ok(()) }
    /// ```
    pub fn sleep(&self, duration: Duration) -> Sleep {
        Sleep { duration, name: None, timer: None }
    }
}

/// A durable timer: the future that [`Context::sleep`] returns.
///
/// The time runs from the first poll on. Whoever sleeps needs no memory and no processor: the
/// instance is dropped and rebuilt when the time has come, also after a restart of the server.
#[must_use = "a timer does nothing until it is awaited"]
#[derive(Debug)]
pub struct Sleep {
    duration: Duration,
    name: Option<String>,
    timer: Option<Durable<()>>,
}

impl Sleep {
    /// Gives the timer a name, shown in the journal.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl Future for Sleep {
    type Output = Result<(), TerminalError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let Self { duration, name, timer } = &mut *self;
        let timer = timer.get_or_insert_with(|| start(*duration, name.take()));
        Pin::new(timer).poll(cx)
    }
}

impl FusedFuture for Sleep {
    fn is_terminated(&self) -> bool {
        self.timer.as_ref().is_some_and(FusedFuture::is_terminated)
    }
}

fn start(duration: Duration, name: Option<String>) -> Durable<()> {
    let issue = move || Issued::pending(host::with(|host| host.sleep(millis(duration), name.as_deref())));
    Durable::new("ctx.sleep".to_owned(), issue, codec::nothing)
}
