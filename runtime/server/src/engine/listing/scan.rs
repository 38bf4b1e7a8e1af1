//! Looking at all invocations that a filter means, in no order: for sums, and for what no index sorts.

use super::filter::{InvocationFilter, Times};
use super::reader::Reader;
use super::{Budget, InvocationQuery, Position};
use crate::engine::EngineError;
use abide_core::ids::{InvocationId, PartitionId};
use abide_core::invocation::{InvocationRow, Phase};
use abide_core::time::Timestamp;
use abide_store::keys::{self, Span, Tag};
use abide_store::{View, codec, pairs};

/// Hands every invocation that is meant to `visit`; ends early, and says so, when it costs too much.
///
/// One that ends meanwhile is seen once at most.
pub fn each(
    reader: &Reader<'_>,
    filter: &InvocationFilter,
    budget: &Budget<'_>,
    mut visit: impl FnMut(InvocationId, InvocationRow) -> Result<(), EngineError>,
) -> Result<bool, EngineError> {
    if !filter.ids.is_empty() {
        for id in &filter.ids {
            if let Some(row) = reader.row(*id)?
                && reader.is_meant(filter, *id, &row)?
            {
                visit(*id, row)?;
            }
        }
        return Ok(true);
    }
    let (live, completed) = filter.live_and_completed();
    for partition in filter.partitions(reader.partitions) {
        let began_at = budget.now();
        for (tag, _) in [(Tag::Invocation, live), (Tag::Completed, completed)].iter().filter(|(_, is)| *is) {
            for span in spans(partition, *tag, &filter.created, !filter.idempotency_keys.is_empty()) {
                for pair in pairs(reader.store, View::Durable, span) {
                    if !budget.is_left(reader) {
                        return Ok(false);
                    }
                    reader.note_read(1);
                    let (key, value) = pair.map_err(super::TxnError::from)?;
                    let id =
                        keys::decode_invocation(&key).expect("a span of invocations holds only their keys");
                    let row: InvocationRow = codec::decode(&key, &value).map_err(super::TxnError::from)?;
                    if !is_seen_live(&row, began_at, live) && reader.is_meant(filter, id, &row)? {
                        visit(id, row)?;
                    }
                }
            }
        }
    }
    Ok(true)
}

/// Says whether an invocation has ended after the live ones were looked at.
fn is_seen_live(row: &InvocationRow, began_at: Timestamp, live: bool) -> bool {
    live && matches!(row.phase, Phase::Completed { at, .. } if at > began_at)
}

/// Returns where invocations created in this time are; those with computed ids stand behind the others.
fn spans(partition: PartitionId, tag: Tag, created: &Times, is_computed_only: bool) -> Vec<Span> {
    let computed = InvocationId::computed(0, 0);
    let at = |time| InvocationId::first_of(time).unwrap_or(computed).to_bytes();
    let of_others = keys::between(partition, tag, &at(created.start), &at(created.end));
    let of_computed =
        (keys::between(partition, tag, &computed.to_bytes(), &[]).0, keys::all(partition.0, tag).1);
    if is_computed_only { vec![of_computed] } else { vec![of_others, of_computed] }
}

/// Invocations in the order in which they changed.
pub struct Changes {
    /// The first ones after some position.
    pub positions: Vec<Position>,
    /// There are no more behind them.
    pub is_all: bool,
    /// All invocations were looked at.
    pub is_whole: bool,
}

/// Places that are kept of one look at all; the next ones need another look.
const CHANGES_KEPT: usize = 100_000;

/// Returns the first changes behind the cursor of a query.
pub fn changes(
    reader: &Reader<'_>,
    query: &InvocationQuery,
    budget: &Budget<'_>,
) -> Result<Changes, EngineError> {
    let mut positions: Vec<Position> = Vec::new();
    let mut is_all = true;
    let first = |positions: &mut Vec<Position>| {
        positions.sort_unstable_by(|left, right| query.order.compare(left, right));
        positions.truncate(CHANGES_KEPT);
    };
    let is_whole = each(reader, &query.filter, budget, |id, row| {
        let position = (row.modified_at, id);
        if query.is_ahead(&position) {
            positions.push(position);
        }
        if positions.len() >= 2 * CHANGES_KEPT {
            first(&mut positions);
            is_all = false;
        }
        Ok(())
    })?;
    if !is_whole {
        tracing::warn!("there are too many invocations to sort all by their last change");
    }
    is_all &= positions.len() <= CHANGES_KEPT;
    first(&mut positions);
    Ok(Changes { positions, is_all, is_whole })
}
