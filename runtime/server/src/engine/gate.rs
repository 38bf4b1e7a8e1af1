//! The output gate of a partition: effects wait here until the write that justifies them is durable.
//!
//! This is what lets a driver step on while the disk still works on its earlier batches.

use super::Fault;
use super::shell::Shell;
use abide_core::effect::Effect;
use abide_store::{Sequence, Store};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Effects that nobody waits for and that are kept for the next batch, at most.
const EARLY_MAX: usize = 256;

/// Effects, and the batch that has to be durable before they happen.
pub struct Held {
    sequence: Sequence,
    /// Sent before all others: a run block that may start, or a client with its answer, can tell of an invocation that was
    /// submitted in the same batch, and what is said about that must not overtake the submission.
    messages: Vec<Effect>,
    others: Vec<Effect>,
}

impl Held {
    pub fn new(sequence: Sequence) -> Self {
        Self { sequence, messages: Vec::new(), others: Vec::new() }
    }

    pub fn add(&mut self, effect: Effect) {
        let is_message = matches!(effect, Effect::Transmit { .. });
        let list = if is_message { &mut self.messages } else { &mut self.others };
        list.push(effect);
    }

    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.others.is_empty()
    }

    fn is_in_no_hurry(&self, shell: &Shell) -> bool {
        self.messages.is_empty() && self.others.iter().all(|effect| shell.is_in_no_hurry(effect))
    }

    fn in_order(self) -> impl Iterator<Item = Effect> {
        self.messages.into_iter().chain(self.others)
    }
}

/// Opens a gate and returns where to hold effects, in the order of their batches.
pub fn open(shell: Shell, store: Arc<dyn Store>, fault: &Fault) -> mpsc::UnboundedSender<Held> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let who = format!("the gate of partition {}", shell.partition.0);
    tokio::spawn(fault.clone().watch(who, run(shell, receiver, store, fault.subscribe())));
    sender
}

async fn run(
    shell: Shell,
    mut held: mpsc::UnboundedReceiver<Held>,
    store: Arc<dyn Store>,
    fault: watch::Receiver<Option<String>>,
) {
    let mut durable = store.durable();
    let mut early = Vec::new();
    while let Some(next) = held.recv().await {
        if early.len() < EARLY_MAX && next.is_in_no_hurry(&shell) {
            // They only have to come before what follows, and no sync is made for them.
            early.extend(next.in_order());
            continue;
        }
        store.push(next.sequence);
        if durable.wait_for(|sequence| *sequence >= next.sequence).await.is_err() {
            return;
        }
        // What became durable before the fault may still go out; nothing after it does.
        if fault.borrow().is_some() {
            return;
        }
        for effect in early.drain(..).chain(next.in_order()) {
            let timer = shell.run(effect);
            debug_assert!(timer.is_none(), "timers have an open gate");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::command::Message;
    use abide_core::effect::Notice;
    use abide_core::entry::Outcome;
    use abide_core::ids::{InvocationId, PartitionId};

    #[test]
    fn messages_leave_before_anybody_can_tell_of_them() {
        let invocation = InvocationId { unique: 1, partition_key: 0 };
        let message = Message::Signal { invocation, name: "s".into(), outcome: Outcome::Empty };
        let first = Effect::Transmit { to: PartitionId(1), sequence: 1, message: message.clone() };
        let second = Effect::Transmit { to: PartitionId(2), sequence: 1, message };
        let allowed = Effect::AllowRuns { invocation, attempt: 1, until: 1 };
        let notice = Effect::Notice { ticket: 1, notice: Notice::Done };
        let mut held = Held::new(1);
        assert!(held.is_empty());
        for effect in [&allowed, &first, &notice, &second] {
            held.add(effect.clone());
        }
        assert!(!held.is_empty());
        assert_eq!(held.in_order().collect::<Vec<_>>(), [first, second, allowed, notice]);
    }
}
