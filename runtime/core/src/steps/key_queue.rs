//! The key of an object goes from one invocation to the next, first come, first served.

use crate::command::{Command, Message, Release};
use crate::effect::Effect;
use crate::object::KeyQueueRow;
use crate::rows::{Row, RowKey, Rows};
use crate::step::Place;
use crate::target::ObjectKey;

/// Places in the queue that are passed in one transaction: their invocations were ended before, or end with it because
/// their service is gone.
const SKIPPED_AT_ONCE: u64 = 64;

/// Whoever held the key has ended, or one that waited for it.
pub fn release(place: Place, rows: &mut Rows, release: Release, effects: &mut Vec<Effect>) {
    let Release { invocation, object, has_waited, is_chained } = release;
    let Some(queue) = rows.key_queue(&object).cloned() else { return };
    if queue.holder != invocation {
        if has_waited {
            let gone = queue.gone + 1;
            rows.put(RowKey::KeyQueue(object), Row::KeyQueue(KeyQueueRow { gone, ..queue }));
        }
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
pub fn grant(place: Place, rows: &mut Rows, object: ObjectKey, position: u64, effects: &mut Vec<Effect>) {
    let Some(queue) = rows.key_queue(&object).cloned() else { return };
    let key = RowKey::KeyQueue(object.clone());
    let head = position + 1;
    let passed = position - queue.head;
    let gone = queue.gone.saturating_sub(passed);
    match rows.key_waiter(&object, position) {
        Some(next) => {
            rows.delete(RowKey::KeyWaiter(object.clone(), position));
            rows.put(key, Row::KeyQueue(KeyQueueRow { holder: next, head, gone, ..queue }));
            let service = object.service;
            effects.push(Effect::Then(Command::Begin { invocation: next, service, input: None }));
        }
        None if head < queue.tail && passed >= SKIPPED_AT_ONCE => {
            let (invocation, gone) = (queue.holder, gone.saturating_sub(1));
            rows.put(key, Row::KeyQueue(KeyQueueRow { head, gone, ..queue }));
            let message = Message::Release { invocation, object };
            effects.push(Effect::Then(Command::Post { to: place.partition, message }));
        }
        None if head < queue.tail => {
            effects.push(Effect::Then(Command::Grant { object, position: head }));
        }
        None => rows.delete(key),
    }
}
