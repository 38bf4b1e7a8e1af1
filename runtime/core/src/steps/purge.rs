//! A completed invocation is forgotten, a bounded part at a time.
//!
//! A long journal goes from its end, so that what is left of it is still a journal.

use crate::command::{Command, Ticket, Timer, TimerKind};
use crate::effect::{Effect, Notice};
use crate::ids::{CANCEL_OP, InvocationId};
use crate::invocation::InvocationRow;
use crate::limits::PURGED_AT_ONCE;
use crate::manifest::Retention;
use crate::retention::KeptUntil;
use crate::rows::{NamesOf, Row, RowKey, Rows};
use crate::step::Place;
use crate::steps::timers;
use crate::target::ObjectKey;

/// Somebody wants the invocation forgotten, or its time has come.
pub fn apply(rows: &mut Rows, id: InvocationId, ticket: Option<Ticket>, effects: &mut Vec<Effect>) {
    let notice = match rows.completed(id) {
        Some(_) => Notice::Done,
        None if rows.contains(&RowKey::Invocation(id)) => Notice::Unfit,
        None => Notice::Absent,
    };
    effects.extend(ticket.map(|ticket| Effect::Notice { ticket, notice }));
    let Some(row) = rows.completed(id) else { return };
    let next = match row.target.object().filter(|_| row.is_workflow_run()) {
        Some(object) => Command::PurgeObject { invocation: id, object },
        None => Command::PurgeRest { invocation: id },
    };
    effects.push(Effect::Then(next));
}

const AT_ONCE: usize = PURGED_AT_ONCE as usize;
/// Promises that are purged in one step: many may wait for each, and are told.
const PROMISES_AT_ONCE: usize = 16;

/// State and promises of a workflow go first: without its run nobody would find them.
pub fn object(place: Place, rows: &mut Rows, id: InvocationId, object: ObjectKey, effects: &mut Vec<Effect>) {
    let state = rows.names(&NamesOf::State(object.clone()));
    let promises = rows.names(&NamesOf::Promises(object.clone()));
    let budget = AT_ONCE.saturating_sub(state.len()).min(PROMISES_AT_ONCE);
    let is_done = state.len() <= AT_ONCE && promises.len() <= budget;
    for name in state.into_iter().take(AT_ONCE) {
        rows.delete(RowKey::State(object.clone(), name));
    }
    for name in promises.into_iter().take(budget) {
        let object = object.clone();
        effects.push(Effect::Then(Command::PurgePromise { invocation: id, object, name }));
    }
    if is_done {
        effects.push(Effect::Then(Command::PurgeRest { invocation: id }));
    } else if let Some(row) = rows.completed(id).cloned() {
        go_on_soon(place, rows, id, row, effects);
    }
}

/// The journal, or a part of it, and at last the record itself.
pub fn rest(place: Place, rows: &mut Rows, id: InvocationId, effects: &mut Vec<Effect>) {
    let Some(row) = rows.completed(id) else { return };
    let mut row = row.clone();
    if !shorten(rows, id, &mut row) {
        go_on_soon(place, rows, id, row, effects);
        return;
    }
    disarm(rows, id, &row);
    if row.has_mailbox {
        let mailbox = rows.mailbox(id);
        mailbox.arrived.iter().for_each(|(number, _)| rows.delete(RowKey::Signal(id, *number)));
        rows.delete(RowKey::Mailbox(id));
    }
    if id.is_computed() {
        rows.delete(RowKey::Created(row.created_at, id));
        let purged = rows.counter(&RowKey::AttemptsPurged) + u64::from(row.tries());
        rows.put(RowKey::AttemptsPurged, Row::Counter(purged));
    }
    rows.delete(RowKey::Input(id));
    rows.delete(RowKey::Answer(id));
    rows.delete(RowKey::Completed(id));
}

/// Somebody wants the journal forgotten, and the answer kept as long as it would be.
pub fn journal_now(
    place: Place,
    rows: &mut Rows,
    id: InvocationId,
    ticket: Ticket,
    effects: &mut Vec<Effect>,
) {
    let notice = match rows.completed(id) {
        Some(_) if rows.contains(&RowKey::Input(id)) => Notice::Done,
        Some(_) => Notice::Known,
        None if rows.contains(&RowKey::Invocation(id)) => Notice::Unfit,
        None => Notice::Absent,
    };
    effects.push(Effect::Notice { ticket, notice });
    let Some(row) = rows.completed(id).filter(|_| notice == Notice::Done) else { return };
    let mut row = row.clone();
    let armed = KeptUntil::of(&row).map_or(Vec::new(), |kept_until| kept_until.timers(id));
    for timer in armed.into_iter().filter(|timer| timer.kind == TimerKind::PurgeJournal) {
        timers::disarm(rows, timer);
    }
    row.journal_until = Some(place.now);
    rows.put(RowKey::Completed(id), Row::Invocation(Box::new(row)));
    journal(place, rows, id, effects);
}

/// The journal has been kept long enough; the answer stays.
pub fn journal(place: Place, rows: &mut Rows, id: InvocationId, effects: &mut Vec<Effect>) {
    let Some(row) = rows.completed(id) else { return };
    let mut row = row.clone();
    if shorten(rows, id, &mut row) {
        rows.delete(RowKey::Input(id));
    } else {
        timers::arm(rows, Timer { at: place.now, invocation: id, kind: TimerKind::PurgeJournal }, effects);
    }
    rows.put(RowKey::Completed(id), Row::Invocation(Box::new(row)));
}

/// Takes the last entries off the journal; says whether nothing is left of it.
fn shorten(rows: &mut Rows, id: InvocationId, row: &mut InvocationRow) -> bool {
    let until = row.entries_len;
    let from = until.saturating_sub(PURGED_AT_ONCE);
    for op in from..until {
        rows.delete(RowKey::Entry(id, op));
        rows.delete(RowKey::Outcome(id, op));
    }
    row.entries_len = from;
    if from > 0 {
        return false;
    }
    if row.cancelled.is_some() {
        rows.delete(RowKey::Outcome(id, CANCEL_OP));
    }
    row.outcomes_len = 0;
    true
}

/// The next part goes in a transaction of its own. From now on there is nothing to keep it for, so a
/// timer of the past cannot be mistaken for one of a later invocation with the same id.
fn go_on_soon(
    place: Place,
    rows: &mut Rows,
    id: InvocationId,
    mut row: InvocationRow,
    effects: &mut Vec<Effect>,
) {
    disarm(rows, id, &row);
    row.retention = Retention { idempotency_ms: 0, workflow_ms: 0, journal_ms: 0 };
    // The clock may have been set back since it ended.
    let at = KeptUntil::of(&row).map_or(place.now, |kept_until| kept_until.answer.max(place.now));
    rows.put(RowKey::Completed(id), Row::Invocation(Box::new(row)));
    timers::arm(rows, Timer { at, invocation: id, kind: TimerKind::Purge }, effects);
}

fn disarm(rows: &mut Rows, id: InvocationId, row: &InvocationRow) {
    for timer in KeptUntil::of(row).iter().flat_map(|kept_until| kept_until.timers(id)) {
        timers::disarm(rows, timer);
    }
}
