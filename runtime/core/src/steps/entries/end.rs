//! A handler waits for another invocation, or ends it.

use super::Asked;
use crate::command::{HowToEnd, Message};
use crate::effect::Effect;
use crate::ids::InvocationId;
use crate::invocation::Listener;

pub fn attach(asked: Asked<'_>, invocation: InvocationId, effects: &mut Vec<Effect>) {
    let listener = Listener { caller: asked.id, op: asked.op };
    asked.send(Message::Attach { invocation, listener }, effects);
}

pub fn cancel(asked: Asked<'_>, invocation: InvocationId, effects: &mut Vec<Effect>) {
    asked.send(Message::End { invocation, how: HowToEnd::Cancel, caller: None }, effects);
}

pub fn kill(asked: Asked<'_>, invocation: InvocationId, effects: &mut Vec<Effect>) {
    asked.send(Message::End { invocation, how: HowToEnd::Kill, caller: None }, effects);
}
