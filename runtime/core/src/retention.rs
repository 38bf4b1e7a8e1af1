//! How long what is left of a completed invocation is kept.

use crate::command::{Timer, TimerKind};
use crate::ids::InvocationId;
use crate::invocation::{InvocationRow, Phase};
use crate::time::Timestamp;

/// When parts of a completed invocation go.
pub struct KeptUntil {
    pub journal: Timestamp,
    pub answer: Timestamp,
}

impl KeptUntil {
    /// Returns how long a completed invocation is kept. Without an idempotency key nobody can ask for
    /// its answer by anything but its id, so the answer goes with the journal.
    #[must_use]
    pub fn of(row: &InvocationRow) -> Option<Self> {
        let Phase::Completed { at, .. } = row.phase else { return None };
        let retention = &row.retention;
        let answer_ms = if row.is_workflow_run() {
            retention.workflow_ms
        } else if row.idempotency_key.is_some() {
            retention.idempotency_ms
        } else {
            retention.journal_ms
        };
        let answer = at.plus_millis(answer_ms);
        let journal = at.plus_millis(retention.journal_ms);
        let journal = row.journal_until.map_or(journal, |wanted| wanted.min(journal));
        Some(Self { journal: journal.min(answer), answer })
    }

    /// Returns the timers that end the keeping.
    #[must_use]
    pub fn timers(&self, id: InvocationId) -> Vec<Timer> {
        let mut timers = vec![Timer { at: self.answer, invocation: id, kind: TimerKind::Purge }];
        if self.journal < self.answer {
            timers.push(Timer { at: self.journal, invocation: id, kind: TimerKind::PurgeJournal });
        }
        timers
    }
}
