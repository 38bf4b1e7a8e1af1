//! Named signals: messages to an invocation from somebody who knows no more than their name.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::mem::ManuallyDrop;
use std::task::{self, Poll, Waker};

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
    /// Who waits for signals, by their name. What is left at the end of the instance ends with it.
    static QUEUES: ManuallyDrop<RefCell<BTreeMap<String, Queue>>> = ManuallyDrop::default();
}

/// Makes the next handler of this thread begin with nothing left, as each one does in its own instance.
#[cfg(test)]
pub(crate) fn begin_anew() {
    std::mem::forget(QUEUES.with(|queues| queues.take()));
}

/// Those who wait for a signal of one name, and the operations that receive them, each in the order in which they began.
/// The first who waits has the first operation, and so on. Operations beyond that were left by futures that were dropped.
#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    operations: Vec<Operation>,
    next_ticket: u64,
}

struct Waiting {
    ticket: u64,
    waker: Option<Waker>,
}

impl Queue {
    /// Says whether an operation was left. A cancellation ended those that were left when it came.
    fn has_left(&mut self) -> bool {
        let mut index = 0;
        let taken = self.waiting.len();
        self.operations.retain(|operation| {
            index += 1;
            index <= taken || !operation.is_cancelled()
        });
        self.operations.len() > taken
    }

    fn join(&mut self) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiting.push(Waiting { ticket, waker: None });
        ticket
    }

    fn place_of(&self, ticket: u64) -> usize {
        let place = self.waiting.iter().position(|waiting| waiting.ticket == ticket);
        place.expect("who has not got a signal is in the queue")
    }

    fn poll_notice(&mut self, ticket: u64, cx: &mut task::Context<'_>) -> Poll<Notice> {
        let place = self.place_of(ticket);
        let notice = self.operations[place].poll_notice(cx);
        if notice.is_ready() {
            self.waiting.remove(place);
            self.operations.remove(place);
        } else {
            self.waiting[place].waker = Some(cx.waker().clone());
        }
        notice
    }

    /// Leaves the operation to the next one, who leaves its own, and so on: the first signal is for who has waited longest.
    /// Returns whom to wake because it has another operation now.
    fn leave(&mut self, ticket: u64) -> Vec<Waker> {
        let place = self.place_of(ticket);
        self.waiting.remove(place);
        let ended = self.operations[place..].iter().position(Operation::is_cancelled);
        // A cancellation is for those who waited when it came: its operation is nobody's next one.
        let end = match ended {
            Some(after) => {
                self.operations.remove(place + after);
                (place + after).min(self.waiting.len())
            }
            None => self.waiting.len(),
        };
        self.waiting[place..end].iter_mut().filter_map(|waiting| waiting.waker.take()).collect()
    }
}

/// Looks at the queue of a name; one in which nothing is left goes.
fn with_queue<T>(name: &str, look: impl FnOnce(&mut Queue) -> T) -> T {
    QUEUES.with(|queues| {
        let mut queues = queues.borrow_mut();
        if !queues.contains_key(name) {
            queues.insert(name.to_owned(), Queue::default());
        }
        let queue = queues.get_mut(name).expect("it is there, or was made above");
        let seen = look(queue);
        if queue.waiting.is_empty() && queue.operations.is_empty() {
            queues.remove(name);
        }
        seen
    })
}

/// A place in the queue of a signal. The signal is meant for the handler, not for one future of it: a future that is
/// dropped leaves its operation to the next one of the same name.
pub(crate) struct Reception {
    name: String,
    /// None when the signal has been read.
    ticket: Option<u64>,
}

impl Reception {
    /// Goes on with an operation that was left, or issues one.
    fn of(name: String) -> Self {
        if !with_queue(&name, Queue::has_left) {
            let operation = Operation::new(host::with(|host| host.signal_receive(&name)));
            with_queue(&name, |queue| queue.operations.push(operation));
        }
        let ticket = Some(with_queue(&name, Queue::join));
        Self { name, ticket }
    }

    /// Waits for the next notice.
    pub(crate) fn poll_notice(&mut self, cx: &mut task::Context<'_>) -> Poll<Notice> {
        let ticket = self.ticket.expect("it is there until the signal is read");
        let notice = with_queue(&self.name, |queue| queue.poll_notice(ticket, cx));
        if notice.is_ready() {
            self.ticket = None;
        }
        notice
    }
}

impl Drop for Reception {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        let wakers = with_queue(&self.name, |queue| queue.leave(ticket));
        // After the look: a waker is foreign code.
        wakers.into_iter().for_each(Waker::wake);
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
