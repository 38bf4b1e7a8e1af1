//! Invocations: list, describe, resume.
//!
//! The query of the list: `service`, `handler`, `status`, `deployment` narrow it, `limit` is its
//! length, and `before` (the `next_before` of the page before) continues it.

use crate::engine::{InvocationQuery, Resumed, StatusFilter};
use crate::http::admin::{blocking, query};
use crate::http::error::AdminError;
use crate::http::limits::{INVOCATIONS_DEFAULT, INVOCATIONS_MAX};
use crate::http::{AppState, time};
use abide_core::entry::Answer;
use abide_core::ids::InvocationId;
use abide_core::invocation::{
    AttemptFailure, InvocationRow, MismatchReport, Origin, PauseReason, Phase, RunTries,
};
use axum::Json;
use axum::extract::{Path, State};
use http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ListQuery {
    service: Option<String>,
    handler: Option<String>,
    status: Option<String>,
    deployment: Option<String>,
    limit: Option<usize>,
    before: Option<String>,
}

#[derive(Serialize)]
pub struct Listing {
    invocations: Vec<InvocationView>,
    /// Null: there are no more.
    next_before: Option<String>,
}

pub async fn list(State(state): State<AppState>, uri: Uri) -> Result<Json<Listing>, AdminError> {
    let wanted = read_query(query(&uri)?)?;
    let limit = wanted.limit;
    let found = blocking(move || Ok(state.engine.invocations(&wanted)?)).await?;
    let last = found.last().filter(|_| found.len() == limit);
    let next_before = last.map(|(id, _)| id.to_string());
    let invocations = found.iter().map(|(id, row)| InvocationView::of(*id, row)).collect();
    Ok(Json(Listing { invocations, next_before }))
}

pub async fn describe(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<InvocationView>, AdminError> {
    let id = parse_id(&id)?;
    let row = state.engine.invocation(id)?.ok_or(AdminError::UnknownInvocation(id))?;
    let mut view = InvocationView::of(id, &row);
    if view.completion_result == Some("failure") {
        view.completion_failure = failure_text(&state, id)?;
    }
    Ok(Json(view))
}

pub async fn resume(State(state): State<AppState>, Path(id): Path<String>) -> Result<StatusCode, AdminError> {
    let id = parse_id(&id)?;
    match state.engine.resume(id)? {
        Resumed::Done => Ok(StatusCode::OK),
        Resumed::Unknown => Err(AdminError::UnknownInvocation(id)),
        Resumed::NotStopped => Err(AdminError::NotStopped(id)),
        Resumed::Completed => Err(AdminError::Completed(id)),
    }
}

/// Reads an invocation id of a path.
pub fn parse_id(text: &str) -> Result<InvocationId, AdminError> {
    text.parse().map_err(|why| AdminError::BadField { field: "invocation_id", why: format!("{why}") })
}

fn failure_text(state: &AppState, id: InvocationId) -> Result<Option<String>, AdminError> {
    use crate::engine::Output;
    match state.engine.output(id)? {
        Output::Ready(Answer::Failure(failure)) => Ok(Some(failure.to_string())),
        Output::Ready(Answer::Value(_)) | Output::NotReady | Output::Unknown => Ok(None),
    }
}

fn read_query(query: ListQuery) -> Result<InvocationQuery, AdminError> {
    let bad = |field, why: String| AdminError::BadField { field, why };
    let limit = query.limit.unwrap_or(INVOCATIONS_DEFAULT);
    if !(1..=INVOCATIONS_MAX).contains(&limit) {
        return Err(bad("limit", format!("it is a number from 1 to {INVOCATIONS_MAX}")));
    }
    let before = query.before.map(|text| text.parse().map_err(|why| bad("before", format!("{why}"))));
    let deployment =
        query.deployment.map(|text| text.parse().map_err(|why| bad("deployment", format!("{why}"))));
    Ok(InvocationQuery {
        limit,
        before: before.transpose()?,
        service: query.service,
        handler: query.handler,
        status: query.status.map(|word| read_status(&word)).transpose()?,
        deployment: deployment.transpose()?,
    })
}

const STATUSES: [StatusFilter; 6] = [
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

fn read_status(word: &str) -> Result<StatusFilter, AdminError> {
    STATUSES.into_iter().find(|status| status_word(*status) == word).ok_or_else(|| {
        let words = STATUSES.map(status_word).join(", ");
        AdminError::BadField { field: "status", why: format!("'{word}' is none of {words}") }
    })
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
    completion_result: Option<&'static str>,
    /// Only when a single invocation is described.
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_failure: Option<String>,
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

    #[test]
    fn queries() {
        let id = InvocationId { unique: 1, partition_key: 1 }.to_string();
        let uri = format!("/invocations?service=S&status=backing-off&limit=7&before={id}");
        let read = read_query(query(&uri.parse().unwrap()).unwrap()).unwrap();
        assert_eq!((read.limit, read.status), (7, Some(StatusFilter::BackingOff)));
        assert_eq!((read.service.as_deref(), read.before.map(|id| id.unique)), (Some("S"), Some(1)));
        let cases = [
            ("status=odd", "'odd' is none of scheduled, running, suspended, backing-off, paused, completed"),
            ("limit=0", "it is a number from 1 to 1000"),
            ("limit=1001", "it is a number from 1 to 1000"),
            ("limit=x", "invalid digit"),
            ("before=x", "bad format"),
            ("deployment=x", "bad format"),
            ("colour=red", "unknown field `colour`"),
        ];
        for (text, expected) in cases {
            let uri = format!("/invocations?{text}").parse().unwrap();
            let error = query(&uri).and_then(read_query).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
