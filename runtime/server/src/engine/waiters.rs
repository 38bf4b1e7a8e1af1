//! Waiters: requests that are held open until something about an invocation is durable.

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
    accepted: HashMap<InvocationId, Vec<Acceptance>>,
    answered: HashMap<InvocationId, Vec<oneshot::Sender<Answer>>>,
}

/// Somebody who waits for a submission to be durable, and the room it takes until then. A client
/// that goes away does not make room: its submission is still on its way to the disk.
struct Acceptance {
    sender: oneshot::Sender<()>,
    _permit: OwnedSemaphorePermit,
}

impl Waiters {
    /// Registers for the moment the submission is durable.
    pub fn for_acceptance(&self, id: InvocationId, permit: OwnedSemaphorePermit) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let acceptance = Acceptance { sender, _permit: permit };
        self.waiting.lock().accepted.entry(id).or_default().push(acceptance);
        receiver
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

    pub fn accepted(&self, id: InvocationId) {
        let acceptances = self.waiting.lock().accepted.remove(&id);
        for acceptance in acceptances.into_iter().flatten() {
            let _ = acceptance.sender.send(());
        }
    }

    pub fn answered(&self, id: InvocationId, answer: &Answer) {
        let senders = self.waiting.lock().answered.remove(&id);
        for sender in senders.into_iter().flatten() {
            let _ = sender.send(answer.clone());
        }
    }
}
