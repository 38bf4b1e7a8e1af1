//! Answers of invocations submitted before: attach, output and lookup.

use crate::engine::{Output, Retrieved, Room, address};
use crate::http::body::BodyLimits;
use crate::http::error::{self, ID_HEADER, IngressError, id_value};
use crate::http::ingress::auth::Caller;
use crate::http::limits::DESCRIPTION_BYTES_MAX;
use crate::http::path::{BadPath, Retrieval};
use crate::http::{AppState, body, keys};
use crate::time;
use abide_core::entry::Answer;
use abide_core::ids::InvocationId;
use abide_core::target::{ObjectKey, Target};
use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use serde::Deserialize;

/// Until when a stored answer is kept.
const EXPIRES_HEADER: HeaderName = HeaderName::from_static("idempotency-expires");

/// The invocation that somebody asks for.
pub struct Wanted {
    pub id: InvocationId,
    /// None: the id says nothing of it.
    pub service: Option<String>,
}

impl Wanted {
    pub fn idempotent(target: Target, idempotency_key: &str) -> Self {
        Self { id: address::idempotent(&target, idempotency_key), service: Some(target.service) }
    }

    pub fn workflow(workflow: ObjectKey) -> Self {
        Self { id: address::workflow_run(&workflow), service: Some(workflow.service) }
    }
}

/// Answers for an invocation, now or when it ends.
pub async fn answer(
    state: &AppState,
    caller: &Caller,
    wanted: Wanted,
    how: Retrieval,
) -> Result<Response, IngressError> {
    caller.may_look(state)?;
    let Wanted { id, service } = wanted;
    state.engine.arrived(id).await?;
    caller.may_touch(state, id, service.as_deref())?;
    // By its end it may be forgotten, and its code with it.
    let declared_before = match how {
        Retrieval::Attach => declared(state, id),
        Retrieval::Output => None,
    };
    let answer = match how {
        Retrieval::Attach => match state.engine.attach(id).await? {
            Some(answer) => answer,
            None => return Ok(error::nothing_to_attach_to(id)),
        },
        Retrieval::Output => match state.engine.retrieve(id).await? {
            Output::Ready(answer) => answer,
            Output::NotReady => return Err(IngressError::NotReady),
            Output::Unknown => return Err(IngressError::InvocationNotFound),
        },
    };
    Ok(answered(id, answer, || declared(state, id).or(declared_before).flatten()))
}

/// The same, for an invocation that the body describes.
pub async fn described(
    state: &AppState,
    caller: &Caller,
    request: Request,
    how: Retrieval,
) -> Result<Response, IngressError> {
    let wanted = read_description(state.engine.room(), state.ingress_body, request, "request").await?;
    answer(state, caller, wanted, how).await
}

/// Answers the id of the invocation that the body describes, whether or not there is one.
pub async fn lookup(state: &AppState, request: Request) -> Result<Response, IngressError> {
    let Wanted { id, .. } =
        read_description(state.engine.room(), state.ingress_body, request, "lookup").await?;
    Ok(Json(serde_json::json!({ "invocationId": id.to_string() })).into_response())
}

/// Builds the answer of an invocation that ended. `content_type` is asked only when it is needed.
pub fn answered(
    id: InvocationId,
    retrieved: Retrieved,
    content_type: impl FnOnce() -> Option<String>,
) -> Response {
    let mut response = match retrieved.answer {
        Answer::Value(value) => succeeded(id, value, content_type),
        Answer::Failure(failure) => error::failed(id, &failure),
    };
    if let Some(until) = retrieved.kept_until {
        let until = HeaderValue::try_from(time::rfc3339_offset(until)).expect("a time is ASCII");
        response.headers_mut().insert(EXPIRES_HEADER, until);
    }
    response
}

fn succeeded(id: InvocationId, value: Bytes, content_type: impl FnOnce() -> Option<String>) -> Response {
    let content_type = if value.is_empty() { None } else { content_type() };
    let mut response = Response::new(Body::from(value));
    let headers = response.headers_mut();
    headers.insert(ID_HEADER, id_value(id));
    if let Some(content_type) = content_type.and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    response
}

/// Returns the content type that the invocation's own deployment declared for its answer, if it declared one; None
/// when it has no deployment, or not any more.
pub fn declared(state: &AppState, id: InvocationId) -> Option<Option<String>> {
    let row = state.engine.invocation(id).ok().flatten()?;
    let deployment = state.deployments.get(&row.deployment?)?;
    let service = deployment.services.iter().find(|service| service.name == row.target.service)?;
    Some(service.manifest.handler(&row.target.handler)?.output.content_type.clone())
}

/// An invocation that was submitted before, as the body of a request describes it.
#[derive(Deserialize)]
#[serde(tag = "target", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Description {
    Workflow {
        workflow_name: String,
        workflow_key: String,
        scope: Option<String>,
    },
    IdempotentInvocation {
        service: String,
        key: Option<String>,
        handler: String,
        idempotency_key: String,
        scope: Option<String>,
    },
    Invocation {
        invocation_id: String,
    },
}

async fn read_description(
    mut room: Room,
    limits: BodyLimits,
    request: Request,
    what: &'static str,
) -> Result<Wanted, IngressError> {
    let limits = BodyLimits { bytes_max: DESCRIPTION_BYTES_MAX.min(limits.bytes_max), ..limits };
    let bytes = body::read_into(&mut room, request.version(), request.into_body(), limits).await?;
    let description = serde_json::from_slice(&bytes);
    find(description.map_err(|error| IngressError::BodyContent { what, why: error.to_string() })?)
}

/// Computes the id; only a scope would make it another invocation, and those are not there yet.
fn find(description: Description) -> Result<Wanted, IngressError> {
    match description {
        Description::Workflow { scope: Some(_), .. }
        | Description::IdempotentInvocation { scope: Some(_), .. } => {
            Err(IngressError::Unsupported("scopes"))
        }
        Description::Workflow { workflow_name: service, workflow_key: key, scope: None } => {
            keys::check_key(&key)?;
            Ok(Wanted::workflow(ObjectKey { service, key }))
        }
        Description::IdempotentInvocation { service, key, handler, idempotency_key, scope: None } => {
            key.as_deref().map_or(Ok(()), keys::check_key)?;
            keys::check_idempotency_key(&idempotency_key)?;
            Ok(Wanted::idempotent(Target { service, key, handler }, &idempotency_key))
        }
        Description::Invocation { invocation_id } => {
            let id = invocation_id.parse();
            let id = id.map_err(|why| BadPath::InvocationId { text: invocation_id, why })?;
            Ok(Wanted { id, service: None })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Load, LoadLimits};
    use crate::metrics::RefusedMetrics;
    use abide_core::entry::Failure;
    use abide_core::time::Timestamp;
    use prometheus_client::registry::Registry;
    use std::time::Duration;

    const ID: InvocationId = InvocationId { unique: 1, partition_key: 2 };

    fn fresh(answer: Answer) -> Retrieved {
        Retrieved { answer, kept_until: None }
    }

    #[test]
    fn only_an_answer_with_a_body_has_a_content_type() {
        let json = || Some("application/json".to_owned());
        let full = answered(ID, fresh(Answer::Value("1".into())), json);
        assert_eq!(full.headers()["content-type"], "application/json");
        let empty = answered(ID, fresh(Answer::Value("".into())), json);
        assert_eq!((empty.status().as_u16(), empty.headers().get("content-type")), (200, None));
        let failed = answered(ID, fresh(Answer::Failure(Failure::new(418, "teapot"))), json);
        assert_eq!(failed.status(), 418);
        for response in [full, empty, failed] {
            assert_eq!(response.headers()["x-restate-id"], ID.to_string());
            assert!(!response.headers().contains_key("idempotency-expires"));
        }
    }

    #[test]
    fn a_stored_answer_says_until_when() {
        for answer in [Answer::Value("1".into()), Answer::Failure(Failure::new(400, "no"))] {
            let stored = Retrieved { answer, kept_until: Some(Timestamp(1_795_450_682_424)) };
            let response = answered(ID, stored, || None);
            assert_eq!(response.headers()["idempotency-expires"], "2026-11-23T16:18:02.424+00:00");
        }
    }

    async fn described_id(body: &str) -> String {
        let load = Load::new(LoadLimits::default(), RefusedMetrics::new(&mut Registry::default()));
        let limits = BodyLimits { bytes_max: usize::MAX, timeout: Duration::from_secs(10) };
        let request = Request::new(Body::from(body.to_owned()));
        let read = read_description(Room::new(load), limits, request, "lookup").await;
        read.map_or_else(|error| error.to_string(), |wanted| wanted.id.to_string())
    }

    #[tokio::test]
    async fn descriptions() {
        let target = |key: Option<&str>| Target {
            service: "S".into(),
            key: key.map(str::to_owned),
            handler: "h".into(),
        };
        let workflow = ObjectKey { service: "W".into(), key: "k".into() };
        let cases = [
            (format!(r#"{{"target":"invocation","invocationId":"{ID}"}}"#), ID),
            (
                r#"{"target":"workflow","workflowName":"W","workflowKey":"k"}"#.into(),
                address::workflow_run(&workflow),
            ),
            (
                r#"{"target":"idempotentInvocation","service":"S","handler":"h","idempotencyKey":"k"}"#
                    .into(),
                address::idempotent(&target(None), "k"),
            ),
            (
                r#"{"target":"idempotentInvocation","service":"S","key":"","handler":"h","idempotencyKey":""}"#
                    .into(),
                address::idempotent(&target(Some("")), ""),
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(described_id(&body).await, expected.to_string(), "{body}");
        }
    }

    #[tokio::test]
    async fn descriptions_of_nothing() {
        let long = "k".repeat(1025);
        let cases = [
            (r#"{"target":"invocation","invocationId":"foo"}"#.into(), "bad invocation id 'foo': bad format"),
            (
                r#"{"target":"workflow","workflowName":"W","workflowKey":"k","scope":"s"}"#.into(),
                "scopes are not supported yet by this version of abide",
            ),
            (
                format!(r#"{{"target":"workflow","workflowName":"W","workflowKey":"{long}"}}"#),
                "the key has 1025 bytes, the limit is 1024 (KEY_BYTES_MAX)",
            ),
            (
                r#"{"target":"foo"}"#.to_owned(),
                "cannot read body: invalid lookup body: unknown variant `foo`, expected one of `workflow`, \
                 `idempotentInvocation`, `invocation` at line 1 column 15",
            ),
            ("x".repeat(DESCRIPTION_BYTES_MAX + 1), "length limit exceeded"),
            ("x".into(), "cannot read body: invalid lookup body: expected value at line 1 column 1"),
            (
                r#"{"target":"workflow","workflowName":"W"}"#.into(),
                "cannot read body: invalid lookup body: missing field `workflowKey`",
            ),
        ];
        for (body, expected) in cases {
            let found = described_id(&body).await;
            assert!(found.starts_with(expected), "{body}: {found}");
        }
    }
}
