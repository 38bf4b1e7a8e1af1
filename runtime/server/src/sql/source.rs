//! What the tables read from.

use super::watch::Watch;
use crate::deploy::Deployments;
use crate::engine::{EngineHandle, Kept, Reader, TxnError, Walk};
use abide_core::ids::{AwakeableId, InvocationId, OpId, PartitionId};
use abide_core::invocation::InvocationRow;
use abide_core::rows::RowKey;
use abide_core::time::Timestamp;
use abide_store::codec::Record;
use abide_store::codec::{self, CodecError};
use abide_store::keys::Span;
use bytes::Bytes;
use std::sync::Arc;

/// Why a table gives no more rows.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("the query has to stop")]
    Over,
    #[error("{0}")]
    Read(String),
}

impl From<abide_store::Error> for Fault {
    fn from(error: abide_store::Error) -> Self {
        Self::Read(error.to_string())
    }
}

impl From<TxnError> for Fault {
    fn from(error: TxnError) -> Self {
        Self::Read(error.to_string())
    }
}

impl From<CodecError> for Fault {
    fn from(error: CodecError) -> Self {
        Self::Read(error.to_string())
    }
}

/// A key and its value.
pub type Pair = (Vec<u8>, Bytes);
pub type Pairs = Box<dyn Iterator<Item = Result<Pair, Fault>>>;

/// What the tables of one query read from. Cheap to clone.
#[derive(Clone)]
pub struct Source {
    pub reader: Reader,
    pub deployments: Deployments,
    /// The time when the query began: it is the same all over the query.
    pub now: Timestamp,
    pub watch: Arc<Watch>,
}

impl Source {
    pub fn new(engine: &EngineHandle, deployments: Deployments, watch: Arc<Watch>) -> Self {
        Self { reader: engine.reader(), deployments, now: engine.now(), watch }
    }

    /// Stops a walk when the query is over.
    pub fn check(&self) -> Result<(), Fault> {
        if self.watch.is_over() { Err(Fault::Over) } else { Ok(()) }
    }

    pub fn get<T: Record>(&self, partition: PartitionId, row_key: &RowKey) -> Result<Option<T>, Fault> {
        let found = self.reader.get(partition, row_key)?;
        self.watch.note_rows(usize::from(found.is_some()));
        Ok(found)
    }

    pub fn invocation(&self, id: InvocationId) -> Result<Option<(Kept, InvocationRow)>, Fault> {
        self.check()?;
        let found = self.reader.invocation(id)?;
        self.watch.note_rows(usize::from(found.is_some()));
        Ok(found)
    }

    /// Returns the id of an awakeable that an invocation made; None when the invocation is gone.
    pub fn awakeable(&self, invocation: InvocationId, op: OpId) -> Result<Option<AwakeableId>, Fault> {
        let row = self.invocation(invocation)?;
        Ok(row.map(|(_, row)| AwakeableId { invocation, op, birth: row.birth }))
    }

    /// Walks over a span; stops when the query is over.
    pub fn walk(&self, span: Span) -> impl Iterator<Item = Result<Pair, Fault>> + use<> {
        Checked { walk: self.reader.walk(span), source: self.clone() }
    }
}

struct Checked {
    walk: Walk,
    source: Source,
}

impl Iterator for Checked {
    type Item = Result<Pair, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(over) = self.source.check() {
            return Some(Err(over));
        }
        let pair = self.walk.next()?;
        self.source.watch.note_rows(usize::from(pair.is_ok()));
        Some(pair.map_err(Fault::from))
    }
}

/// Reads a value that a walk came by.
pub fn decode<T: Record>(key: &[u8], value: &[u8]) -> Result<T, Fault> {
    Ok(codec::decode(key, value)?)
}
