//! An invocation as users see it.

use crate::engine::StatusFilter;
use crate::http::time;
use abide_core::ids::InvocationId;
use abide_core::invocation::{
    AttemptFailure, InvocationRow, MismatchReport, Origin, PauseReason, Phase, RunTries,
};
use serde::Serialize;

pub const STATUSES: [StatusFilter; 6] = [
    StatusFilter::Scheduled,
    StatusFilter::Running,
    StatusFilter::Suspended,
    StatusFilter::BackingOff,
    StatusFilter::Paused,
    StatusFilter::Completed,
];

/// Returns the word users know for a status: Restate's.
pub fn status_word(status: StatusFilter) -> &'static str {
    match status {
        StatusFilter::Scheduled => "scheduled",
        StatusFilter::Running => "running",
        StatusFilter::Suspended => "suspended",
        StatusFilter::BackingOff => "backing-off",
        StatusFilter::Paused => "paused",
        StatusFilter::Completed => "completed",
    }
}

/// An invocation as users see it. What does not apply is left out.
#[derive(Serialize)]
pub struct InvocationView {
    id: String,
    target: String,
    service: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    handler: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_result: Option<&'static str>,
    /// Only when a single invocation is described.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_failure: Option<String>,
    invoked_by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoked_by_id: Option<String>,
    created_at: String,
    modified_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    running_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<String>,
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
}

#[derive(Serialize)]
struct FailureView {
    attempt: u32,
    at: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    op: Option<u32>,
}

#[derive(Serialize)]
struct RunView {
    op: u32,
    failures: u32,
    first_failed_at: String,
    next_retry_at: String,
}

#[derive(Serialize)]
struct PauseView {
    kind: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mismatch: Option<MismatchReport>,
}

impl InvocationView {
    pub fn of(id: InvocationId, row: &InvocationRow) -> Self {
        let (invoked_by, invoked_by_id) = match &row.origin {
            Origin::Ingress => ("ingress", None),
            Origin::Call { caller, .. } | Origin::Send { caller, .. } => {
                ("invocation", Some(caller.to_string()))
            }
        };
        let mut view = Self {
            id: id.to_string(),
            target: row.target.to_string(),
            service: row.target.service.clone(),
            key: row.target.key.clone(),
            handler: row.target.handler.clone(),
            status: status_word(StatusFilter::of(&row.phase)),
            completion_result: None,
            completion_failure: None,
            invoked_by,
            invoked_by_id,
            created_at: time::rfc3339(row.created_at),
            modified_at: time::rfc3339(row.modified_at),
            scheduled_at: None,
            running_at: row.begun_at.map(time::rfc3339),
            completed_at: None,
            deployment_id: row.deployment.as_ref().map(ToString::to_string),
            attempts: row.attempts,
            retry_count: row.failures,
            next_retry_at: None,
            journal_entries: row.entries_len,
            journal_outcomes: row.outcomes_len,
            last_failures: row.last_failures.iter().map(failure_view).collect(),
            retrying_runs: row.run_tries.iter().map(run_view).collect(),
            pause_reason: None,
        };
        view.show_phase(row);
        view
    }

    fn show_phase(&mut self, row: &InvocationRow) {
        match &row.phase {
            Phase::Scheduled { at } => self.scheduled_at = Some(time::rfc3339(*at)),
            Phase::Running { .. } => {
                let next = row.run_tries.values().map(|tries| tries.retry_at).min();
                self.next_retry_at = next.map(time::rfc3339);
            }
            Phase::Suspended { .. } => {}
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
    let (kind, message, mismatch) = match reason {
        PauseReason::AttemptsExhausted => (
            "attempts-exhausted",
            "its retry policy is exhausted; the last failure says why".to_owned(),
            None,
        ),
        PauseReason::JournalMismatch(report) => {
            ("journal-mismatch", mismatch_text(report), Some(report.clone()))
        }
        PauseReason::LimitReached(text) => ("limit-reached", text.clone(), None),
    };
    PauseView { kind, message, mismatch }
}

fn mismatch_text(report: &MismatchReport) -> String {
    let recorded = report.recorded.as_deref().unwrap_or("nothing");
    let asked = report.asked.as_deref().unwrap_or("nothing more");
    format!(
        "its code does not do what its journal records: operation {} was {recorded}, the code now asks for {asked}; \
         nothing is lost, deploy the code it began with and resume it",
        report.op
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::invocation::WaitSet;
    use abide_core::retry::HandlerRetry;
    use abide_core::target::Target;
    use abide_core::time::Timestamp;

    fn row(phase: Phase) -> InvocationRow {
        InvocationRow {
            target: Target { service: "S".into(), key: Some("k".into()), handler: "h".into() },
            origin: Origin::Ingress,
            created_at: Timestamp(0),
            modified_at: Timestamp(1),
            begun_at: None,
            deployment: None,
            retry: HandlerRetry::default(),
            phase,
            attempts: 2,
            entries_len: 0,
            outcomes_len: 0,
            failures: 1,
            first_failed_at: None,
            last_failures: vec![AttemptFailure {
                attempt: 1,
                at: Timestamp(1),
                message: "m".into(),
                op: None,
            }],
            run_tries: Default::default(),
            open_sleeps: Default::default(),
        }
    }

    fn show(phase: Phase, fields: &[&str]) -> String {
        let view = InvocationView::of(InvocationId { unique: 1, partition_key: 1 }, &row(phase));
        let json = serde_json::to_value(&view).unwrap();
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
            (Phase::Running { attempt: 2 }, "target", "\"running\" \"S/k/h\"".into()),
            (Phase::Suspended { waiting_on: WaitSet::Any }, "key", "\"suspended\" \"k\"".into()),
            (
                Phase::BackingOff { attempt: 2, until: at, waiting_on },
                "next_retry_at",
                format!("\"backing-off\" {time}"),
            ),
            (Phase::Completed { at, is_failure: false }, "completed_at", format!("\"completed\" {time}")),
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
