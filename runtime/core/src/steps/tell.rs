//! Operations get the same outcome, so many in each transaction that it stays small.

use crate::command::{Command, Expected, Message, Settle, Tell};
use crate::effect::Effect;
use crate::limits::{TOLD_AT_ONCE, TOLD_BYTES_AT_ONCE};
use crate::step::Place;
use crate::steps::attach;

pub fn apply(place: Place, mut tell: Tell, effects: &mut Vec<Effect>) {
    let room = TOLD_BYTES_AT_ONCE / tell.outcome.bytes().max(1);
    let rest = tell.listeners.split_off(room.clamp(1, TOLD_AT_ONCE).min(tell.listeners.len()));
    for listener in std::mem::replace(&mut tell.listeners, rest) {
        let outcome = tell.outcome.clone();
        effects.push(match &tell.expected {
            Expected::Answer { callee } => attach::answer(place, *callee, listener, outcome),
            expected => {
                let (invocation, op, expected) = (listener.caller, listener.op, expected.clone());
                Effect::Then(Command::Settle(Settle { invocation, op, expected, outcome }))
            }
        });
    }
    if !tell.listeners.is_empty() {
        let message = Message::Tell(tell);
        effects.push(Effect::Then(Command::Post { to: place.partition, message }));
    }
}
