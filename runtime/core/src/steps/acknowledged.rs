//! Another partition has applied messages: the outbox forgets them.

use crate::ids::PartitionId;
use crate::rows::{Row, RowKey, Rows};

pub fn apply(rows: &mut Rows, by: PartitionId, sequence: u64) {
    let tail = RowKey::OutboxTail(by);
    let forgotten = rows.counter(&tail);
    if sequence <= forgotten {
        return;
    }
    for sequence in forgotten + 1..=sequence {
        rows.delete(RowKey::Outbox(by, sequence));
    }
    rows.put(tail, Row::Counter(sequence));
}
