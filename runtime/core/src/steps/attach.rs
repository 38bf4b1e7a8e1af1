//! An operation hears the end of an invocation it did not ask for, or not first.

use crate::command::{Command, Expected, Message, Tell};
use crate::effect::Effect;
use crate::entry::{Failure, Outcome};
use crate::ids::InvocationId;
use crate::invocation::Listener;
use crate::limits::LISTENERS_MAX;
use crate::rows::{Row, RowKey, Rows};
use crate::step::Place;

pub fn apply(place: Place, rows: &mut Rows, id: InvocationId, listener: Listener, effects: &mut Vec<Effect>) {
    if let Some(outcome) = listen(rows, id, listener) {
        effects.push(answer(place, id, listener, outcome));
    }
}

/// Adds the listener, or returns what it can hear at once.
fn listen(rows: &mut Rows, id: InvocationId, listener: Listener) -> Option<Outcome> {
    if rows.contains(&RowKey::Completed(id)) {
        let answer = rows.answer(id).cloned();
        return Some(answer.map_or_else(|| Outcome::Failure(Failure::new(404, "not found")), Outcome::from));
    }
    let mut row = rows.listeners(id);
    let Some(invocation) = rows.invocation_mut(id) else {
        return Some(Outcome::Failure(Failure::new(404, "not found")));
    };
    if row.listeners.len() >= LISTENERS_MAX {
        let message = format!("{LISTENERS_MAX} operations wait for {id} already (LISTENERS_MAX)");
        return Some(Outcome::Failure(Failure::new(429, message)));
    }
    invocation.has_listeners = true;
    // An earlier invocation with the id of this caller may have left the same.
    row.listeners.retain(|other| *other != listener);
    row.listeners.push(listener);
    rows.put(RowKey::Listeners(id), Row::Listeners(row));
    None
}

/// One that waited has ended: it must not be in the way of others.
pub fn detach(rows: &mut Rows, id: InvocationId, listener: Listener) {
    let mut row = rows.listeners(id);
    let before = row.listeners.len();
    row.listeners.retain(|other| *other != listener);
    if row.listeners.len() == before {
        return;
    }
    let is_empty = row.listeners.is_empty();
    if is_empty && let Some(invocation) = rows.invocation_mut(id) {
        invocation.has_listeners = false;
    }
    rows.set(RowKey::Listeners(id), (!is_empty).then_some(Row::Listeners(row)));
}

/// The invocation has ended: all who listen hear it.
pub fn notify(rows: &mut Rows, id: InvocationId, outcome: Outcome, effects: &mut Vec<Effect>) {
    let listeners = rows.listeners(id).listeners;
    rows.delete(RowKey::Listeners(id));
    let tell = Tell { invocation: id, listeners, expected: Expected::Answer { callee: id }, outcome };
    effects.push(Effect::Then(Command::Tell(tell)));
}

/// Sends an answer on its way to the listener.
pub fn answer(place: Place, callee: InvocationId, listener: Listener, outcome: Outcome) -> Effect {
    Effect::Then(place.route(Message::Answer { listener, callee, outcome }))
}
