//! A signal arrives: an operation that waits for its name receives it, or it is kept for a later one.

use crate::command::{Command, Expected, Settle, Signal};
use crate::effect::{Effect, Notice};
use crate::entry::{Failure, Outcome};
use crate::ids::{InvocationId, OpId};
use crate::invocation::{AttemptFailure, MailboxRow};
use crate::limits::{LISTENERS_MAX, SIGNALS_KEPT};
use crate::rows::{Row, RowKey, Rows};
use crate::step::Place;
use crate::steps::settle;

pub fn apply(place: Place, rows: &mut Rows, signal: Signal, effects: &mut Vec<Effect>) {
    let ticket = signal.ticket;
    let notice = deliver(place, rows, signal, effects);
    effects.extend(ticket.map(|ticket| Effect::Notice { ticket, notice }));
}

fn deliver(place: Place, rows: &mut Rows, signal: Signal, effects: &mut Vec<Effect>) -> Notice {
    let Signal { invocation: id, name, outcome, .. } = signal;
    let mut mailbox = rows.mailbox(id);
    let Some(row) = rows.invocation_mut(id) else { return Notice::Absent };
    if let Some(index) = mailbox.waiting.iter().position(|(_, wanted)| *wanted == name) {
        let (op, _) = mailbox.waiting.remove(index);
        let settle = Settle { invocation: id, op, expected: Expected::Signal { name }, outcome };
        effects.push(Effect::Then(Command::Settle(settle)));
        put_mailbox(rows, id, mailbox);
        return Notice::Done;
    }
    if mailbox.arrived.len() >= SIGNALS_KEPT {
        let message =
            format!("dropped a signal {name:?}: {SIGNALS_KEPT} were not received yet (SIGNALS_KEPT)");
        row.remember(AttemptFailure { attempt: row.tries(), at: place.now, message, op: None });
        return Notice::Full;
    }
    row.has_mailbox = true;
    let number = mailbox.next;
    mailbox.next += 1;
    mailbox.arrived.push((number, name));
    rows.put(RowKey::Signal(id, number), Row::Signal(outcome));
    put_mailbox(rows, id, mailbox);
    Notice::Done
}

/// An operation asks for the next signal of a name.
pub fn receive(
    place: Place,
    rows: &mut Rows,
    id: InvocationId,
    op: OpId,
    name: &str,
    effects: &mut Vec<Effect>,
) {
    let mut mailbox = rows.mailbox(id);
    if let Some(index) = mailbox.arrived.iter().position(|(_, arrived)| arrived == name) {
        let (number, _) = mailbox.arrived.remove(index);
        effects.push(Effect::Then(Command::TakeSignal { invocation: id, op, number }));
    } else if mailbox.waiting.len() < LISTENERS_MAX {
        mailbox.waiting.push((op, name.to_owned()));
    } else {
        let message = format!("{LISTENERS_MAX} operations wait for signals already (LISTENERS_MAX)");
        settle::record(place, rows, id, op, Outcome::Failure(Failure::new(429, message)), effects);
        return;
    }
    put_mailbox(rows, id, mailbox);
    if let Some(row) = rows.invocation_mut(id) {
        row.has_mailbox = true;
    }
}

/// The operation gets the signal that was kept for it.
pub fn take(
    place: Place,
    rows: &mut Rows,
    id: InvocationId,
    op: OpId,
    number: u64,
    effects: &mut Vec<Effect>,
) {
    let Some(outcome) = rows.signal(id, number).cloned() else { return };
    rows.delete(RowKey::Signal(id, number));
    settle::record(place, rows, id, op, outcome, effects);
    settle::stop_overfull(place, rows, id, effects);
}

/// The invocation is cancelled, so nobody waits for these operations any more: signals that come are
/// for what it asks from now on.
pub fn stop_receiving(rows: &mut Rows, id: InvocationId) {
    let mut mailbox = rows.mailbox(id);
    if !mailbox.waiting.is_empty() {
        mailbox.waiting.clear();
        put_mailbox(rows, id, mailbox);
    }
}

fn put_mailbox(rows: &mut Rows, id: InvocationId, mailbox: MailboxRow) {
    rows.put(RowKey::Mailbox(id), Row::Mailbox(mailbox));
}
