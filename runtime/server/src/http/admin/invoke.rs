//! Calls of handlers over the admin port: `POST /services/{service}/invoke`. For the web page, which may not
//! talk to another port, and for whoever may administer but does not reach the ingress.
//!
//! `{"handler":"add","key":"k"?,"mode":"call"|"send","json":…,"idempotency_key"?,"delay"?,"wait"?}`; instead of
//! `json` also `text` with a `content_type`. Answers with what the ingress would have answered:
//! `{"invocation_id","status","headers","body"}`. A call is waited for as long as `wait` says;
//! after that `{"invocation_id","is_pending":true}`: it goes on, and GET /invocations/{id} follows it.

use crate::http::admin::json_body;
use crate::http::admin::payload::PayloadView;
use crate::http::admin::shapes::HeaderShape;
use crate::http::admin::state::check_content_type;
use crate::http::error::{AdminError, ID_HEADER, IngressError};
use crate::http::ingress::{Checked, check};
use crate::http::limits::{
    INGRESS_BODY_BYTES_MAX, INVOKE_BODY_BYTES_MAX, INVOKE_WAIT_DEFAULT, INVOKE_WAIT_MAX,
};
use crate::http::path::Mode;
use crate::http::{AppState, body, delay, keys};
use abide_core::entry::Header;
use abide_core::ids::InvocationId;
use abide_core::manifest::ServiceKind;
use abide_core::target::Target;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::{Method, header};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::fmt::Write;
use std::time::Duration;
use utoipa::ToSchema;

/// A call, or a send.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Invoke {
    handler: String,
    /// Of the object or workflow; plain services have none.
    key: Option<String>,
    /// Whether the answer is waited for; it is when this is absent.
    mode: Option<InvokeMode>,
    idempotency_key: Option<String>,
    /// Only of a send.
    delay: Option<String>,
    /// Only of a call.
    wait: Option<String>,
    /// The input, when it is JSON.
    #[schema(value_type = Option<serde_json::Value>)]
    #[serde(default, deserialize_with = "present")]
    json: Option<Box<RawValue>>,
    /// The input, when it is another text.
    text: Option<String>,
    content_type: Option<String>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum InvokeMode {
    Call,
    Send,
}

/// What the ingress would have answered.
#[derive(Serialize, ToSchema)]
pub struct Invoked {
    #[serde(skip_serializing_if = "Option::is_none")]
    invocation_id: Option<String>,
    /// It has not answered yet, and goes on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_pending: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<HeaderShape>)]
    headers: Vec<Header>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<PayloadView>,
}

/// Calls a handler, or sends to it, as the ingress would.
///
/// A call that does not answer in time goes on; `is_pending` says so.
#[utoipa::path(
    post,
    path = "/services/{name}/invoke",
    tag = "services",
    params(("name" = String, Path, description = "The service")),
    request_body(content = Invoke),
    responses((status = 200, description = "What the ingress answers, refusals too", body = Invoked)),
)]
pub async fn invoke(
    State(state): State<AppState>,
    Path(service): Path<String>,
    request: Request,
) -> Result<Json<Invoked>, AdminError> {
    check_content_type(request.headers())?;
    let asked: Invoke = json_body(request, INVOKE_BODY_BYTES_MAX).await?;
    let wait = read_wait(asked.wait.as_deref())?;
    let mode = match asked.mode.unwrap_or(InvokeMode::Call) {
        InvokeMode::Call => Mode::Call,
        InvokeMode::Send => Mode::Send,
    };
    let target = read_target(&state, service, &asked)?;
    let request = ingress_request(&target, mode, asked)?;
    let checked = match check(&state, request, target, mode).await {
        Ok(checked) => checked,
        Err(refused) => return view(None, refused.into_response()).await.map(Json),
    };
    let id = checked.id();
    match answer(&state, checked, wait).await {
        Some(answered) => {
            let response = answered.unwrap_or_else(IntoResponse::into_response);
            view(Some(id), response).await.map(Json)
        }
        None => pending(&state, id).map(Json),
    }
}

/// Waits for the answer; None when that takes too long. Not waiting any longer ends nothing.
async fn answer(
    state: &AppState,
    checked: Checked,
    wait: Duration,
) -> Option<Result<Response, IngressError>> {
    tokio::time::timeout(wait, checked.submit(state)).await.ok()
}

/// Says that an invocation goes on, which it does once it is on the disk.
fn pending(state: &AppState, id: InvocationId) -> Result<Invoked, AdminError> {
    if state.engine.invocation(id)?.is_none() {
        return Err(AdminError::Unhealthy("it did not get what was called on the disk in time".to_owned()));
    }
    let invocation_id = Some(id.to_string());
    Ok(Invoked { invocation_id, is_pending: true, status: None, headers: Vec::new(), body: None })
}

async fn view(id: Option<InvocationId>, response: Response) -> Result<Invoked, AdminError> {
    let (parts, body) = response.into_parts();
    let body = body::read(parts.version, body, INGRESS_BODY_BYTES_MAX).await?;
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = parts.headers.iter().filter(|(name, _)| **name != ID_HEADER);
    Ok(Invoked {
        invocation_id: id.map(|id| id.to_string()),
        is_pending: false,
        status: Some(parts.status.as_u16()),
        headers: headers
            .map(|(name, value)| Header { name: name.as_str().to_owned(), value: text(value) })
            .collect(),
        body: Some(PayloadView::of(&body)),
    })
}

fn read_target(state: &AppState, service: String, asked: &Invoke) -> Result<Target, AdminError> {
    let Some(view) = state.deployments.service(&service) else {
        return Err(AdminError::UnknownService(service));
    };
    let bad = |why: String| AdminError::BadField { field: "key", why };
    let is_keyed = view.kind != ServiceKind::Service;
    match &asked.key {
        None if is_keyed => return Err(bad(format!("{service} is called by key, and there is none"))),
        Some(_) if !is_keyed => return Err(bad(format!("{service} is a plain service, it has no keys"))),
        Some(key) => keys::check_key(key).map_err(|error| bad(error.to_string()))?,
        None => {}
    }
    Ok(Target { service, key: asked.key.clone(), handler: asked.handler.clone() })
}

/// Writes the request as a client of the ingress would.
fn ingress_request(target: &Target, mode: Mode, asked: Invoke) -> Result<Request, AdminError> {
    let mut uri = format!("/{}", encode(&target.service));
    if let Some(key) = &target.key {
        let _ = write!(uri, "/{}", encode(key));
    }
    let _ = write!(uri, "/{}", encode(&target.handler));
    if mode == Mode::Send {
        uri += "/send";
    }
    if let Some(delay) = &asked.delay {
        let _ = write!(uri, "?delay={}", encode(delay));
    }
    let (body, content_type) = match (asked.json, asked.text) {
        (Some(_), Some(_)) => {
            let why = "the input is either json or text, not both".to_owned();
            return Err(AdminError::BadField { field: "text", why });
        }
        (Some(json), None) => (Box::<str>::from(json).into_string(), Some("application/json".to_owned())),
        (None, Some(text)) => (text, Some(asked.content_type.unwrap_or_else(|| "text/plain".to_owned()))),
        (None, None) => (String::new(), None),
    };
    let mut request = Request::builder().method(Method::POST).uri(uri);
    if let Some(content_type) = content_type {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    if let Some(key) = asked.idempotency_key {
        request = request.header("idempotency-key", key);
    }
    let bad = |error: http::Error| AdminError::BadField { field: "idempotency_key", why: error.to_string() };
    request.body(Body::from(body)).map_err(bad)
}

/// Encodes a segment of a path, or a value of a query.
fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            other => {
                let _ = write!(encoded, "%{other:02X}");
            }
        }
        encoded
    })
}

fn read_wait(text: Option<&str>) -> Result<Duration, AdminError> {
    let Some(text) = text else { return Ok(INVOKE_WAIT_DEFAULT) };
    let bad = |why: String| AdminError::BadField { field: "wait", why };
    let millis = delay::parse(text).map_err(|_| bad(format!("'{text}' is no duration, for example 10s")))?;
    let wait = Duration::from_millis(millis);
    if wait > INVOKE_WAIT_MAX {
        return Err(bad(format!("it is at most {} s", INVOKE_WAIT_MAX.as_secs())));
    }
    Ok(wait)
}

/// Null is an input, too.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(key: Option<&str>, mode: Mode, body: &str) -> String {
        let target = Target { service: "S".into(), key: key.map(str::to_owned), handler: "h".into() };
        let asked = serde_json::from_str(body).unwrap();
        match ingress_request(&target, mode, asked) {
            Err(error) => error.to_string(),
            Ok(request) => {
                let headers = request.headers().iter().map(|(name, value)| format!(" {name}:{value:?}"));
                format!("{} {}{}", request.method(), request.uri(), headers.collect::<String>())
            }
        }
    }

    #[test]
    fn requests_as_the_ingress_knows_them() {
        let (call, send) = (Mode::Call, Mode::Send);
        let json = " content-type:\"application/json\"";
        let cases = [
            (None, call, r#"{"handler":"h"}"#, "POST /S/h".to_owned()),
            (None, call, r#"{"handler":"h","json":null}"#, format!("POST /S/h{json}")),
            (Some("a/ä"), call, r#"{"handler":"h","json":1}"#, format!("POST /S/a%2F%C3%A4/h{json}")),
            (Some(""), call, r#"{"handler":"h"}"#, "POST /S//h".to_owned()),
            (
                None,
                send,
                r#"{"handler":"h","json":1,"delay":"1h 30m"}"#,
                format!("POST /S/h/send?delay=1h%2030m{json}"),
            ),
            (
                None,
                call,
                r#"{"handler":"h","text":"x","idempotency_key":"k"}"#,
                "POST /S/h content-type:\"text/plain\" idempotency-key:\"k\"".to_owned(),
            ),
            (
                None,
                call,
                r#"{"handler":"h","text":"x","json":1}"#,
                "The request field 'text' is invalid. Reason: the input is either json or text, not both"
                    .to_owned(),
            ),
        ];
        for (key, mode, body, expected) in cases {
            assert_eq!(request(key, mode, body), expected, "{body}");
        }
        let complaint = request(None, call, r#"{"handler":"h","idempotency_key":"a\nb"}"#);
        assert!(complaint.contains("'idempotency_key' is invalid"), "{complaint}");
    }

    #[test]
    fn how_long_a_call_is_waited_for() {
        let wait = |text| read_wait(text).map_err(|error| error.to_string());
        assert_eq!(wait(None), Ok(INVOKE_WAIT_DEFAULT));
        assert_eq!(wait(Some("250ms")), Ok(Duration::from_millis(250)));
        for (text, why) in [("soon", "'soon' is no duration"), ("2m", "it is at most 60 s")] {
            assert!(wait(Some(text)).unwrap_err().contains(why));
        }
    }
}
