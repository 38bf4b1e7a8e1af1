//! What stands in a journal: entries the guest asked for and the outcomes they came to.

use crate::ids::{AwakeableId, InvocationId, OpId};
use crate::limits;
use crate::retry::RetryPolicy;
use crate::target::Target;
use crate::time::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A name and a value: a header, or the metadata of a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    pub name: String,
    pub value: String,
}

impl Header {
    /// Returns the bytes of name and value together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.name.len() + self.value.len()
    }
}

/// One durable operation the guest asked for, with all its arguments.
///
/// On replay the entry asked is compared with the one recorded, see [`crate::replay`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    Run {
        name: String,
        retry: Option<RetryPolicy>,
    },
    Sleep {
        duration_ms: u64,
        name: Option<String>,
    },
    Call(Request),
    Send {
        request: Request,
        delay_ms: Option<u64>,
    },
    /// Waits for the end of any invocation.
    Attach {
        invocation: InvocationId,
    },
    Cancel {
        invocation: InvocationId,
    },
    Kill {
        invocation: InvocationId,
    },
    GetState {
        name: String,
    },
    SetState {
        name: String,
        value: Bytes,
    },
    ClearState {
        name: String,
    },
    ClearAllState,
    StateKeys,
    Awakeable {
        name: Option<String>,
    },
    CompleteAwakeable {
        awakeable: AwakeableId,
        outcome: Outcome,
    },
    ReceiveSignal {
        name: String,
    },
    SendSignal {
        invocation: InvocationId,
        name: String,
        outcome: Outcome,
    },
    GetPromise {
        name: String,
    },
    PeekPromise {
        name: String,
    },
    CompletePromise {
        name: String,
        outcome: Outcome,
    },
}

/// What a handler asks of another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The invocation this becomes, or already is when the idempotency key was used before.
    pub child: InvocationId,
    pub target: Target,
    pub input: Bytes,
    pub headers: Vec<Header>,
    pub idempotency_key: Option<String>,
}

impl Request {
    fn bytes(&self) -> usize {
        let headers = self.headers.iter().map(Header::bytes).sum::<usize>();
        let Target { service, key, handler } = &self.target;
        let target = service.len() + key.as_ref().map_or(0, String::len) + handler.len();
        target + self.input.len() + headers + self.idempotency_key.as_ref().map_or(0, String::len)
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.idempotency_key {
            Some(key) => write!(f, "{}, idempotency key {key:?}", self.target),
            None => write!(f, "{}", self.target),
        }
    }
}

impl Entry {
    /// Returns the word for this kind of entry, as users see it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Run { .. } => "run",
            Self::Sleep { .. } => "sleep",
            Self::Call(_) => "call",
            Self::Send { .. } => "send",
            Self::Attach { .. } => "attach",
            Self::Cancel { .. } => "cancel",
            Self::Kill { .. } => "kill",
            Self::GetState { .. } => "get-state",
            Self::SetState { .. } => "set-state",
            Self::ClearState { .. } => "clear-state",
            Self::ClearAllState => "clear-all-state",
            Self::StateKeys => "state-keys",
            Self::Awakeable { .. } => "awakeable",
            Self::CompleteAwakeable { .. } => "complete-awakeable",
            Self::ReceiveSignal { .. } => "receive-signal",
            Self::SendSignal { .. } => "send-signal",
            Self::GetPromise { .. } => "get-promise",
            Self::PeekPromise { .. } => "peek-promise",
            Self::CompletePromise { .. } => "complete-promise",
        }
    }

    /// Returns what a person would call the entry, besides its kind.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        match self {
            Self::Run { name, .. }
            | Self::GetState { name }
            | Self::SetState { name, .. }
            | Self::ClearState { name }
            | Self::ReceiveSignal { name }
            | Self::SendSignal { name, .. }
            | Self::GetPromise { name }
            | Self::PeekPromise { name }
            | Self::CompletePromise { name, .. } => Some(name.clone()),
            Self::Sleep { name, .. } | Self::Awakeable { name } => name.clone(),
            Self::Call(request) | Self::Send { request, .. } => Some(request.target.to_string()),
            Self::Attach { .. }
            | Self::Cancel { .. }
            | Self::Kill { .. }
            | Self::ClearAllState
            | Self::StateKeys
            | Self::CompleteAwakeable { .. } => None,
        }
    }

    /// Returns about how many bytes the entry takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        const FIXED: usize = 64;
        FIXED
            + match self {
                Self::Run { name, .. }
                | Self::GetState { name }
                | Self::ClearState { name }
                | Self::ReceiveSignal { name }
                | Self::GetPromise { name }
                | Self::PeekPromise { name } => name.len(),
                Self::Sleep { name, .. } | Self::Awakeable { name } => name.as_ref().map_or(0, String::len),
                Self::Call(request) | Self::Send { request, .. } => request.bytes(),
                Self::SetState { name, value } => name.len() + value.len(),
                Self::SendSignal { name, outcome, .. } | Self::CompletePromise { name, outcome } => {
                    name.len() + outcome.bytes()
                }
                Self::CompleteAwakeable { outcome, .. } => outcome.bytes(),
                Self::Attach { .. }
                | Self::Cancel { .. }
                | Self::Kill { .. }
                | Self::ClearAllState
                | Self::StateKeys => 0,
            }
    }

    /// Says whether the entry gets an outcome that the guest can wait for.
    #[must_use]
    pub fn is_awaitable(&self) -> bool {
        match self {
            Self::Run { .. }
            | Self::Sleep { .. }
            | Self::Call(_)
            | Self::Attach { .. }
            | Self::Awakeable { .. }
            | Self::ReceiveSignal { .. }
            | Self::GetPromise { .. }
            | Self::GetState { .. }
            | Self::StateKeys
            | Self::PeekPromise { .. }
            | Self::CompletePromise { .. } => true,
            Self::Send { .. }
            | Self::Cancel { .. }
            | Self::Kill { .. }
            | Self::SetState { .. }
            | Self::ClearState { .. }
            | Self::ClearAllState
            | Self::CompleteAwakeable { .. }
            | Self::SendSignal { .. } => false,
        }
    }

    /// Says whether the outcome comes with the step that records the entry, so that it is not worth
    /// giving up the instance for.
    #[must_use]
    pub fn is_prompt(&self) -> bool {
        matches!(
            self,
            Self::GetState { .. } | Self::StateKeys | Self::PeekPromise { .. } | Self::CompletePromise { .. }
        )
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match self {
            Self::Sleep { duration_ms, name: None } => write!(f, "sleep({duration_ms} ms)"),
            Self::Sleep { duration_ms, name: Some(name) } => {
                write!(f, "sleep({name:?}, {duration_ms} ms)")
            }
            Self::Call(request) => write!(f, "call({request})"),
            Self::Send { request, delay_ms: None } => write!(f, "send({request})"),
            Self::Send { request, delay_ms: Some(ms) } => write!(f, "send({request}, {ms} ms)"),
            Self::Attach { invocation } | Self::Cancel { invocation } | Self::Kill { invocation } => {
                write!(f, "{kind}({invocation})")
            }
            Self::ClearAllState | Self::StateKeys | Self::Awakeable { name: None } => write!(f, "{kind}()"),
            Self::Run { name, .. }
            | Self::GetState { name }
            | Self::SetState { name, .. }
            | Self::ClearState { name }
            | Self::Awakeable { name: Some(name) }
            | Self::ReceiveSignal { name }
            | Self::GetPromise { name }
            | Self::PeekPromise { name }
            | Self::CompletePromise { name, .. } => write!(f, "{kind}({name:?})"),
            Self::CompleteAwakeable { awakeable, .. } => write!(f, "{kind}({awakeable})"),
            Self::SendSignal { invocation, name, .. } => write!(f, "{kind}({invocation}, {name:?})"),
        }
    }
}

/// A handler's final "no": recorded, and never retried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// An HTTP status where it is one, 500 by default.
    pub code: u16,
    pub message: String,
    pub metadata: Vec<Header>,
}

impl Failure {
    #[must_use]
    pub fn new(code: u16, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), metadata: Vec::new() }
    }

    /// Returns the failure within the limits for what is stored of one.
    #[must_use]
    pub fn within_limits(mut self) -> Self {
        self.message = limits::cut(self.message, limits::FAILURE_MESSAGE_BYTES_MAX);
        let mut budget = limits::FAILURE_METADATA_BYTES_MAX;
        self.metadata.retain(|header| {
            // An empty one takes room too.
            let size = header.bytes() + 2;
            let fits = size <= budget;
            budget = budget.saturating_sub(size);
            fits
        });
        self
    }
}

impl Failure {
    /// What everything a cancelled invocation waits for comes to.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::new(409, "cancelled")
    }

    /// What a killed invocation comes to.
    #[must_use]
    pub fn killed() -> Self {
        Self::new(409, "killed")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.code, self.message)
    }
}

/// What an entry came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Success without a payload.
    Empty,
    Value(Bytes),
    Failure(Failure),
    /// The names of all values in a state.
    Names(Vec<String>),
}

impl Outcome {
    /// Returns about how many bytes the outcome takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Value(value) => value.len(),
            Self::Failure(failure) => {
                failure.message.len() + failure.metadata.iter().map(Header::bytes).sum::<usize>()
            }
            Self::Names(names) => names.iter().map(String::len).sum(),
        }
    }
}

/// What a whole invocation came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    Value(Bytes),
    Failure(Failure),
}

impl From<Answer> for Outcome {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Value(value) => Self::Value(value),
            Answer::Failure(failure) => Self::Failure(failure),
        }
    }
}

/// An entry as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryRow {
    pub at: Timestamp,
    /// How many outcomes the guest had heard when it asked: its place among them.
    pub outcomes_before: u32,
    pub entry: Entry,
}

/// An outcome as the journal keeps it: `order` is its place among the outcomes of the invocation,
/// which is the order in which every replay delivers them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeRow {
    pub order: u32,
    pub at: Timestamp,
    pub outcome: Outcome,
}

/// An outcome with everything a running guest has to be told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    pub op: OpId,
    pub order: u32,
    pub at: Timestamp,
    pub outcome: Outcome,
}
