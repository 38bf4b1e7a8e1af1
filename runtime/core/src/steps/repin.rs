//! A person binds an invocation to other code: its journal stays, and its next attempt replays it there.

use crate::command::Repin;
use crate::effect::{Effect, Notice, Refusal};
use crate::ids::{DeploymentId, InvocationId};
use crate::invocation::Phase;
use crate::rows::{RowKey, Rows};
use crate::step::Place;
use crate::steps::{begin, pin};

pub fn apply(place: Place, rows: &mut Rows, repin: Repin, effects: &mut Vec<Effect>) {
    let Repin { invocation: id, deployment, entries_len, ticket } = repin;
    let notice = bind(rows, id, &deployment, entries_len);
    effects.push(Effect::Notice { ticket, notice });
    if notice == Notice::Done {
        start_anew(place, rows, id, effects);
    }
}

/// Binds an invocation that has begun, or says why not. `Known`: it is bound to this one already.
pub fn bind(
    rows: &mut Rows,
    id: InvocationId,
    deployment: &DeploymentId,
    entries_len: Option<u32>,
) -> Notice {
    let Some(row) = rows.invocation(id) else {
        let is_over = rows.contains(&RowKey::Completed(id));
        return if is_over { Notice::Completed } else { Notice::Absent };
    };
    match row.phase {
        Phase::Running { .. } | Phase::Suspended { .. } | Phase::BackingOff { .. } | Phase::Paused { .. } => {
        }
        // It will begin on the newest code.
        Phase::Scheduled { .. } | Phase::Queued { .. } | Phase::Completed { .. } => return Notice::Unfit,
    }
    if row.deployment.as_ref() == Some(deployment) {
        return Notice::Known;
    }
    if entries_len.is_some_and(|entries_len| entries_len != row.entries_len) {
        return Notice::Refused(Refusal::WentOn);
    }
    match pin::to(rows, id, row, deployment) {
        Ok(pin) => {
            pin.bind(rows.invocation_mut(id).expect("the invocation is there: read above"));
            Notice::Done
        }
        Err(refusal) => Notice::Refused(refusal),
    }
}

/// A guest of the code before goes no further, and what it waited for need not be what the new code waits for: that says
/// so itself. One that backs off or is paused begins when that ends.
pub fn start_anew(place: Place, rows: &mut Rows, id: InvocationId, effects: &mut Vec<Effect>) {
    let Some(row) = rows.invocation_mut(id) else { return };
    row.modified_at = place.now;
    match row.phase {
        Phase::Running { attempt } => {
            effects.push(Effect::StopAttempt { invocation: id, attempt });
            begin::start(place, rows, id, None, effects);
        }
        Phase::Suspended { .. } => begin::start(place, rows, id, None, effects),
        Phase::BackingOff { .. }
        | Phase::Paused { .. }
        | Phase::Scheduled { .. }
        | Phase::Queued { .. }
        | Phase::Completed { .. } => {}
    }
}
