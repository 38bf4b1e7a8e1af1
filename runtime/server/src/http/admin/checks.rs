//! Upgrades of what runs: check, promote, migrate and remove a deployment, and the report of a check.

use crate::http::AppState;
use crate::http::admin::deployments::{self, parse_id};
use crate::http::admin::query;
use crate::http::error::AdminError;
use crate::upgrade::{Deployed, Finding, Group, Moved, Report, UpgradeError};
use axum::Json;
use axum::extract::{Path, State};
use http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a check found.
#[derive(Serialize, ToSchema)]
#[schema(as = Report)]
pub struct ReportView {
    deployment_id: String,
    /// Live invocations that were looked at.
    live_checked: u64,
    /// Ended invocations that were looked at.
    finished_checked: u64,
    /// All live invocations were looked at.
    is_complete: bool,
    took_ms: u64,
    /// The worst first.
    groups: Vec<GroupView>,
}

/// Invocations of which the same is to be said.
#[derive(Serialize, ToSchema)]
#[schema(as = ReportGroup)]
struct GroupView {
    /// One of diverges, traps, interface-changed, answer-differs, not-checked, fits-so-far, fits.
    kind: &'static str,
    service: String,
    handler: String,
    /// The operation at which it differs, or fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    op: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// Where in the code, as far as the component tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    backtrace: Option<String>,
    live: u64,
    finished: u64,
    /// Some of them.
    examples: Vec<String>,
}

/// Returns what is shown of a report.
pub fn view(report: &Report) -> ReportView {
    ReportView {
        deployment_id: report.deployment.to_string(),
        live_checked: report.live_checked,
        finished_checked: report.finished_checked,
        is_complete: report.is_complete,
        took_ms: report.took_ms,
        groups: report.groups.iter().map(group).collect(),
    }
}

fn group(group: &Group) -> GroupView {
    let Finding { kind, op, recorded, asked, message, backtrace } = group.finding.clone();
    GroupView {
        kind: kind.word(),
        service: group.service.clone(),
        handler: group.handler.clone(),
        op,
        recorded,
        asked,
        message,
        backtrace,
        live: group.live,
        finished: group.finished,
        examples: group.examples.iter().map(ToString::to_string).collect(),
    }
}

/// Turns a refusal into an error that carries the report.
pub fn refused(error: UpgradeError) -> AdminError {
    let details = match &error {
        UpgradeError::Breaks(report) | UpgradeError::Diverges(report) => {
            serde_json::to_value(view(report)).ok()
        }
        UpgradeError::NotLoaded(_) | UpgradeError::KindChanged(_) | UpgradeError::InUse(_) => None,
        UpgradeError::Upload(_) | UpgradeError::Engine(_) | UpgradeError::Unknown(_) => return known(error),
    };
    AdminError::Upgrade { error: Box::new(error), details }
}

/// Returns the error that other paths of this port have for it.
fn known(error: UpgradeError) -> AdminError {
    match error {
        UpgradeError::Upload(error) => AdminError::Upload(error),
        UpgradeError::Engine(error) => AdminError::Engine(error),
        UpgradeError::Unknown(id) => AdminError::UnknownDeployment(id.to_string()),
        other => AdminError::Upgrade { error: Box::new(other), details: None },
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Force {
    force: bool,
}

/// Replays what is recorded on a deployment, and reports what would become of it.
///
/// Live invocations of its services, and some that have ended, are replayed. Nothing of that leaves: no
/// run block is executed, no request is sent, nothing is written.
#[utoipa::path(
    post,
    path = "/deployments/{id}/check",
    tag = "deployments",
    params(("id" = String, Path, description = "The deployment")),
    responses((status = 200, body = ReportView)),
)]
pub async fn check(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<ReportView>, AdminError> {
    let report = state.upgrades.check(&parse_id(&id)?).await.map_err(refused)?;
    Ok(Json(view(&report)))
}

/// How far the check is that runs now.
#[derive(Serialize, ToSchema)]
#[schema(as = CheckProgress)]
pub struct ProgressView {
    /// Null when none runs.
    running: Option<Running>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RunningCheck)]
struct Running {
    deployment_id: String,
    checked: usize,
    total: usize,
}

/// Tells how far the check is that runs now.
#[utoipa::path(get, path = "/checks", tag = "deployments", responses((status = 200, body = ProgressView)))]
pub async fn progress(State(state): State<AppState>) -> Json<ProgressView> {
    let running = state.upgrades.progress().map(|(id, total, checked)| Running {
        deployment_id: id.to_string(),
        checked,
        total,
    });
    Json(ProgressView { running })
}

/// Lets the services of a deployment take new calls again: a rollback, if it is an older one.
///
/// It is checked before, and refused with 409 `upgrade_diverges` when live invocations could not go on
/// with it. Those that run stay on their code either way.
#[utoipa::path(
    post,
    path = "/deployments/{id}/promote",
    tag = "deployments",
    params(
        ("id" = String, Path, description = "The deployment"),
        ("force" = Option<bool>, Query, description = "Whatever the check says"),
    ),
    responses((status = 200, description = "It takes calls, with `check`", body = deployments::Changed)),
)]
pub async fn promote(
    State(state): State<AppState>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<deployments::Changed>, AdminError> {
    let Force { force } = query(&uri)?;
    let Deployed { uploaded, report, .. } =
        state.upgrades.promote(&parse_id(&id)?, force).await.map_err(refused)?;
    deployments::changed(&state, &uploaded.deployment, &report, None).await.map(Json)
}

/// What came of moving invocations.
#[derive(Serialize, ToSchema)]
pub struct Migrated {
    migrated: u64,
    /// Live invocations of its services that stay on other deployments.
    left: u64,
    /// So many of them fit, and were in the middle of a run block, or went on, each time they were to be
    /// moved: the same request moves them later.
    busy: u64,
    check: ReportView,
}

/// Moves live invocations of its services to a deployment, those that it can go on with.
#[utoipa::path(
    post,
    path = "/deployments/{id}/migrate",
    tag = "deployments",
    params(("id" = String, Path, description = "The deployment")),
    responses((status = 200, body = Migrated)),
)]
pub async fn migrate(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<Migrated>, AdminError> {
    let (moved, report) = state.upgrades.migrate(&parse_id(&id)?).await.map_err(refused)?;
    let Moved { migrated, left, busy } = moved;
    Ok(Json(Migrated { migrated, left, busy, check: view(&report) }))
}

/// Removes a deployment and its component.
///
/// Refused with 409 `deployment_in_use` while its services take calls or invocations run on it. With
/// `force` its services are not offered any more, and what runs on it fails until it is moved to another.
#[utoipa::path(
    delete,
    path = "/deployments/{id}",
    tag = "deployments",
    params(
        ("id" = String, Path, description = "The deployment"),
        ("force" = Option<bool>, Query, description = "Although something refers to it"),
    ),
    responses((status = 200, description = "It is gone")),
)]
pub async fn remove(
    State(state): State<AppState>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<StatusCode, AdminError> {
    let Force { force } = query(&uri)?;
    state.upgrades.remove(&parse_id(&id)?, force).await.map_err(refused)?;
    Ok(StatusCode::OK)
}
