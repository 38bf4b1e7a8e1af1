//! What each command reads: the rows that have to be loaded before it can be applied.

use crate::command::{
    Append, Command, EditState, EndRequest, Ended, Release, Repin, Restart, Resume, SPREAD_AT_ONCE, Settle,
    Signal, Spread, Submission, Timer, TimerKind,
};
use crate::entry::Entry;
use crate::ids::{DeploymentId, InvocationId, OpId};
use crate::limits::RESTART_ENTRIES_MAX;
use crate::rows::{NamesOf, RowKey};
use crate::target::ObjectKey;

impl Command {
    /// Lists the rows that have to be loaded before [`crate::step::step`].
    #[must_use]
    pub fn reads(&self) -> Vec<RowKey> {
        match self {
            Self::Append(append) => reads_of_append(append),
            Self::Ended(Ended { invocation, .. }) => vec![RowKey::Invocation(*invocation)],
            Self::Submit(Submission { invocation, .. }) => {
                with_attempts_purged(*invocation, RowKey::Invocation(*invocation))
            }
            Self::Kill(EndRequest { invocation, .. })
            | Self::Pause { invocation, .. }
            | Self::Look { invocation, .. }
            | Self::Resume(Resume { invocation, deployment: None, .. })
            | Self::Purge { invocation, .. } => either(*invocation).into(),
            Self::Resume(Resume { invocation, deployment: Some(deployment), .. })
            | Self::Repin(Repin { invocation, deployment, .. }) => reads_of_repin(*invocation, deployment),
            Self::Restart(restart) => reads_of_restart(restart),
            Self::PurgeJournal { invocation: id, .. } => either_and(*id, RowKey::Input(*id)),
            Self::Cancel(EndRequest { invocation: id, .. }) => either_and(*id, RowKey::Mailbox(*id)),
            Self::PurgeRest { invocation } => with_attempts_purged(*invocation, RowKey::Mailbox(*invocation)),
            Self::TakeSignal { invocation, number, .. } => {
                vec![RowKey::Invocation(*invocation), RowKey::Signal(*invocation, *number)]
            }
            Self::TimerDue(timer) => reads_of_timer(timer),
            Self::EditState(edit) => reads_of_edit(edit),
            Self::ReplaceState { edit, names } => {
                names.iter().map(|name| RowKey::State(edit.object.clone(), name.clone())).collect()
            }
            Self::Receive { from, .. } => vec![RowKey::InboxMark(*from)],
            Self::Acknowledged { by, .. } => vec![RowKey::OutboxTail(*by)],
            Self::Settle(Settle { invocation, op, .. }) => reads_of_operation(*invocation, *op).into(),
            Self::CompleteAwakeable { awakeable, .. } => {
                reads_of_operation(awakeable.invocation, awakeable.op).into()
            }
            Self::Signal(Signal { invocation, .. }) => {
                vec![RowKey::Invocation(*invocation), RowKey::Mailbox(*invocation)]
            }
            Self::Admit { invocation, object, .. } => vec![
                RowKey::Invocation(*invocation),
                RowKey::Service(object.service.clone()),
                RowKey::KeyQueue(object.clone()),
            ],
            Self::Begin { invocation, service, .. } => {
                vec![RowKey::Invocation(*invocation), RowKey::Service(service.clone())]
            }
            Self::Release(Release { object, .. }) => vec![RowKey::KeyQueue(object.clone())],
            Self::Grant { object, position } => {
                vec![RowKey::KeyQueue(object.clone()), RowKey::KeyWaiter(object.clone(), *position)]
            }
            Self::Attach { invocation, .. } => reads_of_attach(*invocation),
            Self::Notify { invocation, .. } => vec![RowKey::Listeners(*invocation)],
            Self::Detach { invocation: id, .. } => vec![RowKey::Invocation(*id), RowKey::Listeners(*id)],
            Self::Spread(spread) => reads_of_spread(spread),
            Self::PurgeObject { invocation, object } => reads_of_object(*invocation, object),
            Self::PurgePromise { object, name, .. }
            | Self::ForgetPromise { object, name }
            | Self::StopListening { object, name, .. } => {
                vec![RowKey::Promise(object.clone(), name.clone())]
            }
            Self::KeepPromises { run, object } => {
                with_row(reads_of_unclaimed(*run), RowKey::Service(object.service.clone()))
            }
            Self::PurgeUnclaimed { run, object } => {
                vec![RowKey::Unclaimed(*run), RowKey::Names(NamesOf::Promises(object.clone()))]
            }
            Self::Tell(_) => Vec::new(),
            Self::Post { to, .. } => vec![RowKey::OutboxHead(*to)],
        }
    }
}

/// An invocation, wherever it is.
fn either(id: InvocationId) -> [RowKey; 2] {
    [RowKey::Invocation(id), RowKey::Completed(id)]
}

fn either_and(id: InvocationId, row: RowKey) -> Vec<RowKey> {
    let [live, completed] = either(id);
    vec![live, completed, row]
}

fn reads_of_restart(restart: &Restart) -> Vec<RowKey> {
    let Restart { of, invocation, entries_kept, deployment, .. } = restart;
    let mut reads = vec![RowKey::Input(*of), RowKey::Invocation(*invocation)];
    reads.extend(either(*of));
    reads.extend(deployment.clone().map(RowKey::Deployment));
    let ops = 0..(*entries_kept).min(RESTART_ENTRIES_MAX);
    reads.extend(ops.flat_map(|op| [RowKey::Entry(*of, op), RowKey::Outcome(*of, op)]));
    reads
}

/// What an invocation leaves, and what comes after it.
fn with_attempts_purged(id: InvocationId, row: RowKey) -> Vec<RowKey> {
    let mut reads = vec![row, RowKey::Completed(id)];
    reads.extend(id.is_computed().then_some(RowKey::AttemptsPurged));
    reads
}

fn reads_of_repin(id: InvocationId, deployment: &DeploymentId) -> Vec<RowKey> {
    let mut reads = either(id).to_vec();
    reads.push(RowKey::Deployment(deployment.clone()));
    reads
}

fn reads_of_attach(id: InvocationId) -> Vec<RowKey> {
    let mut reads = either(id).to_vec();
    reads.extend([RowKey::Answer(id), RowKey::Listeners(id)]);
    reads
}

fn reads_of_spread(spread: &Spread) -> Vec<RowKey> {
    let Spread { invocation: id, from, until, .. } = *spread;
    let ops = from..until.min(from.saturating_add(SPREAD_AT_ONCE));
    ops.flat_map(|op| [RowKey::Entry(id, op), RowKey::Outcome(id, op)]).collect()
}

fn reads_of_edit(edit: &EditState) -> Vec<RowKey> {
    let object = &edit.object;
    let mut reads = vec![RowKey::KeyQueue(object.clone()), RowKey::Names(NamesOf::State(object.clone()))];
    reads.extend(edit.run.iter().flat_map(|run| either(*run)));
    reads
}

fn reads_of_timer(timer: &Timer) -> Vec<RowKey> {
    match timer.kind {
        TimerKind::Begin | TimerKind::Retry { .. } => vec![RowKey::Invocation(timer.invocation)],
        TimerKind::Sleep { .. } => Vec::new(),
        TimerKind::PurgeJournal | TimerKind::Purge => vec![RowKey::Completed(timer.invocation)],
        TimerKind::PurgeUnclaimed => reads_of_unclaimed(timer.invocation),
    }
}

fn reads_of_object(run: InvocationId, object: &ObjectKey) -> Vec<RowKey> {
    vec![
        RowKey::Completed(run),
        RowKey::Names(NamesOf::State(object.clone())),
        RowKey::Names(NamesOf::Promises(object.clone())),
    ]
}

fn with_row(mut reads: Vec<RowKey>, row: RowKey) -> Vec<RowKey> {
    reads.push(row);
    reads
}

fn reads_of_unclaimed(run: InvocationId) -> Vec<RowKey> {
    either_and(run, RowKey::Unclaimed(run))
}

fn reads_of_operation(invocation: InvocationId, op: OpId) -> [RowKey; 3] {
    [RowKey::Invocation(invocation), RowKey::Entry(invocation, op), RowKey::Outcome(invocation, op)]
}

fn reads_of_append(append: &Append) -> Vec<RowKey> {
    let id = append.invocation;
    let mut reads = vec![RowKey::Invocation(id)];
    reads.extend(append.finished.iter().map(|run| RowKey::Outcome(id, run.op)));
    reads.extend(append.failed.iter().map(|failed| RowKey::Outcome(id, failed.op)));
    reads.extend(append.entries.iter().filter_map(|ask| row_of_entry(append, &ask.entry)));
    reads
}

/// Returns the row, other than those of its journal, that an entry needs.
fn row_of_entry(append: &Append, entry: &Entry) -> Option<RowKey> {
    let object = || append.object.clone();
    match entry {
        Entry::GetState { name } => Some(RowKey::State(object()?, name.clone())),
        Entry::StateKeys | Entry::ClearAllState => Some(RowKey::Names(NamesOf::State(object()?))),
        Entry::GetPromise { name } | Entry::PeekPromise { name } | Entry::CompletePromise { name, .. } => {
            Some(RowKey::Promise(object()?, name.clone()))
        }
        Entry::ReceiveSignal { .. } => Some(RowKey::Mailbox(append.invocation)),
        Entry::Run { .. }
        | Entry::Sleep { .. }
        | Entry::Call(_)
        | Entry::Send { .. }
        | Entry::Attach { .. }
        | Entry::Cancel { .. }
        | Entry::Kill { .. }
        | Entry::SetState { .. }
        | Entry::ClearState { .. }
        | Entry::Awakeable { .. }
        | Entry::CompleteAwakeable { .. }
        | Entry::SendSignal { .. } => None,
    }
}
