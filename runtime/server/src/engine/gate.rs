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
    pub sequence: Sequence,
    pub effects: Vec<Effect>,
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
        if early.len() < EARLY_MAX && next.effects.iter().all(|effect| shell.is_in_no_hurry(effect)) {
            // They only have to come before what follows, and no sync is made for them.
            early.extend(next.effects);
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
        for effect in early.drain(..).chain(next.effects) {
            let timer = shell.run(effect);
            debug_assert!(timer.is_none(), "timers have an open gate");
        }
    }
}
