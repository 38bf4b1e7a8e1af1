//! Waiters: requests that are held open until something about an invocation is durable.

use abide_core::command::Ticket;
use abide_core::effect::Notice;
use abide_core::entry::Answer;
use abide_core::ids::InvocationId;
use parking_lot::Mutex;
use std::collections::HashMap;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

#[derive(Default)]
pub struct Waiters {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    noticed: HashMap<Ticket, Requested>,
    last_ticket: Ticket,
    answered: HashMap<InvocationId, Vec<oneshot::Sender<Answer>>>,
}

/// Somebody who waits for what comes of a request, and the room it takes until then. A client that
/// goes away does not make room: its request is still on its way to the disk.
struct Requested {
    sender: oneshot::Sender<Notice>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Waiters {
    /// Registers for the notice of a request, which has to carry the ticket.
    pub fn for_notice(&self, permit: Option<OwnedSemaphorePermit>) -> (Ticket, oneshot::Receiver<Notice>) {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        waiting.last_ticket += 1;
        let ticket = waiting.last_ticket;
        waiting.noticed.insert(ticket, Requested { sender, _permit: permit });
        (ticket, receiver)
    }

    /// Forgets a ticket that is of no use any more.
    pub fn drop_ticket(&self, ticket: Ticket) {
        self.waiting.lock().noticed.remove(&ticket);
    }

    /// Registers for the answer. Register first, then look whether it is there already.
    pub fn for_answer(&self, id: InvocationId) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        let senders = waiting.answered.entry(id).or_default();
        // Clients that went away leave their place here; one that comes tidies up.
        senders.retain(|sender| !sender.is_closed());
        senders.push(sender);
        receiver
    }

    /// Forgets those of an invocation who went away, and the invocation with the last of them.
    pub fn tidy(&self, id: InvocationId) {
        let mut waiting = self.waiting.lock();
        if let Some(senders) = waiting.answered.get_mut(&id) {
            senders.retain(|sender| !sender.is_closed());
            if senders.is_empty() {
                waiting.answered.remove(&id);
            }
        }
    }

    pub fn noticed(&self, ticket: Ticket, notice: Notice) {
        let requested = self.waiting.lock().noticed.remove(&ticket);
        if let Some(requested) = requested {
            let _ = requested.sender.send(notice);
        }
    }

    pub fn answered(&self, id: InvocationId, answer: &Answer) {
        let senders = self.waiting.lock().answered.remove(&id);
        for sender in senders.into_iter().flatten() {
            let _ = sender.send(answer.clone());
        }
    }
}
