//! Listing invocations, newest first, live and completed ones together.

use super::txn::TxnError;
use abide_core::ids::{DeploymentId, InvocationId, PartitionId};
use abide_core::invocation::{InvocationRow, Phase};
use abide_core::rows::RowKey;
use abide_core::time::Timestamp;
use abide_store::keys::{self, Tag};
use abide_store::{Store, View, codec, pairs};

/// What an invocation is doing, in the words users know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusFilter {
    Scheduled,
    /// Waits for the key of its object.
    Pending,
    Running,
    Suspended,
    BackingOff,
    Paused,
    Completed,
}

impl StatusFilter {
    /// Returns the word for a phase.
    #[must_use]
    pub fn of(phase: &Phase) -> Self {
        match phase {
            Phase::Scheduled { .. } => Self::Scheduled,
            Phase::Queued { .. } => Self::Pending,
            Phase::Running { .. } => Self::Running,
            Phase::Suspended { .. } => Self::Suspended,
            Phase::BackingOff { .. } => Self::BackingOff,
            Phase::Paused { .. } => Self::Paused,
            Phase::Completed { .. } => Self::Completed,
        }
    }
}

/// Which invocations to list.
#[derive(Clone, Debug, Default)]
pub struct InvocationQuery {
    pub limit: usize,
    /// Only those created before this one: the last of the page before.
    pub before: Option<InvocationId>,
    pub service: Option<String>,
    pub handler: Option<String>,
    pub status: Option<StatusFilter>,
    pub deployment: Option<DeploymentId>,
}

impl InvocationQuery {
    fn matches(&self, row: &InvocationRow) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
        is(&self.service, &row.target.service)
            && is(&self.handler, &row.target.handler)
            && self.status.is_none_or(|status| status == StatusFilter::of(&row.phase))
            && self.deployment.as_ref().is_none_or(|wanted| row.deployment.as_ref() == Some(wanted))
    }
}

/// First stretch of time looked at; each next one is longer.
const STRETCH_MS: u64 = 60_000;
const STRETCH_GROWTH: u64 = 4;
/// Rows kept beyond the limit before the oldest are dropped.
const SLACK: usize = 10_000;

/// An invocation's place in the list: the time of its creation, and its id where that is the same.
type Place = (Timestamp, InvocationId);

type Found = Vec<(Place, InvocationRow)>;

fn place(id: InvocationId, row: &InvocationRow) -> Place {
    (id.created_at().unwrap_or(row.created_at), id)
}

/// Lists what matches, newest first. Walks back in time in growing stretches until it has enough.
pub fn list(
    store: &dyn Store,
    partitions: u16,
    now: Timestamp,
    query: &InvocationQuery,
) -> Result<Vec<(InvocationId, InvocationRow)>, TxnError> {
    let reader = Reader { store, partitions, query };
    let before = query.before.map(|id| reader.place_of(id)).transpose()?.flatten();
    let mut found = Vec::new();
    let newest = before.map_or(now.plus_millis(STRETCH_MS).0, |(at, _)| at.0 + 1);
    let (mut to, mut stretch) = (newest, STRETCH_MS);
    loop {
        let from = to.saturating_sub(stretch);
        let mut part = Vec::new();
        reader.collect((Timestamp(from), Timestamp(to)), before, &mut part)?;
        keep_newest(&mut part, query.limit);
        found.extend(part);
        if found.len() >= query.limit || from == 0 {
            found.truncate(query.limit);
            return Ok(found.into_iter().map(|((_, id), row)| (id, row)).collect());
        }
        (to, stretch) = (from, stretch.saturating_mul(STRETCH_GROWTH));
    }
}

/// Sorts, newest first, and drops what would not be shown.
fn keep_newest(found: &mut Found, limit: usize) {
    found.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
    found.truncate(limit);
}

struct Reader<'a> {
    store: &'a dyn Store,
    partitions: u16,
    query: &'a InvocationQuery,
}

impl Reader<'_> {
    /// Returns the place of an invocation; None when its id does not tell and it is gone.
    fn place_of(&self, id: InvocationId) -> Result<Option<Place>, TxnError> {
        if let Some(at) = id.created_at() {
            return Ok(Some((at, id)));
        }
        Ok(self.row(id)?.map(|row| place(id, &row)))
    }

    fn row(&self, id: InvocationId) -> Result<Option<InvocationRow>, TxnError> {
        for row_key in [RowKey::Invocation(id), RowKey::Completed(id)] {
            let key = keys::encode(id.partition(self.partitions), &row_key);
            if let Some(value) = self.store.get(View::Durable, &key)? {
                return Ok(Some(codec::decode(&key, &value)?));
            }
        }
        Ok(None)
    }

    fn collect(
        &self,
        (from, to): (Timestamp, Timestamp),
        before: Option<Place>,
        found: &mut Found,
    ) -> Result<(), TxnError> {
        for partition in (0..self.partitions).map(PartitionId) {
            for tag in [Tag::Invocation, Tag::Completed] {
                for pair in pairs(self.store, View::Durable, keys::created(partition, tag, from, to)) {
                    let (key, value) = pair?;
                    let id =
                        keys::decode_invocation(&key).expect("a span of invocations holds only their keys");
                    self.take(id, codec::decode(&key, &value)?, before, found);
                }
            }
            for pair in pairs(self.store, View::Durable, keys::computed(partition, from, to)) {
                let (key, _) = pair?;
                let (_, id) = keys::decode_created(&key).expect("a span of this index holds only its keys");
                if let Some(row) = self.row(id)? {
                    self.take(id, row, before, found);
                }
            }
        }
        Ok(())
    }

    fn take(&self, id: InvocationId, row: InvocationRow, before: Option<Place>, found: &mut Found) {
        let place = place(id, &row);
        if before.is_none_or(|before| place < before) && self.query.matches(&row) {
            found.push((place, row));
        }
        if found.len() > self.query.limit.saturating_add(SLACK) {
            keep_newest(found, self.query.limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::invocation::Origin;
    use abide_core::rows::Row;
    use abide_core::target::Target;
    use abide_store::{Batch, MemoryStore, Op};

    const PARTITIONS: u16 = 3;

    fn row(service: &str) -> Row {
        row_of(service, Timestamp(0))
    }

    fn row_of(service: &str, created_at: Timestamp) -> Row {
        let target = Target { service: service.into(), key: None, handler: "run".into() };
        Row::Invocation(Box::new(InvocationRow::new(target, Origin::Ingress, created_at)))
    }

    fn created_at(id: InvocationId) -> u64 {
        id.created_at().unwrap().0
    }

    /// Stores invocations at these times; every third is completed, every second is of service "b".
    fn store(times: &[u64]) -> MemoryStore {
        let store = MemoryStore::new();
        for (n, at) in (0..).zip(times) {
            let id = InvocationId::new(Timestamp(*at), u128::from(n), n);
            let partition = id.partition(PARTITIONS);
            let key = if n % 3 == 0 { RowKey::Completed(id) } else { RowKey::Invocation(id) };
            let value = codec::encode_row(&row(if n % 2 == 0 { "a" } else { "b" }));
            let fence = store.acquire(partition.0).unwrap();
            let op = Op::Put { key: keys::encode(partition, &key), value };
            store.commit(Batch { fence, ops: vec![op] }).unwrap();
        }
        store
    }

    fn times(store: &MemoryStore, now: u64, query: &InvocationQuery) -> Vec<u64> {
        let found = list(store, PARTITIONS, Timestamp(now), query).unwrap();
        found.iter().map(|(id, _)| created_at(*id)).collect()
    }

    #[test]
    fn pages_go_back_in_time_without_a_gap() {
        let day = 86_400_000;
        let store = store(&[1, 2, day, day + 1, 30 * day, 30 * day + 5, 30 * day + 6]);
        let mut query = InvocationQuery { limit: 2, ..InvocationQuery::default() };
        let mut seen = Vec::new();
        loop {
            let page = list(&store, PARTITIONS, Timestamp(30 * day + 10), &query).unwrap();
            let Some((last, _)) = page.last() else { break };
            query.before = Some(*last);
            seen.extend(page.iter().map(|(id, _)| created_at(*id)));
        }
        assert_eq!(seen, [30 * day + 6, 30 * day + 5, 30 * day, day + 1, day, 2, 1]);
    }

    #[test]
    fn computed_ids_have_their_place_in_time() {
        let store = store(&[10, 20, 30]);
        let fence = store.acquire(0).unwrap();
        let put = |row_key: RowKey, row: Row| Op::Put {
            key: keys::encode(PartitionId(0), &row_key),
            value: codec::encode_row(&row),
        };
        for (digest, at) in [(7, 15), (1, 25), (9, 25)] {
            let (id, at) = (InvocationId::computed(digest, 0), Timestamp(at));
            let ops = vec![
                put(RowKey::Invocation(id), row_of("c", at)),
                put(RowKey::Created(at, id), Row::Created),
            ];
            store.commit(Batch { fence, ops }).unwrap();
        }
        let mut query = InvocationQuery { limit: 1, ..InvocationQuery::default() };
        let mut seen = Vec::new();
        while let Some((id, row)) = list(&store, PARTITIONS, Timestamp(40), &query).unwrap().pop() {
            seen.push(id.created_at().unwrap_or(row.created_at).0);
            query.before = Some(id);
        }
        assert_eq!(seen, [30, 25, 25, 20, 15, 10]);
    }

    #[test]
    fn filters_choose() {
        let store = store(&[1, 2, 3, 4]);
        let query = InvocationQuery { limit: 9, service: Some("b".into()), ..InvocationQuery::default() };
        assert_eq!(times(&store, 10, &query), [4, 2]);
        let query = InvocationQuery { limit: 9, handler: Some("other".into()), ..InvocationQuery::default() };
        assert_eq!(times(&store, 10, &query), [0; 0]);
    }
}
