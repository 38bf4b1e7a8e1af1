//! What those who watch ask a journal: whether it is there, and what a span has to say of it.

use super::txn::TxnError;
use super::{EngineError, EngineHandle, JournalReader};
use crate::logs::LogError;
use crate::traces::{Operation, Recall, TraceContext};
use abide_core::entry::EntryRow;
use abide_core::ids::{InvocationId, OpId};
use abide_core::invocation::InputRow;
use abide_core::rows::RowKey;
use abide_core::time::Timestamp;
use abide_store::View;

impl JournalReader {
    /// Says whether the journal of an invocation is kept.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn is_kept(&self, invocation: InvocationId) -> Result<bool, LogError> {
        let input = self.row::<InputRow>(View::Latest, &RowKey::Input(invocation), invocation);
        match input {
            Ok(input) => Ok(input.is_some()),
            Err(TxnError::Store(error)) => Err(error.into()),
            Err(TxnError::Codec(error)) => Err(error.into()),
        }
    }
}

impl EngineHandle {
    /// Returns the trace an invocation belongs to, if it does and its journal is kept.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn trace_id(&self, id: InvocationId) -> Result<Option<String>, EngineError> {
        let input = self.inner.journals.row::<InputRow>(View::Durable, &RowKey::Input(id), id)?;
        let context = input.and_then(|input| TraceContext::of(&input.headers));
        Ok(context.map(|context| context.trace_id()))
    }
}

impl Recall for JournalReader {
    fn context(&self, invocation: InvocationId) -> Option<TraceContext> {
        let input = self.row::<InputRow>(View::Latest, &RowKey::Input(invocation), invocation);
        TraceContext::of(&input.ok()??.headers)
    }

    fn operation(&self, invocation: InvocationId, op: OpId) -> Option<(Timestamp, Operation)> {
        let entry = self.row::<EntryRow>(View::Latest, &RowKey::Entry(invocation, op), invocation);
        let row = entry.ok()??;
        Some((row.at, Operation::of(&row.entry)?))
    }
}
