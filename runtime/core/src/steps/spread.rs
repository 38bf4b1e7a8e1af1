//! The end of an invocation reaches the calls it waits for.

use crate::command::{Command, EndRequest, HowToEnd, Message, SPREAD_AT_ONCE, Spread};
use crate::effect::Effect;
use crate::entry::Entry;
use crate::ids::InvocationId;
use crate::invocation::InvocationRow;
use crate::rows::{RowKey, Rows};
use crate::step::Place;

/// Calls that end together with the one that made them.
const ENDED_AT_ONCE: usize = 2;

/// Ends what the invocation has called and not heard of yet. Only a few calls of the one that was meant end in the same
/// transaction: a tree of calls may be as wide and as deep as it likes, and each that ends looks through its own journal.
pub fn to_open_calls(
    place: Place,
    request: &EndRequest,
    row: &InvocationRow,
    how: HowToEnd,
    effects: &mut Vec<Effect>,
) {
    let id = request.invocation;
    if row.open_calls.has_overflowed {
        let spread = Spread { invocation: id, from: 0, until: row.entries_len, how };
        effects.push(Effect::Then(Command::Spread(spread)));
        return;
    }
    let at_once = request.caller.is_none() && row.open_calls.callees.len() <= ENDED_AT_ONCE;
    let end = |callee: &InvocationId| match at_once {
        true => place.route(end(id, *callee, how)),
        false => post(place, id, *callee, how),
    };
    effects.extend(row.open_calls.callees.values().map(|callee| Effect::Then(end(callee))));
}

/// Looks for open calls in a part of the journal, then in the next.
pub fn apply(place: Place, rows: &Rows, spread: Spread, effects: &mut Vec<Effect>) {
    let Spread { invocation: id, from, until, how } = spread;
    let next = until.min(from.saturating_add(SPREAD_AT_ONCE));
    for op in from..next {
        if let Some(Entry::Call(request)) = rows.entry(id, op).map(|row| &row.entry)
            && !rows.contains(&RowKey::Outcome(id, op))
        {
            effects.push(Effect::Then(post(place, id, request.child, how)));
        }
    }
    if next < until {
        let rest = Spread { invocation: id, from: next, until, how };
        effects.push(Effect::Then(Command::Spread(rest)));
    }
}

/// Ends one call in a transaction of its own, by a message even when this partition owns it.
fn post(place: Place, caller: InvocationId, callee: InvocationId, how: HowToEnd) -> Command {
    Command::Post { to: callee.partition(place.partitions), message: end(caller, callee, how) }
}

fn end(caller: InvocationId, callee: InvocationId, how: HowToEnd) -> Message {
    Message::End { invocation: callee, how, caller: Some(caller) }
}
