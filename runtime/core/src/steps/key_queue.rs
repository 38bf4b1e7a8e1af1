//! The key of an object goes from one invocation to the next, first come, first served.

use crate::command::{Command, Message};
use crate::effect::Effect;
use crate::ids::InvocationId;
use crate::object::KeyQueueRow;
use crate::rows::{Row, RowKey, Rows};
use crate::step::Place;
use crate::target::ObjectKey;

/// Invocations that end in one transaction because their service is gone.
const SKIPPED_AT_ONCE: u64 = 64;

pub struct Release {
    pub invocation: InvocationId,
    pub object: ObjectKey,
    pub is_chained: bool,
}

/// Whoever held the key has ended.
pub fn release(place: Place, rows: &mut Rows, release: Release, effects: &mut Vec<Effect>) {
    let Release { invocation, object, is_chained } = release;
    let Some(queue) = rows.key_queue(&object) else { return };
    if queue.holder != invocation {
        return;
    }
    let waiting = queue.tail - queue.head;
    let next = if waiting == 0 {
        rows.delete(RowKey::KeyQueue(object));
        return;
    } else if !is_chained || waiting <= SKIPPED_AT_ONCE {
        Command::Grant { position: queue.head, object }
    } else {
        Command::Post { to: place.partition, message: Message::Release { invocation, object } }
    };
    effects.push(Effect::Then(next));
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
