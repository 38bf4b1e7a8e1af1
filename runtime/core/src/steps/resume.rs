//! A person lets a paused invocation, or one that backs off, go on now, on other code if need be.

use crate::command::{Command, Resume};
use crate::effect::{Effect, Notice, Refusal};
use crate::ids::InvocationId;
use crate::invocation::{InvocationRow, Phase};
use crate::rows::{RowKey, Rows};
use crate::step::Place;
use crate::steps::repin;

pub fn apply(place: Place, rows: &mut Rows, resume: Resume, effects: &mut Vec<Effect>) {
    let Resume { invocation: id, deployment, ticket } = resume;
    // Whoever asked hears when it is durable, or why there was nothing to do.
    let waits = match rows.invocation(id) {
        Some(row) => whether_it_waits(row),
        None if rows.contains(&RowKey::Completed(id)) => Notice::Completed,
        None => Notice::Absent,
    };
    // Other code does not give it room.
    let wanted = deployment.filter(|_| waits != OVERFULL);
    let bound = wanted.map(|deployment| repin::bind(rows, id, &deployment, None));
    let notice = match bound {
        None | Some(Notice::Known) => waits,
        Some(bound) => bound,
    };
    effects.push(Effect::Notice { ticket, notice });
    if waits == Notice::Done && notice == Notice::Done {
        go_on(place, rows, id, effects);
    } else if bound == Some(Notice::Done) {
        repin::start_anew(place, rows, id, effects);
    }
}

const OVERFULL: Notice = Notice::Refused(Refusal::Overfull);

/// Says whether a resume lets it go on, or why not.
fn whether_it_waits(row: &InvocationRow) -> Notice {
    match row.phase {
        Phase::Paused { .. } | Phase::BackingOff { .. } if row.is_overfull() => OVERFULL,
        Phase::Paused { .. } | Phase::BackingOff { .. } => Notice::Done,
        Phase::Scheduled { .. }
        | Phase::Queued { .. }
        | Phase::Running { .. }
        | Phase::Suspended { .. }
        | Phase::Completed { .. } => Notice::Unfit,
    }
}

fn go_on(place: Place, rows: &mut Rows, id: InvocationId, effects: &mut Vec<Effect>) {
    let Some(row) = rows.invocation_mut(id) else { return };
    row.note_progress();
    for tries in row.run_tries.values_mut() {
        tries.retry_at = place.now;
    }
    let service = row.target.service.clone();
    effects.push(Effect::Then(Command::Begin { invocation: id, service, input: None }));
}
