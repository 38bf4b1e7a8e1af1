//! A journal is full: its invocation waits for a person, or ends if it was cancelled.
//!
//! One that was cancelled undid what it could. Nobody would look at it once more, and whoever waits for it would for good.

use crate::command::EndRequest;
use crate::effect::Effect;
use crate::ids::InvocationId;
use crate::invocation::{AttemptFailure, PauseReason, Phase};
use crate::limits::JOURNAL_BYTES_MAX;
use crate::rows::Rows;
use crate::step::Place;
use crate::steps::cancel;

/// Lets it go no further. The text names the limit.
pub fn stop(place: Place, rows: &mut Rows, id: InvocationId, text: String, effects: &mut Vec<Effect>) {
    let Some(row) = rows.invocation_mut(id) else { return };
    row.modified_at = place.now;
    if row.cancelled.is_none() {
        row.phase = Phase::Paused { reason: PauseReason::LimitReached(text) };
        return;
    }
    // Its answer does not tell that something may be left to undo.
    row.remember(AttemptFailure { attempt: row.tries(), at: place.now, message: text, op: None });
    let request = EndRequest { invocation: id, caller: None, ticket: None };
    cancel::end(place, rows, &request, effects);
}

/// Returns why a journal with too many bytes goes no further.
pub fn too_many_bytes() -> String {
    format!("the journal would pass {JOURNAL_BYTES_MAX} bytes (JOURNAL_BYTES_MAX)")
}
