//! A message of another partition is applied once, in the order it was posted.

use crate::command::Message;
use crate::effect::Effect;
use crate::ids::PartitionId;
use crate::rows::{Row, RowKey, Rows};
use crate::step::Place;

pub fn apply(
    place: Place,
    rows: &mut Rows,
    from: PartitionId,
    sequence: u64,
    message: Message,
    effects: &mut Vec<Effect>,
) {
    let mark = RowKey::InboxMark(from);
    let applied = rows.counter(&mark);
    if sequence > applied + 1 {
        // One before it is missing; the sender repeats both.
        return;
    }
    if sequence <= applied {
        effects.push(Effect::Acknowledge { to: from, sequence: applied });
        return;
    }
    debug_assert_eq!(message.addressee().partition(place.partitions), place.partition);
    rows.put(mark, Row::Counter(sequence));
    effects.push(Effect::Then(place.route(message)));
    effects.push(Effect::Acknowledge { to: from, sequence });
}
