//! What holds of an object or workflow after each command and its follow-ups.

use super::table::{Table, live, queue, waiters};
use abide_core::command::Message;
use abide_core::ids::InvocationId;
use abide_core::invocation::{InvocationRow, Phase};
use abide_core::rows::{NamesOf, Row, RowKey};
use abide_core::target::ObjectKey;

pub fn check(table: &Table, object: &ObjectKey) {
    let Some(queue) = queue(table, object) else {
        assert_eq!(waiters(table, object).next(), None, "somebody waits for {object}, which nobody has");
        check_promises(table, object);
        return;
    };
    let holder = live(table, queue.holder);
    let is_held = holder.is_some_and(|row| row.holds_key && row.target.object().as_ref() == Some(object));
    let is_kept = is_held || is_to_be_released(table, queue.holder);
    assert!(is_kept, "{} has {object}: {holder:?}", queue.holder);
    assert!(queue.head <= queue.tail, "the queue of {object}: {queue:?}");
    let waiting = waiters(table, object).count() as u64;
    assert_eq!(queue.waiting(), waiting, "so many wait for {object}: {queue:?}");
    for (position, id) in waiters(table, object) {
        assert!(position >= queue.head && position < queue.tail, "{id} waits at {position} in {queue:?}");
        let row = live(table, id).unwrap_or_else(|| panic!("{id} waits for {object} and is gone"));
        assert_eq!(row.phase, Phase::Queued { position }, "{id} waits for {object}");
        assert_eq!(row.target.object().as_ref(), Some(object), "{id} waits for another object");
    }
    check_promises(table, object);
}

/// A long queue of which nobody is left is passed by one message after the other.
pub fn is_to_be_released(table: &Table, id: InvocationId) -> bool {
    let is_it =
        |row: &Row| matches!(row, Row::Outbox(Message::Release { invocation, .. }) if *invocation == id);
    table.values().any(is_it)
}

pub fn holds_key(table: &Table, id: InvocationId, row: &InvocationRow) -> bool {
    let queue = row.target.object().and_then(|object| queue(table, &object).cloned());
    queue.is_some_and(|queue| queue.holder == id)
}

/// A promise is there because it was completed, or because somebody waits.
fn check_promises(table: &Table, object: &ObjectKey) {
    let of = NamesOf::Promises(object.clone());
    let rows = table.range(RowKey::Promise(object.clone(), String::new())..);
    for (key, row) in rows.take_while(|(key, _)| key.name_in(&of).is_some()) {
        let Row::Promise(promise) = row else { panic!("a promise is stored as {row:?}") };
        assert!(promise.outcome.is_some() == promise.waiting.is_empty(), "{key:?} is {promise:?}");
    }
}
