//! An invocation is over: its answer is recorded and goes to whoever waits.

use crate::command::{Command, Message, Release, Timer, TimerKind};
use crate::effect::Effect;
use crate::entry::{Answer, Outcome};
use crate::ids::InvocationId;
use crate::invocation::{InvocationRow, Listener, Origin, Phase};
use crate::retention::KeptUntil;
use crate::rows::{Row, RowKey, Rows};
use crate::step::Place;
use crate::steps::{attach, timers};

pub fn complete(place: Place, rows: &mut Rows, id: InvocationId, answer: Answer, effects: &mut Vec<Effect>) {
    let Some(row) = rows.invocation_mut(id) else { return };
    let mut row = row.clone();
    let is_failure = matches!(answer, Answer::Failure(_));
    let phase = std::mem::replace(&mut row.phase, Phase::Completed { at: place.now, is_failure });
    row.modified_at = place.now;
    stop_waiting(rows, id, &mut row, &phase);
    effects.extend(stop_listening(id, &mut row));
    effects.extend(detach(place, id, &mut row));
    tell(place, id, &row, answer.clone().into(), effects);
    // One in the queue may have been granted the key by this very transaction, and not begun yet.
    let has_waited = matches!(phase, Phase::Queued { .. });
    if row.holds_key || has_waited {
        row.holds_key = false;
        let object = row.target.object().expect("only invocations on objects have a key, or wait for one");
        let is_chained = row.tries() == 0;
        let release = Release { invocation: id, object, has_waited, is_chained };
        effects.push(Effect::Then(Command::Release(release)));
    }
    keep(place, rows, id, row, answer.clone(), effects);
    effects.push(Effect::Reply { invocation: id, answer });
}

/// Takes back what would have made the invocation go on.
fn stop_waiting(rows: &mut Rows, id: InvocationId, row: &mut InvocationRow, phase: &Phase) {
    row.run_tries.clear();
    for (op, at) in std::mem::take(&mut row.open_sleeps) {
        timers::disarm(rows, Timer { at, invocation: id, kind: TimerKind::Sleep { op } });
    }
    match *phase {
        Phase::Scheduled { at } => {
            timers::disarm(rows, Timer { at, invocation: id, kind: TimerKind::Begin });
        }
        Phase::BackingOff { attempt, until: at, .. } => {
            timers::disarm(rows, Timer { at, invocation: id, kind: TimerKind::Retry { attempt } });
        }
        Phase::Queued { position } => {
            let object = row.target.object().expect("only invocations on objects wait for a key");
            rows.delete(RowKey::KeyWaiter(object, position));
        }
        Phase::Running { .. } | Phase::Suspended { .. } | Phase::Paused { .. } | Phase::Completed { .. } => {}
    }
}

/// Takes it off the lists of promises it waits for.
fn stop_listening(id: InvocationId, row: &mut InvocationRow) -> Vec<Effect> {
    let promises = std::mem::take(&mut row.open_promises);
    let Some(object) = row.target.object() else { return Vec::new() };
    let stop = |(op, name)| {
        let listener = Listener { caller: id, op };
        Effect::Then(Command::StopListening { object: object.clone(), name, listener })
    };
    promises.into_iter().map(stop).collect()
}

/// Takes it off the lists of invocations whose end it waits for.
fn detach(place: Place, id: InvocationId, row: &mut InvocationRow) -> impl Iterator<Item = Effect> {
    let attaches = std::mem::take(&mut row.open_attaches).into_iter();
    // A call with an idempotency key may have found its callee there.
    let calls = std::mem::take(&mut row.open_calls.callees).into_iter();
    let joined = calls.filter(|(_, callee)| callee.is_computed());
    attaches.chain(joined).map(move |(op, invocation)| {
        let listener = Listener { caller: id, op };
        Effect::Then(place.route(Message::Detach { invocation, listener }))
    })
}

fn tell(place: Place, id: InvocationId, row: &InvocationRow, outcome: Outcome, effects: &mut Vec<Effect>) {
    if row.has_listeners {
        effects.push(Effect::Then(Command::Notify { invocation: id, outcome: outcome.clone() }));
    }
    match row.origin {
        Origin::Ingress | Origin::Send { .. } | Origin::Restart { .. } => {}
        Origin::Call { caller, op } => {
            effects.push(attach::answer(place, id, Listener { caller, op }, outcome))
        }
    }
}

/// Keeps what is left for as long as its handler says.
fn keep(
    place: Place,
    rows: &mut Rows,
    id: InvocationId,
    row: InvocationRow,
    answer: Answer,
    effects: &mut Vec<Effect>,
) {
    let kept_until = KeptUntil::of(&row).expect("the phase was set above");
    // Who ended it then looks through the journal for its calls, later in this very transaction.
    let is_journal_needed = row.open_calls.has_overflowed;
    rows.delete(RowKey::Invocation(id));
    rows.put(RowKey::Completed(id), Row::Invocation(Box::new(row)));
    rows.put(RowKey::Answer(id), Row::Answer(answer));
    if kept_until.answer <= place.now && !is_journal_needed {
        effects.push(Effect::Then(Command::Purge { invocation: id, ticket: None }));
        return;
    }
    for timer in kept_until.timers(id) {
        timers::arm(rows, timer, effects);
    }
}
