//! A journal for a person who looks at it: its order is read as a whole, what is in it one by one.
//!
//! Of hundreds of megabytes only the order and what is shown are in memory. `JOURNAL_LOOKS_MAX` are made ready at once, or
//! are large and not taken by their clients yet.

use super::answers::Roomed;
use super::handle::{EngineError, EngineHandle};
use super::journal::JournalReader;
use super::load::{JOURNAL_LOOK_WAIT, Overload, SMALL_ANSWER_BYTES};
use super::txn::TxnError;
use abide_core::entry::{Answer, EntryRow, OutcomeRow};
use abide_core::ids::{Attempt, InvocationId, OpId};
use abide_core::invocation::InputRow;
use abide_core::rows::RowKey;
use abide_store::View;
use abide_store::keys::Tag;
use bytes::Bytes;
use std::collections::BTreeSet;
use tokio::sync::OwnedSemaphorePermit;

/// A journal without what is in it.
#[derive(Clone, Debug)]
pub struct Outline {
    pub input: InputRow,
    pub order: JournalOrder,
    pub answer: Option<Answer>,
    /// For the ids of awakeables, see [`abide_core::invocation::InvocationRow::birth`].
    pub birth: Attempt,
}

/// The one order of entries and outcomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalOrder {
    pub items: Vec<JournalItem>,
    /// Operations that have an outcome.
    pub settled: BTreeSet<OpId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalItem {
    Entry(OpId),
    Outcome(OpId),
}

impl JournalOrder {
    /// Takes operations with how many outcomes stood before them, and the places of outcomes with their operations.
    fn of(entries: Vec<(OpId, u32)>, mut outcomes: Vec<(u32, OpId)>) -> Self {
        outcomes.sort_unstable();
        let settled = outcomes.iter().map(|(_, op)| *op).collect();
        let mut items = Vec::with_capacity(entries.len() + outcomes.len());
        let mut outcomes = outcomes.into_iter().peekable();
        for (op, outcomes_before) in entries {
            while let Some((_, came_to)) = outcomes.next_if(|(order, _)| *order < outcomes_before) {
                items.push(JournalItem::Outcome(came_to));
            }
            items.push(JournalItem::Entry(op));
        }
        items.extend(outcomes.map(|(_, op)| JournalItem::Outcome(op)));
        Self { items, settled }
    }
}

impl JournalReader {
    /// Goes through the whole journal, and keeps what orders it.
    fn outline(&self, id: InvocationId) -> Result<Option<Outline>, TxnError> {
        let Some(input) = self.row(View::Durable, &RowKey::Input(id), id)? else { return Ok(None) };
        let entry = |op, row: EntryRow| (op, row.outcomes_before);
        let entries = self.items(View::Durable, Tag::Entry, id, 0, entry)?;
        let outcome = |op, row: OutcomeRow| (row.order, op);
        let outcomes = self.items(View::Durable, Tag::Outcome, id, 0, outcome)?;
        Ok(Some(Outline {
            input,
            order: JournalOrder::of(entries, outcomes),
            answer: self.answer(id)?,
            birth: self.invocation(id)?.map_or(0, |row| row.birth),
        }))
    }
}

/// A place among those who look at a journal.
pub struct Look(OwnedSemaphorePermit);

impl Look {
    /// Has an answer keep the place until its client has it, unless it is small.
    #[must_use]
    pub fn within(self, answer: Vec<u8>) -> Bytes {
        let answer = Bytes::from(answer);
        if answer.len() > SMALL_ANSWER_BYTES { Roomed::over(answer, self.0) } else { answer }
    }
}

impl EngineHandle {
    /// Waits for a place among those who look at a journal.
    ///
    /// # Errors
    /// There was none for `JOURNAL_LOOK_WAIT`.
    pub async fn look_at_journal(&self) -> Result<Look, EngineError> {
        let place = self.inner.journal_looks.clone().acquire_owned();
        match tokio::time::timeout(JOURNAL_LOOK_WAIT, place).await {
            Ok(place) => Ok(Look(place.expect("nobody closes it"))),
            Err(_) => Err(self.inner.load.refuse(Overload::JournalLooks).into()),
        }
    }

    #[cfg(test)]
    pub(crate) fn journal_looks_left(&self) -> usize {
        self.inner.journal_looks.available_permits()
    }

    /// Returns the order of a journal; None when there is no such journal.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn outline(&self, id: InvocationId) -> Result<Option<Outline>, EngineError> {
        Ok(self.inner.journals.outline(id)?)
    }

    /// Returns one outcome of a journal.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn outcome(&self, id: InvocationId, op: OpId) -> Result<Option<OutcomeRow>, EngineError> {
        Ok(self.inner.journals.row(View::Durable, &RowKey::Outcome(id, op), id)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::ids::CANCEL_OP;

    /// Entries by how many outcomes stood before them, outcomes by operation and order.
    fn show(entries: &[u32], outcomes: &[(OpId, u32)]) -> String {
        let entries = (0..).zip(entries.iter().copied()).collect();
        let outcomes = outcomes.iter().map(|&(op, order)| (order, op)).collect();
        let item = |item: &JournalItem| match *item {
            JournalItem::Entry(op) => format!("+{op}"),
            JournalItem::Outcome(CANCEL_OP) => "cancellation".to_owned(),
            JournalItem::Outcome(op) => format!("={op}"),
        };
        let order = JournalOrder::of(entries, outcomes);
        order.items.iter().map(item).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn entries_and_outcomes_stand_in_the_order_they_came() {
        assert_eq!(show(&[], &[]), "");
        // One after the other.
        assert_eq!(show(&[0, 1, 2, 3], &[(0, 0), (1, 1), (2, 2)]), "+0 =0 +1 =1 +2 =2 +3");
        // Side by side; they end in another order than they began, and are stored by operation.
        assert_eq!(show(&[0, 0, 0], &[(0, 2), (1, 0), (2, 1)]), "+0 +1 +2 =1 =2 =0");
        // A cancellation has its place among them.
        assert_eq!(show(&[0, 0, 2], &[(0, 0), (2, 2), (CANCEL_OP, 1)]), "+0 +1 =0 cancellation +2 =2");
    }
}
