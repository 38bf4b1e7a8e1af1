//! The end of an invocation reaches the calls it waits for.

use crate::command::{Command, HowToEnd, Message, SPREAD_AT_ONCE};
use crate::effect::Effect;
use crate::entry::Entry;
use crate::ids::{InvocationId, OpId};
use crate::invocation::InvocationRow;
use crate::rows::{RowKey, Rows};
use crate::step::Place;

/// Ends what the invocation has called and not heard of yet.
pub fn to_open_calls(
    place: Place,
    id: InvocationId,
    row: &InvocationRow,
    how: HowToEnd,
    effects: &mut Vec<Effect>,
) {
    if row.open_calls.has_overflowed {
        let spread = Command::Spread { invocation: id, from: 0, until: row.entries_len, how };
        effects.push(Effect::Then(spread));
    } else {
        effects.extend(row.open_calls.callees.values().map(|callee| end(place, id, *callee, how)));
    }
}

pub struct Spread {
    pub invocation: InvocationId,
    pub from: OpId,
    pub until: OpId,
    pub how: HowToEnd,
}

/// Looks for open calls in a part of the journal, then in the next.
pub fn apply(place: Place, rows: &Rows, spread: Spread, effects: &mut Vec<Effect>) {
    let Spread { invocation: id, from, until, how } = spread;
    let next = until.min(from.saturating_add(SPREAD_AT_ONCE));
    for op in from..next {
        if let Some(Entry::Call(request)) = rows.entry(id, op).map(|row| &row.entry)
            && !rows.contains(&RowKey::Outcome(id, op))
        {
            effects.push(end(place, id, request.child, how));
        }
    }
    if next < until {
        effects.push(Effect::Then(Command::Spread { invocation: id, from: next, until, how }));
    }
}

fn end(place: Place, caller: InvocationId, callee: InvocationId, how: HowToEnd) -> Effect {
    let message = Message::End { invocation: callee, how, caller: Some(caller) };
    Effect::Then(place.route(message))
}
