//! Calls and sends become submissions to the owner of their target.

use super::Asked;
use crate::command::{HowToEnd, Message, Submission};
use crate::effect::Effect;
use crate::entry::{Failure, Outcome, Request};
use crate::invocation::{InputRow, Origin};
use crate::limits::CALL_DEPTH_MAX;
use crate::rows::Rows;
use crate::target::Target;

/// What a call may not do is not submitted: the caller hears why within the step, and can go on.
pub fn call(asked: Asked<'_>, rows: &mut Rows, request: Request, effects: &mut Vec<Effect>) {
    let depth = rows.invocation(asked.id).map_or(0, |row| row.depth) + 1;
    if depth > CALL_DEPTH_MAX {
        asked.settle(rows, Outcome::Failure(too_deep(&request.target)), effects);
        return;
    }
    if let Some(row) = rows.invocation_mut(asked.id) {
        row.open_calls.insert(asked.op, request.child);
    }
    let (callee, caller) = (request.child, asked.id);
    let submission = Submission { depth, ..submission(request, Origin::Call { caller, op: asked.op }) };
    asked.send(Message::Submit(submission), effects);
    if asked.is_given_up {
        let end = Message::End { invocation: callee, how: HowToEnd::Cancel, caller: Some(caller) };
        asked.send(end, effects);
    }
}

fn too_deep(target: &Target) -> Failure {
    let message = format!(
        "the call of {target} is one too deep: {CALL_DEPTH_MAX} calls, one above the other, wait already \
         (CALL_DEPTH_MAX); end the recursion sooner, or send instead of calling: nobody waits for a message"
    );
    Failure::new(508, message).within_limits()
}

/// A message begins a chain of its own: nobody waits for it, and a handler may go on that way for ever.
pub fn send(asked: Asked<'_>, request: Request, delay_ms: Option<u64>, effects: &mut Vec<Effect>) {
    let origin = Origin::Send { caller: asked.id, op: asked.op };
    let begin_at = delay_ms.map(|delay| asked.place.now.plus_millis(delay));
    let submission = Submission { begin_at, ..submission(request, origin) };
    asked.send(Message::Submit(submission), effects);
}

fn submission(request: Request, origin: Origin) -> Submission {
    Submission {
        invocation: request.child,
        target: request.target,
        origin,
        input: InputRow { headers: request.headers, body: request.input },
        idempotency_key: request.idempotency_key,
        begin_at: None,
        ticket: None,
        depth: 0,
    }
}
