//! A journal is full: its invocation waits for a person, or ends if it was cancelled.
//!
//! One that was cancelled undid what it could. Nobody would look at it once more, and whoever waits for it would for good.

use crate::command::EndRequest;
use crate::effect::Effect;
use crate::ids::InvocationId;
use crate::invocation::{AttemptFailure, InvocationRow, PauseReason, Phase};
use crate::limits::{JOURNAL_BYTES_MAX, JOURNAL_ENTRIES_MAX};
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

/// Says whether one waits because of its full journal. A cancelled one does where an older version left it.
pub fn has_paused(row: &InvocationRow) -> bool {
    let is_why = |text| [too_many_bytes(), too_many_entries()].contains(text);
    matches!(&row.phase, Phase::Paused { reason: PauseReason::LimitReached(text) } if is_why(text))
}

/// Returns why a journal with too many entries goes no further.
pub fn too_many_entries() -> String {
    format!("the journal would pass {JOURNAL_ENTRIES_MAX} entries (JOURNAL_ENTRIES_MAX)")
}

/// Returns why a journal with too many bytes goes no further.
pub fn too_many_bytes() -> String {
    format!("the journal would pass {JOURNAL_BYTES_MAX} bytes (JOURNAL_BYTES_MAX)")
}
