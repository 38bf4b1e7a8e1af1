//! A submission becomes an invocation that begins now or later.
//!
//! Invariant: an id is one invocation; a repeated submit changes nothing.

use crate::command::{Command, Submission, Timer, TimerKind};
use crate::effect::{Effect, Notice};
use crate::entry::{Failure, Outcome};
use crate::ids::{Attempt, InvocationId};
use crate::invocation::{InputRow, InvocationRow, Listener, Origin, Phase};
use crate::rows::{Row, RowKey, Rows};
use crate::step::Place;
use crate::steps::{attach, timers};
use crate::target::Target;

pub fn apply(place: Place, rows: &mut Rows, submission: Submission, effects: &mut Vec<Effect>) {
    let id = submission.invocation;
    if rows.contains(&RowKey::Invocation(id)) || rows.contains(&RowKey::Completed(id)) {
        known(place, &submission, effects);
        return;
    }
    effects.extend(submission.ticket.map(|ticket| Effect::Notice { ticket, notice: Notice::Done }));
    let begin_at = submission.begin_at.unwrap_or(place.now).max(place.now);
    let row = new_row(place, &submission, attempts_before(rows, id));
    rows.put(RowKey::Invocation(id), Row::Invocation(Box::new(row)));
    rows.put(RowKey::Input(id), Row::Input(submission.input.clone()));
    if id.is_computed() {
        rows.put(RowKey::Created(place.now, id), Row::Created);
    }
    if begin_at > place.now {
        let timer = Timer { at: begin_at, invocation: id, kind: TimerKind::Begin };
        timers::arm(rows, timer, effects);
    } else {
        effects.push(Effect::Then(first(id, &submission.target, Some(submission.input))));
    }
}

/// Returns the command by which an invocation begins.
pub fn first(id: InvocationId, target: &Target, input: Option<InputRow>) -> Command {
    match target.object() {
        Some(object) => Command::Admit { invocation: id, object, input },
        None => Command::Begin { invocation: id, service: target.service.clone(), input },
    }
}

/// The invocation was there before: the same idempotency key, or the same workflow.
fn known(place: Place, submission: &Submission, effects: &mut Vec<Effect>) {
    let id = submission.invocation;
    effects.extend(submission.ticket.map(|ticket| Effect::Notice { ticket, notice: Notice::Known }));
    let Origin::Call { caller, op } = submission.origin else { return };
    let listener = Listener { caller, op };
    if submission.idempotency_key.is_some() {
        effects.push(Effect::Then(Command::Attach { invocation: id, listener }));
    } else if id.is_computed() {
        let refusal = Outcome::Failure(Failure::new(409, "the workflow method was already invoked"));
        effects.push(attach::answer(place, id, listener, refusal));
    }
}

/// Returns from where the attempts of an invocation count: no two with the same id share a number, or
/// what a guest of the earlier one still says could be taken for a word of the later one's.
fn attempts_before(rows: &Rows, id: InvocationId) -> Attempt {
    const MASK: u64 = (1 << 31) - 1;
    let purged = if id.is_computed() { rows.counter(&RowKey::AttemptsPurged) } else { 0 };
    Attempt::try_from(purged & MASK).expect("31 bits fit")
}

fn new_row(place: Place, submission: &Submission, attempts_before: Attempt) -> InvocationRow {
    InvocationRow {
        idempotency_key: submission.idempotency_key.clone(),
        phase: Phase::Scheduled { at: submission.begin_at.unwrap_or(place.now) },
        attempts: attempts_before,
        attempts_before,
        birth: attempts_before,
        depth: submission.depth,
        ..InvocationRow::new(submission.target.clone(), submission.origin.clone(), place.now)
    }
}
