//! An invocation as users see it.

use crate::engine::{Completion, StatusFilter, created_at};
use crate::http::admin::shapes::MismatchShape;
use crate::http::admin::waiting::{Waiting, WaitingView};
use crate::time;
use crate::words::{handler_ty, pause_words, service_ty, status_word};
use abide_core::ids::InvocationId;
use abide_core::invocation::{
    AttemptFailure, InvocationRow, MismatchReport, Origin, PauseReason, Phase, RunTries,
};
use abide_core::manifest::{HandlerMode, ServiceKind};
use abide_core::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// Returns the word for what a completed invocation came to.
pub fn completion_word(completion: Completion) -> &'static str {
    match completion {
        Completion::Success => "success",
        Completion::Failure => "failure",
        Completion::Cancelled => "cancelled",
        Completion::Killed => "killed",
    }
}

/// An invocation as users see it. What does not apply is left out.
#[derive(Serialize, ToSchema)]
pub struct InvocationView {
    id: String,
    target: String,
    service: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    handler: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_ty: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handler_ty: Option<&'static str>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_result: Option<&'static str>,
    /// In a list only its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_failure: Option<String>,
    invoked_by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoked_by_id: Option<String>,
    /// The completed invocation that this one does once more.
    #[serde(skip_serializing_if = "Option::is_none")]
    restarted_from: Option<String>,
    /// How many calls, one above the other, wait for its answer.
    call_depth: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key: Option<String>,
    /// The trace it belongs to. Only when a single invocation is described.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    created_at: String,
    modified_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    running_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<String>,
    /// How long its answer and its journal are kept after its end; known once it has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_retention: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    journal_retention: Option<String>,
    /// Until when the answer of a completed one is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deployment_id: Option<String>,
    attempts: u32,
    /// Failures since the journal last grew.
    retry_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_retry_at: Option<String>,
    journal_entries: u32,
    journal_outcomes: u32,
    /// The newest last.
    last_failures: Vec<FailureView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    retrying_runs: Vec<RunView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pause_reason: Option<PauseView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waiting_for: Vec<WaitingView>,
    /// Only when there is more than is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for_total: Option<usize>,
    /// Invocations that wait for each other in a circle, this one first: somebody has to end one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deadlock: Vec<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AttemptFailure)]
struct FailureView {
    attempt: u32,
    at: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    op: Option<u32>,
}

#[derive(Serialize, ToSchema)]
struct RunView {
    op: u32,
    failures: u32,
    first_failed_at: String,
    next_retry_at: String,
}

#[derive(Serialize, ToSchema)]
struct PauseView {
    kind: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<MismatchShape>)]
    mismatch: Option<MismatchReport>,
}

impl InvocationView {
    pub fn of(id: InvocationId, row: &InvocationRow) -> Self {
        let (invoked_by, invoked_by_id) = match &row.origin {
            Origin::Ingress => ("ingress", None),
            Origin::Call { caller, .. } | Origin::Send { caller, .. } => {
                ("invocation", Some(caller.to_string()))
            }
            Origin::Restart { .. } => ("restart_as_new", None),
        };
        let mut view = Self {
            id: id.to_string(),
            target: row.target.to_string(),
            service: row.target.service.clone(),
            key: row.target.key.clone(),
            handler: row.target.handler.clone(),
            service_ty: None,
            handler_ty: None,
            status: status_word(StatusFilter::of(&row.phase)),
            completion_result: None,
            completion_failure: None,
            invoked_by,
            invoked_by_id,
            restarted_from: restarted_from(&row.origin),
            call_depth: row.depth,
            idempotency_key: row.idempotency_key.clone(),
            trace_id: None,
            created_at: time::rfc3339(created_at(id, row)),
            modified_at: time::rfc3339(row.modified_at),
            scheduled_at: None,
            // One that takes over a part of a journal has the times of that.
            running_at: row.begun_at.map(|at| time::rfc3339(at.max(row.created_at))),
            cancelled_at: row.cancelled.map(|cancelled| time::rfc3339(cancelled.at)),
            completed_at: None,
            completion_retention: None,
            journal_retention: None,
            kept_until: row.kept_until().map(time::rfc3339),
            deployment_id: row.deployment.as_ref().map(ToString::to_string),
            attempts: row.tries(),
            retry_count: row.failures,
            next_retry_at: None,
            journal_entries: row.entries_len,
            journal_outcomes: row.outcomes_len,
            last_failures: row.last_failures.iter().map(failure_view).collect(),
            retrying_runs: row.run_tries.iter().map(run_view).collect(),
            pause_reason: None,
            waiting_for: Vec::new(),
            waiting_for_total: None,
            deadlock: Vec::new(),
        };
        view.show_phase(row);
        view.show_pinned(row);
        view
    }

    /// Adds of which kind its service is and how its handler runs, as far as the record does not tell.
    pub fn with_types(mut self, (kind, mode): (ServiceKind, HandlerMode)) -> Self {
        if self.service_ty.is_none() {
            self.service_ty = Some(service_ty(kind));
            self.handler_ty = handler_ty(kind, mode);
        }
        self
    }

    pub fn with_waiting(mut self, waiting: Waiting) -> Self {
        self.waiting_for_total = (waiting.total > waiting.shown.len()).then_some(waiting.total);
        self.waiting_for = waiting.shown;
        self
    }

    pub fn with_deadlock(mut self, members: &[InvocationId]) -> Self {
        self.deadlock = members.iter().map(ToString::to_string).collect();
        self
    }

    /// Shows what was pinned with the deployment, when the first attempt began.
    fn show_pinned(&mut self, row: &InvocationRow) {
        if row.deployment.is_none() {
            return;
        }
        self.service_ty = Some(service_ty(row.kind));
        self.handler_ty = handler_ty(row.kind, row.mode);
        self.completion_retention = Some(time::friendly(completion_retention_ms(row)));
        self.journal_retention = Some(time::friendly(row.retention.journal_ms));
    }

    fn show_phase(&mut self, row: &InvocationRow) {
        match &row.phase {
            Phase::Scheduled { at } => self.scheduled_at = Some(time::rfc3339(*at)),
            Phase::Running { .. } => {
                let next = row.run_tries.values().map(|tries| tries.retry_at).min();
                self.next_retry_at = next.map(time::rfc3339);
            }
            Phase::Queued { .. } | Phase::Suspended { .. } => {}
            Phase::BackingOff { until, .. } => self.next_retry_at = Some(time::rfc3339(*until)),
            Phase::Paused { reason } => self.pause_reason = Some(pause_view(reason)),
            Phase::Completed { at, is_failure } => {
                self.completed_at = Some(time::rfc3339(*at));
                self.completion_result = Some(if *is_failure { "failure" } else { "success" });
                self.retrying_runs.clear();
            }
        }
    }
}

/// Returns how long the answer would be kept, or is.
fn completion_retention_ms(row: &InvocationRow) -> u64 {
    let ended = Phase::Completed { at: Timestamp(0), is_failure: false };
    let ended = InvocationRow { phase: ended, ..row.clone() };
    ended.kept_until().map_or(0, |until| until.0)
}

fn restarted_from(origin: &Origin) -> Option<String> {
    match origin {
        Origin::Restart { of } => Some(of.to_string()),
        Origin::Ingress | Origin::Call { .. } | Origin::Send { .. } => None,
    }
}

fn failure_view(failure: &AttemptFailure) -> FailureView {
    let AttemptFailure { attempt, at, message, op } = failure;
    FailureView { attempt: *attempt, at: time::rfc3339(*at), message: message.clone(), op: *op }
}

fn run_view((op, tries): (&u32, &RunTries)) -> RunView {
    RunView {
        op: *op,
        failures: tries.failures,
        first_failed_at: time::rfc3339(tries.first_failed_at),
        next_retry_at: time::rfc3339(tries.retry_at),
    }
}

fn pause_view(reason: &PauseReason) -> PauseView {
    let (kind, message) = pause_words(reason);
    let mismatch = match reason {
        PauseReason::JournalMismatch(report) => Some(report.clone()),
        PauseReason::AttemptsExhausted | PauseReason::LimitReached(_) | PauseReason::ByPerson => None,
    };
    PauseView { kind, message, mismatch }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::ids::DeploymentId;
    use abide_core::invocation::{Cancelled, WaitSet};
    use abide_core::manifest::Retention;
    use abide_core::target::Target;

    fn row(phase: Phase) -> InvocationRow {
        let target = Target { service: "S".into(), key: Some("k".into()), handler: "h".into() };
        let failure = AttemptFailure { attempt: 1, at: Timestamp(1), message: "m".into(), op: None };
        InvocationRow {
            modified_at: Timestamp(1),
            retention: Retention { idempotency_ms: 1, workflow_ms: 60_000, journal_ms: 5_000 },
            phase,
            attempts: 2,
            failures: 1,
            last_failures: vec![failure],
            ..InvocationRow::new(target, Origin::Ingress, Timestamp(0))
        }
    }

    fn json(view: &InvocationView) -> serde_json::Value {
        serde_json::to_value(view).unwrap()
    }

    fn show(phase: Phase, fields: &[&str]) -> String {
        let view = InvocationView::of(InvocationId { unique: 1, partition_key: 1 }, &row(phase));
        let json = json(&view);
        let shown = fields.iter().map(|field| json[*field].to_string());
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_phase_has_its_word_and_its_time() {
        let at = Timestamp(5);
        let time = "\"1970-01-01T00:00:00.005Z\"";
        let waiting_on = None;
        let cases = [
            (Phase::Scheduled { at }, "scheduled_at", format!("\"scheduled\" {time}")),
            (Phase::Queued { position: 3 }, "key", "\"pending\" \"k\"".into()),
            (Phase::Running { attempt: 2 }, "target", "\"running\" \"S/k/h\"".into()),
            (Phase::Suspended { waiting_on: WaitSet::Any }, "key", "\"suspended\" \"k\"".into()),
            (
                Phase::BackingOff { attempt: 2, until: at, waiting_on },
                "next_retry_at",
                format!("\"backing-off\" {time}"),
            ),
            (Phase::Completed { at, is_failure: false }, "completed_at", format!("\"completed\" {time}")),
            (
                Phase::Completed { at, is_failure: false },
                "kept_until",
                "\"completed\" \"1970-01-01T00:00:05.005Z\"".into(),
            ),
            (
                Phase::Completed { at, is_failure: true },
                "completion_result",
                "\"completed\" \"failure\"".into(),
            ),
        ];
        for (phase, field, expected) in cases {
            assert_eq!(show(phase, &["status", field]), expected);
        }
    }

    #[test]
    fn what_is_not_pinned_yet_is_what_is_offered_now() {
        let id = InvocationId { unique: 1, partition_key: 1 };
        let mut row = row(Phase::Queued { position: 0 });
        let shown = json(&InvocationView::of(id, &row));
        assert!(shown.get("service_ty").is_none() && shown.get("completion_retention").is_none());
        let offered = (ServiceKind::Object, HandlerMode::Exclusive);
        let shown = json(&InvocationView::of(id, &row).with_types(offered));
        assert_eq!(
            (&shown["service_ty"], &shown["handler_ty"]),
            (&"VirtualObject".into(), &"Exclusive".into())
        );

        row.deployment = Some(DeploymentId::from_digest(1));
        (row.kind, row.mode) = (ServiceKind::Workflow, HandlerMode::Exclusive);
        let shown = json(&InvocationView::of(id, &row).with_types(offered));
        assert_eq!((&shown["service_ty"], &shown["handler_ty"]), (&"Workflow".into(), &"Workflow".into()));
        assert_eq!(
            (&shown["completion_retention"], &shown["journal_retention"]),
            (&"1m".into(), &"5s".into())
        );
    }

    #[test]
    fn keys_and_cancellations_are_shown() {
        let id = InvocationId { unique: 1, partition_key: 1 };
        let mut row = row(Phase::Running { attempt: 1 });
        row.idempotency_key = Some(String::new());
        row.cancelled = Some(Cancelled { at: Timestamp(7), order: 0 });
        let shown = json(&InvocationView::of(id, &row).with_deadlock(&[id]));
        assert_eq!((&shown["idempotency_key"], &shown["deadlock"][0]), (&"".into(), &id.to_string().into()));
        assert_eq!(shown["cancelled_at"], "1970-01-01T00:00:00.007Z");
    }

    #[test]
    fn a_mismatch_is_shown_with_both_sides() {
        let report = MismatchReport {
            op: 3,
            recorded: Some("sleep(5 ms)".into()),
            asked: None,
            backtrace: Some("0: wasm".into()),
        };
        let shown = show(Phase::Paused { reason: PauseReason::JournalMismatch(report) }, &["pause_reason"]);
        for part in ["journal-mismatch", "operation 3 was sleep(5 ms)", "asks for nothing more", "0: wasm"] {
            assert!(shown.contains(part), "{shown}");
        }
    }
}
