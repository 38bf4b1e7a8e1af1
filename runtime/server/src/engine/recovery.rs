//! Recovery: what was running when the process ended is lost and begins again.
//!
//! There is no second logic for it: lost attempts are commands like any other, timers are read from
//! their rows, and the outbox is sent once more.

use super::Inboxes;
use super::counting::Counting;
use super::gate::Held;
use abide_core::command::{Command, End, Message};
use abide_core::effect::Effect;
use abide_core::ids::PartitionId;
use abide_core::invocation::InvocationRow;
use abide_store::keys::{self, Tag};
use abide_store::{Error, Store, View, codec, pairs};
use tokio::sync::mpsc;

/// Submits "attempt lost" for every attempt that ran. On the way all live invocations are counted.
pub fn submit_lost(
    store: &dyn Store,
    partition: PartitionId,
    inboxes: &Inboxes,
    counting: &mut Counting,
) -> Result<(), Error> {
    let mut lost = 0u64;
    for pair in pairs(store, View::Latest, keys::all(partition.0, Tag::Invocation)) {
        let (key, value) = pair?;
        let row = match codec::decode::<InvocationRow>(&key, &value) {
            Ok(row) => row,
            Err(error) => {
                tracing::error!(%error, "an invocation cannot be read and is left alone");
                continue;
            }
        };
        let Some(invocation) = keys::decode_invocation(&key) else { continue };
        counting.lives(invocation, &row);
        if let Some(attempt) = row.running_attempt() {
            lost += 1;
            let jitter = rand::random();
            inboxes.send_to(partition, Command::Ended { invocation, attempt, end: End::Lost, jitter });
        }
    }
    if lost > 0 {
        tracing::info!(partition = partition.0, lost, "attempts that ran at the last stop begin again");
    }
    Ok(())
}

/// Sends again what other partitions have not acknowledged; returns how much that is.
pub fn hold_outbox(
    store: &dyn Store,
    partition: PartitionId,
    gate: &mpsc::UnboundedSender<Held>,
) -> Result<i64, Error> {
    let mut held = 0;
    for pair in pairs(store, View::Latest, keys::all(partition.0, Tag::Outbox)) {
        let (key, value) = pair?;
        held += 1;
        let Some((to, sequence)) = keys::decode_outbox(&key) else { continue };
        match codec::decode::<Message>(&key, &value) {
            Ok(message) => {
                let effects = vec![Effect::Transmit { to, sequence, message }];
                let _ = gate.send(Held { sequence: 0, effects });
            }
            Err(error) => tracing::error!(%error, "a message to another partition cannot be read"),
        }
    }
    Ok(held)
}
