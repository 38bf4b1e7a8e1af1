//! Messages: what partitions tell each other, and the commands that they become where they arrive.

use super::{Command, EndRequest, Expected, Release, Settle, Signal, Submission};
use crate::entry::Outcome;
use crate::ids::{AwakeableId, InvocationId};
use crate::invocation::Listener;
use crate::target::ObjectKey;
use serde::{Deserialize, Serialize};

/// What one partition tells another. Delivered at least once, applied once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    Submit(Submission),
    /// The end of an invocation that the listener waits for.
    Answer {
        listener: Listener,
        callee: InvocationId,
        outcome: Outcome,
    },
    Attach {
        invocation: InvocationId,
        listener: Listener,
    },
    /// Follows from the end of its caller, or was asked for by a handler.
    End {
        invocation: InvocationId,
        how: HowToEnd,
        /// Only if this one asked for it: a call with an idempotency key may have found it there.
        caller: Option<InvocationId>,
    },
    CompleteAwakeable {
        awakeable: AwakeableId,
        outcome: Outcome,
    },
    Signal {
        invocation: InvocationId,
        name: String,
        outcome: Outcome,
    },
    /// To itself: what is left of work that was too much for one transaction.
    Tell(Tell),
    /// To itself: the key of an object is given back. A long queue of which none can run is not emptied in
    /// one transaction.
    Release {
        invocation: InvocationId,
        object: ObjectKey,
    },
    /// The listener has ended and does not wait for the end of the invocation any more.
    Detach {
        invocation: InvocationId,
        listener: Listener,
    },
}

/// Operations that get the same outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tell {
    /// Whose doing it is: a message about it goes to the owner of this one.
    pub invocation: InvocationId,
    pub listeners: Vec<Listener>,
    pub expected: Expected,
    pub outcome: Outcome,
}

/// How an invocation is ended from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HowToEnd {
    /// What it waits for fails, so that it can undo what it did.
    Cancel,
    /// At once, wherever it is.
    Kill,
}

impl Message {
    /// Returns the invocation whose owner has to get this.
    #[must_use]
    pub fn addressee(&self) -> InvocationId {
        match self {
            Self::Submit(submission) => submission.invocation,
            Self::Answer { listener, .. } => listener.caller,
            Self::CompleteAwakeable { awakeable, .. } => awakeable.invocation,
            Self::Attach { invocation, .. }
            | Self::Detach { invocation, .. }
            | Self::Tell(Tell { invocation, .. })
            | Self::Release { invocation, .. }
            | Self::End { invocation, .. }
            | Self::Signal { invocation, .. } => *invocation,
        }
    }
}

impl From<Message> for Command {
    fn from(message: Message) -> Self {
        match message {
            Message::Submit(submission) => Self::Submit(submission),
            Message::Answer { listener, callee, outcome } => Self::Settle(Settle {
                invocation: listener.caller,
                op: listener.op,
                expected: Expected::Answer { callee },
                outcome,
            }),
            Message::Attach { invocation, listener } => Self::Attach { invocation, listener },
            Message::Detach { invocation, listener } => Self::Detach { invocation, listener },
            Message::End { invocation, how: HowToEnd::Cancel, caller } => {
                Self::Cancel(EndRequest { invocation, caller, ticket: None })
            }
            Message::End { invocation, how: HowToEnd::Kill, caller } => {
                Self::Kill(EndRequest { invocation, caller, ticket: None })
            }
            Message::CompleteAwakeable { awakeable, outcome } => {
                Self::CompleteAwakeable { awakeable, outcome, ticket: None }
            }
            Message::Signal { invocation, name, outcome } => {
                Self::Signal(Signal { invocation, name, outcome, ticket: None })
            }
            Message::Tell(tell) => Self::Tell(tell),
            Message::Release { invocation, object } => {
                Self::Release(Release { invocation, object, has_waited: false, is_chained: false })
            }
        }
    }
}
