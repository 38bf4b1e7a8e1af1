//! Reading what a list needs: records, answers, and whether a filter means them.

use super::filter::{self, Completion, InvocationFilter};
use crate::engine::reader::{live_or_completed, record};
use crate::engine::{EngineError, txn::TxnError};
use abide_core::entry::Answer;
use abide_core::ids::InvocationId;
use abide_core::invocation::{InvocationRow, Phase};
use abide_core::rows::RowKey;
use abide_store::{Store, View, codec};
use std::cell::Cell;

/// Says whether an invocation waits in a circle.
pub type IsInCircle<'a> = &'a dyn Fn(InvocationId) -> Result<bool, EngineError>;

/// Reads records as they are durable, and counts how many it read.
pub struct Reader<'a> {
    pub store: &'a dyn Store,
    pub partitions: u16,
    pub is_in_circle: IsInCircle<'a>,
    pub rows_read: Cell<usize>,
}

/// A search for a circle looks at several records; it counts as so many.
const CIRCLE_ROWS: usize = 8;

impl<'a> Reader<'a> {
    pub fn new(store: &'a dyn Store, partitions: u16, is_in_circle: IsInCircle<'a>) -> Self {
        Self { store, partitions, is_in_circle, rows_read: Cell::new(0) }
    }

    pub fn note_read(&self, rows: usize) {
        self.rows_read.set(self.rows_read.get() + rows);
    }

    /// Returns the record of an invocation, live or completed.
    pub fn row(&self, id: InvocationId) -> Result<Option<InvocationRow>, TxnError> {
        let found = live_or_completed(id, |row_key| self.get(id, row_key))?;
        Ok(found.map(|(_, row)| row))
    }

    pub fn answer(&self, id: InvocationId) -> Result<Option<Answer>, TxnError> {
        self.get(id, &RowKey::Answer(id))
    }

    fn get<T: codec::Record>(&self, id: InvocationId, row_key: &RowKey) -> Result<Option<T>, TxnError> {
        self.note_read(1);
        record(self.store, View::Durable, id.partition(self.partitions), row_key)
    }

    /// Returns what an invocation came to; None while it is live.
    pub fn completion(&self, id: InvocationId, row: &InvocationRow) -> Result<Option<Completion>, TxnError> {
        match row.phase {
            Phase::Completed { is_failure, .. } => {
                Completion::of_ended(is_failure, || self.answer(id)).map(Some)
            }
            Phase::Scheduled { .. }
            | Phase::Queued { .. }
            | Phase::Running { .. }
            | Phase::Suspended { .. }
            | Phase::BackingOff { .. }
            | Phase::Paused { .. } => Ok(None),
        }
    }

    /// Says whether a filter means an invocation. What costs more is looked at last.
    pub fn is_meant(
        &self,
        filter: &InvocationFilter,
        id: InvocationId,
        row: &InvocationRow,
    ) -> Result<bool, EngineError> {
        if !filter.fits_record(id, row) {
            return Ok(false);
        }
        if !filter.completions.is_empty() {
            let completion = self.completion(id, row)?;
            if completion.is_none_or(|completion| !filter.completions.contains(&completion)) {
                return Ok(false);
            }
        }
        if let Some(text) = &filter.text
            && !self.mentions(text, id, row)?
        {
            return Ok(false);
        }
        self.is_as_stuck(filter, id, row)
    }

    fn mentions(&self, text: &str, id: InvocationId, row: &InvocationRow) -> Result<bool, TxnError> {
        if filter::is_in_record(text, row) {
            return Ok(true);
        }
        match row.phase {
            Phase::Completed { is_failure: true, .. } => {
                Ok(self.answer(id)?.is_some_and(|answer| filter::is_in_answer(text, &answer)))
            }
            _ => Ok(false),
        }
    }

    fn is_as_stuck(
        &self,
        filter: &InvocationFilter,
        id: InvocationId,
        row: &InvocationRow,
    ) -> Result<bool, EngineError> {
        let Some(wanted) = filter.is_stuck else { return Ok(true) };
        match row.phase {
            Phase::Queued { .. } | Phase::Running { .. } | Phase::Suspended { .. } => {
                self.note_read(CIRCLE_ROWS);
                Ok((self.is_in_circle)(id)? == wanted)
            }
            // The filter has looked at the phase.
            Phase::Scheduled { .. }
            | Phase::BackingOff { .. }
            | Phase::Paused { .. }
            | Phase::Completed { .. } => Ok(true),
        }
    }
}
