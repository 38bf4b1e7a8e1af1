//! Signals: `POST /invocations/{id}/signals/{name}`. The body is the value, as JSON, or with `?reject` the
//! reason why there is none, a JSON string.

use crate::http::admin::control::check;
use crate::http::admin::invocations::parse_id;
use crate::http::admin::{body_within, query};
use crate::http::error::AdminError;
use crate::http::limits::INGRESS_BODY_BYTES_MAX;
use crate::http::{AppState, content};
use abide_core::effect::Notice;
use abide_core::entry::{Failure, Outcome};
use abide_core::limits::NAME_BYTES_MAX;
use axum::extract::{Path, Request, State};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri, header};
use serde::de::IgnoredAny;

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
    let mut room = state.engine.room_beside();
    let body = body_within(&mut room, request, INGRESS_BODY_BYTES_MAX).await?;
    let outcome = outcome(body, is_rejection)?;
    match state.engine.signal(id, name, outcome, room).await? {
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
