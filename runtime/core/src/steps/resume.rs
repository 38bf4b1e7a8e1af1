//! A person lets a paused invocation, or one that backs off, go on now.

use crate::command::{Command, Ticket};
use crate::effect::{Effect, Notice};
use crate::ids::InvocationId;
use crate::invocation::Phase;
use crate::rows::{RowKey, Rows};
use crate::step::Place;

pub fn apply(place: Place, rows: &mut Rows, id: InvocationId, ticket: Ticket, effects: &mut Vec<Effect>) {
    // Whoever asked hears when it is durable, or why there was nothing to do.
    let notice = match rows.invocation(id).map(|row| &row.phase) {
        Some(Phase::Paused { .. } | Phase::BackingOff { .. }) => Notice::Done,
        Some(_) => Notice::Unfit,
        None if rows.contains(&RowKey::Completed(id)) => Notice::Completed,
        None => Notice::Absent,
    };
    effects.push(Effect::Notice { ticket, notice });
    let Some(row) = rows.invocation_mut(id).filter(|_| notice == Notice::Done) else { return };
    row.note_progress();
    for tries in row.run_tries.values_mut() {
        tries.retry_at = place.now;
    }
    let service = row.target.service.clone();
    effects.push(Effect::Then(Command::Begin { invocation: id, service, input: None }));
}
