//! Circles of invocations that wait for each other: an exclusive handler waits for a call that waits,
//! over any number of hops, for the key that the handler itself holds.
//!
//! Found on demand, by following what each one waits for.

use super::{EngineError, EngineHandle};
use abide_core::entry::Entry;
use abide_core::ids::InvocationId;
use abide_core::invocation::{InvocationRow, Phase, WaitSet};
use abide_core::time::Timestamp;
use std::collections::HashMap;

/// Invocations that wait for each other in a circle: longer circles are not found.
pub const DEADLOCK_HOPS_MAX: usize = 64;
/// Invocations that the search for such a circle looks at.
pub const DEADLOCK_LOOKS_MAX: usize = 1_000;
/// An attempt that has recorded nothing for this long, in milliseconds, is taken to wait.
pub const QUIET_MS: u64 = 1_000;

/// Returns the circle that an invocation is in, itself first, each followed by one it waits for; empty
/// when there is none.
///
/// # Errors
/// The store cannot be read.
pub fn of(engine: &EngineHandle, id: InvocationId) -> Result<Vec<InvocationId>, EngineError> {
    circle(id, |id| match engine.invocation(id)? {
        Some(row) => awaits(engine, id, &row),
        None => Ok(Vec::new()),
    })
}

/// Returns the shortest way from `start` back to itself.
fn circle<E>(
    start: InvocationId,
    mut awaits: impl FnMut(InvocationId) -> Result<Vec<InvocationId>, E>,
) -> Result<Vec<InvocationId>, E> {
    let mut came_from = HashMap::new();
    let mut edge = vec![start];
    for _hop in 0..DEADLOCK_HOPS_MAX {
        let mut next = Vec::new();
        for id in edge {
            for awaited in awaits(id)? {
                if awaited == start {
                    return Ok(way(start, id, &came_from));
                }
                if came_from.len() < DEADLOCK_LOOKS_MAX && !came_from.contains_key(&awaited) {
                    came_from.insert(awaited, id);
                    next.push(awaited);
                }
            }
        }
        edge = next;
    }
    Ok(Vec::new())
}

fn way(
    start: InvocationId,
    end: InvocationId,
    came_from: &HashMap<InvocationId, InvocationId>,
) -> Vec<InvocationId> {
    let mut way = vec![end];
    let mut at = end;
    while at != start {
        at = came_from[&at];
        way.push(at);
    }
    way.reverse();
    way
}

/// Returns whom an invocation waits for and cannot do without.
fn awaits(
    engine: &EngineHandle,
    id: InvocationId,
    row: &InvocationRow,
) -> Result<Vec<InvocationId>, EngineError> {
    match &row.phase {
        Phase::Queued { .. } => {
            let Some(object) = row.target.object() else { return Ok(Vec::new()) };
            Ok(engine.key_queue(&object)?.map(|queue| queue.holder).into_iter().collect())
        }
        Phase::Suspended { waiting_on } => awaits_operations(engine, id, row, waiting_on),
        Phase::Running { .. } if is_quiet(row, engine.now()) => {
            awaits_operations(engine, id, row, &WaitSet::Any)
        }
        // They go on by themselves, or wait for a person.
        Phase::Running { .. }
        | Phase::Scheduled { .. }
        | Phase::BackingOff { .. }
        | Phase::Paused { .. }
        | Phase::Completed { .. } => Ok(Vec::new()),
    }
}

/// An attempt may wait in memory for a while, and looks like one that works.
fn is_quiet(row: &InvocationRow, now: Timestamp) -> bool {
    now.millis_since(row.modified_at) >= QUIET_MS
}

fn awaits_operations(
    engine: &EngineHandle,
    id: InvocationId,
    row: &InvocationRow,
    waiting_on: &WaitSet,
) -> Result<Vec<InvocationId>, EngineError> {
    if row.open_sleeps.keys().any(|op| waiting_on.contains(*op)) {
        // It has set itself a time limit.
        return Ok(Vec::new());
    }
    let calls = row.open_calls.callees.iter().filter(|(op, _)| waiting_on.contains(**op));
    let mut awaited: Vec<_> = calls.map(|(_, callee)| *callee).collect();
    if let WaitSet::Ops(ops) = waiting_on {
        for op in ops.iter().filter(|op| !row.open_calls.callees.contains_key(op)) {
            match engine.entry(id, *op)?.map(|row| row.entry) {
                Some(Entry::Attach { invocation }) => awaited.push(invocation),
                Some(Entry::Call(request)) => awaited.push(request.child),
                Some(_) | None => {}
            }
        }
    }
    Ok(awaited)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn id(unique: u128) -> InvocationId {
        InvocationId { unique, partition_key: 0 }
    }

    /// Follows edges given as pairs; returns the circle and how many were looked at.
    fn find(start: u128, edges: &[(u128, u128)]) -> (Vec<u128>, usize) {
        let mut looks = 0;
        let found: Result<_, Infallible> = circle(id(start), |at| {
            looks += 1;
            let ways = edges.iter().filter(|(from, _)| id(*from) == at);
            Ok(ways.map(|(_, to)| id(*to)).collect())
        });
        let Ok(found) = found;
        (found.into_iter().map(|id| id.unique).collect(), looks)
    }

    #[test]
    fn a_circle_is_seen_from_each_of_its_members_and_from_nobody_else() {
        // 1 calls 2, which waits for the key that 1 holds; 3 waits behind them, 4 is called, too.
        let edges = [(1, 2), (2, 1), (3, 1), (1, 4)];
        assert_eq!(find(1, &edges).0, [1, 2]);
        assert_eq!(find(2, &edges).0, [2, 1]);
        assert_eq!(find(3, &edges).0, []);
        assert_eq!(find(4, &edges).0, []);
    }

    #[test]
    fn the_shortest_circle_wins() {
        let edges = [(1, 2), (2, 3), (3, 1), (1, 4), (4, 1)];
        assert_eq!(find(1, &edges).0, [1, 4]);
        assert_eq!(find(3, &edges).0, [3, 1, 2]);
        assert_eq!(find(5, &[(5, 5)]).0, [5]);
    }

    #[test]
    fn the_search_is_bounded() {
        let ring = |members: u128| -> Vec<_> { (0..members).map(|n| (n, (n + 1) % members)).collect() };
        let hops = DEADLOCK_HOPS_MAX as u128;
        assert_eq!(find(0, &ring(hops)).0.len(), DEADLOCK_HOPS_MAX);
        assert_eq!(find(0, &ring(hops + 1)).0, []);
        let star: Vec<_> = (1..5_000).map(|n| (0, n)).collect();
        assert_eq!(find(0, &star), (vec![], DEADLOCK_LOOKS_MAX + 1));
    }
}
