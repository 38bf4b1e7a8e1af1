//! Which invocations are meant: the filter that lists, counts and bulk operations share.

use crate::engine::address;
use abide_core::entry::{Answer, Failure};
use abide_core::ids::{DeploymentId, InvocationId, PartitionId};
use abide_core::invocation::{InvocationRow, MismatchReport, Origin, PauseReason, Phase};
use abide_core::target::ObjectKey;
use abide_core::time::Timestamp;
use std::collections::BTreeSet;
use std::ops::Range;

/// What an invocation is doing, in the words users know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusFilter {
    Scheduled,
    /// Waits for the key of its object.
    Pending,
    Running,
    Suspended,
    BackingOff,
    Paused,
    Completed,
}

impl StatusFilter {
    /// All of them, in the order of a life.
    pub const ALL: [Self; 7] = [
        Self::Scheduled,
        Self::Pending,
        Self::Running,
        Self::Suspended,
        Self::BackingOff,
        Self::Paused,
        Self::Completed,
    ];

    /// Returns the word for a phase.
    #[must_use]
    pub fn of(phase: &Phase) -> Self {
        match phase {
            Phase::Scheduled { .. } => Self::Scheduled,
            Phase::Queued { .. } => Self::Pending,
            Phase::Running { .. } => Self::Running,
            Phase::Suspended { .. } => Self::Suspended,
            Phase::BackingOff { .. } => Self::BackingOff,
            Phase::Paused { .. } => Self::Paused,
            Phase::Completed { .. } => Self::Completed,
        }
    }
}

/// What a completed invocation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Completion {
    Success,
    Failure,
    /// It failed because it, or what it waited for, was cancelled.
    Cancelled,
    Killed,
}

impl Completion {
    pub const ALL: [Self; 4] = [Self::Success, Self::Failure, Self::Cancelled, Self::Killed];

    /// Returns what one that has ended came to. Only of a failure the answer says more, so only then it is read.
    ///
    /// # Errors
    /// The answer cannot be read.
    pub fn of_ended<E>(
        is_failure: bool,
        answer: impl FnOnce() -> Result<Option<Answer>, E>,
    ) -> Result<Self, E> {
        if is_failure { Ok(Self::of(answer()?.as_ref())) } else { Ok(Self::Success) }
    }

    /// Returns what an answer stands for. Without one it is taken for a failure.
    #[must_use]
    pub fn of(answer: Option<&Answer>) -> Self {
        let is = |failure: &Failure, known: Failure| {
            (failure.code, &failure.message) == (known.code, &known.message)
        };
        match answer {
            Some(Answer::Value(_)) => Self::Success,
            Some(Answer::Failure(failure)) if is(failure, Failure::cancelled()) => Self::Cancelled,
            Some(Answer::Failure(failure)) if is(failure, Failure::killed()) => Self::Killed,
            Some(Answer::Failure(_)) | None => Self::Failure,
        }
    }
}

/// Who asked for an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InvokedBy {
    Ingress,
    Invocation,
    /// A person wanted once more what an earlier one was asked.
    Restart,
}

/// From the first up to, but without, the second.
pub type Times = Range<Timestamp>;

/// All there is.
pub const ALWAYS: Times = Timestamp(0)..Timestamp(u64::MAX);

/// Which invocations are meant. An empty list means any; everything given has to hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InvocationFilter {
    pub ids: Vec<InvocationId>,
    pub statuses: Vec<StatusFilter>,
    pub services: Vec<String>,
    pub handlers: Vec<String>,
    pub keys: Vec<String>,
    pub deployments: Vec<DeploymentId>,
    pub idempotency_keys: Vec<String>,
    pub invoked_by: Vec<InvokedBy>,
    pub invoked_by_ids: Vec<InvocationId>,
    pub completions: Vec<Completion>,
    pub created: Times,
    pub modified: Times,
    /// In lower case; looked for in what went wrong.
    pub text: Option<String>,
    /// Somebody has to look after it: it is paused, backs off, or waits in a circle.
    pub is_stuck: Option<bool>,
}

impl Default for InvocationFilter {
    fn default() -> Self {
        Self {
            ids: Vec::new(),
            statuses: Vec::new(),
            services: Vec::new(),
            handlers: Vec::new(),
            keys: Vec::new(),
            deployments: Vec::new(),
            idempotency_keys: Vec::new(),
            invoked_by: Vec::new(),
            invoked_by_ids: Vec::new(),
            completions: Vec::new(),
            created: ALWAYS,
            modified: ALWAYS,
            text: None,
            is_stuck: None,
        }
    }
}

fn any_of<T: PartialEq>(wanted: &[T], value: &T) -> bool {
    wanted.is_empty() || wanted.contains(value)
}

fn any_of_some<T: PartialEq>(wanted: &[T], value: Option<&T>) -> bool {
    wanted.is_empty() || value.is_some_and(|value| wanted.contains(value))
}

impl InvocationFilter {
    /// Says whether an invocation is meant, as far as its record tells.
    #[must_use]
    pub fn fits_record(&self, id: InvocationId, row: &InvocationRow) -> bool {
        let (invoked_by, caller) = match &row.origin {
            Origin::Ingress => (InvokedBy::Ingress, None),
            Origin::Call { caller, .. } | Origin::Send { caller, .. } => {
                (InvokedBy::Invocation, Some(caller))
            }
            Origin::Restart { .. } => (InvokedBy::Restart, None),
        };
        any_of(&self.statuses, &StatusFilter::of(&row.phase))
            && any_of(&self.services, &row.target.service)
            && any_of(&self.handlers, &row.target.handler)
            && any_of_some(&self.keys, row.target.key.as_ref())
            && any_of_some(&self.deployments, row.deployment.as_ref())
            && any_of_some(&self.idempotency_keys, row.idempotency_key.as_ref())
            && any_of(&self.invoked_by, &invoked_by)
            && any_of_some(&self.invoked_by_ids, caller)
            && any_of(&self.ids, &id)
            && self.created.contains(&created_at(id, row))
            && self.modified.contains(&row.modified_at)
            && self.may_have_come_to(&row.phase)
            && self.may_be_stuck(&row.phase)
    }

    fn may_have_come_to(&self, phase: &Phase) -> bool {
        match phase {
            _ if self.completions.is_empty() => true,
            Phase::Completed { is_failure: false, .. } => self.completions.contains(&Completion::Success),
            Phase::Completed { is_failure: true, .. } => {
                self.completions.iter().any(|wanted| *wanted != Completion::Success)
            }
            Phase::Scheduled { .. }
            | Phase::Queued { .. }
            | Phase::Running { .. }
            | Phase::Suspended { .. }
            | Phase::BackingOff { .. }
            | Phase::Paused { .. } => false,
        }
    }

    fn may_be_stuck(&self, phase: &Phase) -> bool {
        match (self.is_stuck, phase) {
            (None, _) => true,
            (Some(wanted), Phase::Paused { .. } | Phase::BackingOff { .. }) => wanted,
            (Some(wanted), Phase::Scheduled { .. } | Phase::Completed { .. }) => !wanted,
            // The circle has to be looked for.
            (Some(_), Phase::Queued { .. } | Phase::Running { .. } | Phase::Suspended { .. }) => true,
        }
    }

    /// Says whether live invocations can be meant, and completed ones.
    #[must_use]
    pub fn live_and_completed(&self) -> (bool, bool) {
        let is_live = |status: &StatusFilter| *status != StatusFilter::Completed;
        let live = self.statuses.is_empty() || self.statuses.iter().any(is_live);
        let completed = self.statuses.is_empty() || self.statuses.contains(&StatusFilter::Completed);
        (live && self.completions.is_empty(), completed && self.is_stuck != Some(true))
    }

    /// Returns the partitions that can own what is meant.
    #[must_use]
    pub fn partitions(&self, partitions: u16) -> Vec<PartitionId> {
        let all = 0..partitions;
        if self.services.is_empty() || self.keys.is_empty() {
            return all.map(PartitionId).collect();
        }
        let mut owners = BTreeSet::new();
        for service in &self.services {
            for key in &self.keys {
                let object = ObjectKey { service: service.clone(), key: key.clone() };
                owners.insert(PartitionId::of(address::partition_key(&object), partitions));
            }
        }
        owners.into_iter().collect()
    }
}

/// Returns when an invocation was created: what its id says, where it says so.
#[must_use]
pub fn created_at(id: InvocationId, row: &InvocationRow) -> Timestamp {
    id.created_at().unwrap_or(row.created_at)
}

/// Says whether a text, in lower case, is in what a record says of failures.
pub fn is_in_record(text: &str, row: &InvocationRow) -> bool {
    let is_in = |haystack: &str| haystack.to_lowercase().contains(text);
    let last_failure = row.last_failures.last().is_some_and(|failure| is_in(&failure.message));
    last_failure
        || match &row.phase {
            Phase::Paused { reason: PauseReason::LimitReached(reason) } => is_in(reason),
            Phase::Paused { reason: PauseReason::JournalMismatch(report) } => {
                let MismatchReport { op: _, recorded, asked, backtrace } = report;
                [recorded, asked, backtrace].into_iter().flatten().any(|text| is_in(text))
            }
            Phase::Paused { reason: PauseReason::AttemptsExhausted | PauseReason::ByPerson }
            | Phase::Scheduled { .. }
            | Phase::Queued { .. }
            | Phase::Running { .. }
            | Phase::Suspended { .. }
            | Phase::BackingOff { .. }
            | Phase::Completed { .. } => false,
        }
}

/// Says whether a text, in lower case, is in the failure an invocation ended with.
pub fn is_in_answer(text: &str, answer: &Answer) -> bool {
    match answer {
        Answer::Failure(failure) => failure.to_string().to_lowercase().contains(text),
        Answer::Value(_) => false,
    }
}
