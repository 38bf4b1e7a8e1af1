//! One step of the core: a command, the rows it declared, and what follows from them.

use crate::command::{Command, Message};
use crate::effect::Effect;
use crate::ids::PartitionId;
use crate::rows::Rows;
use crate::steps::{acknowledged, append, begin, ended, post, receive, resume, settle, submit, timer_due};
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
        if to != self.partition {
            return Command::Post { to, message };
        }
        match message {
            Message::Submit(submission) => Command::Submit(submission),
            Message::Settle { invocation, op, outcome } => Command::Settle { invocation, op, outcome },
        }
    }
}

/// Applies one command to the rows it declared. Same inputs, same outputs, always.
#[must_use]
pub fn step(place: Place, rows: &mut Rows, command: Command) -> Vec<Effect> {
    let mut effects = Vec::new();
    match command {
        Command::Submit(submission) => submit::apply(place, rows, submission, &mut effects),
        Command::Append(append) => append::apply(place, rows, append, &mut effects),
        Command::Ended { invocation, attempt, end, jitter } => {
            let ended = ended::Ended { invocation, attempt, jitter };
            ended::apply(place, rows, ended, end, &mut effects);
        }
        Command::TimerDue(timer) => timer_due::apply(place, rows, timer, &mut effects),
        Command::Resume { invocation } => resume::apply(place, rows, invocation, &mut effects),
        Command::Receive { from, sequence, message } => {
            receive::apply(place, rows, from, sequence, message, &mut effects);
        }
        Command::Acknowledged { by, sequence } => acknowledged::apply(rows, by, sequence),
        Command::Settle { invocation, op, outcome } => {
            settle::apply(place, rows, settle::Settle { invocation, op, outcome }, &mut effects);
        }
        Command::Begin { invocation, service, input } => {
            begin::apply(place, rows, invocation, &service, input, &mut effects);
        }
        Command::Post { to, message } => post::apply(rows, to, message, &mut effects),
    }
    effects
}
