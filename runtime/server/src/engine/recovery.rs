//! Recovery: what was running when the process ended begins again, and counts as lost if that was no stop in order.
//!
//! There is no second logic for it: lost attempts are commands like any other, timers are read from
//! their rows, and the outbox is sent once more, when all partitions have been read.

use super::Inboxes;
use super::counting::Counting;
use super::shell::Shell;
use abide_core::command::{Command, End, Ended, Message};
use abide_core::effect::Effect;
use abide_core::ids::PartitionId;
use abide_core::invocation::InvocationRow;
use abide_core::outbox::{self, About};
use abide_store::keys::{self, Tag};
use abide_store::{Error, Store, View, codec, pairs};
use std::collections::{BTreeMap, VecDeque};

/// Submits for every attempt that ran that it is over. On the way all live invocations are counted.
pub fn submit_lost(
    store: &dyn Store,
    partition: PartitionId,
    inboxes: &Inboxes,
    counting: &mut Counting,
) -> Result<(), Error> {
    let mut lost = 0u64;
    let is_in_order = store.stats().was_closed;
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
            let (end, jitter) = (if is_in_order { End::Stopped } else { End::Lost }, rand::random());
            inboxes.send_to(partition, Command::Ended(Ended { invocation, attempt, end, jitter }));
        }
    }
    if lost > 0 {
        tracing::info!(partition = partition.0, lost, "attempts that ran at the last stop begin again");
    }
    Ok(())
}

/// What a partition has to send again, for each that has not acknowledged it, in order.
pub type Unacknowledged = BTreeMap<PartitionId, VecDeque<(u64, Message)>>;

/// Reads what other partitions have not acknowledged.
pub fn unacknowledged(store: &dyn Store, partition: PartitionId) -> Result<Unacknowledged, Error> {
    let mut found = Unacknowledged::new();
    for pair in pairs(store, View::Latest, keys::all(partition.0, Tag::Outbox)) {
        let (key, value) = pair?;
        let Some((to, sequence)) = keys::decode_outbox(&key) else { continue };
        match codec::decode::<Message>(&key, &value) {
            Ok(message) => found.entry(to).or_default().push_back((sequence, message)),
            Err(error) => tracing::error!(%error, "a message to another partition cannot be read"),
        }
    }
    Ok(found)
}

/// Sends it, for all partitions together. What reaches one before another reaches its own does not matter: no driver
/// works before all of it is in the inboxes.
pub fn send_again(outboxes: Vec<(Shell, Unacknowledged)>) {
    let queues = outboxes.into_iter().flat_map(|(shell, outbox)| {
        outbox.into_iter().map(move |(to, queue)| {
            let from = shell.clone();
            queue.into_iter().map(move |message| (from.clone(), to, message)).collect()
        })
    });
    let about = |(_, _, (_, message)): &(Shell, PartitionId, (u64, Message))| About::of(message);
    for (shell, to, (sequence, message)) in outbox::by_cause(queues.collect(), about) {
        shell.run(Effect::Transmit { to, sequence, message });
    }
}
