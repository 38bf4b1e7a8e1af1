//! A handler waits for another invocation, or ends it.

use super::Asked;
use crate::command::{HowToEnd, Message};
use crate::effect::Effect;
use crate::ids::InvocationId;
use crate::invocation::Listener;
use crate::limits::OPEN_ATTACHES_KEPT;
use crate::rows::Rows;

pub fn attach(asked: Asked<'_>, rows: &mut Rows, invocation: InvocationId, effects: &mut Vec<Effect>) {
    if let Some(row) = rows.invocation_mut(asked.id)
        && row.open_attaches.len() < OPEN_ATTACHES_KEPT
    {
        row.open_attaches.insert(asked.op, invocation);
    }
    let listener = Listener { caller: asked.id, op: asked.op };
    asked.send(Message::Attach { invocation, listener }, effects);
}

pub fn cancel(asked: Asked<'_>, invocation: InvocationId, effects: &mut Vec<Effect>) {
    asked.send(Message::End { invocation, how: HowToEnd::Cancel, caller: None }, effects);
}

pub fn kill(asked: Asked<'_>, invocation: InvocationId, effects: &mut Vec<Effect>) {
    asked.send(Message::End { invocation, how: HowToEnd::Kill, caller: None }, effects);
}
