//! An invocation is over: its answer is recorded and goes to whoever waits.

use crate::command::{Message, Timer, TimerKind};
use crate::effect::Effect;
use crate::entry::Answer;
use crate::ids::InvocationId;
use crate::invocation::{Origin, Phase};
use crate::rows::{Row, RowKey, Rows};
use crate::step::Place;

pub fn complete(place: Place, rows: &mut Rows, id: InvocationId, answer: Answer, effects: &mut Vec<Effect>) {
    let Some(row) = rows.invocation_mut(id) else { return };
    let mut row = row.clone();
    row.phase = Phase::Completed { at: place.now, is_failure: matches!(answer, Answer::Failure(_)) };
    row.modified_at = place.now;
    row.run_tries.clear();
    for (op, at) in std::mem::take(&mut row.open_sleeps) {
        let timer = Timer { at, invocation: id, kind: TimerKind::Sleep { op } };
        rows.delete(RowKey::Timer(timer));
    }
    match row.origin {
        Origin::Ingress | Origin::Send { .. } => {}
        Origin::Call { caller, op } => {
            let message = Message::Settle { invocation: caller, op, outcome: answer.clone().into() };
            effects.push(Effect::Then(place.route(message)));
        }
    }
    rows.delete(RowKey::Invocation(id));
    rows.put(RowKey::Completed(id), Row::Invocation(Box::new(row)));
    rows.put(RowKey::Answer(id), Row::Answer(answer.clone()));
    effects.push(Effect::Reply { invocation: id, answer });
}
