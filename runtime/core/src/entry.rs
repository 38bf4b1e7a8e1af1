//! What stands in a journal: entries the guest asked for and the outcomes they came to.

use crate::ids::{InvocationId, OpId};
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
    Run { name: String, retry: Option<RetryPolicy> },
    Sleep { duration_ms: u64, name: Option<String> },
    Call { child: InvocationId, target: Target, input: Bytes, headers: Vec<Header> },
    Send { child: InvocationId, target: Target, input: Bytes, headers: Vec<Header>, delay_ms: Option<u64> },
}

impl Entry {
    /// Returns the word for this kind of entry, as users see it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Run { .. } => "run",
            Self::Sleep { .. } => "sleep",
            Self::Call { .. } => "call",
            Self::Send { .. } => "send",
        }
    }

    /// Returns about how many bytes the entry takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        const FIXED: usize = 64;
        let of_headers = |headers: &[Header]| headers.iter().map(Header::bytes).sum::<usize>();
        FIXED
            + match self {
                Self::Run { name, .. } => name.len(),
                Self::Sleep { name, .. } => name.as_ref().map_or(0, String::len),
                Self::Call { input, headers, .. } | Self::Send { input, headers, .. } => {
                    input.len() + of_headers(headers)
                }
            }
    }

    /// Says whether the entry gets an outcome that the guest can wait for.
    #[must_use]
    pub fn is_awaitable(&self) -> bool {
        match self {
            Self::Run { .. } | Self::Sleep { .. } | Self::Call { .. } => true,
            Self::Send { .. } => false,
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run { name, .. } => write!(f, "run({name:?})"),
            Self::Sleep { duration_ms, name: None } => write!(f, "sleep({duration_ms} ms)"),
            Self::Sleep { duration_ms, name: Some(name) } => {
                write!(f, "sleep({name:?}, {duration_ms} ms)")
            }
            Self::Call { target, .. } => write!(f, "call({target})"),
            Self::Send { target, delay_ms: None, .. } => write!(f, "send({target})"),
            Self::Send { target, delay_ms: Some(ms), .. } => write!(f, "send({target}, {ms} ms)"),
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
            let size = header.bytes();
            let fits = size <= budget;
            budget = budget.saturating_sub(size);
            fits
        });
        self
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
    /// How many outcomes the journal held when this was asked: its place among them.
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
