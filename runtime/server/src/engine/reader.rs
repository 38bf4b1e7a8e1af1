//! Reading what is durable record by record, for whoever looks at much of it: SQL, and large states.
//!
//! Each page is as of one moment, a whole walk is not: what changes meanwhile may be seen or not.

use super::address;
use super::listing::{CreationWalk, Found, Position, Route};
use super::txn::TxnError;
use abide_core::ids::{InvocationId, PartitionId};
use abide_core::invocation::InvocationRow;
use abide_core::rows::RowKey;
use abide_core::target::ObjectKey;
use abide_store::codec::Record;
use abide_store::keys::{self, Span};
use abide_store::{Store, View, codec};
use bytes::Bytes;
use std::sync::Arc;

/// Pairs read at once.
const PAGE_PAIRS: usize = 256;
/// Bytes of values after which a page ends.
const PAGE_BYTES: usize = 1 << 20;

/// Reads durable records. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    store: Arc<dyn Store>,
    partitions: u16,
}

/// Whether an invocation has ended; each kind is in a place of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    Live,
    Completed,
}

impl Reader {
    pub(super) fn new(store: Arc<dyn Store>, partitions: u16) -> Self {
        Self { store, partitions }
    }

    /// Returns all partitions.
    pub fn partitions(&self) -> impl Iterator<Item = PartitionId> + use<> {
        (0..self.partitions).map(PartitionId)
    }

    /// Returns the partition of an invocation and all of its journal.
    #[must_use]
    pub fn owner(&self, id: InvocationId) -> PartitionId {
        id.partition(self.partitions)
    }

    /// Returns the partition of an object, its state, its queue and its promises.
    #[must_use]
    pub fn owner_of_object(&self, object: &ObjectKey) -> PartitionId {
        PartitionId::of(address::partition_key(object), self.partitions)
    }

    /// Reads one record.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn get<T: Record>(&self, partition: PartitionId, row_key: &RowKey) -> Result<Option<T>, TxnError> {
        record(&*self.store, View::Durable, partition, row_key)
    }

    /// Reads the record of an invocation.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn invocation(&self, id: InvocationId) -> Result<Option<(Kept, InvocationRow)>, TxnError> {
        live_or_completed(id, |row_key| self.get(self.owner(id), row_key))
    }

    /// Walks over a span, a page at a time.
    #[must_use]
    pub fn walk(&self, span: Span) -> Walk {
        Walk { store: self.store.clone(), rest: Some(span), page: Vec::new().into_iter() }
    }

    /// Begins a walk over invocations in the order of their creation.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn by_creation(&self, route: Route) -> Result<CreationWalk, TxnError> {
        CreationWalk::begin(&*self.store, route)
    }

    /// Returns the next position of such a walk.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn next_by_creation(&self, walk: &mut CreationWalk) -> Result<Option<(Position, Found)>, TxnError> {
        walk.next(&*self.store)
    }
}

/// Reads one record as it is for this view.
pub(super) fn record<T: Record>(
    store: &dyn Store,
    view: View,
    partition: PartitionId,
    row_key: &RowKey,
) -> Result<Option<T>, TxnError> {
    let key = keys::encode(partition, row_key);
    let Some(value) = store.get(view, &key)? else { return Ok(None) };
    Ok(Some(codec::decode(&key, &value)?))
}

/// Reads the record of an invocation from the places where it may be. In this order: one that ends in between is found
/// where it goes.
pub(super) fn live_or_completed(
    id: InvocationId,
    get: impl Fn(&RowKey) -> Result<Option<InvocationRow>, TxnError>,
) -> Result<Option<(Kept, InvocationRow)>, TxnError> {
    if let Some(row) = get(&RowKey::Invocation(id))? {
        return Ok(Some((Kept::Live, row)));
    }
    Ok(get(&RowKey::Completed(id))?.map(|row| (Kept::Completed, row)))
}

/// See [`Reader::walk`]. After an error it ends.
pub struct Walk {
    store: Arc<dyn Store>,
    /// What was not read yet.
    rest: Option<Span>,
    page: std::vec::IntoIter<(Vec<u8>, Bytes)>,
}

impl Walk {
    /// Reads the next page; an empty one is the end.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn next_page(&mut self) -> Result<Vec<(Vec<u8>, Bytes)>, abide_store::Error> {
        let Some((start, end)) = self.rest.take() else { return Ok(Vec::new()) };
        let page = self.store.scan_within(View::Durable, &start, &end, PAGE_PAIRS, PAGE_BYTES)?;
        let bytes = page.iter().map(|(_, value)| value.len()).sum::<usize>();
        if let Some((last, _)) = page.last().filter(|_| page.len() == PAGE_PAIRS || bytes >= PAGE_BYTES) {
            self.rest = Some((keys::after(last), end));
        }
        Ok(page)
    }

    /// Returns where the next page begins and all of it ends; None when there is no next page.
    #[must_use]
    pub fn rest(&self) -> Option<&Span> {
        self.rest.as_ref()
    }
}

impl Iterator for Walk {
    type Item = Result<(Vec<u8>, Bytes), abide_store::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.len() == 0 {
            match self.next_page() {
                Ok(page) => self.page = page.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
        self.page.next().map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_store::{Batch, MemoryStore, Op};

    #[test]
    fn every_pair_comes_once_whatever_ends_the_pages() {
        for (count, bytes) in [(0, 1), (1, 1), (255, 1), (256, 1), (257, 1), (600, 10_000), (5, PAGE_BYTES)] {
            let store = MemoryStore::new();
            let fence = store.acquire(0).unwrap();
            let value = Bytes::from(vec![7; bytes]);
            let put = |n: u32| Op::Put { key: n.to_be_bytes().to_vec(), value: value.clone() };
            store.commit(Batch { fence, ops: (0..count + 1).map(put).collect() }).unwrap();
            let reader = Reader::new(Arc::new(store), 1);
            // The last key is the end, which does not belong to the span.
            let walk = reader.walk((0u32.to_be_bytes().to_vec(), count.to_be_bytes().to_vec()));
            let keys: Vec<_> = walk.map(|pair| pair.unwrap().0).collect();
            let expected: Vec<_> = (0..count).map(|n| n.to_be_bytes().to_vec()).collect();
            assert_eq!(keys, expected, "{count} of {bytes} bytes");
        }
    }
}
