//! Durable timers.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::FusedFuture;

use crate::bindings::types::Outcome;
use crate::error::TerminalError;
use crate::reactor::{Notice, Operation};
use crate::retry::millis;
use crate::{host, scope};

/// A durable timer: the future that [`Context::sleep`](crate::Context::sleep) returns.
///
/// The time runs from the first poll on. Whoever sleeps needs no memory and no processor: the
/// instance is dropped and rebuilt when the time has come, also after a restart of the server.
#[must_use = "a timer does nothing until it is awaited"]
#[derive(Debug)]
pub struct Sleep {
    name: Option<String>,
    state: State,
}

#[derive(Debug)]
enum State {
    Created(Duration),
    Started(Operation),
    Over,
}

impl Sleep {
    pub(crate) fn new(duration: Duration) -> Self {
        Self { name: None, state: State::Created(duration) }
    }

    /// Gives the timer a name, shown in the journal.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    fn start(&mut self) {
        let State::Created(duration) = self.state else { return };
        scope::assert_outside("ctx.sleep was awaited");
        let op = host::with(|host| host.sleep(millis(duration), self.name.as_deref()));
        self.state = State::Started(Operation::new(op));
    }
}

impl Future for Sleep {
    type Output = Result<(), TerminalError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.start();
        let State::Started(operation) = &mut self.state else {
            panic!("a timer was polled after it was over")
        };
        let Poll::Ready(notice) = operation.poll_notice(cx) else { return Poll::Pending };
        self.state = State::Over;
        Poll::Ready(match notice {
            Notice::Completed(Outcome::Empty | Outcome::Value(_) | Outcome::Names(_)) => Ok(()),
            Notice::Completed(Outcome::Failure(failure)) => Err(TerminalError::from_failure(failure)),
            Notice::Execute => panic!("the runtime asked a timer to execute"),
        })
    }
}

impl FusedFuture for Sleep {
    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Over)
    }
}
