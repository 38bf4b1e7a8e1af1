//! Durable promises of a workflow: completed once, heard by all who wait.

use super::Asked;
use crate::command::{Command, Expected, Tell};
use crate::effect::Effect;
use crate::entry::{Failure, Outcome};
use crate::ids::InvocationId;
use crate::invocation::Listener;
use crate::limits::{LISTENERS_MAX, OPEN_PROMISES_KEPT};
use crate::rows::{Row, RowKey, Rows};
use crate::target::ObjectKey;

pub fn get(asked: Asked<'_>, rows: &mut Rows, name: &str, effects: &mut Vec<Effect>) {
    let Some(object) = asked.object else { return };
    let mut promise = rows.promise(object, name);
    if let Some(outcome) = promise.outcome {
        asked.settle(rows, outcome, effects);
    } else if promise.waiting.len() < LISTENERS_MAX {
        let listener = Listener { caller: asked.id, op: asked.op };
        // An earlier invocation with this id may have left the same.
        promise.waiting.retain(|other| *other != listener);
        promise.waiting.push(listener);
        rows.put(RowKey::Promise(object.clone(), name.to_owned()), Row::Promise(promise));
        if let Some(row) = rows.invocation_mut(asked.id)
            && row.open_promises.len() < OPEN_PROMISES_KEPT
        {
            row.open_promises.insert(asked.op, name.to_owned());
        }
    } else {
        let message = format!("{LISTENERS_MAX} operations wait for promise {name:?} already (LISTENERS_MAX)");
        asked.settle(rows, Outcome::Failure(Failure::new(429, message)), effects);
    }
}

pub fn peek(asked: Asked<'_>, rows: &mut Rows, name: &str, effects: &mut Vec<Effect>) {
    let Some(object) = asked.object else { return };
    let outcome = rows.promise(object, name).outcome;
    asked.settle(rows, outcome.unwrap_or(Outcome::Empty), effects);
}

pub fn complete(
    asked: Asked<'_>,
    rows: &mut Rows,
    name: String,
    outcome: Outcome,
    effects: &mut Vec<Effect>,
) {
    let Some(object) = asked.object else { return };
    let mut promise = rows.promise(object, &name);
    if promise.outcome.is_some() {
        let message = format!("promise {name:?} was completed before");
        asked.settle(rows, Outcome::Failure(Failure::new(409, message)), effects);
        return;
    }
    effects.push(tell(asked.id, std::mem::take(&mut promise.waiting), &name, outcome.clone()));
    promise.outcome = Some(outcome);
    rows.put(RowKey::Promise(object.clone(), name), Row::Promise(promise));
    if let Some(run) = asked.run.filter(|run| *run != asked.id) {
        effects.push(Effect::Then(Command::KeepPromises { run, object: object.clone() }));
    }
    asked.settle(rows, Outcome::Empty, effects);
}

/// The workflow is forgotten: who still waits would wait for good.
pub fn purge(rows: &mut Rows, run: InvocationId, object: ObjectKey, name: String, effects: &mut Vec<Effect>) {
    let promise = rows.promise(&object, &name);
    let message = format!("workflow {object} was purged before promise {name:?} was completed");
    effects.push(tell(
        run,
        promise.waiting,
        &name,
        Outcome::Failure(Failure::new(404, message).within_limits()),
    ));
    rows.delete(RowKey::Promise(object, name));
}

/// One that waited has ended: it must not be in the way of others.
pub fn leave(rows: &mut Rows, object: ObjectKey, name: String, listener: Listener) {
    let mut promise = rows.promise(&object, &name);
    let before = promise.waiting.len();
    promise.waiting.retain(|other| *other != listener);
    if promise.waiting.len() == before {
        return;
    }
    let is_empty = promise.waiting.is_empty() && promise.outcome.is_none();
    rows.set(RowKey::Promise(object, name), (!is_empty).then_some(Row::Promise(promise)));
}

fn tell(invocation: InvocationId, listeners: Vec<Listener>, name: &str, outcome: Outcome) -> Effect {
    let expected = Expected::Promise { name: name.to_owned() };
    Effect::Then(Command::Tell(Tell { invocation, listeners, expected, outcome }))
}
