//! What the drivers tell of their steps, in the order in which it happens.

use super::context::TraceContext;
use abide_core::entry::{Entry, Failure, Request};
use abide_core::ids::{Attempt, DeploymentId, InvocationId, OpId};
use abide_core::invocation::Origin;
use abide_core::limits::cut;
use abide_core::target::Target;
use abide_core::time::Timestamp;

/// Bytes of a message in a span.
const MESSAGE_BYTES_MAX: usize = 1 << 10;

/// Why something failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub code: Option<u16>,
    pub message: String,
}

impl Reason {
    #[must_use]
    pub fn of(message: &str) -> Self {
        Self { code: None, message: cut(message.to_owned(), MESSAGE_BYTES_MAX) }
    }
}

impl From<&Failure> for Reason {
    fn from(failure: &Failure) -> Self {
        Self { code: Some(failure.code), ..Self::of(&failure.message) }
    }
}

/// What a span says of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    pub kind: &'static str,
    /// What was asked of which handler, or the name that the guest gave.
    pub subject: Option<String>,
    pub callee: Option<(InvocationId, Target)>,
    /// It has an outcome that ends its span.
    pub is_open: bool,
}

impl Operation {
    /// Returns what a span says of an entry; None for those that have none: the state of an object is read
    /// and written too often to tell each time.
    #[must_use]
    pub fn of(entry: &Entry) -> Option<Self> {
        let kind = entry.kind();
        let named =
            |name: Option<&String>| Self { kind, subject: name.cloned(), callee: None, is_open: true };
        let of_other = |request: &Request| Self {
            kind,
            subject: Some(format!("{}/{}", request.target.service, request.target.handler)),
            callee: Some((request.child, request.target.clone())),
            is_open: true,
        };
        Some(match entry {
            Entry::Run { name, .. } | Entry::ReceiveSignal { name } | Entry::GetPromise { name } => {
                named(Some(name))
            }
            Entry::Sleep { name, .. } | Entry::Awakeable { name } => named(name.as_ref()),
            Entry::Call(request) => of_other(request),
            Entry::Send { request, .. } => Self { is_open: false, ..of_other(request) },
            Entry::Attach { .. } => named(None),
            Entry::CompletePromise { name, .. } | Entry::SendSignal { name, .. } => {
                Self { is_open: false, ..named(Some(name)) }
            }
            Entry::Cancel { .. } | Entry::Kill { .. } | Entry::CompleteAwakeable { .. } => {
                Self { is_open: false, ..named(None) }
            }
            Entry::GetState { .. }
            | Entry::SetState { .. }
            | Entry::ClearState { .. }
            | Entry::ClearAllState
            | Entry::StateKeys
            | Entry::PeekPromise { .. } => return None,
        })
    }
}

/// The end of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    pub target: Target,
    pub origin: Origin,
    pub deployment: Option<DeploymentId>,
    pub created_at: Timestamp,
    pub attempts: u32,
    pub outcome: &'static str,
    pub reason: Option<Reason>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It came with this context.
    Accepted(Option<TraceContext>),
    AttemptStarted(Attempt),
    AttemptEnded {
        attempt: Attempt,
        /// When there was last a sign of it, if its start is not known.
        seen_at: Timestamp,
        how: &'static str,
        reason: Option<Reason>,
    },
    RunFailed {
        op: OpId,
        message: String,
    },
    Asked(OpId, Operation),
    Settled(OpId, Option<Reason>),
    Completed(Box<Completed>),
}

/// Something that happened to an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub invocation: InvocationId,
    pub at: Timestamp,
    pub event: Event,
}
