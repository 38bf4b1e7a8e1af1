//! Calls and sends become submissions to the owner of their target.

use super::Asked;
use crate::command::{HowToEnd, Message, Receipt, Submission};
use crate::effect::Effect;
use crate::entry::Request;
use crate::invocation::{InputRow, Origin};
use crate::rows::Rows;
use crate::time::Timestamp;

pub fn call(asked: Asked<'_>, rows: &mut Rows, request: Request, effects: &mut Vec<Effect>) {
    if let Some(row) = rows.invocation_mut(asked.id) {
        row.open_calls.insert(asked.op, request.child);
    }
    let (callee, caller) = (request.child, asked.id);
    submit(asked, request, Origin::Call { caller, op: asked.op }, None, effects);
    if asked.is_given_up {
        let end = Message::End { invocation: callee, how: HowToEnd::Cancel, caller: Some(caller) };
        asked.send(end, effects);
    }
}

pub fn send(asked: Asked<'_>, request: Request, delay_ms: Option<u64>, effects: &mut Vec<Effect>) {
    let origin = Origin::Send { caller: asked.id, op: asked.op };
    let begin_at = delay_ms.map(|delay| asked.place.now.plus_millis(delay));
    submit(asked, request, origin, begin_at, effects);
}

fn submit(
    asked: Asked<'_>,
    request: Request,
    origin: Origin,
    begin_at: Option<Timestamp>,
    effects: &mut Vec<Effect>,
) {
    let submission = Submission {
        invocation: request.child,
        target: request.target,
        origin,
        input: InputRow { headers: request.headers, body: request.input },
        idempotency_key: request.idempotency_key,
        begin_at,
        receipt: Receipt::Nobody,
    };
    asked.send(Message::Submit(submission), effects);
}
