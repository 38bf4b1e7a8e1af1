//! A message for another partition goes to the outbox, in the commit that justifies it.

use crate::command::Message;
use crate::effect::Effect;
use crate::ids::PartitionId;
use crate::rows::{Row, RowKey, Rows};

pub fn apply(rows: &mut Rows, to: PartitionId, message: Message, effects: &mut Vec<Effect>) {
    let head = RowKey::OutboxHead(to);
    let sequence = rows.counter(&head) + 1;
    rows.put(head, Row::Counter(sequence));
    rows.put(RowKey::Outbox(to, sequence), Row::Outbox(message.clone()));
    effects.push(Effect::Transmit { to, sequence, message });
}
