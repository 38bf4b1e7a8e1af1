//! A person lets a paused invocation, or one that backs off, go on now.

use crate::command::Command;
use crate::effect::Effect;
use crate::ids::InvocationId;
use crate::invocation::Phase;
use crate::rows::Rows;
use crate::step::Place;

pub fn apply(place: Place, rows: &mut Rows, id: InvocationId, effects: &mut Vec<Effect>) {
    // Whoever asked hears when it is durable, or that there was nothing to do.
    effects.push(Effect::Accepted { invocation: id });
    let Some(row) = rows.invocation_mut(id) else { return };
    match row.phase {
        Phase::Paused { .. } | Phase::BackingOff { .. } => {}
        Phase::Scheduled { .. }
        | Phase::Running { .. }
        | Phase::Suspended { .. }
        | Phase::Completed { .. } => return,
    }
    row.note_progress();
    for tries in row.run_tries.values_mut() {
        tries.retry_at = place.now;
    }
    let service = row.target.service.clone();
    effects.push(Effect::Then(Command::Begin { invocation: id, service, input: None }));
}
