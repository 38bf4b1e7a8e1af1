//! What each kind of entry asks for, one file per ability.

mod call;
mod end;
pub mod promise;
mod sleep;
pub mod state;

use crate::command::{Command, Message};
use crate::effect::Effect;
use crate::entry::{Entry, Outcome};
use crate::ids::{InvocationId, OpId};
use crate::rows::Rows;
use crate::step::Place;
use crate::steps::{settle, signal};
use crate::target::ObjectKey;

/// Who asks, and under which number.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub place: Place,
    pub id: InvocationId,
    pub op: OpId,
    /// What the invocation runs on.
    pub object: Option<&'a ObjectKey>,
    /// What the workflow comes to, where `object` is one.
    pub run: Option<InvocationId>,
    /// The guest will give it up: it is cancelled and had not heard of it.
    pub is_given_up: bool,
}

/// What was asked passes a limit, which the text names: the invocation pauses.
pub struct LimitReached(pub String);

impl Asked<'_> {
    /// Settles the operation within the step that records it.
    fn settle(self, rows: &mut Rows, outcome: Outcome, effects: &mut Vec<Effect>) {
        settle::record(self.place, rows, self.id, self.op, outcome, effects);
    }

    fn send(self, message: Message, effects: &mut Vec<Effect>) {
        let command: Command = self.place.route(message);
        effects.push(Effect::Then(command));
    }
}

/// Does what an entry asks for. The entry itself is recorded by the caller.
pub fn record(
    asked: Asked<'_>,
    rows: &mut Rows,
    entry: &Entry,
    effects: &mut Vec<Effect>,
) -> Result<(), LimitReached> {
    match entry {
        // They wait for the guest, or for somebody outside.
        Entry::Run { .. } | Entry::Awakeable { .. } => {}
        Entry::Sleep { duration_ms, .. } => sleep::sleep(asked, rows, *duration_ms, effects),
        Entry::Call(request) => call::call(asked, rows, request.clone(), effects),
        Entry::Send { request, delay_ms } => call::send(asked, request.clone(), *delay_ms, effects),
        Entry::Attach { invocation } => end::attach(asked, rows, *invocation, effects),
        Entry::Cancel { invocation } => end::cancel(asked, *invocation, effects),
        Entry::Kill { invocation } => end::kill(asked, *invocation, effects),
        Entry::GetState { name } => state::get(asked, rows, name, effects),
        Entry::SetState { name, value } => state::set(asked, rows, name.clone(), Some(value.clone())),
        Entry::ClearState { name } => state::set(asked, rows, name.clone(), None),
        Entry::ClearAllState => state::clear_all(asked, rows)?,
        Entry::StateKeys => state::keys(asked, rows, effects)?,
        Entry::CompleteAwakeable { awakeable, outcome } => {
            let (awakeable, outcome) = (*awakeable, outcome.clone());
            asked.send(Message::CompleteAwakeable { awakeable, outcome }, effects);
        }
        Entry::ReceiveSignal { .. } if asked.is_given_up => {}
        Entry::ReceiveSignal { name } => {
            signal::receive(asked.place, rows, asked.id, asked.op, name, effects)
        }
        Entry::SendSignal { invocation, name, outcome } => {
            let (invocation, name, outcome) = (*invocation, name.clone(), outcome.clone());
            asked.send(Message::Signal { invocation, name, outcome }, effects);
        }
        Entry::GetPromise { name } => promise::get(asked, rows, name, effects),
        Entry::PeekPromise { name } => promise::peek(asked, rows, name, effects),
        Entry::CompletePromise { name, outcome } => {
            promise::complete(asked, rows, name.clone(), outcome.clone(), effects);
        }
    }
    Ok(())
}
