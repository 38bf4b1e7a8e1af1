//! Services and handlers, in the shape that clients of Restate's admin API know.

use crate::deploy::{ServiceChange, ServiceView};
use crate::http::admin::json_body;
use crate::http::error::AdminError;
use crate::http::limits::ADMIN_BODY_BYTES_MAX;
use crate::http::{AppState, delay};
use crate::time;
use crate::words::{handler_ty, service_ty};
use abide_core::manifest::{HandlerManifest, HandlerMode, Payload, Retention, ServiceKind, ServiceManifest};
use abide_core::retry::{HandlerRetry, OnMaxAttempts};
use axum::Json;
use axum::extract::{Path, Request, State};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct ServiceDetails {
    name: String,
    ty: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    documentation: Option<String>,
    handlers: Vec<HandlerDetails>,
    deployment_id: String,
    revision: u32,
    public: bool,
    /// Where all its handlers agree.
    #[serde(flatten)]
    retention: RetentionDetails,
}

/// How long something is kept after the end of an invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
struct RetentionDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_retention: Option<String>,
    /// Absent where no workflow completes.
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow_completion_retention: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    journal_retention: Option<String>,
}

#[derive(Serialize, ToSchema)]
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
    #[schema(value_type = Option<serde_json::Value>)]
    input_json_schema: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    output_json_schema: Option<Box<RawValue>>,
    #[serde(flatten)]
    retention: RetentionDetails,
    retry_policy: RetryDetails,
}

#[derive(Serialize, ToSchema)]
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

#[derive(Serialize, ToSchema)]
pub struct ServiceListing {
    services: Vec<ServiceDetails>,
}

#[derive(Serialize, ToSchema)]
pub struct HandlerListing {
    handlers: Vec<HandlerDetails>,
}

/// Lists the services that are offered.
#[utoipa::path(
    get,
    path = "/services",
    tag = "services",
    responses((status = 200, body = ServiceListing)),
)]
pub async fn list(State(state): State<AppState>) -> Json<ServiceListing> {
    Json(ServiceListing { services: state.deployments.services().iter().map(|view| details(view)).collect() })
}

/// Describes a service, with its handlers.
#[utoipa::path(
    get,
    path = "/services/{name}",
    tag = "services",
    params(("name" = String, Path, description = "The service")),
    responses((status = 200, body = ServiceDetails)),
)]
pub async fn describe(
    State(state): State<AppState>,
    Path(name): Path<String>,
) -> Result<Json<ServiceDetails>, AdminError> {
    Ok(Json(find(&state, name)?))
}

/// Lists the handlers of a service.
#[utoipa::path(
    get,
    path = "/services/{name}/handlers",
    tag = "services",
    params(("name" = String, Path, description = "The service")),
    responses((status = 200, body = HandlerListing)),
)]
pub async fn handlers(
    State(state): State<AppState>,
    Path(name): Path<String>,
) -> Result<Json<HandlerListing>, AdminError> {
    Ok(Json(HandlerListing { handlers: find(&state, name)?.handlers }))
}

/// Describes a handler.
#[utoipa::path(
    get,
    path = "/services/{name}/handlers/{handler}",
    tag = "services",
    params(
        ("name" = String, Path, description = "The service"),
        ("handler" = String, Path, description = "The handler"),
    ),
    responses((status = 200, body = HandlerDetails)),
)]
pub async fn handler(
    State(state): State<AppState>,
    Path((service, handler)): Path<(String, String)>,
) -> Result<Json<HandlerDetails>, AdminError> {
    let handlers = find(&state, service.clone())?.handlers;
    let found = handlers.into_iter().find(|details| details.name == handler);
    found.map(Json).ok_or(AdminError::UnknownHandler { service, handler })
}

/// Changes to a service; what is not named stays. They last until its next deployment.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = ServiceChange)]
pub struct ChangeBody {
    /// Whether the ingress may call it.
    public: Option<bool>,
    /// How long answers with an idempotency key are kept: 1h, 7d.
    idempotency_retention: Option<String>,
    /// How long workflows are kept after their end.
    workflow_completion_retention: Option<String>,
    /// How long journals are kept.
    journal_retention: Option<String>,
}

/// Changes options of a service, until its next deployment.
///
/// Invocations that begin from now on have them.
#[utoipa::path(
    patch,
    path = "/services/{name}",
    tag = "services",
    params(("name" = String, Path, description = "The service")),
    request_body(content = ChangeBody, example = json!({"public": false, "journal_retention": "2d"})),
    responses((status = 200, body = ServiceDetails)),
)]
pub async fn change(
    State(state): State<AppState>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Json<ServiceDetails>, AdminError> {
    let wanted: ChangeBody = json_body(request, ADMIN_BODY_BYTES_MAX).await?;
    let change = ServiceChange {
        is_public: wanted.public,
        idempotency_ms: length("idempotency_retention", wanted.idempotency_retention)?,
        workflow_ms: length("workflow_completion_retention", wanted.workflow_completion_retention)?,
        journal_ms: length("journal_retention", wanted.journal_retention)?,
    };
    if change.workflow_ms.is_some() {
        check_workflow(&state, &name)?;
    }
    let changed = state.deployments.change_service(&name, change).await.map_err(AdminError::Upload)?;
    let view = changed.ok_or(AdminError::UnknownService(name))?;
    Ok(Json(details(&view)))
}

/// Refuses what would change nothing of a service that is no workflow.
fn check_workflow(state: &AppState, name: &str) -> Result<(), AdminError> {
    let kind = state.deployments.service(name).map(|service| service.kind);
    let what = match kind {
        None | Some(ServiceKind::Workflow) => return Ok(()),
        Some(ServiceKind::Service) => "a plain service",
        Some(ServiceKind::Object) => "a virtual object",
    };
    let why = format!("'{name}' is {what}, only workflows have it");
    Err(AdminError::BadField { field: "workflow_completion_retention", why })
}

fn length(field: &'static str, text: Option<String>) -> Result<Option<u64>, AdminError> {
    let parse = |text: String| {
        delay::parse(&text).map_err(|_| AdminError::BadField {
            field,
            why: format!("'{text}' is no length of time, expected 10m, 1h or 7d"),
        })
    };
    text.map(parse).transpose()
}

fn find(state: &AppState, name: String) -> Result<ServiceDetails, AdminError> {
    let view = state.deployments.service(&name).ok_or(AdminError::UnknownService(name))?;
    Ok(details(&view))
}

/// Returns what users see of a service.
pub fn details(view: &ServiceView) -> ServiceDetails {
    let handlers = handlers_of(&view.manifest);
    ServiceDetails {
        name: view.name.clone(),
        ty: service_ty(view.kind),
        documentation: view.manifest.docs.clone(),
        deployment_id: view.deployment.to_string(),
        revision: view.revision,
        public: !view.manifest.is_private,
        retention: common_retention(&handlers),
        handlers,
    }
}

/// Returns what users see of all handlers of a service.
pub fn handlers_of(manifest: &ServiceManifest) -> Vec<HandlerDetails> {
    let handler = |handler| handler_details(manifest.kind, manifest.is_private, handler);
    manifest.handlers.iter().map(handler).collect()
}

fn handler_details(kind: ServiceKind, is_service_private: bool, handler: &HandlerManifest) -> HandlerDetails {
    HandlerDetails {
        name: handler.name.clone(),
        ty: handler_ty(kind, handler.mode),
        documentation: handler.docs.clone(),
        public: !is_service_private && !handler.options.is_private,
        input_description: describe_payload(&handler.input),
        output_description: describe_payload(&handler.output),
        input_json_schema: raw_schema(&handler.input),
        output_json_schema: raw_schema(&handler.output),
        retention: retention_details(kind, handler.mode, &handler.options.retention),
        retry_policy: retry_details(&handler.options.retry),
    }
}

/// The run of a workflow takes no idempotency key; only it is kept as long as a workflow.
fn retention_details(kind: ServiceKind, mode: HandlerMode, retention: &Retention) -> RetentionDetails {
    let is_workflow_run = kind == ServiceKind::Workflow && mode == HandlerMode::Exclusive;
    let shown = |millis, is_shown: bool| is_shown.then(|| time::friendly(millis));
    RetentionDetails {
        idempotency_retention: shown(retention.idempotency_ms, !is_workflow_run),
        workflow_completion_retention: shown(retention.workflow_ms, is_workflow_run),
        journal_retention: shown(retention.journal_ms, true),
    }
}

fn common_retention(handlers: &[HandlerDetails]) -> RetentionDetails {
    let common = |of: fn(&RetentionDetails) -> &Option<String>| {
        let mut known = handlers.iter().filter_map(|handler| of(&handler.retention).as_ref());
        let first = known.next()?;
        known.all(|other| other == first).then(|| first.clone())
    };
    RetentionDetails {
        idempotency_retention: common(|retention| &retention.idempotency_retention),
        workflow_completion_retention: common(|retention| &retention.workflow_completion_retention),
        journal_retention: common(|retention| &retention.journal_retention),
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
        initial_interval: time::friendly(retry.policy.initial_interval_ms),
        exponentiation_factor: f64::from(retry.policy.factor_milli) / 1000.0,
        max_attempts: retry.policy.max_attempts,
        max_interval: retry.policy.max_interval_ms.map(time::friendly),
        max_duration: retry.policy.max_duration_ms.map(time::friendly),
        on_max_attempts: match retry.on_max_attempts {
            OnMaxAttempts::Pause => "Pause",
            OnMaxAttempts::Kill => "Kill",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::ids::DeploymentId;
    use abide_core::manifest::{HandlerOptions, ServiceManifest};

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

    fn handler(name: &str, mode: HandlerMode, journal_ms: u64) -> HandlerManifest {
        let retention = Retention { journal_ms, ..Retention::default() };
        HandlerManifest {
            name: name.into(),
            mode,
            input: Payload::default(),
            output: Payload::default(),
            docs: None,
            options: HandlerOptions { retention, ..HandlerOptions::default() },
        }
    }

    fn service(kind: ServiceKind, handlers: Vec<HandlerManifest>) -> serde_json::Value {
        let manifest = ServiceManifest { name: "S".into(), kind, handlers, docs: None, is_private: false };
        let deployment = DeploymentId::from_digest(1);
        let view = ServiceView { name: "S".into(), kind, revision: 1, deployment, manifest: manifest.into() };
        serde_json::to_value(details(&view)).unwrap()
    }

    #[test]
    fn a_workflow_with_its_retentions() {
        let handlers = vec![
            handler("run", HandlerMode::Exclusive, 3_600_000),
            handler("peek", HandlerMode::Shared, 86_400_000),
        ];
        let shown = service(ServiceKind::Workflow, handlers);
        assert_eq!(
            (&shown["ty"], &shown["workflow_completion_retention"]),
            (&"Workflow".into(), &"1d".into())
        );
        assert_eq!(shown["idempotency_retention"], "1d");
        // They differ, so there is none of the service.
        assert!(shown.get("journal_retention").is_none());
        let (run, peek) = (&shown["handlers"][0], &shown["handlers"][1]);
        assert_eq!((&run["ty"], &run["journal_retention"]), (&"Workflow".into(), &"1h".into()));
        assert_eq!((&peek["ty"], &peek["idempotency_retention"]), (&"Shared".into(), &"1d".into()));
        assert!(run.get("idempotency_retention").is_none());
        assert!(peek.get("workflow_completion_retention").is_none());
    }

    #[test]
    fn handlers_of_every_kind() {
        for (kind, ty, exclusive, shared) in [
            (ServiceKind::Service, "Service", None, None),
            (ServiceKind::Object, "VirtualObject", Some("Exclusive"), Some("Shared")),
            (ServiceKind::Workflow, "Workflow", Some("Workflow"), Some("Shared")),
        ] {
            assert_eq!(service_ty(kind), ty);
            assert_eq!(handler_ty(kind, HandlerMode::Exclusive), exclusive);
            assert_eq!(handler_ty(kind, HandlerMode::Shared), shared);
        }
    }
}
