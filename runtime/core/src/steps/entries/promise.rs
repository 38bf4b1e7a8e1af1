//! Durable promises of a workflow: completed once, heard by all who wait.

use super::Asked;
use crate::command::{Command, Expected, Settle};
use crate::effect::Effect;
use crate::entry::{Failure, Outcome};
use crate::invocation::Listener;
use crate::limits::LISTENERS_MAX;
use crate::rows::{Row, RowKey, Rows};

pub fn get(asked: Asked<'_>, rows: &mut Rows, name: &str, effects: &mut Vec<Effect>) {
    let Some(object) = asked.object else { return };
    let mut promise = rows.promise(object, name);
    if let Some(outcome) = promise.outcome {
        asked.settle(rows, outcome, effects);
    } else if promise.waiting.len() < LISTENERS_MAX {
        promise.waiting.push(Listener { caller: asked.id, op: asked.op });
        rows.put(RowKey::Promise(object.clone(), name.to_owned()), Row::Promise(promise));
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
    for Listener { caller, op } in std::mem::take(&mut promise.waiting) {
        let expected = Expected::Promise { name: name.clone() };
        let settle = Settle { invocation: caller, op, expected, outcome: outcome.clone() };
        effects.push(Effect::Then(Command::Settle(settle)));
    }
    promise.outcome = Some(outcome);
    rows.put(RowKey::Promise(object.clone(), name), Row::Promise(promise));
    asked.settle(rows, Outcome::Empty, effects);
}
