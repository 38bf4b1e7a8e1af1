//! Answers of invocations submitted before: attach, output and lookup.

use crate::engine::Output;
use crate::http::error::{self, ID_HEADER, IngressError, id_value};
use crate::http::limits::ADMIN_BODY_BYTES_MAX;
use crate::http::path::{BadPath, Retrieval};
use crate::http::{AppState, body};
use abide_core::entry::Answer;
use abide_core::ids::InvocationId;
use abide_core::manifest::ServiceKind;
use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::Deserialize;

/// Answers for an invocation, now or when it ends.
pub async fn by_id(state: &AppState, id: InvocationId, how: Retrieval) -> Result<Response, IngressError> {
    let answer = match how {
        Retrieval::Attach => match state.engine.attach(id).await? {
            Some(answer) => answer,
            None => return Ok(error::nothing_to_attach_to(id)),
        },
        Retrieval::Output => match state.engine.output(id)? {
            Output::Ready(answer) => answer,
            Output::NotReady => return Err(IngressError::NotReady),
            Output::Unknown => return Err(IngressError::InvocationNotFound),
        },
    };
    Ok(answered(id, answer, || declared_content_type(state, id)))
}

/// The same, for an invocation that the body describes.
pub async fn described(state: &AppState, request: Request, how: Retrieval) -> Result<Response, IngressError> {
    by_id(state, read_description(request, "request").await?, how).await
}

/// Answers the id of the invocation that the body describes, whether or not there is one.
pub async fn lookup(request: Request) -> Result<Response, IngressError> {
    let id = read_description(request, "lookup").await?;
    Ok(Json(serde_json::json!({ "invocationId": id.to_string() })).into_response())
}

/// Returns why there is no such workflow run.
pub fn no_workflow(state: &AppState, workflow: &str) -> IngressError {
    match state.deployments.service(workflow).map(|service| service.kind) {
        Some(ServiceKind::Workflow) => IngressError::Unsupported("workflows"),
        Some(ServiceKind::Service | ServiceKind::Object) | None => IngressError::InvocationNotFound,
    }
}

/// Builds the answer of an invocation that ended. `content_type` is asked only when it is needed.
pub fn answered(id: InvocationId, answer: Answer, content_type: impl FnOnce() -> Option<String>) -> Response {
    let value = match answer {
        Answer::Value(value) => value,
        Answer::Failure(failure) => return error::failed(id, &failure),
    };
    let content_type = if value.is_empty() { None } else { content_type() };
    let mut response = Response::new(Body::from(value));
    let headers = response.headers_mut();
    headers.insert(ID_HEADER, id_value(id));
    if let Some(content_type) = content_type.and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    response
}

/// Returns the content type that the invocation's own deployment declared for its answer.
fn declared_content_type(state: &AppState, id: InvocationId) -> Option<String> {
    let row = state.engine.invocation(id).ok().flatten()?;
    let deployment = state.deployments.get(&row.deployment?)?;
    let service = deployment.services.iter().find(|service| service.name == row.target.service)?;
    service.manifest.handler(&row.target.handler)?.output.content_type.clone()
}

#[derive(Deserialize)]
#[serde(tag = "target", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Description {
    #[expect(dead_code, reason = "read to tell a malformed body from one that is not supported yet")]
    Workflow {
        workflow_name: String,
        workflow_key: String,
    },
    #[expect(dead_code, reason = "same")]
    IdempotentInvocation {
        service: String,
        key: Option<String>,
        handler: String,
        idempotency_key: String,
    },
    Invocation {
        invocation_id: String,
    },
}

async fn read_description(request: Request, what: &'static str) -> Result<InvocationId, IngressError> {
    let bytes = body::read(request.version(), request.into_body(), ADMIN_BODY_BYTES_MAX).await?;
    let description = serde_json::from_slice(&bytes);
    match description.map_err(|error| IngressError::BodyContent { what, why: error.to_string() })? {
        Description::Workflow { .. } => Err(IngressError::Unsupported("workflows")),
        Description::IdempotentInvocation { .. } => Err(IngressError::Unsupported("idempotency keys")),
        Description::Invocation { invocation_id } => {
            let parsed = invocation_id.parse();
            Ok(parsed.map_err(|why| BadPath::InvocationId { text: invocation_id, why })?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::entry::Failure;

    const ID: InvocationId = InvocationId { unique: 1, partition_key: 2 };

    #[test]
    fn only_an_answer_with_a_body_has_a_content_type() {
        let json = || Some("application/json".to_owned());
        let full = answered(ID, Answer::Value("1".into()), json);
        assert_eq!(full.headers()["content-type"], "application/json");
        let empty = answered(ID, Answer::Value("".into()), json);
        assert_eq!((empty.status().as_u16(), empty.headers().get("content-type")), (200, None));
        let failed = answered(ID, Answer::Failure(Failure::new(418, "teapot")), json);
        assert_eq!(failed.status(), 418);
        for response in [full, empty, failed] {
            assert_eq!(response.headers()["x-restate-id"], ID.to_string());
        }
    }

    #[tokio::test]
    async fn descriptions() {
        let cases = [
            (format!(r#"{{"target":"invocation","invocationId":"{ID}"}}"#), ID.to_string()),
            (
                r#"{"target":"invocation","invocationId":"foo"}"#.into(),
                "bad invocation id 'foo': bad format".into(),
            ),
            (
                r#"{"target":"workflow","workflowName":"W","workflowKey":"k","scope":"s"}"#.into(),
                "workflows are not supported yet by this version of abide".into(),
            ),
            (
                r#"{"target":"idempotentInvocation","service":"S","handler":"h","idempotencyKey":"k"}"#
                    .into(),
                "idempotency keys are not supported yet by this version of abide".into(),
            ),
            (
                r#"{"target":"foo"}"#.into(),
                "cannot read body: invalid lookup body: unknown variant `foo`, expected one of `workflow`, \
                 `idempotentInvocation`, `invocation` at line 1 column 15"
                    .into(),
            ),
            (
                "x".into(),
                "cannot read body: invalid lookup body: expected value at line 1 column 1".to_owned(),
            ),
        ];
        for (body, expected) in cases {
            let read = read_description(Request::new(Body::from(body.clone())), "lookup").await;
            assert_eq!(read.map_or_else(|error| error.to_string(), |id| id.to_string()), expected, "{body}");
        }
    }
}
