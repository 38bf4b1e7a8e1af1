//! Errors of the ingress, and failures of handlers.

use super::{advise_retry, challenge, engine_status, log_fault, spread_retry};
use crate::engine::EngineError;
use crate::http::body::BadBody;
use crate::http::content::BadInput;
use crate::http::delay::BadDelay;
use crate::http::keys::KeyTooLong;
use crate::http::path::BadPath;
use abide_core::entry::{Failure, Header};
use abide_core::ids::InvocationId;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::ser::{Serialize, SerializeMap, Serializer};

pub const ID_HEADER: HeaderName = HeaderName::from_static("x-restate-id");
const SOURCE_HEADER: HeaderName = HeaderName::from_static("x-restate-error-source");

/// Why the ingress refuses a request.
#[derive(Debug, thiserror::Error)]
pub enum IngressError {
    #[error(transparent)]
    Path(#[from] BadPath),
    #[error("a token is needed: send the header \"authorization: Bearer TOKEN\"")]
    Unauthorized,
    #[error("the token is not known: it may be revoked, or misspelt")]
    WrongToken,
    #[error("too many wrong tokens came from your address; wait a minute")]
    TooManyLogins,
    #[error("the token does not allow to call the service '{0}'")]
    Forbidden(String),
    #[error("the token does not allow to call all services, and what this belongs to is not known")]
    ForbiddenHere,
    #[error(
        "the host '{0}' is not a name of this server; if it should be one, add it to the setting \
         ingress.allowed_hosts"
    )]
    ForeignHost(String),
    #[error(
        "pages of the origin '{0}' may not call this server; if they should, add it to the setting \
         ingress.cors_origins"
    )]
    ForeignOrigin(String),
    #[error("method not allowed")]
    MethodNotAllowed,
    #[error(
        "the service '{service}' exists, but the handler '{handler}' was not found, check that the \
         handler exists in the latest registered service version."
    )]
    UnknownHandler { service: String, handler: String },
    #[error("the invoked service is not public")]
    Private,
    #[error(transparent)]
    Input(#[from] BadInput),
    #[error(transparent)]
    Delay(#[from] BadDelay),
    #[error("cannot use the delay query parameter with calls. The delay is supported only with sends")]
    DelayOnCall,
    #[error(
        "cannot use the idempotency key with workflow handlers. The handler invocation will already be \
         idempotent by the workflow key itself."
    )]
    IdempotencyKeyOnWorkflow,
    #[error(transparent)]
    KeyTooLong(#[from] KeyTooLong),
    #[error("limit-key requires a scope to be set")]
    LimitKeyWithoutScope,
    #[error("bad query: {0}")]
    Query(String),
    #[error("bad header {0}: the value is not visible ASCII")]
    Header(HeaderName),
    #[error("length limit exceeded")]
    BodyTooLarge,
    #[error("cannot read body: the connection ended before the body did")]
    BodyBroken,
    #[error("cannot read body: nothing of it came for a long while")]
    BodyStalled,
    #[error("cannot read body: invalid {what} body: {why}")]
    BodyContent { what: &'static str, why: String },
    #[error("invocation not found")]
    InvocationNotFound,
    #[error("the invocation exists but has not completed yet")]
    NotReady,
    #[error("{0} are not supported yet by this version of abide")]
    Unsupported(&'static str),
    #[error(
        "the server stops; what it has accepted goes on once it is up again{}",
        if *is_repeatable { ", so ask again then" } else { ", so submitting it again may run it twice" }
    )]
    Stopping { is_repeatable: bool },
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<BadBody> for IngressError {
    fn from(bad: BadBody) -> Self {
        match bad {
            BadBody::TooLarge { .. } => Self::BodyTooLarge,
            BadBody::Broken => Self::BodyBroken,
            BadBody::Stalled => Self::BodyStalled,
            BadBody::NoRoom(overload) => Self::Engine(overload.into()),
        }
    }
}

impl IngressError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Path(BadPath::NotFound | BadPath::UnknownService(_))
            | Self::UnknownHandler { .. }
            | Self::InvocationNotFound => StatusCode::NOT_FOUND,
            Self::Path(
                BadPath::Malformed(_)
                | BadPath::PlainShape
                | BadPath::PrefixedShape
                | BadPath::InvocationShape
                | BadPath::WorkflowShape
                | BadPath::AwakeableShape
                | BadPath::KeyEncoding(_)
                | BadPath::KeyTooLong(_)
                | BadPath::InvocationId { .. }
                | BadPath::AwakeableId { .. },
            )
            | Self::Private
            | Self::Input(_)
            | Self::Delay(_)
            | Self::DelayOnCall
            | Self::IdempotencyKeyOnWorkflow
            | Self::KeyTooLong(_)
            | Self::LimitKeyWithoutScope
            | Self::Query(_)
            | Self::Header(_)
            | Self::BodyBroken
            | Self::BodyContent { .. } => StatusCode::BAD_REQUEST,
            Self::Unauthorized | Self::WrongToken => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::ForbiddenHere | Self::ForeignHost(_) | Self::ForeignOrigin(_) => {
                StatusCode::FORBIDDEN
            }
            Self::TooManyLogins => StatusCode::TOO_MANY_REQUESTS,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyStalled => StatusCode::REQUEST_TIMEOUT,
            Self::NotReady => status_of_code(470),
            Self::Unsupported(_) => StatusCode::NOT_IMPLEMENTED,
            Self::Stopping { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Engine(error) => engine_status(error),
        }
    }

    /// Says whether what was asked may have been accepted, and would be done twice if it were asked again.
    fn is_done_twice(&self) -> bool {
        matches!(
            self,
            Self::Stopping { is_repeatable: false }
                | Self::Engine(EngineError::Interrupted { is_repeatable: false, .. })
        )
    }

    /// Returns what a program can do about it, beside the message that existing clients know.
    fn metadata(&self) -> Vec<Header> {
        let Self::Engine(EngineError::Overloaded(overload)) = self else { return Vec::new() };
        let header = |name: &str, value: String| Header { name: name.to_owned(), value };
        vec![
            header("limit", overload.limit().to_owned()),
            header("reason", overload.to_string()),
            header("hint", overload.hint().to_owned()),
        ]
    }

    fn message(&self) -> String {
        match self {
            Self::Engine(EngineError::Overloaded(_)) => {
                "too many requests, the ingress is overloaded. Retry later.".to_owned()
            }
            Self::Engine(EngineError::Stopped { reason }) => {
                format!("the server takes no requests now: {reason}. Retry later.")
            }
            other => other.to_string(),
        }
    }
}

impl IntoResponse for IngressError {
    fn into_response(self) -> Response {
        let status = self.status();
        if let Self::BodyTooLarge = self {
            // Plain text without a source, as existing clients know it.
            return (status, "length limit exceeded").into_response();
        }
        log_fault(&self, status);
        let (message, metadata) = (self.message(), self.metadata());
        let body =
            ErrorBody { code: status.as_u16(), message: &message, metadata: &metadata, source: "ingress" };
        let mut response = body.into_response(status);
        if let Self::Engine(error) = &self {
            spread_retry(&mut response, error);
        }
        challenge(&mut response);
        if !self.is_done_twice() {
            advise_retry(&mut response);
        }
        response
    }
}

/// Builds the answer for an invocation that failed for good.
pub fn failed(id: InvocationId, failure: &Failure) -> Response {
    let Failure { code, message, metadata } = failure;
    let body = ErrorBody { code: *code, message, metadata, source: "invocation" };
    let mut response = body.into_response(status_of_code(*code));
    response.headers_mut().insert(ID_HEADER, id_value(id));
    response
}

/// Builds the answer for an attach to an invocation that is not there.
pub fn nothing_to_attach_to(id: InvocationId) -> Response {
    failed(id, &Failure::new(404, "not found"))
}

/// Builds the answer for a call of a workflow that was submitted before.
pub fn workflow_known(id: InvocationId) -> Response {
    failed(id, &Failure::new(409, "the workflow method was already invoked"))
}

/// Returns the header value of an id.
pub fn id_value(id: InvocationId) -> HeaderValue {
    HeaderValue::try_from(id.to_string()).expect("an id is ASCII")
}

/// Returns the status for the code of a failure: the code itself where HTTP can carry it together
/// with a body. 1xx are no final answers and would break the connection.
fn status_of_code(code: u16) -> StatusCode {
    const BODILESS: [StatusCode; 3] =
        [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::NOT_MODIFIED];
    match StatusCode::from_u16(code) {
        Ok(status) if !status.is_informational() && !BODILESS.contains(&status) => status,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

struct ErrorBody<'a> {
    code: u16,
    message: &'a str,
    metadata: &'a [Header],
    source: &'static str,
}

impl ErrorBody<'_> {
    fn into_response(self, status: StatusCode) -> Response {
        let source = HeaderValue::from_static(self.source);
        (status, [(SOURCE_HEADER, source)], Json(self)).into_response()
    }
}

impl Serialize for ErrorBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", &self.code)?;
        map.serialize_entry("message", self.message)?;
        if !self.metadata.is_empty() {
            map.serialize_entry("metadata", &Metadata(self.metadata))?;
        }
        map.serialize_entry("source", self.source)?;
        map.end()
    }
}

struct Metadata<'a>(&'a [Header]);

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|header| (&header.name, &header.value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Overload;

    #[test]
    fn a_handlers_code_is_the_status_where_http_can_carry_it() {
        let cases = [
            (200, 200),
            (204, 500),
            (302, 302),
            (304, 500),
            (400, 400),
            (404, 404),
            (409, 409),
            (418, 418),
            (470, 470),
            (500, 500),
            (503, 503),
            (599, 599),
            (600, 600),
            (999, 999),
            (0, 500),
            (99, 500),
            (100, 500),
            (101, 500),
            (1000, 500),
            (65535, 500),
        ];
        for (code, status) in cases {
            assert_eq!(status_of_code(code).as_u16(), status, "{code}");
        }
    }

    #[tokio::test]
    async fn too_much_to_do_names_its_limit_and_says_when_to_come_back() {
        for overload in Overload::ALL {
            let response = IngressError::Engine(overload.into()).into_response();
            assert_eq!(response.status(), 429);
            let seconds: u8 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=3).contains(&seconds), "{seconds}");
            let body: serde_json::Value = serde_json::from_str(&body_of(response).await).unwrap();
            assert_eq!(body["code"], 429);
            assert_eq!(body["message"], "too many requests, the ingress is overloaded. Retry later.");
            assert_eq!(body["metadata"]["limit"], overload.limit());
            assert_eq!(body["metadata"]["hint"], overload.hint());
        }
    }

    #[tokio::test]
    async fn who_may_have_been_accepted_is_told_and_asked_again_only_where_that_is_one_invocation() {
        for (is_repeatable, advice) in [(true, "ask again then"), (false, "may do it twice")] {
            let reason = "the disk is broken".to_owned();
            let response =
                IngressError::Engine(EngineError::Interrupted { reason, is_repeatable }).into_response();
            assert_eq!(response.status(), 503);
            assert_eq!(response.headers().contains_key("retry-after"), is_repeatable);
            let said = body_of(response).await;
            assert!(said.contains("the disk is broken; this may have been accepted"), "{said}");
            assert!(said.contains(advice), "{said}");
        }
    }

    async fn body_of(response: Response) -> String {
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn failure(code: u16) -> Failure {
        let metadata = vec![Header { name: "reason".into(), value: "dup".into() }];
        Failure { code, message: "m".into(), metadata }
    }

    #[tokio::test]
    async fn a_failure_keeps_its_number_and_names_its_invocation() {
        let id = InvocationId { unique: 1, partition_key: 2 };
        let response = failed(id, &failure(1000));
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["x-restate-id"], id.to_string());
        assert_eq!(response.headers()["x-restate-error-source"], "invocation");
        assert_eq!(response.headers()["content-type"], "application/json");
        let body = body_of(response).await;
        assert_eq!(body, r#"{"code":1000,"message":"m","metadata":{"reason":"dup"},"source":"invocation"}"#);
    }

    #[tokio::test]
    async fn ingress_errors_have_the_known_bodies() {
        let cases = [
            (IngressError::NotReady, 470, "the invocation exists but has not completed yet"),
            (IngressError::MethodNotAllowed, 405, "method not allowed"),
            (IngressError::Private, 400, "the invoked service is not public"),
            (IngressError::InvocationNotFound, 404, "invocation not found"),
            (
                IngressError::IdempotencyKeyOnWorkflow,
                400,
                "cannot use the idempotency key with workflow handlers. The handler invocation will \
                 already be idempotent by the workflow key itself.",
            ),
            (
                IngressError::Engine(EngineError::Stopped { reason: "the disk is full".into() }),
                503,
                "the server takes no requests now: the disk is full. Retry later.",
            ),
            (
                IngressError::Unsupported("scopes"),
                501,
                "scopes are not supported yet by this version of abide",
            ),
        ];
        for (error, status, message) in cases {
            let response = error.into_response();
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers()["x-restate-error-source"], "ingress");
            assert_eq!(response.headers().contains_key("retry-after"), status == 429 || status == 503);
            let expected = format!(r#"{{"code":{status},"message":"{message}","source":"ingress"}}"#);
            assert_eq!(body_of(response).await, expected);
        }
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_plain_text() {
        let response = IngressError::BodyTooLarge.into_response();
        assert_eq!(response.status(), 413);
        assert!(!response.headers().contains_key("x-restate-error-source"));
        assert_eq!(body_of(response).await, "length limit exceeded");
    }
}
