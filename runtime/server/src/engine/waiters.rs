//! Waiters: requests that are held open until something about an invocation is durable.

use super::load::Room;
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
    /// Each by its ticket, so that one of very many who goes away is found at once.
    answered: HashMap<InvocationId, HashMap<Ticket, oneshot::Sender<Answer>>>,
}

impl Waiting {
    fn next_ticket(&mut self) -> Ticket {
        self.last_ticket += 1;
        self.last_ticket
    }

    fn enter(&mut self, id: InvocationId, ticket: Ticket, sender: oneshot::Sender<Answer>) {
        self.answered.entry(id).or_default().insert(ticket, sender);
    }
}

/// Somebody who waits for what comes of a request.
struct Requested {
    sender: oneshot::Sender<Notice>,
    kind: Kind,
}

enum Kind {
    /// The place it takes until then, and the room of its body. A client that goes away does not make room: its request
    /// is still on its way to the disk.
    Ask { _place: OwnedSemaphorePermit, _body: Option<Room> },
    /// It waits for the answer of this invocation from then on.
    Call { id: InvocationId, sender: oneshot::Sender<Answer> },
}

/// The seat of somebody who waits for an answer; it is given up when the client goes away.
pub struct Seat<'a> {
    waiters: &'a Waiters,
    id: InvocationId,
    ticket: Ticket,
}

impl Seat<'_> {
    pub fn ticket(&self) -> Ticket {
        self.ticket
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut waiting = self.waiters.waiting.lock();
        waiting.noticed.remove(&self.ticket);
        if let Some(senders) = waiting.answered.get_mut(&self.id) {
            senders.remove(&self.ticket);
            if senders.is_empty() {
                waiting.answered.remove(&self.id);
            }
        }
    }
}

impl Waiters {
    /// Registers for the notice of a request, which has to carry the ticket.
    pub fn for_notice(
        &self,
        place: OwnedSemaphorePermit,
        body: Option<Room>,
    ) -> (Ticket, oneshot::Receiver<Notice>) {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        let ticket = waiting.next_ticket();
        let kind = Kind::Ask { _place: place, _body: body };
        waiting.noticed.insert(ticket, Requested { sender, kind });
        (ticket, receiver)
    }

    /// Registers for the answer to a submission whose id may have been used before. It counts from the notice on:
    /// an answer that comes before that is of the earlier invocation.
    pub fn for_call(
        &self,
        id: InvocationId,
    ) -> (Seat<'_>, oneshot::Receiver<Notice>, oneshot::Receiver<Answer>) {
        let ((sender, notice), (answer_sender, answer)) = (oneshot::channel(), oneshot::channel());
        let mut waiting = self.waiting.lock();
        let ticket = waiting.next_ticket();
        let kind = Kind::Call { id, sender: answer_sender };
        waiting.noticed.insert(ticket, Requested { sender, kind });
        (Seat { waiters: self, id, ticket }, notice, answer)
    }

    /// Registers for the answer. Register first, then look whether it is there already.
    pub fn for_answer(&self, id: InvocationId) -> (Seat<'_>, oneshot::Receiver<Answer>) {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        let ticket = waiting.next_ticket();
        waiting.enter(id, ticket, sender);
        (Seat { waiters: self, id, ticket }, receiver)
    }

    /// Says whether the ticket is of a call, which waits for its answer and not for the notice.
    pub fn is_of_call(&self, ticket: Ticket) -> bool {
        let waiting = self.waiting.lock();
        waiting.noticed.get(&ticket).is_some_and(|requested| matches!(requested.kind, Kind::Call { .. }))
    }

    pub fn noticed(&self, ticket: Ticket, notice: Notice) {
        let mut waiting = self.waiting.lock();
        let Some(Requested { sender, kind }) = waiting.noticed.remove(&ticket) else { return };
        if let Kind::Call { id, sender } = kind {
            waiting.enter(id, ticket, sender);
        }
        drop(waiting);
        let _ = sender.send(notice);
    }

    pub fn answered(&self, id: InvocationId, answer: &Answer) {
        let senders = self.waiting.lock().answered.remove(&id);
        for sender in senders.into_iter().flat_map(HashMap::into_values) {
            let _ = sender.send(answer.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: InvocationId = InvocationId { unique: 1, partition_key: 2 };

    #[test]
    fn who_goes_away_leaves_the_others_and_in_the_end_nothing() {
        let waiters = Waiters::default();
        let (first, mut to_first) = waiters.for_answer(ID);
        let (second, mut to_second) = waiters.for_answer(ID);
        drop(first);
        waiters.answered(ID, &Answer::Value("1".into()));
        assert!(to_first.try_recv().is_err());
        assert_eq!(to_second.try_recv(), Ok(Answer::Value("1".into())));
        drop(second);
        drop(waiters.for_answer(ID));
        drop(waiters.for_call(ID));
        let waiting = waiters.waiting.lock();
        assert!(waiting.answered.is_empty() && waiting.noticed.is_empty());
    }

    #[test]
    fn a_call_hears_what_comes_behind_its_notice() {
        let waiters = Waiters::default();
        let (seat, mut notice, mut answer) = waiters.for_call(ID);
        waiters.answered(ID, &Answer::Value("of an earlier one".into()));
        assert!(waiters.is_of_call(seat.ticket()) && answer.try_recv().is_err());
        waiters.noticed(seat.ticket(), Notice::Done);
        waiters.answered(ID, &Answer::Value("1".into()));
        assert_eq!(notice.try_recv(), Ok(Notice::Done));
        assert_eq!(answer.try_recv(), Ok(Answer::Value("1".into())));
    }
}
