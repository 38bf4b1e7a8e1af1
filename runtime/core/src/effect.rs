//! Effects: what the shell has to do about a command, and how soon it may.

use crate::command::{Command, Message, Ticket, Timer};
use crate::entry::{Answer, Settled};
use crate::ids::{Attempt, DeploymentId, InvocationId, OpId, PartitionId};
use crate::invocation::InputRow;
use crate::manifest::{HandlerMode, ServiceKind};
use crate::time::Timestamp;

/// Everything a new guest execution has to know besides its journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptStart {
    pub invocation: InvocationId,
    pub attempt: Attempt,
    /// For the ids of its awakeables.
    pub birth: Attempt,
    /// The invocation whose random numbers its guest draws.
    pub seed: InvocationId,
    /// So much of its journal was taken over from an earlier invocation: what that knew of a state may be
    /// long past.
    pub entries_kept: u32,
    pub deployment: DeploymentId,
    pub target: crate::target::Target,
    pub kind: ServiceKind,
    pub mode: HandlerMode,
    /// The start of the guest's clock.
    pub begun_at: Timestamp,
    /// Entries and outcomes in the journal; both 0 for the first attempt.
    pub entries_len: u32,
    pub outcomes_len: u32,
    /// About their bytes, as the invocation counts them.
    pub journal_bytes: u64,
    /// Run blocks that failed and must not be tried again before then.
    pub held: Vec<(OpId, Timestamp)>,
    /// The input, when the attempt begins in the step that brought it; otherwise it is stored.
    pub input: Option<InputRow>,
}

/// What came of a request of the outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It is recorded, or done.
    Done,
    /// The submission names an invocation that was there before, or what was asked for is so already.
    Known,
    /// There is no such invocation.
    Absent,
    /// The invocation has ended, so there was nothing to do.
    Completed,
    /// The invocation is in a phase that does not allow it.
    Unfit,
    /// The invocation keeps as many as it may, or what was asked is more than one step does.
    Full,
    /// The state is not as whoever asked saw it.
    Changed,
    /// A handler that may write the state has not ended.
    Held,
    Refused(Refusal),
}

/// Why an invocation does not get what was asked for it, whatever it is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such deployment.
    UnknownDeployment,
    /// The deployment does not offer the handler.
    NotOffered,
    /// The deployment offers the handler as one of another kind or mode.
    OtherKind,
    /// A workflow runs once per key.
    WorkflowRun,
    /// Its journal, and with it its input, has been kept long enough.
    JournalPurged,
    /// Its journal is shorter than the part that shall be kept.
    BeyondEnd,
    /// The part of the journal that shall be kept has more than a step can copy.
    TooLong,
    /// This operation in the part that shall be kept came to nothing, and never will.
    Open(OpId),
    /// What shall be kept was asked after a cancellation.
    Cancelled,
    /// Its journal is not as long as it was when it was looked at.
    WentOn,
    /// Its journal has more bytes than an attempt is given.
    Overfull,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Handled in the same transaction, before the next command.
    Then(Command),
    StartAttempt(AttemptStart),
    /// The guest of this attempt must not go on.
    StopAttempt {
        invocation: InvocationId,
        attempt: Attempt,
    },
    /// The guest of this attempt gets an outcome.
    Deliver {
        invocation: InvocationId,
        attempt: Attempt,
        settled: Settled,
    },
    /// The guest of this attempt has to wait with this run block until then.
    HoldRun {
        invocation: InvocationId,
        attempt: Attempt,
        op: OpId,
        retry_at: Timestamp,
    },
    /// What the guest of this attempt asked below `until` is recorded: its run blocks may start.
    AllowRuns {
        invocation: InvocationId,
        attempt: Attempt,
        until: OpId,
    },
    ArmTimer(Timer),
    /// Whoever holds the ticket hears what came of the request.
    Notice {
        ticket: Ticket,
        notice: Notice,
    },
    /// Whoever waits for the end of the invocation gets its answer.
    Reply {
        invocation: InvocationId,
        answer: Answer,
    },
    /// A message of the outbox goes out.
    Transmit {
        to: PartitionId,
        sequence: u64,
        message: Message,
    },
    /// The sender may forget its messages up to here.
    Acknowledge {
        to: PartitionId,
        sequence: u64,
    },
}

/// When an effect may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Nobody outside can notice it: a crash before the write is durable undoes it.
    Open,
    /// Somebody outside could notice it: only after the write that justifies it is durable.
    Durable,
}

impl Effect {
    /// Returns when this effect may happen. This is the whole rule of the output gates.
    #[must_use]
    pub fn gate(&self) -> Gate {
        match self {
            Self::Then(_)
            | Self::StartAttempt(_)
            | Self::StopAttempt { .. }
            | Self::Deliver { .. }
            | Self::HoldRun { .. }
            | Self::ArmTimer(_) => Gate::Open,
            Self::AllowRuns { .. }
            | Self::Notice { .. }
            | Self::Reply { .. }
            | Self::Transmit { .. }
            | Self::Acknowledge { .. } => Gate::Durable,
        }
    }
}
