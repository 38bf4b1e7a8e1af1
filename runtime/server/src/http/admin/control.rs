//! What a person may do to an invocation: end it, let it go on, forget it, send it a signal.
//!
//! Statuses as Restate's. A signal is `POST /invocations/{id}/signals/{name}`; the body is its value,
//! as JSON, or with `?reject` the reason why there is none, a JSON string.

use crate::http::admin::code::Code;
use crate::http::admin::invocations::parse_id;
use crate::http::admin::query;
use crate::http::error::AdminError;
use crate::http::limits::INGRESS_BODY_BYTES_MAX;
use crate::http::{AppState, body, content};
use abide_core::effect::{Notice, Refusal};
use abide_core::entry::{Failure, Outcome};
use abide_core::ids::{DeploymentId, InvocationId};
use abide_core::invocation::Phase;
use abide_core::limits::NAME_BYTES_MAX;
use abide_core::target::Target;
use axum::extract::{Path, Request, State};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri, header};
use serde::Deserialize;
use serde::de::IgnoredAny;
use utoipa::IntoParams;

/// Cancels an invocation, so that it can undo what it did.
#[utoipa::path(
    patch,
    path = "/invocations/{id}/cancel",
    tag = "invocations",
    params(("id" = String, Path, description = "The invocation")),
    responses(
        (status = 202, description = "It will end when it has undone what it did"),
        (status = 200, description = "It had not begun, and has ended"),
    ),
)]
pub async fn cancel(State(state): State<AppState>, Path(id): Path<String>) -> Result<StatusCode, AdminError> {
    let id = parse_id(&id)?;
    let is_waiting_to_begin = is_waiting_to_begin(&state, id)?;
    check(id, state.engine.cancel(id).await?)?;
    Ok(if is_waiting_to_begin { StatusCode::OK } else { StatusCode::ACCEPTED })
}

/// Ends an invocation where it is.
#[utoipa::path(
    patch,
    path = "/invocations/{id}/kill",
    tag = "invocations",
    params(("id" = String, Path, description = "The invocation")),
    responses((status = 200, description = "It has ended")),
)]
pub async fn kill(State(state): State<AppState>, Path(id): Path<String>) -> Result<StatusCode, AdminError> {
    let id = parse_id(&id)?;
    check(id, state.engine.kill(id).await?)?;
    Ok(StatusCode::OK)
}

/// Forgets a completed invocation.
#[utoipa::path(
    patch,
    path = "/invocations/{id}/purge",
    tag = "invocations",
    params(("id" = String, Path, description = "The invocation")),
    responses((status = 200, description = "It is forgotten")),
)]
pub async fn purge(State(state): State<AppState>, Path(id): Path<String>) -> Result<StatusCode, AdminError> {
    let id = parse_id(&id)?;
    check(id, state.engine.purge(id).await?)?;
    Ok(StatusCode::OK)
}

/// Lets an invocation that has begun stand still until it is resumed.
#[utoipa::path(
    patch,
    path = "/invocations/{id}/pause",
    tag = "invocations",
    params(("id" = String, Path, description = "The invocation")),
    responses(
        (status = 202, description = "It stands still, and its guest is being stopped"),
        (status = 200, description = "It stood still already"),
    ),
)]
pub async fn pause(State(state): State<AppState>, Path(id): Path<String>) -> Result<StatusCode, AdminError> {
    let id = parse_id(&id)?;
    match state.engine.pause(id).await? {
        Notice::Unfit => Err(AdminError::NotPausable(id)),
        Notice::Known => Ok(StatusCode::OK),
        notice => check(id, notice).map(|()| StatusCode::ACCEPTED),
    }
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ResumeQuery {
    /// On which code: `keep`, `latest` or the id of a deployment. Without it, that it has.
    deployment: Option<String>,
}

/// Lets a paused invocation, or one that backs off, go on now.
///
/// One that runs, or only waits, needs no help: that is no mistake. With other code, it goes on on that.
#[utoipa::path(
    patch,
    path = "/invocations/{id}/resume",
    tag = "invocations",
    params(("id" = String, Path, description = "The invocation"), ResumeQuery),
    responses((status = 200, description = "It goes on")),
)]
pub async fn resume(
    State(state): State<AppState>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<StatusCode, AdminError> {
    let id = parse_id(&id)?;
    let wanted: ResumeQuery = query(&uri)?;
    let code = wanted.deployment.as_deref().map_or(Ok(Code::Keep), Code::read)?;
    let row = state.engine.invocation(id)?.ok_or(AdminError::UnknownInvocation(id))?;
    let deployment = code.resolve(&state, &row.target.service)?;
    match state.engine.resume(id, deployment.clone()).await? {
        Notice::Unfit if is_waiting_to_begin(&state, id)? => Err(AdminError::NotStarted(id)),
        Notice::Unfit => Ok(StatusCode::OK),
        Notice::Refused(refusal) => Err(refused(id, &row.target, deployment, refusal)),
        notice => check(id, notice).map(|()| StatusCode::OK),
    }
}

fn refused(
    id: InvocationId,
    target: &Target,
    deployment: Option<DeploymentId>,
    refusal: Refusal,
) -> AdminError {
    let (target, deployment) = (target.to_string(), deployment.map_or(String::new(), |id| id.to_string()));
    match refusal {
        Refusal::UnknownDeployment => AdminError::UnknownDeployment(deployment),
        Refusal::NotOffered => AdminError::NotOffered { id, target, deployment },
        Refusal::OtherKind => AdminError::OtherKind { id, target, deployment },
    }
}

/// Sends a signal to an invocation.
#[utoipa::path(
    post,
    path = "/invocations/{id}/signals/{name}",
    tag = "invocations",
    params(
        ("id" = String, Path, description = "The invocation"),
        ("name" = String, Path, description = "The name of the signal"),
        ("reject" = Option<String>, Query, description = "The body is the reason why there is no value, a JSON string"),
    ),
    request_body(content = serde_json::Value, description = "Its value"),
    responses((status = 202, description = "It is kept until it is received")),
)]
pub async fn signal(
    State(state): State<AppState>,
    Path((id, name)): Path<(String, String)>,
    request: Request,
) -> Result<StatusCode, AdminError> {
    let id = parse_id(&id)?;
    if name.len() > NAME_BYTES_MAX {
        let why = format!("it has {} bytes, the limit is {NAME_BYTES_MAX} (NAME_BYTES_MAX)", name.len());
        return Err(AdminError::BadField { field: "name", why });
    }
    let is_rejection = read_is_rejection(request.uri())?;
    check_content_type(request.headers())?;
    let body = body::read(request.version(), request.into_body(), INGRESS_BODY_BYTES_MAX).await?;
    let outcome = outcome(body, is_rejection)?;
    match state.engine.signal(id, name, outcome).await? {
        Notice::Absent if state.engine.invocation(id)?.is_some() => Err(AdminError::Completed(id)),
        notice => check(id, notice).map(|()| StatusCode::ACCEPTED),
    }
}

/// Reads `?reject`, with any value or none.
fn read_is_rejection(uri: &Uri) -> Result<bool, AdminError> {
    let pairs: Vec<(String, String)> = query(uri)?;
    match pairs.iter().find(|(name, _)| name != "reject") {
        Some((name, _)) => {
            let why = format!("unknown parameter '{name}', expected reject");
            Err(AdminError::BadField { field: "query", why })
        }
        None => Ok(!pairs.is_empty()),
    }
}

/// A web page of another site cannot send this type without asking first, and it is not allowed to ask.
fn check_content_type(headers: &HeaderMap) -> Result<(), AdminError> {
    let given = headers.get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    match given {
        Some(given) if content::is_json(&given) => Ok(()),
        given => Err(AdminError::SignalContentType(given.unwrap_or("none".into()).into_owned())),
    }
}

fn outcome(body: Bytes, is_rejection: bool) -> Result<Outcome, AdminError> {
    const REJECTED_CODE: u16 = 500;
    let bad = |error: serde_json::Error| AdminError::BadBody(error.to_string());
    if is_rejection {
        let reason: String = serde_json::from_slice(&body).map_err(bad)?;
        return Ok(Outcome::Failure(Failure::new(REJECTED_CODE, reason).within_limits()));
    }
    serde_json::from_slice::<IgnoredAny>(&body).map_err(bad)?;
    Ok(Outcome::Value(body))
}

/// Says whether the invocation is scheduled for later, or waits for its turn.
fn is_waiting_to_begin(state: &AppState, id: InvocationId) -> Result<bool, AdminError> {
    let phase = state.engine.invocation(id)?.map(|row| row.phase);
    Ok(matches!(phase, Some(Phase::Scheduled { .. } | Phase::Queued { .. })))
}

fn check(id: InvocationId, notice: Notice) -> Result<(), AdminError> {
    match notice {
        Notice::Done | Notice::Known => Ok(()),
        Notice::Absent => Err(AdminError::UnknownInvocation(id)),
        Notice::Completed => Err(AdminError::Completed(id)),
        Notice::Unfit => Err(AdminError::NotCompleted(id)),
        Notice::Full => Err(AdminError::SignalsFull(id)),
        Notice::Refused(refusal) => Err(AdminError::Internal(format!("nobody handles {refusal:?} of {id}"))),
        Notice::Changed | Notice::Held => Err(AdminError::Internal(format!("{id} has no state to edit"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn told(body: &'static str, is_rejection: bool) -> String {
        match outcome(body.into(), is_rejection) {
            Ok(outcome) => format!("{outcome:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_signal_is_json() {
        assert_eq!(told(r#"{"a": 1}"#, false), r#"Value(b"{\"a\": 1}")"#);
        assert_eq!(told("null", false), r#"Value(b"null")"#);
        assert!(told("", false).contains("EOF while parsing"));
        assert!(told("{oops", false).contains("key must be a string"));
        assert!(told(r#""no""#, true).contains(r#"code: 500, message: "no""#));
        assert!(told("1", true).contains("expected a string"));
    }

    #[test]
    fn a_signal_says_what_it_is() {
        for (uri, expected) in [
            ("/x", Ok(false)),
            ("/x?reject", Ok(true)),
            ("/x?reject=true", Ok(true)),
            ("/x?rejekt", Err("unknown parameter 'rejekt', expected reject")),
        ] {
            match (read_is_rejection(&uri.parse().unwrap()), expected) {
                (Ok(is_rejection), expected) => assert_eq!(Ok(is_rejection), expected, "{uri}"),
                (Err(error), expected) => {
                    assert!(error.to_string().ends_with(expected.unwrap_err()), "{uri}")
                }
            }
        }
        let headers = |text| HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(text))]);
        assert!(check_content_type(&headers("application/json; charset=utf-8")).is_ok());
        assert!(check_content_type(&headers("text/plain")).is_err());
        assert!(check_content_type(&HeaderMap::new()).is_err());
    }
}
