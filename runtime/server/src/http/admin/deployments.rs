//! Deployments: upload, list, describe, change their settings.
//!
//! An upload is the bytes of the component. Its settings are in the query, each as often as needed:
//! `?env=NAME=value&allow_host=api.example.com`. The content type is required: a web page of
//! another site cannot send it without asking first, and it is not allowed to ask.

use crate::deploy::{COMPONENT_BYTES_MAX, DeploymentView, ServiceView, SettingsChange};
use crate::http::admin::shapes::SettingsShape;
use crate::http::admin::{query, services};
use crate::http::error::AdminError;
use crate::http::limits::ADMIN_BODY_BYTES_MAX;
use crate::http::{AppState, body, time};
use abide_core::ids::DeploymentId;
use abide_core::manifest::Settings;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
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
    services: Vec<ServiceName>,
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
    #[schema(value_type = SettingsShape)]
    settings: Settings,
    services: Vec<services::ServiceDetails>,
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
pub async fn list(State(state): State<AppState>) -> Json<Listing> {
    Json(Listing { deployments: state.deployments.list().iter().map(|view| summary(view)).collect() })
}

/// Describes a deployment, with its services and settings.
#[utoipa::path(
    get,
    path = "/deployments/{id}",
    tag = "deployments",
    params(("id" = String, Path, description = "The deployment")),
    responses((status = 200, body = Details)),
)]
pub async fn describe(State(state): State<AppState>, Path(id): Path<String>) -> Result<Response, AdminError> {
    let view = state.deployments.get(&parse_id(&id)?).ok_or(AdminError::UnknownDeployment(id))?;
    Ok(Json(details(&view)).into_response())
}

/// Uploads a component, and makes its services ready to be called.
///
/// The same component again is the same deployment.
#[utoipa::path(
    post,
    path = "/deployments",
    tag = "deployments",
    params(
        ("env" = Option<Vec<String>>, Query, description = "NAME=value: an environment variable of the guest; may be repeated"),
        ("allow_host" = Option<Vec<String>>, Query, description = "A host that run blocks may reach: host, host:port, or * for any; may be repeated"),
    ),
    request_body(content = Vec<u8>, content_type = "application/wasm", description = "The component"),
    responses(
        (status = 201, description = "A new deployment", body = Details),
        (status = 200, description = "It was there before", body = Details),
    ),
)]
pub async fn upload(State(state): State<AppState>, request: Request) -> Result<Response, AdminError> {
    check_content_type(request.headers())?;
    let settings = read_settings(query(request.uri())?)?;
    let component = body::read(request.version(), request.into_body(), COMPONENT_BYTES_MAX).await?;
    let uploaded = state.deployments.upload(component, settings).await.map_err(AdminError::Upload)?;
    let status = if uploaded.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let location = HeaderValue::try_from(format!("deployments/{}", uploaded.deployment.id));
    let location = location.expect("an id is ASCII");
    let details = details(&uploaded.deployment);
    Ok((status, [(header::LOCATION, location)], Json(details)).into_response())
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
    let bytes = body::read(request.version(), request.into_body(), ADMIN_BODY_BYTES_MAX).await?;
    let change: Change =
        serde_json::from_slice(&bytes).map_err(|error| AdminError::BadBody(error.to_string()))?;
    for name in change.env.keys() {
        check_name(name)?;
    }
    let change = SettingsChange { env: change.env, allowed_hosts: change.allowed_hosts };
    let changed = state.deployments.update(&deployment_id, change).await.map_err(AdminError::Upload)?;
    let view = changed.ok_or(AdminError::UnknownDeployment(id))?;
    Ok(Json(details(&view)).into_response())
}

fn parse_id(text: &str) -> Result<DeploymentId, AdminError> {
    text.parse().map_err(|why| AdminError::BadField { field: "deployment_id", why: format!("{why}") })
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

fn read_settings(query: Vec<(String, String)>) -> Result<Settings, AdminError> {
    let bad = |why: String| AdminError::BadField { field: "query", why };
    let (mut env, mut allowed_hosts) = (BTreeMap::new(), Vec::new());
    for (name, value) in query {
        match name.as_str() {
            "env" => {
                let pair = value.split_once('=');
                let (name, value) = pair.ok_or_else(|| bad(format!("env is NAME=value, not '{value}'")))?;
                check_name(name)?;
                env.insert(name.to_owned(), value.to_owned());
            }
            "allow_host" => allowed_hosts.push(value),
            other => return Err(bad(format!("unknown parameter '{other}', expected env or allow_host"))),
        }
    }
    Ok(Settings { env, allowed_hosts })
}

fn check_name(name: &str) -> Result<(), AdminError> {
    if name.is_empty() || name.contains(['=', '\0']) {
        let why = format!("'{name}' is no name for an environment variable");
        return Err(AdminError::BadField { field: "env", why });
    }
    Ok(())
}

fn summary(view: &DeploymentView) -> Summary {
    let name =
        |service: &Arc<ServiceView>| ServiceName { name: service.name.clone(), revision: service.revision };
    Summary {
        id: view.id.to_string(),
        created_at: time::rfc3339(view.created_at),
        size_bytes: view.size_bytes,
        sdk_version: view.sdk.clone(),
        services: view.services.iter().map(name).collect(),
    }
}

fn details(view: &DeploymentView) -> Details {
    Details {
        id: view.id.to_string(),
        created_at: time::rfc3339(view.created_at),
        size_bytes: view.size_bytes,
        sdk_version: view.sdk.clone(),
        settings: view.settings.clone(),
        services: view.services.iter().map(|service| services::details(service)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> String {
        let query = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        match read_settings(query) {
            Ok(settings) => format!("{:?} {:?}", settings.env, settings.allowed_hosts),
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
        assert!(settings(&[("force", "true")]).contains("unknown parameter 'force'"));
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
