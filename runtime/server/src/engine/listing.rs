//! Listing invocations, newest first, live and completed ones together.

use super::txn::TxnError;
use abide_core::ids::{DeploymentId, InvocationId, PartitionId};
use abide_core::invocation::{InvocationRow, Phase};
use abide_core::time::Timestamp;
use abide_store::keys::{self, Tag};
use abide_store::{Store, View, codec, pairs};

/// What an invocation is doing, in the words users know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusFilter {
    Scheduled,
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
    fn matches(&self, id: InvocationId, row: &InvocationRow) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
        self.before.is_none_or(|before| id < before)
            && is(&self.service, &row.target.service)
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

/// Lists what matches, newest first. Walks back in time in growing stretches until it has enough.
pub fn list(
    store: &dyn Store,
    partitions: u16,
    now: Timestamp,
    query: &InvocationQuery,
) -> Result<Vec<(InvocationId, InvocationRow)>, TxnError> {
    let mut found = Vec::new();
    let newest = query.before.map_or(now.plus_millis(STRETCH_MS).0, |id| created_at(id) + 1);
    let (mut to, mut stretch) = (newest, STRETCH_MS);
    loop {
        let from = to.saturating_sub(stretch);
        let mut part = Vec::new();
        for partition in 0..partitions {
            for tag in [Tag::Invocation, Tag::Completed] {
                let span = (Timestamp(from), Timestamp(to));
                collect(store, PartitionId(partition), tag, span, query, &mut part)?;
            }
        }
        keep_newest(&mut part, query.limit);
        found.extend(part);
        if found.len() >= query.limit || from == 0 {
            found.truncate(query.limit);
            return Ok(found);
        }
        (to, stretch) = (from, stretch.saturating_mul(STRETCH_GROWTH));
    }
}

/// Sorts, newest first, and drops what would not be shown.
fn keep_newest(found: &mut Vec<(InvocationId, InvocationRow)>, limit: usize) {
    found.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
    found.truncate(limit);
}

fn created_at(id: InvocationId) -> u64 {
    u64::try_from(id.unique >> 80).expect("48 bits fit a u64")
}

fn collect(
    store: &dyn Store,
    partition: PartitionId,
    tag: Tag,
    (from, to): (Timestamp, Timestamp),
    query: &InvocationQuery,
    found: &mut Vec<(InvocationId, InvocationRow)>,
) -> Result<(), TxnError> {
    for pair in pairs(store, View::Durable, keys::created(partition, tag, from, to)) {
        let (key, value) = pair?;
        let id = keys::decode_invocation(&key).expect("a span of invocations holds only their keys");
        let row: InvocationRow = codec::decode(&key, &value)?;
        if query.matches(id, &row) {
            found.push((id, row));
        }
        if found.len() > query.limit.saturating_add(SLACK) {
            keep_newest(found, query.limit);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::invocation::Origin;
    use abide_core::retry::HandlerRetry;
    use abide_core::rows::{Row, RowKey};
    use abide_core::target::Target;
    use abide_store::{Batch, MemoryStore, Op};

    const PARTITIONS: u16 = 3;

    fn row(service: &str) -> Row {
        Row::Invocation(Box::new(InvocationRow {
            target: Target { service: service.into(), key: None, handler: "run".into() },
            origin: Origin::Ingress,
            created_at: Timestamp(0),
            modified_at: Timestamp(0),
            begun_at: None,
            deployment: None,
            retry: HandlerRetry::default(),
            phase: Phase::Scheduled { at: Timestamp(0) },
            attempts: 0,
            entries_len: 0,
            outcomes_len: 0,
            failures: 0,
            first_failed_at: None,
            last_failures: Vec::new(),
            run_tries: Default::default(),
            open_sleeps: Default::default(),
        }))
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
    fn filters_choose() {
        let store = store(&[1, 2, 3, 4]);
        let query = InvocationQuery { limit: 9, service: Some("b".into()), ..InvocationQuery::default() };
        assert_eq!(times(&store, 10, &query), [4, 2]);
        let query = InvocationQuery { limit: 9, handler: Some("other".into()), ..InvocationQuery::default() };
        assert_eq!(times(&store, 10, &query), [0; 0]);
    }
}
