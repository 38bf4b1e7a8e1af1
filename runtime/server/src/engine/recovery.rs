//! Recovery: what was running when the process ended is lost and begins again.
//!
//! There is no second logic for it: lost attempts are commands like any other, timers are read from
//! their rows, and the outbox is sent once more.

use super::Inboxes;
use super::gate::Held;
use abide_core::command::{Command, End, Message};
use abide_core::effect::Effect;
use abide_core::ids::PartitionId;
use abide_core::invocation::InvocationRow;
use abide_store::keys::{self, Tag};
use abide_store::{Error, Store, View, codec};
use tokio::sync::mpsc;

/// Rows read at once.
const PAGE: usize = 1_000;

/// Submits "attempt lost" for every attempt that ran.
pub fn submit_lost(store: &dyn Store, partition: PartitionId, inboxes: &Inboxes) -> Result<(), Error> {
    let mut lost = 0u64;
    for_each(store, partition, Tag::Invocation, |key, value| {
        let Ok(row) = codec::decode::<InvocationRow>(key, value) else {
            tracing::error!(key = ?key, "an invocation cannot be read and is left alone");
            return;
        };
        let (Some(invocation), Some(attempt)) = (keys::decode_invocation(key), row.running_attempt()) else {
            return;
        };
        lost += 1;
        inboxes.send_to(partition, Command::Ended { invocation, attempt, end: End::Lost, jitter: 0 });
    })?;
    if lost > 0 {
        tracing::info!(partition = partition.0, lost, "attempts that ran at the last stop begin again");
    }
    Ok(())
}

/// Sends again what other partitions have not acknowledged.
pub fn hold_outbox(
    store: &dyn Store,
    partition: PartitionId,
    gate: &mpsc::UnboundedSender<Held>,
) -> Result<(), Error> {
    for_each(store, partition, Tag::Outbox, |key, value| {
        let Some((to, sequence)) = keys::decode_outbox(key) else { return };
        match codec::decode::<Message>(key, value) {
            Ok(message) => {
                let effects = vec![Effect::Transmit { to, sequence, message }];
                let _ = gate.send(Held { sequence: 0, effects });
            }
            Err(error) => tracing::error!(%error, "a message to another partition cannot be read"),
        }
    })
}

fn for_each(
    store: &dyn Store,
    partition: PartitionId,
    tag: Tag,
    mut visit: impl FnMut(&[u8], &[u8]),
) -> Result<(), Error> {
    let (mut start, end) = keys::all(partition.0, tag);
    loop {
        let page = store.scan(View::Latest, &start, &end, PAGE)?;
        page.iter().for_each(|(key, value)| visit(key, value));
        match page.last() {
            Some((key, _)) if page.len() == PAGE => {
                start.clone_from(key);
                start.push(0);
            }
            _ => return Ok(()),
        }
    }
}
