//! Walking over invocations, live ones and those that ended lately, and reading what one has recorded.
//!
//! All of it reads much of the store: not for the tasks that serve connections.

use super::handle::{EngineError, EngineHandle};
use super::journal::LoadedJournal;
use super::txn::TxnError;
use abide_core::entry::Answer;
use abide_core::ids::{InvocationId, PartitionId};
use abide_core::invocation::InvocationRow;
use abide_core::rows::RowKey;
use abide_core::time::Timestamp;
use abide_store::keys::{self, Tag};
use abide_store::{View, codec, pairs};
use std::ops::ControlFlow;

/// First stretch of time in which ended invocations are looked for; each next one is longer.
const STRETCH_MS: u64 = 60_000;
const STRETCH_GROWTH: u64 = 4;

impl EngineHandle {
    /// Visits every live invocation until there is a break. What an invocation does meanwhile may be seen
    /// or not; one that is live all the time is seen. A row that cannot be read is left out.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn visit_live(
        &self,
        mut visit: impl FnMut(InvocationId, &InvocationRow) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        for partition in 0..self.inner.inboxes.partitions() {
            let span = keys::all(partition, Tag::Invocation);
            // The latest: what was bound to a deployment a moment ago has to be seen.
            for pair in pairs(&*self.inner.store, View::Latest, span) {
                let (key, value) = pair.map_err(TxnError::from)?;
                let Some(id) = keys::decode_invocation(&key) else { continue };
                let row: InvocationRow = match codec::decode(&key, &value) {
                    Ok(row) => row,
                    Err(error) => {
                        tracing::error!(%error, "an invocation cannot be read and is left out");
                        continue;
                    }
                };
                if visit(id, &row).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Visits invocations that have ended, those begun lately first, until there is a break.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn visit_ended(
        &self,
        mut visit: impl FnMut(InvocationId, &InvocationRow) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        let (mut to, mut stretch) = (self.now().plus_millis(STRETCH_MS).0, STRETCH_MS);
        while to > 0 {
            let from = to.saturating_sub(stretch);
            for partition in (0..self.inner.inboxes.partitions()).map(PartitionId) {
                let within = (Timestamp(from), Timestamp(to));
                if self.visit_ended_within(partition, within, &mut visit)?.is_break() {
                    return Ok(());
                }
            }
            (to, stretch) = (from, stretch.saturating_mul(STRETCH_GROWTH));
        }
        Ok(())
    }

    fn visit_ended_within(
        &self,
        partition: PartitionId,
        (from, to): (Timestamp, Timestamp),
        visit: &mut impl FnMut(InvocationId, &InvocationRow) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, EngineError> {
        let store = &*self.inner.store;
        let ended = keys::ids_created_within(partition, Tag::Completed, from, to);
        for pair in pairs(store, View::Durable, ended) {
            let (key, value) = pair.map_err(TxnError::from)?;
            let Some(id) = keys::decode_invocation(&key) else { continue };
            let row: InvocationRow = codec::decode(&key, &value).map_err(TxnError::from)?;
            if visit(id, &row).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        // The ids of the others do not tell the time.
        for pair in pairs(store, View::Durable, keys::creation_index(partition, from, to)) {
            let (key, _) = pair.map_err(TxnError::from)?;
            let Some((_, id)) = keys::decode_created(&key) else { continue };
            let row: Option<InvocationRow> =
                self.inner.journals.row(View::Durable, &RowKey::Completed(id), id)?;
            if row.is_some_and(|row| visit(id, &row).is_break()) {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Returns what an attempt of the invocation would start from, and its answer if it has ended; None
    /// when its journal is gone. Entries are read before outcomes, so each outcome that the guest had
    /// heard when it asked for one of the entries is among them.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn recorded(&self, id: InvocationId) -> Result<Option<(LoadedJournal, Option<Answer>)>, EngineError> {
        let Some(journal) = self.inner.journals.recorded(id)? else { return Ok(None) };
        Ok(Some((journal, self.inner.journals.answer(id)?)))
    }
}
