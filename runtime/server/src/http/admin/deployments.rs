//! Deployments: upload, list, describe, change their settings.
//!
//! An upload is the bytes of the component. Its settings are in the query, each as often as needed:
//! `?env=NAME=value&allow_host=api.example.com`, and so is what becomes of it: `dry_run`, `force`,
//! `breaking` and `migrate`. The content type is required: a web page of another site cannot send it
//! without asking first, and it is not allowed to ask.

use crate::access::grant::Need;
use crate::deploy::{COMPONENT_BYTES_MAX, DeploymentView, ServiceView, SettingsChange, is_name_of_variable};
use crate::http::admin::audit::Detail;
use crate::http::admin::auth::Actor;
use crate::http::admin::checks::{self, ReportView};
use crate::http::admin::preview::{self, DryRun};
use crate::http::admin::shapes::{NotCarriedOverShape, SettingsShape};
use crate::http::admin::{json_body, query, services};
use crate::http::error::AdminError;
use crate::http::limits::ADMIN_BODY_BYTES_MAX;
use crate::http::{AppState, body};
use crate::time;
use crate::upgrade::{Accepted, Deployed, Moved, Report, Status, UploadOptions, Usage};
use abide_core::ids::DeploymentId;
use abide_core::manifest::Settings;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = DeploymentSummary)]
struct Summary {
    id: String,
    created_at: String,
    size_bytes: u64,
    sdk_version: String,
    #[serde(flatten)]
    role: Role,
    services: Vec<ServiceName>,
}

/// What a deployment is there for.
#[derive(Serialize, ToSchema)]
struct Role {
    /// active: new calls of its services go to it; draining: others took over, and invocations still run
    /// on it; superseded: nothing refers to it.
    status: &'static str,
    /// Live invocations that run on it, as of a moment ago.
    invocations_live: u64,
}

#[derive(Serialize, ToSchema)]
struct ServiceName {
    name: String,
    revision: u32,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DeploymentDetails)]
struct Details {
    id: String,
    created_at: String,
    size_bytes: u64,
    sdk_version: String,
    settings: SettingsShape,
    #[serde(flatten)]
    role: Role,
    services: Vec<services::ServiceDetails>,
}

/// A deployment that takes calls now.
#[derive(Serialize, ToSchema)]
pub struct Changed {
    #[serde(flatten)]
    deployment: Details,
    check: ReportView,
    /// Live invocations that were moved to it, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    migrated: Option<u64>,
    /// Live invocations of its services that stay on other deployments.
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<u64>,
    /// So many of them fit, and were busy each time they were to be moved: `migrate` moves them later.
    #[serde(skip_serializing_if = "Option::is_none")]
    busy: Option<u64>,
    /// What the deployments had that offered the services before, and this one has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    settings_not_carried_over: Option<NotCarriedOverShape>,
}

/// What an upload that was not refused is answered with.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Answer {
    Deployed(Box<Changed>),
    DryRun(DryRun),
}

#[derive(Serialize, ToSchema)]
#[schema(as = DeploymentListing)]
pub struct Listing {
    deployments: Vec<Summary>,
}

/// Lists the deployments, without their settings: those may hold secrets.
#[utoipa::path(
    get,
    path = "/deployments",
    tag = "deployments",
    responses((status = 200, body = Listing)),
)]
pub async fn list(State(state): State<AppState>) -> Result<Json<Listing>, AdminError> {
    let usage = state.upgrades.usage().await.map_err(checks::refused)?;
    let deployments = state.deployments.list();
    Ok(Json(Listing { deployments: deployments.iter().map(|view| summary(&state, view, &usage)).collect() }))
}

/// Describes a deployment, with its services and settings; the values of its variables are for those who may deploy.
#[utoipa::path(
    get,
    path = "/deployments/{id}",
    tag = "deployments",
    params(("id" = String, Path, description = "The deployment")),
    responses((status = 200, body = Details)),
)]
pub async fn describe(
    State(state): State<AppState>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
) -> Result<Response, AdminError> {
    let view = state.deployments.get(&parse_id(&id)?).ok_or(AdminError::UnknownDeployment(id))?;
    let usage = state.upgrades.usage().await.map_err(checks::refused)?;
    let mut details = details(&state, &view, &usage);
    if !actor.may(Need::Deploy) {
        details.settings.hide_values();
    }
    Ok(Json(details).into_response())
}

/// Uploads a component, and makes its services ready to be called.
///
/// The same component again is the same deployment. Before it takes calls, what is recorded of its
/// services is replayed on it; it is refused with 409 `upgrade_diverges` or `breaking_change`, and the
/// report in `details`, when live invocations could not go on with it.
#[utoipa::path(
    post,
    path = "/deployments",
    tag = "deployments",
    params(
        ("env" = Option<Vec<String>>, Query, description = "NAME=value: an environment variable of the guest; may be repeated"),
        ("allow_host" = Option<Vec<String>>, Query, description = "A host that run blocks may reach: host, host:port, or * for any; may be repeated"),
        ("dry_run" = Option<bool>, Query, description = "Only check it; nothing is changed"),
        ("force" = Option<bool>, Query, description = "Take over whatever the check says; what runs stays on its code"),
        ("breaking" = Option<bool>, Query, description = "A service may change its kind, and handlers that live invocations need may go"),
        ("migrate" = Option<bool>, Query, description = "Move live invocations to it, those that it can go on with"),
    ),
    request_body(content = Vec<u8>, content_type = "application/wasm", description = "The component"),
    responses(
        (status = 201, description = "A new deployment", body = Changed),
        (status = 200, description = "It was there before, or this is what would become of it", body = inline(Answer)),
    ),
)]
pub async fn upload(State(state): State<AppState>, request: Request) -> Result<Response, AdminError> {
    check_content_type(request.headers())?;
    let (settings, options) = read_query(query(request.uri())?)?;
    state.engine.check_open()?;
    let read = body::read(request.version(), request.into_body(), COMPONENT_BYTES_MAX).await;
    let component = read.map_err(AdminError::of_upload)?;
    let accepted = state.upgrades.deploy(component, settings, options).await.map_err(checks::refused)?;
    let Deployed { uploaded, report, moved, not_carried_over } = match accepted {
        Accepted::Deployed(deployed) => deployed,
        Accepted::DryRun(preview, report) => {
            return Ok(Json(Answer::DryRun(preview::view(&preview, &report, options))).into_response());
        }
    };
    let status = if uploaded.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let location = HeaderValue::try_from(format!("deployments/{}", uploaded.deployment.id));
    let location = location.expect("an id is ASCII");
    let mut changed = changed(&state, &uploaded.deployment, &report, moved).await?;
    changed.settings_not_carried_over = NotCarriedOverShape::of(&not_carried_over);
    let detail = Extension(Detail(uploaded.deployment.id.to_string()));
    let answer = Answer::Deployed(Box::new(changed));
    Ok((status, [(header::LOCATION, location)], detail, Json(answer)).into_response())
}

/// Describes a deployment that has just changed.
pub async fn changed(
    state: &AppState,
    view: &DeploymentView,
    report: &Report,
    moved: Option<Moved>,
) -> Result<Changed, AdminError> {
    let usage = state.upgrades.usage().await.map_err(checks::refused)?;
    Ok(Changed {
        deployment: details(state, view, &usage),
        check: checks::view(report),
        migrated: moved.map(|moved| moved.migrated),
        left: moved.map(|moved| moved.left),
        busy: moved.map(|moved| moved.busy),
        settings_not_carried_over: None,
    })
}

/// What is to change; what is not named stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// Null removes a variable.
    #[serde(default)]
    env: BTreeMap<String, Option<String>>,
    allowed_hosts: Option<Vec<String>>,
}

/// Changes what a deployment may see and reach; what is not named stays.
///
/// Attempts that begin afterwards see the change.
#[utoipa::path(
    patch,
    path = "/deployments/{id}",
    tag = "deployments",
    params(("id" = String, Path, description = "The deployment")),
    request_body(content = Change),
    responses((status = 200, body = Details)),
)]
pub async fn change(
    State(state): State<AppState>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, AdminError> {
    let deployment_id = parse_id(&id)?;
    let change: Change = json_body(request, ADMIN_BODY_BYTES_MAX).await?;
    for (name, _) in change.env.iter().filter(|(_, value)| value.is_some()) {
        check_name(name)?;
    }
    let change = SettingsChange { env: change.env, allowed_hosts: change.allowed_hosts };
    let changed = state.deployments.update(&deployment_id, change).await.map_err(AdminError::Upload)?;
    let view = changed.ok_or(AdminError::UnknownDeployment(id))?;
    let usage = state.upgrades.usage().await.map_err(checks::refused)?;
    Ok(Json(details(&state, &view, &usage)).into_response())
}

pub fn parse_id(text: &str) -> Result<DeploymentId, AdminError> {
    text.parse().map_err(|why| AdminError::BadId { field: "deployment_id", text: text.to_owned(), why })
}

fn check_content_type(headers: &HeaderMap) -> Result<(), AdminError> {
    let given = headers.get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let given = given.unwrap_or("none".into());
    let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/wasm" | "application/octet-stream" => Ok(()),
        _ => Err(AdminError::UploadContentType(given.into_owned())),
    }
}

fn read_query(query: Vec<(String, String)>) -> Result<(Settings, UploadOptions), AdminError> {
    let bad = |why: String| AdminError::BadField { field: "query", why };
    let flag = |name: &str, value: &str| match value {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(bad(format!("{name} is true or false, not '{other}'"))),
    };
    let (mut settings, mut options) = (Settings::default(), UploadOptions::default());
    for (name, value) in query {
        match name.as_str() {
            "env" => {
                let pair = value.split_once('=');
                let (name, value) = pair.ok_or_else(|| bad(format!("env is NAME=value, not '{value}'")))?;
                check_name(name)?;
                settings.env.insert(name.to_owned(), value.to_owned());
            }
            "allow_host" => settings.allowed_hosts.push(value),
            "dry_run" => options.is_dry_run = flag(&name, &value)?,
            "force" => options.is_forced = flag(&name, &value)?,
            "breaking" => options.may_break = flag(&name, &value)?,
            "migrate" => options.migrates = flag(&name, &value)?,
            other => {
                let known = "env, allow_host, dry_run, force, breaking or migrate";
                return Err(bad(format!("unknown parameter '{other}', expected {known}")));
            }
        }
    }
    Ok((settings, options))
}

fn check_name(name: &str) -> Result<(), AdminError> {
    if !is_name_of_variable(name) {
        let why = format!("'{name}' is no name for an environment variable");
        return Err(AdminError::BadField { field: "env", why });
    }
    Ok(())
}

fn summary(state: &AppState, view: &DeploymentView, usage: &Usage) -> Summary {
    let name =
        |service: &Arc<ServiceView>| ServiceName { name: service.name.clone(), revision: service.revision };
    Summary {
        id: view.id.to_string(),
        created_at: time::rfc3339(view.created_at),
        size_bytes: view.size_bytes,
        sdk_version: view.sdk.clone(),
        role: role_of(state, view, usage),
        services: view.services.iter().map(name).collect(),
    }
}

fn details(state: &AppState, view: &DeploymentView, usage: &Usage) -> Details {
    Details {
        id: view.id.to_string(),
        created_at: time::rfc3339(view.created_at),
        size_bytes: view.size_bytes,
        sdk_version: view.sdk.clone(),
        settings: SettingsShape::of(&view.settings),
        role: role_of(state, view, usage),
        services: view.services.iter().map(|service| services::details(service)).collect(),
    }
}

fn role_of(state: &AppState, view: &DeploymentView, usage: &Usage) -> Role {
    let status = match state.upgrades.status(view, usage) {
        Status::Active => "active",
        Status::Draining => "draining",
        Status::Superseded => "superseded",
    };
    Role { status, invocations_live: usage.of(&view.id) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> String {
        let query = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        match read_query(query) {
            Ok((settings, _)) => format!("{:?} {:?}", settings.env, settings.allowed_hosts),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn settings_in_the_query() {
        assert_eq!(settings(&[]), "{} []");
        let pairs = [("env", "A=1"), ("allow_host", "x.test"), ("env", "B=a=b"), ("allow_host", "y.test")];
        assert_eq!(settings(&pairs), r#"{"A": "1", "B": "a=b"} ["x.test", "y.test"]"#);
        assert!(settings(&[("env", "A")]).ends_with("env is NAME=value, not 'A'"));
        assert!(settings(&[("env", "=1")]).ends_with("'' is no name for an environment variable"));
        assert!(settings(&[("env", "A B=1")]).ends_with("'A B' is no name for an environment variable"));
        assert!(settings(&[("colour", "true")]).contains("unknown parameter 'colour'"));
    }

    #[test]
    fn what_becomes_of_an_upload() {
        let options = |pairs: &[(&str, &str)]| {
            let query = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            read_query(query).map(|(_, options)| options).map_err(|error| error.to_string())
        };
        assert_eq!(options(&[]), Ok(UploadOptions::default()));
        assert_eq!(
            options(&[("dry_run", "true"), ("breaking", "true"), ("force", "false")]),
            Ok(UploadOptions { is_dry_run: true, may_break: true, ..UploadOptions::default() })
        );
        assert_eq!(
            options(&[("force", "true"), ("migrate", "true")]),
            Ok(UploadOptions { is_forced: true, migrates: true, ..UploadOptions::default() })
        );
        assert!(options(&[("force", "1")]).unwrap_err().ends_with("force is true or false, not '1'"));
    }

    #[test]
    fn the_content_type_of_an_upload() {
        let cases = [
            (Some("application/wasm"), true),
            (Some("application/octet-stream"), true),
            (Some("Application/Wasm; x=y"), true),
            (Some("application/x-www-form-urlencoded"), false),
            (None, false),
        ];
        for (value, expected) in cases {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
            }
            assert_eq!(check_content_type(&headers).is_ok(), expected, "{value:?}");
        }
    }
}
