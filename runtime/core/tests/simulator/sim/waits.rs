//! Who waits when the world is at rest, and whether there is a reason for it.

use super::invocations::is_given_up;
use super::table::{Table, all_live, entries, listeners, live, mailbox, outcome_rows, promise, queue};
use super::world::World;
use abide_core::entry::{Entry, EntryRow, Failure, Outcome};
use abide_core::ids::{CANCEL_OP, InvocationId, OpId};
use abide_core::invocation::{InvocationRow, Listener, Origin, Phase};
use std::collections::BTreeSet;

/// Nothing is under way: whoever lives waits for somebody else that can still come.
pub fn check(world: &World) {
    for partition in &world.partitions {
        for (id, row) in all_live(&partition.latest) {
            let waiting_on = match &row.phase {
                Phase::Paused { .. } => continue,
                Phase::Queued { .. } => {
                    let object = row.target.object().expect("only objects have a queue");
                    assert!(queue(&partition.latest, &object).is_some(), "{id} waits for {object}");
                    continue;
                }
                Phase::Suspended { waiting_on } => waiting_on,
                other => panic!("{id} is {other:?} and nothing happens"),
            };
            let open = open_operations(&partition.latest, id);
            let is_awaited = |op: OpId| waiting_on.contains(op);
            assert!(open.iter().any(|(op, _)| is_awaited(*op)), "{id} waits for nothing: {waiting_on:?}");
            open.iter().for_each(|(op, entry)| check_wait(world, id, row, *op, entry));
            check_spread(world, id);
            check_parent(world, id, row);
        }
    }
}

/// Returns the operations without an outcome that somebody could still give one.
pub fn open_operations(table: &Table, id: InvocationId) -> Vec<(OpId, Entry)> {
    let settled: BTreeSet<OpId> = outcome_rows(table, id).map(|(op, _)| op).collect();
    let can_come = |entry: &EntryRow| match &entry.entry {
        Entry::ReceiveSignal { .. } => !is_given_up(table, id, entry),
        entry => entry.is_awaitable(),
    };
    let open = entries(table, id).filter(|(op, row)| !settled.contains(op) && can_come(row));
    open.map(|(op, row)| (op, row.entry.clone())).collect()
}

fn check_wait(world: &World, id: InvocationId, row: &InvocationRow, op: OpId, entry: &Entry) {
    let table = world.table_of(id);
    let listener = Listener { caller: id, op };
    match entry {
        Entry::Call(request) => check_callee(world, listener, request.child),
        Entry::Attach { invocation } => check_callee(world, listener, *invocation),
        Entry::GetPromise { name } => {
            let object = row.target.object().expect("promises belong to workflows");
            let promise = promise(table, &object, name).expect("who waits for a promise is kept there");
            assert!(promise.outcome.is_none() && promise.waiting.contains(&listener), "{id} op {op}");
        }
        Entry::ReceiveSignal { name } => {
            let mailbox = mailbox(table, id).expect("who waits for a signal has a mailbox");
            assert!(mailbox.waiting.contains(&(op, name.clone())), "{id} op {op} waits for {name}");
        }
        Entry::Awakeable { .. } => {}
        // A dropped run block waits for a guest that does not care, until the guest ends.
        Entry::Run { .. } => {}
        other => panic!("{id} op {op} waits for {other}"),
    }
}

/// Whom an operation waits for lives, and knows it.
fn check_callee(world: &World, listener: Listener, callee: InvocationId) {
    let table = world.table_of(callee);
    let row = live(table, callee).unwrap_or_else(|| panic!("{listener:?} waits for {callee}, which is over"));
    let Listener { caller, op } = listener;
    let is_origin = row.origin == Origin::Call { caller, op };
    let listens = listeners(table, callee).is_some_and(|row| row.listeners.contains(&listener));
    assert!(is_origin || listens, "{callee} does not know that {listener:?} waits");
}

/// What a cancelled invocation called before is cancelled too.
fn check_spread(world: &World, id: InvocationId) {
    let table = world.table_of(id);
    let cancel = outcome_rows(table, id).find(|(op, _)| *op == CANCEL_OP).map(|(_, row)| row);
    let Some(cancel) = cancel else { return };
    assert_eq!(cancel.outcome, Outcome::Failure(Failure::cancelled()), "{id} is cancelled");
    for (op, entry) in open_operations(table, id) {
        let Entry::Call(request) = entry else { continue };
        let asked = entries(table, id).nth(op as usize).expect("it is in the journal").1;
        let Some(callee) = live(world.table_of(request.child), request.child) else { continue };
        let is_its_own = callee.origin == Origin::Call { caller: id, op };
        let was_before = asked.outcomes_before <= cancel.order;
        assert!(!is_its_own || !was_before || callee.cancelled.is_some(), "{} goes on", request.child);
    }
}

/// What a killed invocation called is killed too.
fn check_parent(world: &World, id: InvocationId, row: &InvocationRow) {
    let Origin::Call { caller, .. } = row.origin else { return };
    // One whose id is computed may have been somebody else before.
    let is_over = live(world.table_of(caller), caller).is_none() && !caller.is_computed();
    assert!(!is_over || !world.outside.history.was_killed(caller), "{id} goes on after {caller}");
}
