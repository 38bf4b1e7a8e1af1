//! What no write may ever do to objects and workflows: their keys, states and promises.

use super::address;
use super::table::{Table, completed, live, queue, waiters};
use super::writes::Cause;
use abide_core::command::Command;
use abide_core::effect::Notice;
use abide_core::ids::InvocationId;
use abide_core::invocation::InvocationRow;
use abide_core::limits::UNCLAIMED_KEPT_MIN_MS;
use abide_core::rows::{Row, RowKey};
use abide_core::target::ObjectKey;

/// The key goes from one that has ended to the one that waits longest.
pub fn check_queue(before: &Table, object: &ObjectKey, row: Option<&Row>, cause: &Cause<'_>) {
    let old = queue(before, object);
    let new = match row {
        Some(Row::KeyQueue(new)) => Some(new),
        None => None,
        Some(other) => panic!("the queue of {object} is {other:?}"),
    };
    let first = waiters(before, object).next();
    match (old, new) {
        (None, Some(new)) => {
            let admitted =
                matches!(cause.command, Command::Admit { invocation, .. } if *invocation == new.holder);
            assert!(admitted && first.is_none(), "{object} goes to {new:?}");
        }
        (Some(old), Some(new)) if old.holder == new.holder && old.head == new.head => {
            let waiting = waiters(before, object).count() as u64;
            match cause.command {
                Command::Admit { .. } => {
                    assert_eq!(new.tail, old.tail + 1, "one joins the queue of {object}");
                    assert!(new.waiting() > waiting, "{object}");
                }
                Command::Release(_) => {
                    assert_eq!(new.tail, old.tail, "one has left the queue of {object}");
                    // Of several that end together each counts in a step of its own.
                    assert!(new.waiting() >= waiting, "{object}");
                }
                other => panic!("{object} by {other:?}"),
            }
        }
        // Very many gaps are passed in parts; the key goes to nobody yet.
        (Some(old), Some(new)) if old.holder == new.holder => {
            assert!(live(before, old.holder).is_none(), "{} still holds {object}", old.holder);
            assert!(matches!(cause.command, Command::Grant { .. }), "{object} by {:?}", cause.command);
            assert!(first.is_none_or(|(position, _)| position >= new.head), "{object}: {old:?} to {new:?}");
            assert!(new.waiting() >= waiters(before, object).count() as u64, "{object}");
        }
        (Some(old), Some(new)) => {
            assert!(live(before, old.holder).is_none(), "{} still holds {object}", old.holder);
            let (position, next) = first.unwrap_or_else(|| panic!("{object} goes to {new:?}"));
            assert_eq!(new.holder, next, "first come, first served at {object}");
            assert!(new.head == position + 1 && new.tail == old.tail, "{object}: {old:?} to {new:?}");
            assert!(new.waiting() + 1 >= waiters(before, object).count() as u64, "{object}");
        }
        (Some(old), None) => {
            assert!(live(before, old.holder).is_none(), "{} still holds {object}", old.holder);
            assert!(first.is_none(), "{object} forgets who waits");
        }
        (None, None) => {}
    }
}

/// Whoever comes goes to the end; whoever leaves has the key or has ended.
pub fn check_waiter(before: &Table, object: &ObjectKey, position: u64, row: Option<&Row>, cause: &Cause<'_>) {
    let old = before.get(&RowKey::KeyWaiter(object.clone(), position));
    match (row, cause.command) {
        (Some(Row::KeyWaiter(id)), Command::Admit { invocation, .. }) => {
            let tail = queue(before, object).map(|queue| queue.tail);
            assert!(old.is_none() && tail == Some(position) && id == invocation, "{id} at {position}");
        }
        (Some(row), other) => panic!("{row:?} waits for {object} because of {other:?}"),
        (None, Command::Grant { .. } | Command::Cancel(_) | Command::Kill(_)) => {}
        (None, other) => assert!(old.is_none(), "{old:?} leaves {object} because of {other:?}"),
    }
}

/// Only who runs exclusively writes the state, the purge of a workflow, and a person while nobody runs.
pub fn check_state(
    before: &Table,
    (object, key): (&ObjectKey, &RowKey),
    row: Option<&Row>,
    cause: &Cause<'_>,
) {
    match cause.command {
        Command::Append(append) => {
            assert_eq!(append.object.as_ref(), Some(object), "another object is written");
            assert_eq!(Some(append.invocation), writer(before, object), "{object} is written by another");
        }
        Command::EditState(edit) | Command::ReplaceState { edit, .. } => {
            let is_meant = match (key, row) {
                (RowKey::State(_, name), Some(Row::State(value))) => edit.values.get(name) == Some(value),
                (RowKey::State(_, name), None) => !edit.values.contains_key(name),
                _ => false,
            };
            assert!(edit.object == *object && is_meant, "{object} is edited to {key:?} = {row:?}");
            assert_eq!(no_edit(before, object), None, "{object} is edited and cannot be");
        }
        other => check_forgotten(before, object, row, other),
    }
}

/// Returns who may write: the one that has the key, or the run of the workflow.
pub fn writer(table: &Table, object: &ObjectKey) -> Option<InvocationId> {
    match address::workflow_run(object) {
        Some(run) => live(table, run).map(|_| run),
        None => queue(table, object).map(|queue| queue.holder),
    }
}

/// Returns why a person cannot edit a state now.
pub fn no_edit(table: &Table, object: &ObjectKey) -> Option<Notice> {
    let is_gone = |run| completed(table, run).is_none_or(|row| !row.is_workflow_run());
    match address::workflow_run(object) {
        _ if writer(table, object).is_some() => Some(Notice::Held),
        Some(run) if is_gone(run) => Some(Notice::Absent),
        Some(_) | None => None,
    }
}

fn check_forgotten(before: &Table, object: &ObjectKey, row: Option<&Row>, command: &Command) {
    match command {
        Command::PurgeObject { invocation, object: purged } => {
            let is_its_run = address::workflow_run(object) == Some(*invocation);
            let has_ended = completed(before, *invocation).is_some();
            assert!(row.is_none() && is_its_run && has_ended && object == purged, "{object} is purged");
        }
        other => panic!("{object} is changed by {other:?}"),
    }
}

/// Returns the run of a workflow, if it has begun: promises are kept with it.
fn begun_run(table: &Table, run: InvocationId) -> Option<&InvocationRow> {
    live(table, run).or(completed(table, run)).filter(|row| row.deployment.is_some())
}

/// Promises without a run are looked after until they are forgotten, or there is one.
pub fn check_unclaimed(before: &Table, run: InvocationId, row: Option<&Row>, cause: &Cause<'_>) {
    match (row, cause.command) {
        (Some(Row::Unclaimed(new)), Command::KeepPromises { run: of, object }) => {
            assert!(*of == run && new.object == *object && begun_run(before, run).is_none(), "{new:?}");
            assert!(new.until >= cause.now.plus_millis(UNCLAIMED_KEPT_MIN_MS), "{new:?} at {:?}", cause.now);
        }
        (Some(Row::Unclaimed(_)), Command::TimerDue(_)) | (_, Command::PurgeUnclaimed { .. }) => {
            assert!(begun_run(before, run).is_none(), "{run} has promises of its own");
        }
        (None, Command::TimerDue(_)) => assert!(begun_run(before, run).is_some(), "promises are left"),
        other => panic!("promises without the run {run}: {other:?}"),
    }
}

/// A promise is completed once.
pub fn check_promise(
    before: &Table,
    (object, key): (&ObjectKey, &RowKey),
    row: Option<&Row>,
    cause: &Cause<'_>,
) {
    let old = before.get(key);
    if let Command::StopListening { object: of, listener, .. } = cause.command {
        let waiting = |row: Option<&Row>| match row {
            Some(Row::Promise(row)) => {
                row.waiting.iter().filter(|other| *other != listener).copied().collect()
            }
            _ => Vec::new(),
        };
        assert!(object == of && waiting(old) == waiting(row), "more than one stops waiting at {object}");
        return;
    }
    let (Some(Row::Promise(new)), Command::Append(append)) = (row, cause.command) else {
        let is_purge = match cause.command {
            Command::PurgePromise { object: of, .. } => of == object,
            Command::ForgetPromise { object: of, .. } => {
                let is_completed = matches!(old, Some(Row::Promise(old)) if old.outcome.is_some());
                let run = address::workflow_run(object).expect("only workflows have promises");
                of == object && is_completed && live(before, run).is_none()
            }
            _ => false,
        };
        assert!(is_purge && row.is_none(), "a promise of {object} is changed by {:?}", cause.command);
        return;
    };
    assert_eq!(append.object.as_ref(), Some(object), "a promise of another workflow");
    if let Some(Row::Promise(old)) = old {
        assert_eq!(old.outcome, None, "a promise of {object} is completed twice");
        assert!(
            new.outcome.is_some() || old.waiting.iter().all(|listener| new.waiting.contains(listener)),
            "somebody is forgotten"
        );
    }
    assert!(new.outcome.is_none() || new.waiting.is_empty(), "who waits for what is there");
}
