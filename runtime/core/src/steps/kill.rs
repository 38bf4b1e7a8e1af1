//! A kill: the invocation ends here, wherever it is, and so do the calls it waits for.

use crate::command::{EndRequest, HowToEnd};
use crate::effect::Effect;
use crate::entry::{Answer, Failure};
use crate::rows::Rows;
use crate::step::Place;
use crate::steps::{complete, spread};

pub fn apply(place: Place, rows: &mut Rows, request: EndRequest, effects: &mut Vec<Effect>) {
    if !request.announce(rows, effects) {
        return;
    }
    let id = request.invocation;
    let Some(row) = rows.invocation(id) else { return };
    if let Some(attempt) = row.running_attempt() {
        effects.push(Effect::StopAttempt { invocation: id, attempt });
    }
    spread::to_open_calls(place, &request, row, HowToEnd::Kill, effects);
    complete::complete(place, rows, id, Answer::Failure(Failure::killed()), effects);
}
