//! Who waits for what can be waited for again: signals, promises and the ends of invocations.
//!
//! Each wait of its own is an operation of the journal, and a listener wherever it will be told. A handler that waits a
//! minute for a promise, looks after something else, and waits again would have ever more of them. So a future that is
//! dropped leaves its operation to the next one that waits for the same.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::mem::ManuallyDrop;
use std::task::{self, Poll, Waker};

use crate::bindings::types::{Failure, OpId};
use crate::host;
use crate::reactor::{Notice, Operation};

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Awaited {
    /// The next signal of this name.
    Signal(String),
    /// The promise of this name.
    Promise(String),
    /// The end of the invocation with this id.
    End(String),
}

impl Awaited {
    fn ask(&self) -> Result<OpId, Failure> {
        host::with(|host| match self {
            Self::Signal(name) => Ok(host.signal_receive(name)),
            Self::Promise(name) => Ok(host.promise_get(name)),
            Self::End(invocation_id) => host.attach(invocation_id),
        })
    }

    /// Says whether an outcome that came when nobody waited is for the next one. A signal is told once; what became of a
    /// promise or an invocation can be asked anew.
    fn is_told_once(&self) -> bool {
        match self {
            Self::Signal(_) => true,
            Self::Promise(_) | Self::End(_) => false,
        }
    }
}

thread_local! {
    /// Who waits, by what for. What is left at the end of the instance ends with it.
    static QUEUES: ManuallyDrop<RefCell<BTreeMap<Awaited, Queue>>> = ManuallyDrop::default();
}

/// Makes the next handler of this thread begin with nothing left, as each one does in its own instance.
#[cfg(test)]
pub(crate) fn begin_anew() {
    std::mem::forget(QUEUES.with(|queues| queues.take()));
}

/// Those who wait for the same, and the operations that receive it, each in the order in which they began.
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
    /// Says whether an operation was left with which the next one can wait. A cancellation ended those that were left
    /// when it came.
    fn has_left(&mut self, is_told_once: bool) -> bool {
        let taken = self.waiting.len();
        let left = self.operations.split_off(taken);
        let is_of_use = |operation: &Operation| match is_told_once {
            true => !operation.is_cancelled(),
            false => operation.is_open(),
        };
        self.operations.extend(left.into_iter().filter(is_of_use));
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
        place.expect("who has not got an outcome is in the queue")
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

    /// Leaves the operation to the next one, who leaves its own, and so on: the first outcome is for who has waited longest.
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

/// Looks at the queue of those who wait for the same; one in which nothing is left goes.
fn with_queue<T>(awaited: &Awaited, look: impl FnOnce(&mut Queue) -> T) -> T {
    QUEUES.with(|queues| {
        let mut queues = queues.borrow_mut();
        if !queues.contains_key(awaited) {
            queues.insert(awaited.clone(), Queue::default());
        }
        let queue = queues.get_mut(awaited).expect("it is there, or was made above");
        let seen = look(queue);
        if queue.waiting.is_empty() && queue.operations.is_empty() {
            queues.remove(awaited);
        }
        seen
    })
}

/// A place in the queue of those who wait for the same. What they wait for is meant for the handler, not for one future of
/// it: a future that is dropped leaves its operation to the next one.
pub(crate) struct Reception {
    awaited: Awaited,
    /// None when the outcome has been read.
    ticket: Option<u64>,
}

impl Reception {
    /// Goes on with an operation that was left, or asks for one.
    pub(crate) fn begin(awaited: Awaited) -> Result<Self, Failure> {
        if !with_queue(&awaited, |queue| queue.has_left(awaited.is_told_once())) {
            let operation = Operation::new(awaited.ask()?);
            with_queue(&awaited, |queue| queue.operations.push(operation));
        }
        let ticket = Some(with_queue(&awaited, Queue::join));
        Ok(Self { awaited, ticket })
    }

    /// Waits for the next notice.
    pub(crate) fn poll_notice(&mut self, cx: &mut task::Context<'_>) -> Poll<Notice> {
        let ticket = self.ticket.expect("it is there until the outcome is read");
        let notice = with_queue(&self.awaited, |queue| queue.poll_notice(ticket, cx));
        if notice.is_ready() {
            self.ticket = None;
        }
        notice
    }
}

impl Drop for Reception {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        let wakers = with_queue(&self.awaited, |queue| queue.leave(ticket));
        // After the look: a waker is foreign code.
        wakers.into_iter().for_each(Waker::wake);
    }
}
