//! What a whole step says and does: a request is told what happened, who shall end does, and what is
//! forgotten leaves no timers behind.

use super::object_writes::no_edit;
use super::partition::Step;
use super::table::{Table, completed, live, state_version};
use super::writes::kept_until;
use super::{catalogue, restarts};
use abide_core::command::{
    Command, EditState, EndRequest, Repin, Resume, Signal, Submission, Ticket, Timer, TimerKind,
};
use abide_core::effect::{Effect, Notice, Refusal};
use abide_core::ids::{DeploymentId, InvocationId};
use abide_core::invocation::{InvocationRow, PauseReason, Phase};
use abide_core::rows::{Row, RowKey};

/// Checks what a step tells, against the rows before it and what it writes.
pub fn check(before: &Table, step: &Step, effects: &[Effect]) {
    let mut notices = effects.iter().filter_map(|effect| match effect {
        Effect::Notice { ticket, notice } => Some((*ticket, *notice)),
        _ => None,
    });
    let told = notices.next();
    assert_eq!(notices.next(), None, "one request is told twice");
    check_starts(before, step, effects);
    match &step.command {
        Command::Submit(submission) => check_submit(before, step, submission, told),
        Command::Pause { invocation, ticket } => {
            check_told(before, step, *invocation, Some(*ticket), told);
            check_pause(before, step, *invocation, effects);
        }
        Command::Resume(Resume { invocation, ticket, .. })
        | Command::Repin(Repin { invocation, ticket, .. }) => {
            check_told(before, step, *invocation, Some(*ticket), told);
        }
        Command::Restart(restart) => {
            check_told(before, step, restart.of, Some(restart.ticket), told);
            restarts::check(before, step, restart);
        }
        Command::PurgeJournal { invocation, ticket } | Command::Look { invocation, ticket } => {
            check_told(before, step, *invocation, Some(*ticket), told);
            assert!(step.writes.is_empty() || !matches!(step.command, Command::Look { .. }));
        }
        Command::Cancel(EndRequest { invocation, ticket, caller }) => {
            check_told(before, step, *invocation, *ticket, told);
            check_cancel(step, *invocation, live(before, *invocation), *caller);
        }
        Command::Kill(EndRequest { invocation, ticket, caller }) => {
            check_told(before, step, *invocation, *ticket, told);
            let is_meant = live(before, *invocation).is_some_and(|row| is_meant(row, *caller));
            let has_ended = step.write(&RowKey::Completed(*invocation)).is_some();
            assert_eq!(has_ended, is_meant, "{invocation} is killed");
        }
        Command::Purge { invocation, ticket } | Command::Signal(Signal { invocation, ticket, .. }) => {
            check_told(before, step, *invocation, *ticket, told);
        }
        Command::CompleteAwakeable { awakeable, ticket, .. } => {
            check_told(before, step, awakeable.invocation, *ticket, told);
            // Only of the life that handed it out.
            let birth = live(before, awakeable.invocation).map(|row| row.birth);
            assert!(step.writes.is_empty() || birth == Some(awakeable.birth), "{awakeable:?} is completed");
        }
        Command::EditState(edit) => check_edit(before, step, edit, told, effects),
        Command::ReplaceState { edit, .. } => {
            let is_as_seen = edit.expected == Some(state_version(before, &edit.object));
            let meant = if is_as_seen { Notice::Done } else { Notice::Changed };
            assert_eq!(told, Some((edit.ticket, meant)), "{} is edited", edit.object);
            assert!(is_as_seen || step.writes.is_empty(), "{} is edited and was not as seen", edit.object);
        }
        Command::PurgeRest { invocation } => check_forgotten(before, step, *invocation),
        other => assert_eq!(told, None, "nobody has asked for {other:?}"),
    }
}

/// An edit waits for nobody: it is refused, or done, or compared in the next step.
fn check_edit(
    before: &Table,
    step: &Step,
    edit: &EditState,
    told: Option<(Ticket, Notice)>,
    effects: &[Effect],
) {
    let meant = match (no_edit(before, &edit.object), edit.expected) {
        (Some(refused), _) => Some((edit.ticket, refused)),
        (None, None) => Some((edit.ticket, Notice::Done)),
        (None, Some(_)) => None,
    };
    assert_eq!(told, meant, "{} is edited", edit.object);
    let is_compared = matches!(effects, [Effect::Then(Command::ReplaceState { .. })]);
    assert_eq!(is_compared, meant.is_none(), "{} is edited", edit.object);
    assert!(
        step.writes.is_empty() || meant == Some((edit.ticket, Notice::Done)),
        "{} is edited",
        edit.object
    );
}

fn check_submit(before: &Table, step: &Step, submission: &Submission, told: Option<(Ticket, Notice)>) {
    let id = submission.invocation;
    let was_there = live(before, id).is_some() || completed(before, id).is_some();
    if let Some((_, notice)) = told {
        let meant = if was_there { Notice::Known } else { Notice::Done };
        assert_eq!(notice, meant, "{id} is submitted");
    }
    let written = step.write(&RowKey::Invocation(id));
    assert_ne!(written.is_some(), was_there, "{id} is submitted");
    let depth = written.and_then(Row::as_invocation).map(|row| row.depth);
    assert!(depth.is_none_or(|depth| depth == submission.depth), "{id} forgets the calls above it");
}

fn check_told(
    before: &Table,
    step: &Step,
    id: InvocationId,
    asked: Option<Ticket>,
    told: Option<(Ticket, Notice)>,
) {
    assert_eq!(told.map(|(ticket, _)| ticket), asked, "who has asked is told");
    let Some((_, notice)) = told else { return };
    let meant = match (live(before, id), completed(before, id)) {
        (Some(row), _) => of_live(id, row, step),
        (None, Some(row)) => of_completed(before, id, row, &step.command),
        (None, None) => of_absent(&step.command),
    };
    assert_eq!(notice, meant, "{id} is told of {:?}", step.command);
}

fn of_live(id: InvocationId, row: &InvocationRow, step: &Step) -> Notice {
    let has_begun = row.tries() > 0;
    match (&step.command, &row.phase) {
        (Command::Pause { .. }, Phase::Paused { .. }) => Notice::Known,
        (Command::Pause { .. }, _) if has_begun => Notice::Done,
        (Command::Repin(Repin { deployment, entries_len: Some(entries_len), .. }), _)
            if has_begun
                && *entries_len != row.entries_len
                && row.deployment.as_ref() != Some(deployment) =>
        {
            Notice::Refused(Refusal::WentOn)
        }
        (Command::Repin(Repin { deployment, .. }), _) if has_begun => of_other_code(row, deployment),
        (Command::Resume(Resume { deployment: Some(deployment), .. }), _)
            if has_begun && row.deployment.as_ref() != Some(deployment) =>
        {
            of_other_code(row, deployment)
        }
        (Command::Resume(_), Phase::Paused { .. } | Phase::BackingOff { .. }) => Notice::Done,
        (
            Command::Pause { .. }
            | Command::Resume(_)
            | Command::Repin(_)
            | Command::Restart(_)
            | Command::Purge { .. }
            | Command::PurgeJournal { .. },
            _,
        ) => Notice::Unfit,
        // A full mailbox keeps nothing more.
        (Command::Signal(_), _) if step.write(&RowKey::Mailbox(id)).is_none() => Notice::Full,
        _ => Notice::Done,
    }
}

fn of_other_code(row: &InvocationRow, deployment: &DeploymentId) -> Notice {
    if row.deployment.as_ref() == Some(deployment) {
        return Notice::Known;
    }
    catalogue::fits(&row.target, deployment).map_or_else(Notice::Refused, |()| Notice::Done)
}

/// Whoever ran does not any more, and stands still because somebody wants it.
fn check_pause(before: &Table, step: &Step, id: InvocationId, effects: &[Effect]) {
    let Some(old) = live(before, id).filter(|old| old.tries() > 0) else {
        assert!(step.writes.is_empty(), "{id} is paused and has not begun, or is over");
        return;
    };
    let stops = |effect: &Effect| match effect {
        Effect::StopAttempt { invocation, attempt } => {
            *invocation == id && old.running_attempt() == Some(*attempt)
        }
        _ => false,
    };
    assert_eq!(effects.iter().any(stops), old.running_attempt().is_some(), "the guest of {id} is stopped");
    if let Some(Row::Invocation(new)) = step.write(&RowKey::Invocation(id)) {
        assert_eq!(new.phase, Phase::Paused { reason: PauseReason::ByPerson }, "{id} is paused");
    }
}

/// A guest is started on the code its invocation is bound to.
fn check_starts(before: &Table, step: &Step, effects: &[Effect]) {
    for effect in effects {
        let Effect::StartAttempt(start) = effect else { continue };
        let id = start.invocation;
        let row = match step.write(&RowKey::Invocation(id)) {
            Some(Row::Invocation(row)) => row,
            _ => live(before, id).unwrap_or_else(|| panic!("{id} is started and not there")),
        };
        assert_eq!(row.deployment.as_ref(), Some(&start.deployment), "{id} is started on other code");
    }
}

fn of_completed(before: &Table, id: InvocationId, row: &InvocationRow, command: &Command) -> Notice {
    match command {
        Command::Restart(restart) => restarts::notice(before, row, restart),
        Command::PurgeJournal { .. } => {
            if before.contains_key(&RowKey::Input(id)) {
                Notice::Done
            } else {
                Notice::Known
            }
        }
        Command::Purge { .. } | Command::CompleteAwakeable { .. } => Notice::Done,
        Command::Signal(_) => Notice::Absent,
        _ => Notice::Completed,
    }
}

fn of_absent(command: &Command) -> Notice {
    match command {
        Command::CompleteAwakeable { .. } => Notice::Done,
        _ => Notice::Absent,
    }
}

/// Says whether a cancellation or a kill is for this invocation.
fn is_meant(row: &InvocationRow, caller: Option<InvocationId>) -> bool {
    caller.is_none() || caller == row.origin.caller()
}

fn check_cancel(step: &Step, id: InvocationId, old: Option<&InvocationRow>, caller: Option<InvocationId>) {
    let has_ended = step.write(&RowKey::Completed(id)).is_some();
    let Some(old) = old.filter(|old| is_meant(old, caller)) else {
        assert!(step.writes.is_empty(), "{id} is cancelled and was not meant");
        return;
    };
    match old.phase {
        Phase::Scheduled { .. } | Phase::Queued { .. } => assert!(has_ended, "{id} is cancelled and begins"),
        _ => {
            let new = match step.write(&RowKey::Invocation(id)) {
                Some(Row::Invocation(new)) => new,
                _ => old,
            };
            assert!(new.cancelled.is_some() && !has_ended, "{id} is cancelled and knows nothing of it");
            let is_patient = new.failures == 0 && new.first_failed_at.is_none();
            assert!(is_patient || old.cancelled.is_some(), "{id} has no patience left to undo what it did");
        }
    }
}

/// The timers that would end the keeping go with what was kept.
fn check_forgotten(before: &Table, step: &Step, id: InvocationId) {
    let Some(row) = completed(before, id).filter(|_| step.write(&RowKey::Completed(id)).is_none()) else {
        return;
    };
    let (journal_until, answer_until) = kept_until(row);
    for (at, kind) in [(journal_until, TimerKind::PurgeJournal), (answer_until, TimerKind::Purge)] {
        let key = RowKey::Timer(Timer { at, invocation: id, kind });
        let is_deleted = step.writes.iter().any(|(written, row)| *written == key && row.is_none());
        assert!(is_deleted || !before.contains_key(&key), "{id} is purged and {key:?} is left");
    }
}
