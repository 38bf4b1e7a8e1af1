//! An invocation as version 1 wrote it: ids of awakeables did not tell its birth, and it could not begin
//! with the journal of another.

use abide_core::ids::{Attempt, DeploymentId, OpId};
use abide_core::invocation::{AttemptFailure, Cancelled, InvocationRow, OpenCalls, Origin, Phase, RunTries};
use abide_core::manifest::{HandlerMode, Retention, ServiceKind};
use abide_core::retry::HandlerRetry;
use abide_core::target::Target;
use abide_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Serialize, Deserialize)]
pub struct InvocationV1 {
    pub target: Target,
    pub origin: Origin,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    pub begun_at: Option<Timestamp>,
    pub deployment: Option<DeploymentId>,
    pub retry: HandlerRetry,
    pub retention: Retention,
    pub kind: ServiceKind,
    pub mode: HandlerMode,
    pub idempotency_key: Option<String>,
    pub holds_key: bool,
    pub cancelled: Option<Cancelled>,
    pub phase: Phase,
    pub attempts: Attempt,
    pub attempts_before: Attempt,
    pub entries_len: u32,
    pub outcomes_len: u32,
    pub failures: u32,
    pub first_failed_at: Option<Timestamp>,
    pub last_failures: Vec<AttemptFailure>,
    pub run_tries: BTreeMap<OpId, RunTries>,
    pub open_sleeps: BTreeMap<OpId, Timestamp>,
    pub open_calls: OpenCalls,
    pub open_promises: BTreeMap<OpId, String>,
    pub has_listeners: bool,
    pub has_mailbox: bool,
}

impl From<InvocationV1> for InvocationRow {
    fn from(old: InvocationV1) -> Self {
        Self {
            begun_at: old.begun_at,
            deployment: old.deployment,
            retry: old.retry,
            retention: old.retention,
            kind: old.kind,
            mode: old.mode,
            idempotency_key: old.idempotency_key,
            holds_key: old.holds_key,
            cancelled: old.cancelled,
            phase: old.phase,
            attempts: old.attempts,
            attempts_before: old.attempts_before,
            entries_len: old.entries_len,
            outcomes_len: old.outcomes_len,
            failures: old.failures,
            first_failed_at: old.first_failed_at,
            last_failures: old.last_failures,
            run_tries: old.run_tries,
            open_sleeps: old.open_sleeps,
            open_calls: old.open_calls,
            open_promises: old.open_promises,
            has_listeners: old.has_listeners,
            has_mailbox: old.has_mailbox,
            modified_at: old.modified_at,
            // The ids of its awakeables that are known outside have a birth of 0.
            ..Self::new(old.target, old.origin, old.created_at)
        }
    }
}
