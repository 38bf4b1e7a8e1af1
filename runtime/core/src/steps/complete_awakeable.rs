//! Somebody outside completes an awakeable.

use crate::command::{Expected, Settle, Ticket};
use crate::effect::{Effect, Notice};
use crate::entry::Outcome;
use crate::ids::AwakeableId;
use crate::rows::Rows;
use crate::step::Place;
use crate::steps::settle;

/// One that is completed already, or whose invocation is over, is left as it is; whoever asked hears
/// no difference, as in Restate.
pub fn apply(
    place: Place,
    rows: &mut Rows,
    awakeable: AwakeableId,
    outcome: Outcome,
    ticket: Option<Ticket>,
    effects: &mut Vec<Effect>,
) {
    effects.extend(ticket.map(|ticket| Effect::Notice { ticket, notice: Notice::Done }));
    let AwakeableId { invocation, op, birth } = awakeable;
    // One that had this id before may have handed it out.
    if rows.invocation(invocation).is_none_or(|row| row.birth != birth) {
        return;
    }
    settle::apply(place, rows, Settle { invocation, op, expected: Expected::Awakeable, outcome }, effects);
}
