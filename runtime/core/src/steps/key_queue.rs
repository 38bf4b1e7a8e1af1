//! The key of an object goes from one invocation to the next, first come, first served.

use crate::command::Command;
use crate::effect::Effect;
use crate::ids::InvocationId;
use crate::object::KeyQueueRow;
use crate::rows::{Row, RowKey, Rows};
use crate::target::ObjectKey;

/// Whoever held the key has ended.
pub fn release(rows: &mut Rows, id: InvocationId, object: ObjectKey, effects: &mut Vec<Effect>) {
    let Some(queue) = rows.key_queue(&object) else { return };
    if queue.holder != id {
        return;
    }
    if queue.head == queue.tail {
        rows.delete(RowKey::KeyQueue(object));
    } else {
        let position = queue.head;
        effects.push(Effect::Then(Command::Grant { object, position }));
    }
}

/// Gives the key to the one at this position. One that was ended while it waited has left a gap; then
/// the next position is asked.
pub fn grant(rows: &mut Rows, object: ObjectKey, position: u64, effects: &mut Vec<Effect>) {
    let Some(queue) = rows.key_queue(&object).cloned() else { return };
    let key = RowKey::KeyQueue(object.clone());
    let head = position + 1;
    match rows.key_waiter(&object, position) {
        Some(next) => {
            rows.delete(RowKey::KeyWaiter(object.clone(), position));
            rows.put(key, Row::KeyQueue(KeyQueueRow { holder: next, head, ..queue }));
            let service = object.service;
            effects.push(Effect::Then(Command::Begin { invocation: next, service, input: None }));
        }
        None if head < queue.tail => {
            effects.push(Effect::Then(Command::Grant { object, position: head }));
        }
        None => rows.delete(key),
    }
}
