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
        part.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
        found.extend(part);
        if found.len() >= query.limit || from == 0 {
            found.truncate(query.limit);
            return Ok(found);
        }
        (to, stretch) = (from, stretch.saturating_mul(STRETCH_GROWTH));
    }
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
    }
    Ok(())
}
