//! What no write may ever do to the records of an invocation.

use super::catalogue::offered;
use super::object_writes;
use super::table::{Table, completed, invocation, live};
use abide_core::command::{Command, Repin, Resume, Timer, TimerKind};
use abide_core::entry::{Entry, OutcomeRow};
use abide_core::ids::{CANCEL_OP, InvocationId, OpId};
use abide_core::invocation::{InvocationRow, Phase};
use abide_core::manifest::Retention;
use abide_core::rows::{Row, RowKey};
use abide_core::time::Timestamp;

/// Why something is written.
pub struct Cause<'a> {
    pub command: &'a Command,
    pub now: Timestamp,
    /// A person let something go on.
    pub is_resumed: bool,
    /// A person wants something forgotten.
    pub is_purged: bool,
}

/// Checks a write against the rows before it.
pub fn check(before: &Table, key: &RowKey, row: Option<&Row>, cause: &Cause<'_>) {
    let old = before.get(key);
    match key {
        RowKey::Entry(id, _) | RowKey::Outcome(id, _) | RowKey::Input(id) => match row {
            Some(_) => assert!(old.is_none(), "{key:?} is written twice"),
            None => check_purge(before, *id, old, cause, Part::Journal),
        },
        RowKey::Answer(id) | RowKey::Created(_, id) => match row {
            Some(_) => assert!(old.is_none(), "{key:?} is written twice"),
            None => check_purge(before, *id, old, cause, Part::All),
        },
        RowKey::Completed(id) => check_completed(before, *id, row, cause),
        RowKey::Invocation(id) => match (old.and_then(invocation), row.and_then(invocation)) {
            (Some(old), Some(new)) => check_change(*id, old, new, cause),
            (None, Some(_)) => assert!(completed(before, *id).is_none(), "{id} begins a second life"),
            (_, None) => {}
        },
        RowKey::Timer(timer) => check_timer(before, timer, row),
        RowKey::Outbox(..) => assert!(old.is_none() || row.is_none(), "{key:?} is written twice"),
        RowKey::OutboxHead(_) | RowKey::OutboxTail(_) | RowKey::InboxMark(_) | RowKey::AttemptsPurged => {
            match (old, row) {
                (Some(Row::Counter(old)), Some(Row::Counter(new))) => {
                    assert!(new >= old, "{key:?} goes back")
                }
                (None, Some(Row::Counter(_))) => {}
                other => panic!("{key:?} is no counter: {other:?}"),
            }
        }
        RowKey::KeyQueue(object) => object_writes::check_queue(before, object, row, cause),
        RowKey::KeyWaiter(object, position) => {
            object_writes::check_waiter(before, object, *position, row, cause);
        }
        RowKey::State(object, _) => object_writes::check_state(before, (object, key), row, cause),
        RowKey::Promise(object, _) => object_writes::check_promise(before, (object, key), row, cause),
        RowKey::Unclaimed(run) => object_writes::check_unclaimed(before, *run, row, cause),
        RowKey::Listeners(_) | RowKey::Mailbox(_) => {}
        RowKey::Signal(..) => assert!(old.is_none() || row.is_none(), "{key:?} is written twice"),
        RowKey::Service(_) | RowKey::Deployment(_) | RowKey::Names(_) => panic!("the core writes {key:?}"),
    }
    if let (RowKey::Outcome(id, op), Some(Row::Outcome(outcome))) = (key, row) {
        check_outcome(before, *id, *op, outcome);
    }
}

#[derive(Clone, Copy)]
enum Part {
    Journal,
    All,
}

/// What is deleted has been kept long enough, unless a person wants it so.
fn check_purge(before: &Table, id: InvocationId, old: Option<&Row>, cause: &Cause<'_>, part: Part) {
    if old.is_none() {
        return;
    }
    let row = completed(before, id).unwrap_or_else(|| panic!("{id} is purged and has not ended"));
    let (journal_until, answer_until) = kept_until(row);
    let until = match part {
        Part::Journal => journal_until,
        Part::All => answer_until,
    };
    assert!(cause.is_purged || cause.now >= until, "{id} is purged at {:?} before {until:?}", cause.now);
    match (part, cause.command) {
        (_, Command::PurgeRest { invocation }) => assert_eq!(*invocation, id),
        (Part::Journal, Command::TimerDue(timer)) => assert_eq!(timer.kind, TimerKind::PurgeJournal),
        (Part::Journal, Command::PurgeJournal { invocation, .. }) => assert_eq!(*invocation, id),
        (_, other) => panic!("{id} is purged by {other:?}"),
    }
}

/// Returns until when the journal and the answer of a completed invocation are kept.
pub fn kept_until(row: &InvocationRow) -> (Timestamp, Timestamp) {
    let Phase::Completed { at, .. } = row.phase else { panic!("not completed: {:?}", row.phase) };
    let Retention { idempotency_ms, workflow_ms, journal_ms } = row.retention;
    let has_begun = row.deployment.is_some();
    let is_run = has_begun && offered(&row.target).is_some_and(|offered| offered.is_workflow_run());
    let answer_ms = match (is_run, &row.idempotency_key) {
        (true, _) => workflow_ms,
        (false, Some(_)) => idempotency_ms,
        (false, None) => journal_ms,
    };
    let journal_until = at.plus_millis(journal_ms.min(answer_ms));
    (row.journal_until.map_or(journal_until, |until| until.min(journal_until)), at.plus_millis(answer_ms))
}

fn check_completed(before: &Table, id: InvocationId, row: Option<&Row>, cause: &Cause<'_>) {
    let old = completed(before, id);
    match (old, row.and_then(invocation)) {
        (None, Some(new)) => {
            let old = live(before, id).unwrap_or_else(|| panic!("{id} ends and was not there"));
            let Phase::Completed { at, .. } = new.phase else { panic!("{id} has not ended") };
            assert_eq!(at, cause.now, "{id} ends now");
            check_pinned(id, old, new, cause);
        }
        (Some(old), Some(new)) => {
            let is_purge = matches!(
                cause.command,
                Command::PurgeObject { .. }
                    | Command::PurgeRest { .. }
                    | Command::PurgeJournal { .. }
                    | Command::TimerDue(_)
            );
            assert!(is_purge, "{id} has ended and is changed by {:?}", cause.command);
            assert_eq!(old.phase, new.phase, "{id} ends once");
        }
        (old, None) => {
            let old = old.map(|row| Row::Invocation(Box::new(row.clone())));
            check_purge(before, id, old.as_ref(), cause, Part::All);
        }
    }
}

fn check_change(id: InvocationId, old: &InvocationRow, new: &InvocationRow, cause: &Cause<'_>) {
    assert!(new.entries_len >= old.entries_len, "the journal of {id} shrinks");
    assert!(new.outcomes_len >= old.outcomes_len, "the outcomes of {id} shrink");
    assert!(old.cancelled.is_none() || new.cancelled == old.cancelled, "{id} is cancelled twice");
    assert_eq!(new.depth, old.depth, "{id} is where it is in calls");
    assert!(new.holds_key || !old.holds_key, "{id} gives its key back and has not ended");
    check_pinned(id, old, new, cause);
    match (old.running_attempt(), new.running_attempt()) {
        (Some(old), Some(new)) => assert!(new == old || new == old + 1, "{id}: #{old} to #{new}"),
        (None, Some(attempt)) => assert_eq!(attempt, old.attempts + 1, "attempts of {id} count up"),
        (_, None) => assert_eq!(new.attempts, old.attempts, "only an attempt of {id} counts"),
    }
    let is_cancelled = new.cancelled.is_some_and(|cancelled| cancelled.at == cause.now);
    match (&old.phase, &new.phase) {
        (Phase::Scheduled { at }, Phase::Running { .. }) => {
            assert!(new.begun_at >= Some(*at) || new.entries_kept > 0, "{id} begins early");
        }
        (Phase::Scheduled { at }, Phase::Queued { .. }) => assert!(cause.now >= *at, "{id} queues early"),
        (Phase::BackingOff { until, waiting_on: None, .. }, Phase::Running { .. }) => {
            let is_over = cause.now >= *until;
            assert!(is_over || cause.is_resumed || is_cancelled, "{id} is tried again early");
        }
        (Phase::Paused { .. }, Phase::Running { .. }) => {
            assert!(cause.is_resumed || is_cancelled, "{id} is resumed by nobody");
        }
        (Phase::Paused { .. }, Phase::Suspended { .. } | Phase::BackingOff { .. })
        | (
            Phase::Queued { .. } | Phase::Scheduled { .. },
            Phase::Suspended { .. } | Phase::BackingOff { .. },
        )
        | (Phase::Queued { .. } | Phase::Scheduled { .. }, Phase::Paused { .. })
        | (
            Phase::Running { .. } | Phase::Suspended { .. } | Phase::BackingOff { .. } | Phase::Paused { .. },
            Phase::Scheduled { .. } | Phase::Queued { .. },
        ) => panic!("{id} goes from {:?} to {:?}", old.phase, new.phase),
        (Phase::Queued { position: old }, Phase::Queued { position: new }) => {
            assert_eq!(old, new, "{id} changes its place");
        }
        _ => {}
    }
}

/// What the handler says is pinned with the deployment, once, unless a person wants another.
fn check_pinned(id: InvocationId, old: &InvocationRow, new: &InvocationRow, cause: &Cause<'_>) {
    if old.deployment.is_some() && new.deployment != old.deployment {
        let wanted = match cause.command {
            Command::Repin(Repin { deployment, .. })
            | Command::Resume(Resume { deployment: Some(deployment), .. }) => deployment,
            other => panic!("{id} changes its deployment because of {other:?}"),
        };
        assert_eq!(new.deployment.as_ref(), Some(wanted), "{id} changes its deployment");
    }
    if new.deployment.is_none() {
        return;
    }
    let offered = offered(&new.target).unwrap_or_else(|| panic!("{id} begins and is not offered"));
    assert_eq!((new.kind, new.mode), (offered.kind, offered.mode), "{id} is pinned as something else");
    assert_eq!(new.retry, offered.retry(), "{id} is tried again as something else");
    assert_eq!(new.retention, offered.retention, "{id} is kept as something else");
}

/// A sleep never ends early, whatever the clock did.
fn check_outcome(before: &Table, id: InvocationId, op: OpId, outcome: &OutcomeRow) {
    let row = match before.get(&RowKey::Entry(id, op)) {
        Some(Row::Entry(row)) => row,
        // The entry is written in the same step, or it is the cancellation.
        None => return,
        Some(other) => panic!("an entry is stored as {other:?}"),
    };
    assert_ne!(op, CANCEL_OP, "the cancellation is no entry");
    match &row.entry {
        Entry::Sleep { duration_ms, .. } => {
            assert!(outcome.at >= row.at.plus_millis(*duration_ms), "{id} op {op} wakes early");
        }
        Entry::Run { .. }
        | Entry::Call(_)
        | Entry::Attach { .. }
        | Entry::Awakeable { .. }
        | Entry::ReceiveSignal { .. }
        | Entry::GetPromise { .. } => {}
        other => panic!("{id} op {op}, {other}, has a late outcome"),
    }
}

fn check_timer(before: &Table, timer: &Timer, row: Option<&Row>) {
    if let (Some(_), TimerKind::Sleep { op }) = (row, timer.kind) {
        let slept = before.contains_key(&RowKey::Outcome(timer.invocation, op));
        assert!(!slept, "a timer is set for a sleep that is over");
    }
}
