//! Commands: everything that can happen, and the rows each needs.

use crate::entry::{Entry, Failure, Outcome};
use crate::ids::{Attempt, InvocationId, OpId, PartitionId};
use crate::invocation::{InputRow, MismatchReport, Origin, WaitSet};
use crate::retry::RetryPolicy;
use crate::rows::RowKey;
use crate::target::Target;
use crate::time::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A request for an invocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    pub invocation: InvocationId,
    pub target: Target,
    pub origin: Origin,
    pub input: InputRow,
    /// None: at once.
    pub begin_at: Option<Timestamp>,
    /// Somebody waits to hear that this is recorded; who waits for the answer need not.
    pub is_acknowledged: bool,
}

/// What one partition tells another. Delivered at least once, applied once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    Submit(Submission),
    Settle { invocation: InvocationId, op: OpId, outcome: Outcome },
}

impl Message {
    /// Returns the invocation whose owner has to get this.
    #[must_use]
    pub fn addressee(&self) -> InvocationId {
        match self {
            Self::Submit(submission) => submission.invocation,
            Self::Settle { invocation, .. } => *invocation,
        }
    }
}

/// What a running guest did since it last spoke: one message, applied as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    pub invocation: InvocationId,
    pub attempt: Attempt,
    /// Operation id of the first entry; equals the length of the journal.
    pub first_op: OpId,
    pub entries: Vec<Entry>,
    /// Results of run blocks.
    pub finished: Vec<(OpId, Outcome)>,
    /// Run blocks that failed and want another try.
    pub failed: Vec<FailedRun>,
    /// Any random number, for the delays of retries.
    pub jitter: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedRun {
    pub op: OpId,
    pub message: String,
    /// None: the policy of the handler.
    pub policy: Option<RetryPolicy>,
    pub retry_after_ms: Option<u64>,
}

/// How one guest execution ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Returned(Bytes),
    Failed(Failure),
    /// It waits for durable operations, and its instance was dropped. `outcomes_seen` is how many
    /// outcomes it knew of.
    Suspended {
        waiting_on: WaitSet,
        outcomes_seen: u32,
    },
    /// It trapped, ran over a limit, or a run block or the handler wants another try.
    Crashed {
        message: String,
        op: Option<OpId>,
        retry_after_ms: Option<u64>,
    },
    /// As `Suspended`, but run blocks that failed have to be tried again; `waiting_on` lists them too.
    AwaitsRetry {
        waiting_on: WaitSet,
        outcomes_seen: u32,
    },
    Mismatched(MismatchReport),
    /// The process that ran it is gone.
    Lost,
}

/// A point in time somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timer {
    pub at: Timestamp,
    pub invocation: InvocationId,
    pub kind: TimerKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TimerKind {
    /// A delayed invocation begins.
    Begin,
    /// A back-off after this attempt is over.
    Retry { attempt: Attempt },
    /// A sleep is over.
    Sleep { op: OpId },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Submit(Submission),
    Append(Append),
    /// `jitter` is any random number, for the delay of a retry.
    Ended {
        invocation: InvocationId,
        attempt: Attempt,
        end: End,
        jitter: u16,
    },
    TimerDue(Timer),
    /// A person wants a paused invocation, or one that backs off, to go on now.
    Resume {
        invocation: InvocationId,
    },
    /// The message number `sequence` of another partition arrived.
    Receive {
        from: PartitionId,
        sequence: u64,
        message: Message,
    },
    /// Another partition has applied all messages up to `sequence`.
    Acknowledged {
        by: PartitionId,
        sequence: u64,
    },
    /// Follow-up: an entry gets its outcome.
    Settle {
        invocation: InvocationId,
        op: OpId,
        outcome: Outcome,
    },
    /// Follow-up: an attempt begins.
    Begin {
        invocation: InvocationId,
        service: String,
        input: Option<InputRow>,
    },
    /// Follow-up: a message goes to the owner of its addressee.
    Post {
        to: PartitionId,
        message: Message,
    },
}

impl Command {
    /// Lists the rows that have to be loaded before [`crate::step::step`].
    #[must_use]
    pub fn reads(&self) -> Vec<RowKey> {
        match self {
            Self::Submit(submission) => {
                vec![RowKey::Invocation(submission.invocation), RowKey::Completed(submission.invocation)]
            }
            Self::Append(append) => {
                let mut reads = vec![RowKey::Invocation(append.invocation)];
                let outcome = |op| RowKey::Outcome(append.invocation, op);
                reads.extend(append.finished.iter().map(|(op, _)| outcome(*op)));
                reads.extend(append.failed.iter().map(|failed| outcome(failed.op)));
                reads
            }
            Self::Ended { invocation, .. } | Self::Resume { invocation } => {
                vec![RowKey::Invocation(*invocation)]
            }
            Self::TimerDue(timer) => match timer.kind {
                TimerKind::Begin | TimerKind::Retry { .. } => vec![RowKey::Invocation(timer.invocation)],
                TimerKind::Sleep { .. } => Vec::new(),
            },
            Self::Receive { from, .. } => vec![RowKey::InboxMark(*from)],
            Self::Acknowledged { by, .. } => vec![RowKey::OutboxTail(*by)],
            Self::Settle { invocation, op, .. } => {
                vec![RowKey::Invocation(*invocation), RowKey::Outcome(*invocation, *op)]
            }
            Self::Begin { invocation, service, .. } => {
                vec![RowKey::Invocation(*invocation), RowKey::Service(service.clone())]
            }
            Self::Post { to, .. } => vec![RowKey::OutboxHead(*to)],
        }
    }
}
