//! Commands: everything that can happen.

mod message;
mod values;

pub use message::{HowToEnd, Message, Tell};

use crate::entry::{Entry, Failure, Outcome};
use crate::ids::{Attempt, AwakeableId, DeploymentId, InvocationId, OpId, PartitionId};
use crate::invocation::{InputRow, Listener, MismatchReport, Origin, WaitSet};
use crate::object::StateVersion;
use crate::retry::RetryPolicy;
use crate::target::{ObjectKey, Target};
use crate::time::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Names a request of the outside that waits for a notice.
pub type Ticket = u64;

/// A request for an invocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submission {
    pub invocation: InvocationId,
    pub target: Target,
    pub origin: Origin,
    pub input: InputRow,
    /// The id is computed from it.
    pub idempotency_key: Option<String>,
    /// None: at once.
    pub begin_at: Option<Timestamp>,
    /// Who hears that it is recorded, or was there before. Never stored: what a handler asks has none.
    pub ticket: Option<Ticket>,
    /// So many calls, one above the other, wait for the answer: 0 where nobody's call does.
    pub depth: u32,
}

/// An operation gets its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settle {
    pub invocation: InvocationId,
    pub op: OpId,
    pub expected: Expected,
    pub outcome: Outcome,
}

/// What the operation has to be, or the outcome is not for it: an id can be used again after a purge,
/// and what was meant for the earlier invocation must not reach the later one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expected {
    /// A sleep that is over at this time.
    Sleep {
        at: Timestamp,
    },
    /// A call of this invocation, or an attach to it.
    Answer {
        callee: InvocationId,
    },
    Awakeable,
    Signal {
        name: String,
    },
    Promise {
        name: String,
    },
}

/// What a running guest did since it last spoke: one message, applied as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    pub invocation: InvocationId,
    pub attempt: Attempt,
    /// What it runs on; None for a plain service.
    pub object: Option<ObjectKey>,
    /// What the workflow comes to, where `object` is one: promises are kept with it.
    pub run: Option<InvocationId>,
    /// Operation id of the first entry; equals the length of the journal.
    pub first_op: OpId,
    pub entries: Vec<Ask>,
    /// Results of run blocks.
    pub finished: Vec<FinishedRun>,
    /// Run blocks that failed and want another try.
    pub failed: Vec<FailedRun>,
    /// Any random number, for the delays of retries.
    pub jitter: u16,
}

impl Append {
    /// Returns about how many bytes the journal grows by all of this.
    #[must_use]
    pub fn journal_bytes(&self) -> u64 {
        let entries = self.entries.iter().map(Ask::bytes);
        entries.chain(self.finished.iter().map(|run| run.outcome.bytes())).map(|bytes| bytes as u64).sum()
    }
}

/// An entry that a running guest asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub entry: Entry,
    /// Outcomes the guest had heard when it asked, those that it took for granted among them.
    pub outcomes_before: u32,
    /// What the attempt has read itself, of a value of the state.
    pub read: Option<ReadAhead>,
}

impl Ask {
    /// Returns about how many bytes the journal grows by it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.entry.bytes() + self.read.as_ref().map_or(0, |read| read.outcome.bytes())
    }
}

/// A value of the state that an attempt has read itself, so that its guest need not wait for the core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadAhead {
    pub outcome: Outcome,
    pub heard: Heard,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedRun {
    pub op: OpId,
    pub outcome: Outcome,
    /// The guest has heard it already, because nothing but a cancellation could come before it.
    pub heard: Option<Heard>,
}

impl FinishedRun {
    /// Returns one whose outcome the guest has not heard.
    #[must_use]
    pub fn new(op: OpId, outcome: Outcome) -> Self {
        Self { op, outcome, heard: None }
    }
}

/// The place of an outcome, as the guest took it for granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    pub order: u32,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedRun {
    pub op: OpId,
    pub message: String,
    /// None: the policy of the handler.
    pub policy: Option<RetryPolicy>,
    pub retry_after_ms: Option<u64>,
}

/// One guest execution is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub invocation: InvocationId,
    pub attempt: Attempt,
    pub end: End,
    /// Any random number, for the delay of a retry.
    pub jitter: u16,
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
        /// When the first of those blocks may be tried.
        retry_at: Timestamp,
    },
    Mismatched(MismatchReport),
    /// The process that ran it is gone.
    Lost,
    /// The process that ran it, or was to run it, was stopped in order.
    Stopped,
    /// What it asks for there is no room for now. It is nobody's fault, so no retry policy is asked.
    PutOff {
        message: String,
    },
}

/// A person replaces the whole state of an object or workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditState {
    pub object: ObjectKey,
    /// What the workflow comes to; None for an object.
    pub run: Option<InvocationId>,
    /// The state has to be as it was seen.
    pub expected: Option<StateVersion>,
    /// Also while a handler has the key.
    pub is_forced: bool,
    pub values: BTreeMap<String, Bytes>,
    pub ticket: Ticket,
}

/// A person wants a paused invocation, or one that backs off, to go on now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    pub invocation: InvocationId,
    /// On this code; None: on that it has.
    pub deployment: Option<DeploymentId>,
    pub ticket: Ticket,
}

/// An invocation that has begun gets other code, and what it does goes on on that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repin {
    pub invocation: InvocationId,
    pub deployment: DeploymentId,
    /// Only while its journal has so many entries, because those were checked.
    pub entries_len: Option<u32>,
    pub ticket: Ticket,
}

/// Somebody wants an invocation to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndRequest {
    pub invocation: InvocationId,
    /// None: a person, or a handler that named it. Otherwise only what this one called is meant.
    pub caller: Option<InvocationId>,
    pub ticket: Option<Ticket>,
}

impl EndRequest {
    /// Builds that of a person who waits to hear of it.
    #[must_use]
    pub fn by_person(invocation: InvocationId, ticket: Ticket) -> Self {
        Self { invocation, caller: None, ticket: Some(ticket) }
    }
}

/// Somebody sends a signal to an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    pub invocation: InvocationId,
    pub name: String,
    pub outcome: Outcome,
    pub ticket: Option<Ticket>,
}

/// An invocation gives back the key of its object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    pub invocation: InvocationId,
    pub object: ObjectKey,
    /// It was in the queue.
    pub has_waited: bool,
    /// It ended in the transaction that gave it the key, and so may the next.
    pub is_chained: bool,
}

/// The calls recorded from `from` on are cancelled, or killed, with their caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spread {
    pub invocation: InvocationId,
    pub from: OpId,
    pub until: OpId,
    pub how: HowToEnd,
}

/// What becomes of a completed invocation that is done once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    pub of: InvocationId,
    /// The new one, of the same owner. Nobody has had this id.
    pub invocation: InvocationId,
    /// So much of the journal the new one takes over: what was done there is not done again.
    pub entries_kept: u32,
    /// On this code; None: on the newest.
    pub deployment: Option<DeploymentId>,
    pub ticket: Ticket,
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
    /// The journal of a completed invocation has been kept long enough.
    PurgeJournal,
    /// All that is left of a completed invocation has been kept long enough.
    Purge,
    /// Promises of a workflow that was never run have been kept long enough. The invocation is the run.
    PurgeUnclaimed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Submit(Submission),
    Append(Append),
    Ended(Ended),
    TimerDue(Timer),
    /// A person wants an invocation that has begun to stand still until it is resumed.
    Pause {
        invocation: InvocationId,
        ticket: Ticket,
    },
    Resume(Resume),
    Repin(Repin),
    /// A person wants what a completed invocation was asked to be done once more, by a new one.
    Restart(Restart),
    /// Somebody looks for an invocation that may be on its way: what was sent to its owner before comes first.
    Look {
        invocation: InvocationId,
        ticket: Ticket,
    },
    /// A person wants no more than the answer of a completed invocation to be kept.
    PurgeJournal {
        invocation: InvocationId,
        ticket: Ticket,
    },
    /// The invocation shall end: what it waits for fails, so that it can undo what it did.
    Cancel(EndRequest),
    /// The invocation ends here.
    Kill(EndRequest),
    /// A completed invocation is forgotten.
    Purge {
        invocation: InvocationId,
        ticket: Option<Ticket>,
    },
    CompleteAwakeable {
        awakeable: AwakeableId,
        outcome: Outcome,
        ticket: Option<Ticket>,
    },
    Signal(Signal),
    EditState(EditState),
    /// Follow-up: the same, once it is known which values there are.
    ReplaceState {
        edit: EditState,
        names: Vec<String>,
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
    /// Follow-up: an operation gets its outcome.
    Settle(Settle),
    /// Follow-up: an invocation on an object begins, or waits for its key.
    Admit {
        invocation: InvocationId,
        object: ObjectKey,
        input: Option<InputRow>,
    },
    /// Follow-up: an attempt begins.
    Begin {
        invocation: InvocationId,
        service: String,
        input: Option<InputRow>,
    },
    /// Follow-up: an invocation gives back the key of its object.
    Release(Release),
    /// Follow-up: the key of an object goes to whoever waits at this position, or behind.
    Grant {
        object: ObjectKey,
        position: u64,
    },
    /// Follow-up: an operation wants to hear the end of the invocation.
    Attach {
        invocation: InvocationId,
        listener: Listener,
    },
    /// Follow-up: an operation of one that has ended wants to hear no more.
    Detach {
        invocation: InvocationId,
        listener: Listener,
    },
    /// Follow-up: an invocation has ended, and those who wait hear it.
    Notify {
        invocation: InvocationId,
        outcome: Outcome,
    },
    /// Follow-up: operations get the same outcome.
    Tell(Tell),
    /// Follow-up: an invocation has ended and does not wait for this promise any more.
    StopListening {
        object: ObjectKey,
        name: String,
        listener: Listener,
    },
    /// Follow-up: the calls recorded from `from` on are cancelled, or killed, with their caller.
    Spread(Spread),
    /// Follow-up: an operation receives a signal that came before.
    TakeSignal {
        invocation: InvocationId,
        op: OpId,
        number: u64,
    },
    /// Follow-up: state and promises of a workflow are forgotten, with the run they belong to.
    PurgeObject {
        invocation: InvocationId,
        object: ObjectKey,
    },
    /// Follow-up: a promise of a workflow is forgotten, and those who wait for it hear that.
    PurgePromise {
        /// The run of the workflow.
        invocation: InvocationId,
        object: ObjectKey,
        name: String,
    },
    /// Follow-up: a promise was completed by another than the run of its workflow, which may never come.
    KeepPromises {
        run: InvocationId,
        object: ObjectKey,
    },
    /// Follow-up: promises that were completed and whose workflow has no run are forgotten.
    PurgeUnclaimed {
        run: InvocationId,
        object: ObjectKey,
    },
    /// Follow-up: one of them is.
    ForgetPromise {
        object: ObjectKey,
        name: String,
    },
    /// Follow-up: what is left of an invocation is forgotten.
    PurgeRest {
        invocation: InvocationId,
    },
    /// Follow-up: a message goes to the owner of its addressee.
    Post {
        to: PartitionId,
        message: Message,
    },
}

/// Entries that [`Command::Spread`] looks at in one step.
pub const SPREAD_AT_ONCE: OpId = 500;
