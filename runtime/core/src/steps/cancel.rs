//! A cancellation: what the invocation waits for fails, so that it can undo what it did and end.
//!
//! It stands among the outcomes of the journal, under [`CANCEL_OP`], so every replay meets it at the
//! same place. It happens once; what is asked afterwards works as ever. One that can never go on just ends.

use crate::command::{EndRequest, HowToEnd};
use crate::effect::{Effect, Notice};
use crate::entry::{Answer, Failure, Outcome};
use crate::ids::CANCEL_OP;
use crate::invocation::{Cancelled, InvocationRow, Phase};
use crate::rows::{RowKey, Rows};
use crate::step::Place;
use crate::steps::{complete, full, settle, signal, spread};

impl EndRequest {
    /// Tells whoever holds the ticket whether there is such an invocation to end, and returns that.
    pub(super) fn announce(&self, rows: &Rows, effects: &mut Vec<Effect>) -> bool {
        let notice = self.notice(rows);
        effects.extend(self.ticket.map(|ticket| Effect::Notice { ticket, notice }));
        notice == Notice::Done
    }

    fn notice(&self, rows: &Rows) -> Notice {
        match rows.invocation(self.invocation) {
            Some(row) if self.is_meant(row) => Notice::Done,
            Some(_) => Notice::Unfit,
            None if rows.contains(&RowKey::Completed(self.invocation)) => Notice::Completed,
            None => Notice::Absent,
        }
    }

    fn is_meant(&self, row: &InvocationRow) -> bool {
        self.caller.is_none() || self.caller == row.origin.caller()
    }
}

pub fn apply(place: Place, rows: &mut Rows, request: EndRequest, effects: &mut Vec<Effect>) {
    if !request.announce(rows, effects) {
        return;
    }
    let id = request.invocation;
    let Some(row) = rows.invocation_mut(id) else { return };
    match row.phase {
        Phase::Scheduled { .. } | Phase::Queued { .. } => {
            complete::complete(place, rows, id, Answer::Failure(Failure::cancelled()), effects);
        }
        Phase::Suspended { .. } | Phase::BackingOff { .. } | Phase::Paused { .. } if can_do_no_more(row) => {
            end(place, rows, &request, effects);
        }
        Phase::Running { .. } | Phase::Suspended { .. } | Phase::BackingOff { .. } | Phase::Paused { .. } => {
            if row.cancelled.is_some() {
                return;
            }
            row.cancelled = Some(Cancelled { at: place.now, order: row.outcomes_len });
            // What undoes it is tried as often as the rest was.
            row.note_progress();
            spread::to_open_calls(place, &request, row, HowToEnd::Cancel, effects);
            settle::record(place, rows, id, CANCEL_OP, Outcome::Failure(Failure::cancelled()), effects);
            signal::stop_receiving(rows, id);
        }
        Phase::Completed { .. } => unreachable!("a completed invocation is not stored as live"),
    }
}

fn can_do_no_more(row: &InvocationRow) -> bool {
    row.is_overfull() || (row.cancelled.is_some() && full::has_paused(row))
}

/// Ends one that can do no more: there is nobody who could undo what it did.
pub fn end(place: Place, rows: &mut Rows, request: &EndRequest, effects: &mut Vec<Effect>) {
    let id = request.invocation;
    let Some(row) = rows.invocation(id) else { return };
    spread::to_open_calls(place, request, row, HowToEnd::Cancel, effects);
    complete::complete(place, rows, id, Answer::Failure(Failure::cancelled()), effects);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use crate::ids::{InvocationId, PartitionId};
    use crate::invocation::{Origin, PauseReason};
    use crate::rows::Row;
    use crate::step::step;
    use crate::target::Target;
    use crate::time::Timestamp;

    /// Says whether one that is cancelled and waits at this limit ends when it is cancelled once more.
    fn ends(limit: String) -> bool {
        let id = InvocationId { unique: 1, partition_key: 0 };
        let target = Target { service: "svc".into(), key: None, handler: "h".into() };
        let mut row = InvocationRow::new(target, Origin::Ingress, Timestamp(0));
        row.cancelled = Some(Cancelled { at: Timestamp(0), order: 0 });
        row.outcomes_len = 1;
        row.phase = Phase::Paused { reason: PauseReason::LimitReached(limit) };
        let command = Command::Cancel(EndRequest::by_person(id, 1));
        let stored =
            |key: &RowKey| (*key == RowKey::Invocation(id)).then(|| Row::Invocation(Box::new(row.clone())));
        let mut rows = Rows::load(command.reads(), stored);
        let place = Place { now: Timestamp(1), partition: PartitionId(0), partitions: 1 };
        let effects = step(place, &mut rows, command);
        effects.iter().any(|effect| matches!(effect, Effect::Reply { .. }))
    }

    /// Today they end when they come to the limit: no script makes one.
    #[test]
    fn one_that_an_older_version_left_with_a_full_journal_ends_when_it_is_cancelled_again() {
        assert!(ends(full::too_many_bytes()));
        assert!(ends(full::too_many_entries()));
        assert!(!ends("the state has too many values".to_owned()), "there somebody may make room");
    }
}
