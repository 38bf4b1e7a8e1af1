//! The record of one invocation and the phases it goes through.
//!
//! ```text
//! Scheduled ─┐
//!            ├─▶ Running ─▶ Completed
//!  (submit) ─┘    │  ▲
//!                 ▼  │
//!        Suspended, BackingOff, Paused
//! ```

use crate::entry::Header;
use crate::ids::{Attempt, DeploymentId, InvocationId, OpId};
use crate::limits;
use crate::retry::HandlerRetry;
use crate::target::Target;
use crate::time::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who asked for an invocation, and so who gets its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    Ingress,
    /// The operation `op` of `caller` waits for the answer.
    Call {
        caller: InvocationId,
        op: OpId,
    },
    /// Nobody waits.
    Send {
        caller: InvocationId,
        op: OpId,
    },
}

/// The operations whose outcome wakes a suspended invocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WaitSet {
    Any,
    Ops(Vec<OpId>),
}

impl WaitSet {
    /// Builds the set of these operations, or of any when there are too many to list.
    #[must_use]
    pub fn of(ops: Vec<OpId>) -> Self {
        if ops.len() > limits::WAIT_SET_MAX { Self::Any } else { Self::Ops(ops) }
    }

    #[must_use]
    pub fn contains(&self, op: OpId) -> bool {
        match self {
            Self::Any => true,
            Self::Ops(ops) => ops.contains(&op),
        }
    }
}

/// Why an invocation waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PauseReason {
    /// Its retry policy is exhausted; the last failure says why.
    AttemptsExhausted,
    /// Its code asked for something else than the journal records.
    JournalMismatch(MismatchReport),
    /// A limit was reached; the text names it.
    LimitReached(String),
}

/// What the code asked against what the journal says, for a person to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MismatchReport {
    pub op: OpId,
    /// None: the journal ends before this operation.
    pub recorded: Option<String>,
    /// None: the code ended, or waited, before asking for it.
    pub asked: Option<String>,
    /// Where in the guest's code it was asked, as far as the component tells.
    pub backtrace: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    Scheduled {
        at: Timestamp,
    },
    Running {
        attempt: Attempt,
    },
    Suspended {
        waiting_on: WaitSet,
    },
    /// An outcome for one of `waiting_on` ends it early: then only run blocks wait, not the handler.
    BackingOff {
        attempt: Attempt,
        until: Timestamp,
        waiting_on: Option<WaitSet>,
    },
    Paused {
        reason: PauseReason,
    },
    Completed {
        at: Timestamp,
        is_failure: bool,
    },
}

/// One failed attempt, kept so that a person can see what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptFailure {
    pub attempt: Attempt,
    pub at: Timestamp,
    pub message: String,
    /// The run block that failed, where it was one.
    pub op: Option<OpId>,
}

/// The tries of one run block that has failed at least once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTries {
    pub failures: u32,
    pub first_failed_at: Timestamp,
    pub retry_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvocationRow {
    pub target: Target,
    pub origin: Origin,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    /// When the first attempt began: the start of the guest's clock.
    pub begun_at: Option<Timestamp>,
    /// Pinned when the first attempt begins.
    pub deployment: Option<DeploymentId>,
    pub retry: HandlerRetry,
    pub phase: Phase,
    /// Number of the last attempt.
    pub attempts: Attempt,
    pub entries_len: u32,
    pub outcomes_len: u32,
    /// Failed attempts since the journal last grew; the retry policy counts these.
    pub failures: u32,
    pub first_failed_at: Option<Timestamp>,
    /// The newest last, at most [`limits::FAILURES_KEPT`].
    pub last_failures: Vec<AttemptFailure>,
    pub run_tries: BTreeMap<OpId, RunTries>,
    /// Sleeps that are not over, at most [`limits::OPEN_SLEEPS_KEPT`]: a handler may end without
    /// waiting for them, and then their timers are of no use.
    pub open_sleeps: BTreeMap<OpId, Timestamp>,
}

impl InvocationRow {
    /// Returns the running attempt, if there is one.
    #[must_use]
    pub fn running_attempt(&self) -> Option<Attempt> {
        match self.phase {
            Phase::Running { attempt } => Some(attempt),
            Phase::Scheduled { .. }
            | Phase::Suspended { .. }
            | Phase::BackingOff { .. }
            | Phase::Paused { .. }
            | Phase::Completed { .. } => None,
        }
    }

    /// Remembers a failure and forgets the oldest when there are too many.
    pub(crate) fn remember(&mut self, failure: AttemptFailure) {
        if self.last_failures.len() == limits::FAILURES_KEPT {
            self.last_failures.remove(0);
        }
        self.last_failures.push(failure);
    }

    /// The journal grew, so the retry policy starts anew.
    pub(crate) fn note_progress(&mut self) {
        self.failures = 0;
        self.first_failed_at = None;
    }
}

/// What was sent along with an invocation. Kept apart from its record, which is written often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRow {
    pub headers: Vec<Header>,
    pub body: Bytes,
}
