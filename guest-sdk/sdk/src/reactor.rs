//! Which future waits for which event: the guest's side of `next-event`.
//!
//! Invariant: an event goes to the future that owns its operation and wakes the waker that polled
//! it last, so futures may be joined, selected and moved between combinators freely.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use rustc_hash::FxHashMap;

use crate::bindings::events::{Completion, Event};
use crate::bindings::io::Wakeup;
use crate::bindings::types::{OpId, Outcome};
use crate::error::TerminalError;
use crate::host::{self, Pollable};
use crate::scope;

/// What the runtime says to the owner of an operation.
#[derive(Debug)]
pub(crate) enum Notice {
    /// Run the closure of this run block now.
    Execute,
    /// The operation is over.
    Completed(Outcome),
}

#[derive(Default)]
struct Mailbox {
    first: Option<Notice>,
    /// Behind the first one: mostly none, and then nothing is allocated.
    others: VecDeque<Notice>,
    waker: Option<Waker>,
    /// The last notice is in: whatever else comes is late.
    is_settled: bool,
    /// A cancellation ended it.
    is_cancelled: bool,
}

impl Mailbox {
    fn accept(&mut self, notice: Notice) -> Option<Waker> {
        self.is_settled = matches!(notice, Notice::Completed(_));
        match self.first {
            None => self.first = Some(notice),
            Some(_) => self.others.push_back(notice),
        }
        self.waker.take()
    }

    fn take(&mut self) -> Option<Notice> {
        let notice = self.first.take()?;
        self.first = self.others.pop_front();
        Some(notice)
    }

    fn clear(&mut self) {
        self.first = None;
        self.others.clear();
    }
}

struct IoSlot {
    pollable: Pollable,
    waker: Option<Waker>,
    is_ready: bool,
}

#[derive(Default)]
struct Reactor {
    /// Hashed without a seed: what a guest does is the same on every replay.
    mailboxes: FxHashMap<OpId, Mailbox>,
    io: BTreeMap<u64, IoSlot>,
    next_io: u64,
}

thread_local! {
    static REACTOR: RefCell<Reactor> = RefCell::default();
}

/// Blocks until the runtime reports something and wakes the future that waits for it.
pub(crate) fn wait() {
    let (slots, wakeup) = REACTOR.with_borrow(|reactor| {
        let waiting = reactor.io.iter().filter(|(_, slot)| slot.waker.is_some() && !slot.is_ready);
        let (slots, pollables): (Vec<u64>, Vec<&Pollable>) =
            waiting.map(|(id, slot)| (*id, &slot.pollable)).unzip();
        let wakeup = host::with(|host| match pollables.is_empty() {
            true => Wakeup::Event(host.next_event()),
            false => host.next_event_or_io(&pollables),
        });
        (slots, wakeup)
    });
    let (one, several) = REACTOR.with_borrow_mut(|reactor| match wakeup {
        Wakeup::Event(Event::Cancelled) => (None, reactor.cancel()),
        Wakeup::Event(Event::Execute(op)) => (reactor.deliver(op, Notice::Execute), Vec::new()),
        Wakeup::Event(Event::Completed(Completion { op, outcome })) => {
            (reactor.deliver(op, Notice::Completed(outcome)), Vec::new())
        }
        Wakeup::Io(ready) => {
            let ready = ready.into_iter();
            (None, ready.filter_map(|index| reactor.io_ready(slots[index as usize])).collect())
        }
    });
    // Outside the borrow: a waker is foreign code.
    one.into_iter().chain(several).for_each(Waker::wake);
}

impl Reactor {
    /// Hands a notice to the owner of its operation.
    fn deliver(&mut self, op: OpId, notice: Notice) -> Option<Waker> {
        // A forgotten operation has no mailbox any more; its late event says nothing to anyone.
        let mailbox = self.mailboxes.get_mut(&op)?;
        if mailbox.is_settled { None } else { mailbox.accept(notice) }
    }

    /// Fails every operation that waits for its outcome, in the order of their ids.
    fn cancel(&mut self) -> Vec<Waker> {
        let open = self.mailboxes.iter_mut().filter(|(_, mailbox)| !mailbox.is_settled);
        let mut open: Vec<_> = open.collect();
        open.sort_unstable_by_key(|(op, _)| **op);
        let wakers = open.into_iter().map(|(op, mailbox)| {
            host::with(|host| host.forget(*op));
            mailbox.clear();
            mailbox.is_cancelled = true;
            mailbox.accept(Notice::Completed(Outcome::Failure(TerminalError::cancelled().into_failure())))
        });
        wakers.flatten().collect()
    }

    fn io_ready(&mut self, id: u64) -> Option<Waker> {
        let slot = self.io.get_mut(&id)?;
        slot.is_ready = true;
        slot.waker.take()
    }
}

/// One durable operation that was asked for. Dropping it before it is over forgets it.
#[derive(Debug)]
pub(crate) struct Operation {
    id: OpId,
    is_over: bool,
}

impl Operation {
    /// Registers an operation that the host has just issued.
    pub(crate) fn new(id: OpId) -> Self {
        REACTOR.with_borrow_mut(|reactor| reactor.mailboxes.insert(id, Mailbox::default()));
        Self { id, is_over: false }
    }

    /// Says whether a cancellation ended it.
    pub(crate) fn is_cancelled(&self) -> bool {
        REACTOR.with_borrow(|reactor| {
            reactor.mailboxes.get(&self.id).is_some_and(|mailbox| mailbox.is_cancelled)
        })
    }

    /// Says whether nothing has ended it yet.
    pub(crate) fn is_open(&self) -> bool {
        REACTOR
            .with_borrow(|reactor| reactor.mailboxes.get(&self.id).is_some_and(|mailbox| !mailbox.is_settled))
    }

    /// Waits for the next notice.
    pub(crate) fn poll_notice(&mut self, cx: &mut Context<'_>) -> Poll<Notice> {
        assert!(!self.is_over, "a durable future was polled after it was over");
        scope::assert_outside("a durable future was awaited");
        let notice = REACTOR.with_borrow_mut(|reactor| {
            let mailbox =
                reactor.mailboxes.get_mut(&self.id).expect("the mailbox lives as long as its operation");
            let notice = mailbox.take();
            if notice.is_none() {
                mailbox.waker = Some(cx.waker().clone());
            }
            notice
        });
        match notice {
            Some(notice) => {
                if matches!(notice, Notice::Completed(_)) {
                    self.close();
                }
                Poll::Ready(notice)
            }
            None => Poll::Pending,
        }
    }

    /// Gives the mailbox up; returns whether the host may still have something for it.
    fn close(&mut self) -> bool {
        self.is_over = true;
        let mailbox = REACTOR.with_borrow_mut(|reactor| reactor.mailboxes.remove(&self.id));
        mailbox.is_some_and(|mailbox| !mailbox.is_settled)
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        // While a native test unwinds from a panic the host is of no interest any more.
        if !self.is_over && !std::thread::panicking() && self.close() {
            host::with(|host| host.forget(self.id));
        }
    }
}

/// Waits until a WASI pollable is ready, letting other futures continue meanwhile.
pub(crate) struct Readiness {
    id: u64,
}

impl Readiness {
    pub(crate) fn new(pollable: Pollable) -> Self {
        REACTOR.with_borrow_mut(|reactor| {
            let id = reactor.next_io;
            reactor.next_io += 1;
            reactor.io.insert(id, IoSlot { pollable, waker: None, is_ready: false });
            Self { id }
        })
    }
}

impl Future for Readiness {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        REACTOR.with_borrow_mut(|reactor| {
            let slot = reactor.io.get_mut(&self.id).expect("the slot lives as long as its future");
            if slot.is_ready {
                return Poll::Ready(());
            }
            slot.waker = Some(cx.waker().clone());
            Poll::Pending
        })
    }
}

impl Drop for Readiness {
    fn drop(&mut self) {
        REACTOR.with_borrow_mut(|reactor| reactor.io.remove(&self.id));
    }
}
