//! Services and handlers, in the shape that clients of Restate's admin API know.

use crate::deploy::ServiceView;
use crate::http::AppState;
use crate::http::error::AdminError;
use abide_core::manifest::{HandlerManifest, HandlerMode, Payload, ServiceKind};
use abide_core::retry::{HandlerRetry, OnMaxAttempts};
use axum::Json;
use axum::extract::{Path, State};
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
pub struct ServiceDetails {
    name: String,
    ty: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    documentation: Option<String>,
    handlers: Vec<HandlerDetails>,
    deployment_id: String,
    revision: u32,
    public: bool,
}

#[derive(Serialize)]
pub struct HandlerDetails {
    name: String,
    /// Absent for plain services, whose handlers are all alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    ty: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    documentation: Option<String>,
    public: bool,
    input_description: String,
    output_description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_json_schema: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_json_schema: Option<Box<RawValue>>,
    retry_policy: RetryDetails,
}

#[derive(Serialize)]
struct RetryDetails {
    initial_interval: String,
    exponentiation_factor: f64,
    /// Null: no limit.
    max_attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_interval: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_duration: Option<String>,
    on_max_attempts: &'static str,
}

#[derive(Serialize)]
pub struct ServiceListing {
    services: Vec<ServiceDetails>,
}

#[derive(Serialize)]
pub struct HandlerListing {
    handlers: Vec<HandlerDetails>,
}

pub async fn list(State(state): State<AppState>) -> Json<ServiceListing> {
    Json(ServiceListing { services: state.deployments.services().iter().map(|view| details(view)).collect() })
}

pub async fn describe(
    State(state): State<AppState>,
    Path(name): Path<String>,
) -> Result<Json<ServiceDetails>, AdminError> {
    Ok(Json(find(&state, name)?))
}

pub async fn handlers(
    State(state): State<AppState>,
    Path(name): Path<String>,
) -> Result<Json<HandlerListing>, AdminError> {
    Ok(Json(HandlerListing { handlers: find(&state, name)?.handlers }))
}

pub async fn handler(
    State(state): State<AppState>,
    Path((service, handler)): Path<(String, String)>,
) -> Result<Json<HandlerDetails>, AdminError> {
    let handlers = find(&state, service.clone())?.handlers;
    let found = handlers.into_iter().find(|details| details.name == handler);
    found.map(Json).ok_or(AdminError::UnknownHandler { service, handler })
}

fn find(state: &AppState, name: String) -> Result<ServiceDetails, AdminError> {
    let view = state.deployments.service(&name).ok_or(AdminError::UnknownService(name))?;
    Ok(details(&view))
}

/// Returns what users see of a service.
pub fn details(view: &ServiceView) -> ServiceDetails {
    let handler = |handler| handler_details(view.kind, view.manifest.is_private, handler);
    ServiceDetails {
        name: view.name.clone(),
        ty: match view.kind {
            ServiceKind::Service => "Service",
            ServiceKind::Object => "VirtualObject",
            ServiceKind::Workflow => "Workflow",
        },
        documentation: view.manifest.docs.clone(),
        handlers: view.manifest.handlers.iter().map(handler).collect(),
        deployment_id: view.deployment.to_string(),
        revision: view.revision,
        public: !view.manifest.is_private,
    }
}

fn handler_details(kind: ServiceKind, is_service_private: bool, handler: &HandlerManifest) -> HandlerDetails {
    HandlerDetails {
        name: handler.name.clone(),
        ty: match (kind, handler.mode) {
            (ServiceKind::Service, HandlerMode::Exclusive | HandlerMode::Shared) => None,
            (ServiceKind::Workflow, HandlerMode::Exclusive) => Some("Workflow"),
            (ServiceKind::Object, HandlerMode::Exclusive) => Some("Exclusive"),
            (ServiceKind::Object | ServiceKind::Workflow, HandlerMode::Shared) => Some("Shared"),
        },
        documentation: handler.docs.clone(),
        public: !is_service_private && !handler.options.is_private,
        input_description: describe_payload(&handler.input),
        output_description: describe_payload(&handler.output),
        input_json_schema: raw_schema(&handler.input),
        output_json_schema: raw_schema(&handler.output),
        retry_policy: retry_details(&handler.options.retry),
    }
}

fn raw_schema(payload: &Payload) -> Option<Box<RawValue>> {
    RawValue::from_string(payload.schema.clone()?).ok()
}

/// Returns a few words on a payload: the title of its schema, else its type.
fn describe_payload(payload: &Payload) -> String {
    let Some(content_type) = &payload.content_type else { return "none".to_owned() };
    let schema = payload.schema.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let schema: serde_json::Value = schema.unwrap_or_default();
    match (schema["title"].as_str(), schema["type"].as_str()) {
        (Some(title), _) => format!("JSON '{title}'"),
        (None, Some(ty)) => format!("JSON {ty}"),
        (None, None) => content_type.clone(),
    }
}

fn retry_details(retry: &HandlerRetry) -> RetryDetails {
    RetryDetails {
        initial_interval: friendly(retry.policy.initial_interval_ms),
        exponentiation_factor: f64::from(retry.policy.factor_milli) / 1000.0,
        max_attempts: retry.policy.max_attempts,
        max_interval: retry.policy.max_interval_ms.map(friendly),
        max_duration: retry.policy.max_duration_ms.map(friendly),
        on_max_attempts: match retry.on_max_attempts {
            OnMaxAttempts::Pause => "Pause",
            OnMaxAttempts::Kill => "Kill",
        },
    }
}

fn friendly(millis: u64) -> String {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    format!("{:#}", SignedDuration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_in_a_few_words() {
        let cases = [
            (None, None, "none"),
            (Some("text/plain"), None, "text/plain"),
            (Some("application/json"), None, "application/json"),
            (Some("application/json"), Some(r#"{"title":"Hello","type":"object"}"#), "JSON 'Hello'"),
            (Some("application/json"), Some(r#"{"type":"string"}"#), "JSON string"),
            (Some("application/json"), Some("true"), "application/json"),
            (Some("application/json"), Some("{"), "application/json"),
        ];
        for (content_type, schema, expected) in cases {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            let payload = Payload { content_type: owned(content_type), schema: owned(schema) };
            assert_eq!(describe_payload(&payload), expected);
        }
    }

    #[test]
    fn the_default_retry_policy() {
        let shown = serde_json::to_string(&retry_details(&HandlerRetry::default())).unwrap();
        assert_eq!(
            shown,
            r#"{"initial_interval":"500ms","exponentiation_factor":2.0,"max_attempts":70,"max_interval":"1m","on_max_attempts":"Pause"}"#
        );
    }
}
