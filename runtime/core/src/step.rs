//! One step of the core: a command, the rows it declared, and what follows from them.

use crate::command::{Command, Message};
use crate::effect::Effect;
use crate::ids::PartitionId;
use crate::rows::Rows;
use crate::steps::entries::promise;
use crate::steps::{
    acknowledged, admit, append, attach, begin, cancel, complete_awakeable, edit_state, ended, key_queue,
    kill, look, pause, post, purge, receive, repin, restart, resume, settle, signal, spread, submit, tell,
    timer_due, unclaimed,
};
use crate::time::Timestamp;

/// Where and when a step happens.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub now: Timestamp,
    pub partition: PartitionId,
    pub partitions: u16,
}

impl Place {
    /// Returns the command that brings a message to the owner of its addressee.
    pub(crate) fn route(&self, message: Message) -> Command {
        let to = message.addressee().partition(self.partitions);
        if to == self.partition { message.into() } else { Command::Post { to, message } }
    }
}

/// Applies one command to the rows it declared. Same inputs, same outputs, always.
#[must_use]
pub fn step(place: Place, rows: &mut Rows, command: Command) -> Vec<Effect> {
    let mut effects = Vec::new();
    let out = &mut effects;
    match command {
        Command::Submit(submission) => submit::apply(place, rows, submission, out),
        Command::Append(append) => append::apply(place, rows, append, out),
        Command::Ended(ended) => ended::apply(place, rows, ended, out),
        Command::TimerDue(timer) => timer_due::apply(place, rows, timer, out),
        Command::Pause { invocation, ticket } => pause::apply(place, rows, invocation, ticket, out),
        Command::Resume(resume) => resume::apply(place, rows, resume, out),
        Command::Repin(repin) => repin::apply(place, rows, repin, out),
        Command::Restart(wanted) => restart::apply(place, rows, wanted, out),
        Command::Look { invocation, ticket } => look::apply(rows, invocation, ticket, out),
        Command::PurgeJournal { invocation: id, ticket } => purge::journal_now(place, rows, id, ticket, out),
        Command::Cancel(request) => cancel::apply(place, rows, request, out),
        Command::Kill(request) => kill::apply(place, rows, request, out),
        Command::Purge { invocation, ticket } => purge::apply(rows, invocation, ticket, out),
        Command::CompleteAwakeable { awakeable, outcome, ticket } => {
            complete_awakeable::apply(place, rows, awakeable, outcome, ticket, out);
        }
        Command::Signal(signal) => signal::apply(place, rows, signal, out),
        Command::EditState(edit) => edit_state::apply(rows, edit, out),
        Command::ReplaceState { edit, names } => edit_state::replace_as_seen(rows, edit, names, out),
        Command::Receive { from, sequence, message } => {
            receive::apply(place, rows, from, sequence, message, out);
        }
        Command::Acknowledged { by, sequence } => acknowledged::apply(rows, by, sequence),
        Command::Settle(settle) => settle::apply(place, rows, settle, out),
        Command::Admit { invocation: id, object, input } => admit::apply(place, rows, id, object, input, out),
        Command::Begin { invocation, service, input } => {
            begin::apply(place, rows, invocation, &service, input, out);
        }
        Command::Release(release) => key_queue::release(place, rows, release, out),
        Command::Grant { object, position } => key_queue::grant(place, rows, object, position, out),
        Command::Attach { invocation, listener } => attach::apply(place, rows, invocation, listener, out),
        Command::Detach { invocation, listener } => attach::detach(rows, invocation, listener),
        Command::Notify { invocation, outcome } => attach::notify(rows, invocation, outcome, out),
        Command::Tell(tell) => tell::apply(place, tell, out),
        Command::Spread(spread) => spread::apply(place, rows, spread, out),
        Command::TakeSignal { invocation: id, op, number } => signal::take(place, rows, id, op, number, out),
        Command::PurgeObject { invocation, object } => purge::object(place, rows, invocation, object, out),
        Command::PurgePromise { invocation: id, object, name } => promise::purge(rows, id, object, name, out),
        Command::StopListening { object, name, listener: by } => promise::leave(rows, object, name, by),
        Command::KeepPromises { run, object } => unclaimed::keep(place, rows, run, object, out),
        Command::PurgeUnclaimed { run, object } => unclaimed::purge(place, rows, run, object, out),
        Command::ForgetPromise { object, name } => unclaimed::forget(rows, object, name),
        Command::PurgeRest { invocation } => purge::rest(place, rows, invocation, out),
        Command::Post { to, message } => post::apply(rows, to, message, out),
    }
    effects
}
