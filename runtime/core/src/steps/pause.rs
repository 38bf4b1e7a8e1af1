//! A person wants an invocation to stand still. What it did stays; a resume goes on by replay.

use crate::command::{Ticket, Timer, TimerKind};
use crate::effect::{Effect, Notice};
use crate::ids::InvocationId;
use crate::invocation::{PauseReason, Phase};
use crate::rows::{RowKey, Rows};
use crate::step::Place;
use crate::steps::timers;

pub fn apply(place: Place, rows: &mut Rows, id: InvocationId, ticket: Ticket, effects: &mut Vec<Effect>) {
    let notice = match rows.invocation(id).map(|row| &row.phase) {
        Some(Phase::Running { .. } | Phase::Suspended { .. } | Phase::BackingOff { .. }) => Notice::Done,
        Some(Phase::Paused { .. }) => Notice::Known,
        // It has nothing to stand still with; and one in a queue would be passed over.
        Some(Phase::Scheduled { .. } | Phase::Queued { .. } | Phase::Completed { .. }) => Notice::Unfit,
        None if rows.contains(&RowKey::Completed(id)) => Notice::Completed,
        None => Notice::Absent,
    };
    effects.push(Effect::Notice { ticket, notice });
    if notice == Notice::Done {
        stand_still(place, rows, id, effects);
    }
}

fn stand_still(place: Place, rows: &mut Rows, id: InvocationId, effects: &mut Vec<Effect>) {
    let Some(row) = rows.invocation_mut(id) else { return };
    row.modified_at = place.now;
    let phase = std::mem::replace(&mut row.phase, Phase::Paused { reason: PauseReason::ByPerson });
    match phase {
        // Its guest is not listened to any more; what it says that is not recorded, it says again.
        Phase::Running { attempt } => effects.push(Effect::StopAttempt { invocation: id, attempt }),
        Phase::BackingOff { attempt, until: at, .. } => {
            timers::disarm(rows, Timer { at, invocation: id, kind: TimerKind::Retry { attempt } });
        }
        Phase::Suspended { .. }
        | Phase::Scheduled { .. }
        | Phase::Queued { .. }
        | Phase::Paused { .. }
        | Phase::Completed { .. } => {}
    }
}
