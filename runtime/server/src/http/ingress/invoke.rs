//! Calls and sends.

use crate::engine::{Called, EngineError, Retrieved, Room, Submitted};
use crate::http::AppState;
use crate::http::error::{self, ID_HEADER, IngressError, id_value};
use crate::http::ingress::{headers, retrieve};
use crate::http::path::{BadPath, Mode};
use crate::http::{body, content, delay};
use crate::time;
use abide_core::command::Submission;
use abide_core::ids::InvocationId;
use abide_core::invocation::{InputRow, Origin, Phase};
use abide_core::manifest::{HandlerManifest, HandlerMode, ServiceKind, ServiceManifest};
use abide_core::target::Target;
use abide_core::time::Timestamp;
use axum::Json;
use axum::body::Body;
use axum::extract::{Query, Request};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{Method, StatusCode, header};
use serde::Serialize;
use std::sync::Arc;

/// Calls a handler, or sends to it.
pub async fn invoke(
    state: &AppState,
    request: Request,
    target: Target,
    mode: Mode,
) -> Result<Response, IngressError> {
    check(state, request, target, mode).await?.submit(state).await
}

/// A request that passed every check, and will be the invocation with this id.
pub struct Checked {
    service: Arc<ServiceManifest>,
    submission: Submission,
    room: Room,
    mode: Mode,
    execution_time: Option<Timestamp>,
}

/// Checks a request against what its handler takes. Reads its body.
///
/// # Errors
/// There is no such handler for the outside, or it does not take this.
pub async fn check(
    state: &AppState,
    request: Request,
    target: Target,
    mode: Mode,
) -> Result<Checked, IngressError> {
    let service = callable_service(state, &target)?;
    let handler = callable_handler(&service, &target)?;
    let (parts, body) = request.into_parts();
    if ![Method::GET, Method::POST].contains(&parts.method) {
        return Err(IngressError::MethodNotAllowed);
    }
    let is_workflow_run = service.is_workflow_run(&target.handler);
    let idempotency_key = headers::idempotency_key(&parts.headers)?;
    if is_workflow_run && idempotency_key.is_some() {
        return Err(IngressError::IdempotencyKeyOnWorkflow);
    }
    let delay_ms = check_extras(&parts, mode)?;
    let headers = headers::to_keep(&parts)?;
    let is_exclusive = service.kind == ServiceKind::Object && handler.mode == HandlerMode::Exclusive;
    let key = || target.object().filter(|_| is_exclusive);
    let mut room = match state.engine.admit(&target.service, key).await {
        Ok(room) => room,
        Err(refusal) => return Err(refused(&parts, body, refusal).await),
    };
    let body = body::read_into(&mut room, parts.version, body, state.ingress_body).await?;
    content::check(&handler.input, headers::content_type(&parts.headers)?, body.is_empty())?;

    let execution_time = delay_ms.map(|delay_ms| state.engine.now().plus_millis(delay_ms));
    let invocation = state.engine.address(&target, idempotency_key.as_deref(), is_workflow_run);
    let headers = state.traces.enter(invocation, headers);
    let submission = Submission {
        invocation,
        target,
        origin: Origin::Ingress,
        input: InputRow { headers, body },
        idempotency_key,
        begin_at: execution_time.filter(|_| delay_ms != Some(0)),
        // The engine says who hears of it.
        ticket: None,
        depth: 0,
    };
    Ok(Checked { service, submission, room, mode, execution_time })
}

/// Lets a client that has begun to send its body come to the end of it, so that it sees the refusal. One that waits
/// for a word before it sends sees it anyway.
async fn refused(parts: &Parts, body: Body, refusal: EngineError) -> IngressError {
    if !parts.headers.contains_key(header::EXPECT) {
        body::shed(body).await;
    }
    refusal.into()
}

impl Checked {
    pub fn id(&self) -> InvocationId {
        self.submission.invocation
    }

    /// Submits it, and waits as its mode says.
    ///
    /// # Errors
    /// The engine takes no work now.
    pub async fn submit(self, state: &AppState) -> Result<Response, IngressError> {
        let Self { service, submission, room, mode, execution_time } = self;
        // From here on the engine counts the body.
        drop(room);
        match mode {
            Mode::Call => {
                let handler = service.handler(&submission.target.handler);
                call(state, submission, handler.expect("the handler was found: it is checked")).await
            }
            Mode::Send => send(state, submission, execution_time).await,
        }
    }
}

async fn call(
    state: &AppState,
    submission: Submission,
    handler: &HandlerManifest,
) -> Result<Response, IngressError> {
    let id = submission.invocation;
    match state.engine.call(submission).await? {
        Called::WorkflowKnown => Ok(error::workflow_known(id)),
        // A stored answer may be that of an older deployment.
        Called::Answered(stored @ Retrieved { kept_until: Some(_), .. }) => {
            Ok(retrieve::answered(id, stored, || retrieve::declared(state, id).flatten()))
        }
        // So may one that an earlier call with the same id began.
        Called::Answered(fresh) => Ok(retrieve::answered(id, fresh, || {
            let declared = id.is_computed().then(|| retrieve::declared(state, id)).flatten();
            declared.unwrap_or_else(|| handler.output.content_type.clone())
        })),
    }
}

async fn send(
    state: &AppState,
    submission: Submission,
    execution_time: Option<Timestamp>,
) -> Result<Response, IngressError> {
    let id = submission.invocation;
    match state.engine.submit(submission).await? {
        Submitted::New => Ok(accepted(id, execution_time, "Accepted")),
        Submitted::Known => Ok(accepted(id, scheduled_for(state, id)?, "PreviouslyAccepted")),
    }
}

/// Returns when an invocation that was submitted before begins, if it has not begun.
fn scheduled_for(state: &AppState, id: InvocationId) -> Result<Option<Timestamp>, IngressError> {
    let phase = state.engine.invocation(id)?.map(|row| row.phase);
    Ok(match phase {
        Some(Phase::Scheduled { at }) => Some(at),
        Some(
            Phase::Queued { .. }
            | Phase::Running { .. }
            | Phase::Suspended { .. }
            | Phase::BackingOff { .. }
            | Phase::Paused { .. }
            | Phase::Completed { .. },
        )
        | None => None,
    })
}

fn callable_service(state: &AppState, target: &Target) -> Result<Arc<ServiceManifest>, IngressError> {
    let unknown = || BadPath::UnknownService(target.service.clone());
    Ok(state.deployments.service(&target.service).ok_or_else(unknown)?.manifest.clone())
}

fn callable_handler<'a>(
    service: &'a ServiceManifest,
    target: &Target,
) -> Result<&'a HandlerManifest, IngressError> {
    let handler = service.handler(&target.handler).ok_or_else(|| IngressError::UnknownHandler {
        service: target.service.clone(),
        handler: target.handler.clone(),
    })?;
    if service.is_private || handler.options.is_private {
        return Err(IngressError::Private);
    }
    Ok(handler)
}

/// Checks headers and query for what the ingress itself acts on. Returns the delay.
fn check_extras(parts: &Parts, mode: Mode) -> Result<Option<u64>, IngressError> {
    let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
    let Query(query) = query.map_err(|error| IngressError::Query(error.to_string()))?;
    let find = |wanted: &str| query.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    if parts.headers.contains_key(headers::LIMIT_KEY) || find("limit-key").is_some() {
        return Err(IngressError::LimitKeyWithoutScope);
    }
    match (find("delay"), mode) {
        (None, Mode::Call | Mode::Send) => Ok(None),
        (Some(_), Mode::Call) => Err(IngressError::DelayOnCall),
        (Some((_, text)), Mode::Send) => Ok(Some(delay::parse(text)?)),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    invocation_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_time: Option<String>,
    status: &'static str,
}

fn accepted(id: InvocationId, execution_time: Option<Timestamp>, status: &'static str) -> Response {
    let body = Accepted {
        invocation_id: id.to_string(),
        execution_time: execution_time.map(time::rfc3339_nanos),
        status,
    };
    (StatusCode::ACCEPTED, [(ID_HEADER, id_value(id))], Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn extras(uri: &str, header: Option<&str>, mode: Mode) -> String {
        let mut request = Request::builder().uri(uri);
        if let Some(name) = header {
            request = request.header(name, "x");
        }
        match check_extras(&request.body(()).unwrap().into_parts().0, mode) {
            Ok(delay_ms) => format!("{delay_ms:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn delays_and_limit_keys() {
        let (call, send) = (Mode::Call, Mode::Send);
        let cases = [
            ("/S/h", None, call, "None"),
            ("/S/h?x=1", None, send, "None"),
            ("/S/h/send?delay=2s", None, send, "Some(2000)"),
            ("/S/h/send?DELAY=1m", None, send, "Some(60000)"),
            ("/S/h/send?delay=1h+30m", None, send, "Some(5400000)"),
            ("/S/h/send?delay=1h%2030m", None, send, "Some(5400000)"),
            ("/S/h/send?delay=0s", None, send, "Some(0)"),
            (
                "/S/h?delay=2s",
                None,
                call,
                "cannot use the delay query parameter with calls. The delay is supported only with sends",
            ),
            ("/S/h?limit-key=a", None, call, "limit-key requires a scope to be set"),
            ("/S/h", Some("X-Restate-Limit-Key"), call, "limit-key requires a scope to be set"),
        ];
        for (uri, header, mode, expected) in cases {
            assert_eq!(extras(uri, header, mode), expected, "{uri} {header:?}");
        }
        assert!(extras("/S/h/send?delay=", None, send).contains("an empty string is not a valid duration"));
    }

    #[tokio::test]
    async fn the_answer_to_a_send_names_the_time_only_with_a_delay() {
        let id = InvocationId { unique: 1, partition_key: 2 };
        for (at, status, expected) in [
            (None, "Accepted", format!(r#"{{"invocationId":"{id}","status":"Accepted"}}"#)),
            (
                None,
                "PreviouslyAccepted",
                format!(r#"{{"invocationId":"{id}","status":"PreviouslyAccepted"}}"#),
            ),
            (
                Some(Timestamp(0)),
                "Accepted",
                format!(
                    r#"{{"invocationId":"{id}","executionTime":"1970-01-01T00:00:00.000000000Z","status":"Accepted"}}"#
                ),
            ),
        ] {
            let response = accepted(id, at, status);
            assert_eq!(response.status(), 202);
            assert_eq!(response.headers()["x-restate-id"], id.to_string());
            let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
            assert_eq!(body, expected);
        }
    }
}
