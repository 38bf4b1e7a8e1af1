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
        let ends = row.open_calls.callees.values().map(|callee| end(id, *callee, how));
        effects.extend(ends.map(|message| Effect::Then(place.route(message))));
    }
}

pub struct Spread {
    pub invocation: InvocationId,
    pub from: OpId,
    pub until: OpId,
    pub how: HowToEnd,
}

/// Looks for open calls in a part of the journal, then in the next. There may be a great many, so each
/// is ended in a transaction of its own, by a message, even when this partition owns it.
pub fn apply(place: Place, rows: &Rows, spread: Spread, effects: &mut Vec<Effect>) {
    let Spread { invocation: id, from, until, how } = spread;
    let next = until.min(from.saturating_add(SPREAD_AT_ONCE));
    for op in from..next {
        if let Some(Entry::Call(request)) = rows.entry(id, op).map(|row| &row.entry)
            && !rows.contains(&RowKey::Outcome(id, op))
        {
            let to = request.child.partition(place.partitions);
            let message = end(id, request.child, how);
            effects.push(Effect::Then(Command::Post { to, message }));
        }
    }
    if next < until {
        effects.push(Effect::Then(Command::Spread { invocation: id, from: next, until, how }));
    }
}

fn end(caller: InvocationId, callee: InvocationId, how: HowToEnd) -> Message {
    Message::End { invocation: callee, how, caller: Some(caller) }
}
