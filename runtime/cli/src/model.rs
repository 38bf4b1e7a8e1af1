//! The answers of the admin port, as far as the tables need them.

use crate::report::Report;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Deserialize)]
pub struct Deployments {
    pub deployments: Vec<DeploymentSummary>,
}

#[derive(Deserialize)]
pub struct DeploymentSummary {
    pub id: String,
    pub created_at: String,
    pub size_bytes: u64,
    pub sdk_version: String,
    pub status: String,
    pub invocations_live: u64,
    pub services: Vec<ServiceName>,
}

#[derive(Deserialize)]
pub struct ServiceName {
    pub name: String,
    pub revision: u32,
}

#[derive(Deserialize)]
pub struct Deployment {
    pub id: String,
    pub created_at: String,
    pub size_bytes: u64,
    pub sdk_version: String,
    pub status: String,
    pub invocations_live: u64,
    pub settings: Settings,
    pub services: Vec<Service>,
}

/// A deployment that takes calls now, and what its check said.
#[derive(Deserialize)]
pub struct Changed {
    #[serde(flatten)]
    pub deployment: Deployment,
    pub check: Report,
    #[serde(flatten)]
    pub moved: Option<Moved>,
    pub settings_not_carried_over: Option<NotCarriedOver>,
}

/// Names of settings that the deployments before have, and a new one has not.
#[derive(Deserialize)]
pub struct NotCarriedOver {
    pub variables: Vec<String>,
    pub allowed_hosts: Vec<String>,
}

/// What came of moving invocations.
#[derive(Deserialize)]
pub struct Moved {
    pub migrated: u64,
    pub left: u64,
    /// Those of the left ones that can be moved when they are not in the middle of something.
    #[serde(default)]
    pub busy: u64,
}

/// What would become of an upload.
#[derive(Deserialize)]
pub struct DryRun {
    pub is_new: bool,
    pub refusal: Option<String>,
    pub services: Vec<Offer>,
    pub check: Report,
    pub settings_not_carried_over: Option<NotCarriedOver>,
}

/// A service that an upload would offer.
#[derive(Deserialize)]
pub struct Offer {
    pub name: String,
    pub ty: String,
    pub is_new: bool,
    pub takes_over_from: Option<String>,
    pub handlers: Vec<Handler>,
    pub handlers_added: Vec<String>,
    pub handlers_removed: Vec<String>,
}

#[derive(Deserialize)]
pub struct Migrated {
    #[serde(flatten)]
    pub moved: Moved,
    pub check: Report,
}

/// How far the check is that the server runs now.
#[derive(Deserialize)]
pub struct Checks {
    pub running: Option<RunningCheck>,
}

#[derive(Deserialize)]
pub struct RunningCheck {
    pub checked: u64,
    pub total: u64,
}

#[derive(Deserialize)]
pub struct Settings {
    /// Null: the value is not shown to this token.
    pub env: BTreeMap<String, Option<String>>,
    pub allowed_hosts: Vec<String>,
}

#[derive(Deserialize)]
pub struct Services {
    pub services: Vec<Service>,
}

#[derive(Deserialize)]
pub struct Service {
    pub name: String,
    pub ty: String,
    pub documentation: Option<String>,
    pub handlers: Vec<Handler>,
    pub deployment_id: String,
    pub revision: u32,
    pub public: bool,
}

#[derive(Deserialize)]
pub struct Handler {
    pub name: String,
    pub ty: Option<String>,
    pub documentation: Option<String>,
    pub public: bool,
    pub input_description: String,
    pub output_description: String,
}

#[derive(Deserialize)]
pub struct Invocations {
    pub invocations: Vec<Invocation>,
    pub next_before: Option<String>,
    #[serde(default)]
    pub is_truncated: bool,
}

#[derive(Deserialize)]
pub struct Invocation {
    pub id: String,
    pub target: String,
    pub status: String,
    pub completion_result: Option<String>,
    pub completion_failure: Option<String>,
    pub invoked_by_id: Option<String>,
    pub idempotency_key: Option<String>,
    pub created_at: String,
    pub modified_at: String,
    pub scheduled_at: Option<String>,
    pub restarted_from: Option<String>,
    pub cancelled_at: Option<String>,
    pub completed_at: Option<String>,
    pub kept_until: Option<String>,
    pub deployment_id: Option<String>,
    pub attempts: u32,
    pub retry_count: u32,
    pub next_retry_at: Option<String>,
    pub last_failures: Vec<AttemptFailure>,
    #[serde(default)]
    pub retrying_runs: Vec<RetryingRun>,
    pub pause_reason: Option<PauseReason>,
    #[serde(default)]
    pub waiting_for: Vec<Waiting>,
    pub waiting_for_total: Option<usize>,
    #[serde(default)]
    pub deadlock: Vec<String>,
}

impl Invocation {
    /// Returns the status in words, with the result where there is one.
    pub fn status_text(&self) -> String {
        match &self.completion_result {
            Some(result) => format!("{} with {result}", self.status),
            None => self.status.clone(),
        }
    }

    pub fn is_failure(&self) -> bool {
        self.completion_result.as_deref() == Some("failure")
    }
}

/// What came of something that was done to many invocations.
#[derive(Default, Serialize, Deserialize)]
pub struct BulkReport {
    pub matched: usize,
    pub dry_run: bool,
    pub succeeded: Vec<BulkDone>,
    pub failed: Vec<BulkFailed>,
    #[serde(default, skip_serializing)]
    pub is_truncated: bool,
    #[serde(default, skip_serializing)]
    pub next_before: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub struct BulkDone {
    pub invocation_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_invocation_id: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub struct BulkFailed {
    pub invocation_id: String,
    pub code: String,
    pub message: String,
}

impl BulkReport {
    /// Adds the next part.
    pub fn take_in(&mut self, part: Self) {
        self.matched += part.matched;
        self.succeeded.extend(part.succeeded);
        self.failed.extend(part.failed);
    }
}

/// Something an invocation waits for; which fields there are depends on the kind.
#[derive(Deserialize)]
pub struct Waiting {
    pub kind: String,
    pub since: String,
    pub name: Option<String>,
    pub id: Option<String>,
    pub until: Option<String>,
    pub invocation_id: Option<String>,
    pub target: Option<String>,
    pub status: Option<String>,
    pub object: Option<String>,
    pub holder: Option<Other>,
    pub ahead: Option<u64>,
}

/// Another invocation.
#[derive(Deserialize)]
pub struct Other {
    pub invocation_id: String,
    pub target: Option<String>,
    pub status: Option<String>,
}

#[derive(Deserialize)]
pub struct AttemptFailure {
    pub attempt: u32,
    pub at: String,
    pub message: String,
    pub op: Option<u32>,
}

#[derive(Deserialize)]
pub struct RetryingRun {
    pub op: u32,
    pub failures: u32,
    pub next_retry_at: String,
}

#[derive(Deserialize)]
pub struct PauseReason {
    pub message: String,
    pub mismatch: Option<Mismatch>,
}

#[derive(Deserialize)]
pub struct Mismatch {
    pub op: u32,
    pub recorded: Option<String>,
    pub asked: Option<String>,
    pub backtrace: Option<String>,
}

#[derive(Deserialize)]
pub struct Journal {
    pub input: Option<Input>,
    /// Only the answer is left.
    #[serde(default)]
    pub is_purged: bool,
    pub items: Vec<Item>,
    pub items_total: usize,
    pub answer: Option<Answer>,
}

#[derive(Deserialize)]
pub struct Input {
    pub body: Payload,
}

#[derive(Deserialize)]
pub struct Item {
    pub op: Option<u32>,
    pub kind: String,
    pub name: Option<String>,
    pub at: String,
    #[serde(flatten)]
    pub content: Content,
}

#[derive(Deserialize)]
#[serde(tag = "item", rename_all = "lowercase")]
pub enum Content {
    Entry {
        duration_ms: Option<u64>,
        delay_ms: Option<u64>,
        invocation_id: Option<String>,
        awakeable_id: Option<String>,
        value: Option<Payload>,
        completion: Option<Answer>,
        is_settled: Option<bool>,
    },
    Outcome(Answer),
}

#[derive(Deserialize)]
#[serde(tag = "result", rename_all = "lowercase")]
pub enum Answer {
    Empty,
    Value { value: Payload },
    Failure { failure: Failure },
    Names { names: Vec<String>, names_total: usize },
}

#[derive(Deserialize)]
pub struct Failure {
    pub code: u16,
    pub message: String,
}

#[derive(Deserialize)]
pub struct Payload {
    pub bytes: usize,
    #[serde(default, deserialize_with = "present")]
    pub json: Option<Value>,
    pub text: Option<String>,
    #[serde(default)]
    pub is_cut: bool,
}

/// Reads a field that is there, whatever it holds: a null that is stored is a value like any other.
pub fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}
