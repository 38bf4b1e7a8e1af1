//! The record of one invocation and the phases it goes through.
//!
//! ```text
//! Scheduled ─┬──────────▶┐
//!            ├─▶ Queued ─▶├─▶ Running ─▶ Completed
//!  (submit) ─┴──────────▶┘    │  ▲
//!                             ▼  │
//!                    Suspended, BackingOff, Paused
//! ```
//!
//! Every phase can end in Completed by a kill, and those before Running by a cancellation.

use crate::entry::Header;
use crate::ids::{Attempt, DeploymentId, InvocationId, OpId};
use crate::limits;
use crate::manifest::{HandlerMode, Retention, ServiceKind};
use crate::retention::KeptUntil;
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
    /// A person wanted once more what this one was asked.
    Restart {
        of: InvocationId,
    },
}

impl Origin {
    /// Returns the invocation whose call this is.
    #[must_use]
    pub fn caller(&self) -> Option<InvocationId> {
        match self {
            Self::Call { caller, .. } => Some(*caller),
            Self::Ingress | Self::Send { .. } | Self::Restart { .. } => None,
        }
    }
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
    /// Somebody wanted it so.
    ByPerson,
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
    /// Waits for the key of its object; `position` is its place in the queue.
    Queued {
        position: u64,
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

/// One attempt that failed, or was put off, kept so that a person can see what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptFailure {
    /// Which attempt of the invocation it was, from 1.
    pub attempt: u32,
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
    pub retention: Retention,
    /// Until then a person wanted its journal kept, of a completed one.
    pub journal_until: Option<Timestamp>,
    /// Of the service and of the handler, pinned with the deployment.
    pub kind: ServiceKind,
    pub mode: HandlerMode,
    /// Given by whoever asked first.
    pub idempotency_key: Option<String>,
    /// It has the key of its object, and nobody else does.
    pub holds_key: bool,
    pub cancelled: Option<Cancelled>,
    pub phase: Phase,
    /// Number of the last attempt.
    pub attempts: Attempt,
    /// Attempts count from here, not from 0, where there may have been an earlier invocation with this
    /// id: what is left of its guests must not be taken for one of these.
    pub attempts_before: Attempt,
    /// What ids of its awakeables say besides: where attempts count from is not the same for two
    /// invocations with one id. 0 for one that began when ids did not say it.
    pub birth: Attempt,
    /// So many entries of its journal were taken over from an earlier invocation.
    pub entries_kept: u32,
    /// The invocation that began this journal, where it was another: its guest draws the same random
    /// numbers.
    pub seed: Option<InvocationId>,
    pub entries_len: u32,
    pub outcomes_len: u32,
    /// Failed attempts since the journal last grew; the retry policy counts these.
    pub failures: u32,
    pub first_failed_at: Option<Timestamp>,
    /// Attempts that were lost with their process, one after the other.
    pub losses: u32,
    /// The newest last, at most [`limits::FAILURES_KEPT`].
    pub last_failures: Vec<AttemptFailure>,
    pub run_tries: BTreeMap<OpId, RunTries>,
    /// Sleeps that are not over, at most [`limits::OPEN_SLEEPS_KEPT`]: a handler may end without
    /// waiting for them, and then their timers are of no use.
    pub open_sleeps: BTreeMap<OpId, Timestamp>,
    pub open_calls: OpenCalls,
    /// Promises it waits for, at most [`limits::OPEN_PROMISES_KEPT`]: a handler may end without them,
    /// and then it is in the way of others.
    pub open_promises: BTreeMap<OpId, String>,
    /// Operations elsewhere wait for its end; they are in [`ListenersRow`].
    pub has_listeners: bool,
    /// Signals were sent to it, or it waits for some; they are in [`MailboxRow`].
    pub has_mailbox: bool,
    /// So many calls, one above the other, wait for its answer; at most [`limits::CALL_DEPTH_MAX`].
    pub depth: u32,
    /// About the bytes of the entries and outcomes in its journal; at most [`limits::JOURNAL_BYTES_MAX`] and what
    /// comes from others. Of an invocation that began when nobody counted, of the later part.
    pub journal_bytes: u64,
    /// Invocations it waits for the end of and did not call, at most [`limits::OPEN_ATTACHES_KEPT`]: as with promises.
    pub open_attaches: BTreeMap<OpId, InvocationId>,
}

/// A cancellation that the journal holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    pub at: Timestamp,
    /// Its place among the outcomes.
    pub order: u32,
}

impl Cancelled {
    /// Says whether a guest that had heard so many outcomes does not know of it yet: it will give up what it asked then.
    #[must_use]
    pub fn is_news_after(self, outcomes_before: u32) -> bool {
        outcomes_before <= self.order
    }
}

/// The calls an invocation waits for: whom a cancellation reaches, and who waits for whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCalls {
    /// At most [`limits::OPEN_CALLS_KEPT`].
    pub callees: BTreeMap<OpId, InvocationId>,
    /// There were more at some time: the journal knows them all.
    pub has_overflowed: bool,
}

impl OpenCalls {
    pub(crate) fn insert(&mut self, op: OpId, callee: InvocationId) {
        if self.callees.len() < limits::OPEN_CALLS_KEPT {
            self.callees.insert(op, callee);
        } else {
            self.has_overflowed = true;
        }
    }
}

/// An operation that waits for the end of an invocation, or for a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    pub caller: InvocationId,
    pub op: OpId,
}

/// Who waits for the end of an invocation, besides the one who asked for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenersRow {
    pub listeners: Vec<Listener>,
}

/// Signals that arrived and were not received, and operations that wait for one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxRow {
    /// Number and name, in the order of arrival; what they say is in a row of its own.
    pub arrived: Vec<(u64, String)>,
    pub waiting: Vec<(OpId, String)>,
    /// Number of the next signal.
    pub next: u64,
}

impl InvocationRow {
    /// Builds the record of an invocation that has not begun.
    #[must_use]
    pub fn new(target: Target, origin: Origin, created_at: Timestamp) -> Self {
        Self {
            target,
            origin,
            created_at,
            modified_at: created_at,
            begun_at: None,
            deployment: None,
            retry: HandlerRetry::default(),
            retention: Retention::default(),
            journal_until: None,
            kind: ServiceKind::Service,
            mode: HandlerMode::Shared,
            idempotency_key: None,
            holds_key: false,
            cancelled: None,
            phase: Phase::Scheduled { at: created_at },
            attempts: 0,
            attempts_before: 0,
            birth: 0,
            entries_kept: 0,
            seed: None,
            entries_len: 0,
            outcomes_len: 0,
            failures: 0,
            first_failed_at: None,
            losses: 0,
            last_failures: Vec::new(),
            run_tries: BTreeMap::new(),
            open_sleeps: BTreeMap::new(),
            open_calls: OpenCalls::default(),
            open_promises: BTreeMap::new(),
            open_attaches: BTreeMap::new(),
            has_listeners: false,
            has_mailbox: false,
            depth: 0,
            journal_bytes: 0,
        }
    }

    /// Says whether this is what a workflow comes to, which happens once per key.
    #[must_use]
    pub fn is_workflow_run(&self) -> bool {
        self.kind == ServiceKind::Workflow && self.mode == HandlerMode::Exclusive
    }

    /// Returns until when the answer of a completed invocation is kept.
    #[must_use]
    pub fn kept_until(&self) -> Option<Timestamp> {
        KeptUntil::of(self).map(|kept_until| kept_until.answer)
    }

    /// Says whether it may change the state of its object or workflow.
    #[must_use]
    pub fn may_write_state(&self) -> bool {
        self.kind != ServiceKind::Service && self.mode == HandlerMode::Exclusive
    }

    /// Says whether its journal has become more than an attempt is given, by what came from others.
    #[must_use]
    pub fn is_overfull(&self) -> bool {
        self.journal_bytes > limits::JOURNAL_BYTES_BEGUN_MAX
    }

    /// Returns how many attempts there were.
    #[must_use]
    pub fn tries(&self) -> u32 {
        self.attempts - self.attempts_before
    }

    /// Returns the running attempt, if there is one.
    #[must_use]
    pub fn running_attempt(&self) -> Option<Attempt> {
        match self.phase {
            Phase::Running { attempt } => Some(attempt),
            Phase::Scheduled { .. }
            | Phase::Queued { .. }
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
        self.losses = 0;
    }
}

/// What was sent along with an invocation. Kept apart from its record, which is written often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRow {
    pub headers: Vec<Header>,
    pub body: Bytes,
}
