//! What a restart may take over from the journal of what is over, and what it must.

use super::catalogue::{self, offered};
use super::partition::Step;
use super::table::{Table, entries, outcomes};
use abide_core::command::Restart;
use abide_core::effect::{Notice, Refusal};
use abide_core::entry::{EntryRow, Settled};
use abide_core::ids::{CANCEL_OP, OpId};
use abide_core::invocation::{InvocationRow, Origin};
use abide_core::rows::{Row, RowKey};

/// Returns what a person is told who wants something completed once more.
pub fn notice(before: &Table, row: &InvocationRow, restart: &Restart) -> Notice {
    match refusal(before, row, restart) {
        Some(refusal) => Notice::Refused(refusal),
        None => Notice::Done,
    }
}

fn refusal(before: &Table, row: &InvocationRow, restart: &Restart) -> Option<Refusal> {
    let Restart { of, entries_kept, deployment, .. } = restart;
    let is_run = row.deployment.is_some() && offered(&row.target).is_some_and(|it| it.is_workflow_run());
    if is_run || (of.is_computed() && row.idempotency_key.is_none()) {
        return Some(Refusal::WorkflowRun);
    }
    if !before.contains_key(&RowKey::Input(*of)) {
        return Some(Refusal::JournalPurged);
    }
    if *entries_kept > row.entries_len {
        return Some(Refusal::BeyondEnd);
    }
    let outcomes = outcomes(before, *of);
    let kept: Vec<(OpId, &EntryRow)> = entries(before, *of).take(*entries_kept as usize).collect();
    let heard = kept.last().map_or(0, |(_, row)| row.outcomes_before as usize);
    if outcomes[..heard].iter().any(|settled| settled.op == CANCEL_OP) {
        return Some(Refusal::Cancelled);
    }
    let is_open = |op: OpId| outcomes.iter().all(|settled| settled.op != op);
    if let Some((op, _)) = kept.iter().find(|(op, row)| row.entry.is_awaitable() && is_open(*op)) {
        return Some(Refusal::Open(*op));
    }
    deployment.as_ref().and_then(|deployment| catalogue::fits(&row.target, deployment).err())
}

/// The new one has what it takes over, in the order it was, and nothing else.
pub fn check(before: &Table, step: &Step, restart: &Restart) {
    let Restart { of, invocation: id, entries_kept, .. } = restart;
    let Some(Row::Invocation(new)) = step.write(&RowKey::Invocation(*id)) else {
        assert!(step.writes.is_empty(), "{of} is not restarted");
        return;
    };
    assert_eq!((&new.origin, new.entries_kept), (&Origin::Restart { of: *of }, *entries_kept), "{id}");
    assert_eq!(step.write(&RowKey::Input(*id)), before.get(&RowKey::Input(*of)), "input of {id}");
    let kept: Vec<(OpId, &EntryRow)> = entries(before, *of).take(*entries_kept as usize).collect();
    for (op, row) in &kept {
        let written = step.write(&RowKey::Entry(*id, *op));
        assert_eq!(written, Some(&Row::Entry((*row).clone())), "{id} op {op}");
    }
    let is_kept = |settled: &Settled| settled.op < *entries_kept;
    let outcomes: Vec<Settled> = outcomes(before, *of).into_iter().filter(is_kept).collect();
    for (order, settled) in (0..).zip(&outcomes) {
        match step.write(&RowKey::Outcome(*id, settled.op)) {
            Some(Row::Outcome(row)) => assert!(
                row.order == order && row.at == settled.at && row.outcome == settled.outcome,
                "{id} op {}: {row:?}",
                settled.op
            ),
            other => panic!("{id} op {} came to {other:?}", settled.op),
        }
    }
    // The record and the input besides.
    assert_eq!(step.writes.len(), kept.len() + outcomes.len() + 2, "{id} takes over something else");
}
