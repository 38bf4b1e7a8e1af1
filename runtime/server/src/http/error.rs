//! Which error becomes which status and body. The only file that knows statuses of errors.
//!
//! Ingress errors are `{"code","message","metadata"?,"source"}` with `source` "ingress", or
//! "invocation" when it is the handler that failed. Admin errors are `{"message","code","hint"?}`;
//! their codes are promises.

use crate::deploy::UploadError;
use crate::engine::EngineError;
use crate::http::body::BadBody;
use crate::http::content::BadInput;
use crate::http::delay::BadDelay;
use crate::http::limits::RETRY_AFTER_SECONDS;
use crate::http::path::BadPath;
use abide_core::entry::{Failure, Header};
use abide_core::ids::InvocationId;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::ser::{Serialize, SerializeMap, Serializer};

pub const ID_HEADER: HeaderName = HeaderName::from_static("x-restate-id");
const SOURCE_HEADER: HeaderName = HeaderName::from_static("x-restate-error-source");

/// Why the ingress refuses a request.
#[derive(Debug, thiserror::Error)]
pub enum IngressError {
    #[error(transparent)]
    Path(#[from] BadPath),
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
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<BadBody> for IngressError {
    fn from(bad: BadBody) -> Self {
        match bad {
            BadBody::TooLarge { .. } => Self::BodyTooLarge,
            BadBody::Broken => Self::BodyBroken,
            BadBody::Stalled => Self::BodyStalled,
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
                | BadPath::InvocationId { .. }
                | BadPath::AwakeableId { .. },
            )
            | Self::Private
            | Self::Input(_)
            | Self::Delay(_)
            | Self::DelayOnCall
            | Self::LimitKeyWithoutScope
            | Self::Query(_)
            | Self::Header(_)
            | Self::BodyBroken
            | Self::BodyContent { .. } => StatusCode::BAD_REQUEST,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyStalled => StatusCode::REQUEST_TIMEOUT,
            Self::NotReady => status_of_code(470),
            Self::Unsupported(_) => StatusCode::NOT_IMPLEMENTED,
            Self::Engine(error) => engine_status(error),
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Engine(EngineError::Overloaded) => {
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
        let body =
            ErrorBody { code: status.as_u16(), message: &self.message(), metadata: &[], source: "ingress" };
        let mut response = body.into_response(status);
        advise_retry(&mut response);
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

fn engine_status(error: &EngineError) -> StatusCode {
    match error {
        EngineError::Overloaded => StatusCode::TOO_MANY_REQUESTS,
        EngineError::Stopped { .. } => StatusCode::SERVICE_UNAVAILABLE,
        EngineError::Fault(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn upload_status(error: &UploadError) -> StatusCode {
    match error {
        UploadError::Invalid(invalid) if invalid.code == "name_clash" => StatusCode::CONFLICT,
        UploadError::Invalid(_) => StatusCode::BAD_REQUEST,
        UploadError::Stopped(_) => StatusCode::SERVICE_UNAVAILABLE,
        UploadError::Component(_) | UploadError::Store(_) | UploadError::Codec(_) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

fn advise_retry(response: &mut Response) {
    if matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    }
}

fn log_fault(error: &impl std::error::Error, status: StatusCode) {
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(%error, "a request failed for a reason of ours");
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

/// Why the admin port refuses a request.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("no such path on the admin port: {0}")]
    UnknownPath(String),
    #[error("this path does not know the method {0}")]
    MethodNotAllowed(http::Method),
    #[error("the admin port needs a token")]
    Unauthorized,
    #[error("The requested deployment '{0}' does not exist")]
    UnknownDeployment(String),
    #[error("The requested service '{0}' does not exist")]
    UnknownService(String),
    #[error("The requested handler '{handler}' on service '{service}' does not exist")]
    UnknownHandler { service: String, handler: String },
    #[error("The requested invocation '{0}' does not exist")]
    UnknownInvocation(InvocationId),
    #[error("The request field '{field}' is invalid. Reason: {why}")]
    BadField { field: &'static str, why: String },
    #[error("the body is not what this path takes: {0}")]
    BadBody(String),
    #[error("an upload has content-type application/wasm or application/octet-stream, this one has {0}")]
    UploadContentType(String),
    #[error("the body is larger than the limit of {} MiB", bytes_max >> 20)]
    TooLarge { bytes_max: usize },
    #[error("the upload was cut short: the connection ended before the body did")]
    CutShort,
    #[error("the upload stalled: nothing of the body came for a long while")]
    Stalled,
    #[error("The invocation '{0}' was already completed.")]
    Completed(InvocationId),
    #[error(
        "The invocation '{0}' waits for nothing a person could do: only paused and backing-off ones are resumed."
    )]
    NotStopped(InvocationId),
    #[error("the server takes no work now: {0}")]
    Unhealthy(String),
    #[error(transparent)]
    Upload(UploadError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("the server could not finish this: {0}")]
    Internal(String),
}

impl From<BadBody> for AdminError {
    fn from(bad: BadBody) -> Self {
        match bad {
            BadBody::TooLarge { bytes_max } => Self::TooLarge { bytes_max },
            BadBody::Broken => Self::CutShort,
            BadBody::Stalled => Self::Stalled,
        }
    }
}

impl AdminError {
    fn status(&self) -> StatusCode {
        match self {
            Self::UnknownPath(_)
            | Self::UnknownDeployment(_)
            | Self::UnknownService(_)
            | Self::UnknownHandler { .. }
            | Self::UnknownInvocation(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::BadField { .. } | Self::BadBody(_) | Self::CutShort => StatusCode::BAD_REQUEST,
            Self::UploadContentType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Stalled => StatusCode::REQUEST_TIMEOUT,
            Self::Completed(_) | Self::NotStopped(_) => StatusCode::CONFLICT,
            Self::Unhealthy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Upload(error) => upload_status(error),
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Engine(error) => engine_status(error),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::UnknownPath(_) => "unknown_path",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::Unauthorized => "unauthorized",
            Self::UnknownDeployment(_) => "unknown_deployment",
            Self::UnknownService(_) => "unknown_service",
            Self::UnknownHandler { .. } => "unknown_handler",
            Self::UnknownInvocation(_) => "unknown_invocation",
            Self::BadField { .. } => "bad_field",
            Self::BadBody(_) => "bad_body",
            Self::UploadContentType(_) => "upload_content_type",
            Self::TooLarge { .. } => "too_large",
            Self::CutShort => "cut_short",
            Self::Stalled => "stalled",
            Self::Completed(_) => "completed",
            Self::NotStopped(_) => "not_stopped",
            Self::Unhealthy(_)
            | Self::Engine(EngineError::Stopped { .. })
            | Self::Upload(UploadError::Stopped(_)) => "stopped",
            Self::Upload(UploadError::Invalid(invalid)) => invalid.code,
            Self::Engine(EngineError::Overloaded) => "overloaded",
            Self::Upload(UploadError::Component(_) | UploadError::Store(_) | UploadError::Codec(_))
            | Self::Engine(EngineError::Fault(_))
            | Self::Internal(_) => "internal",
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unauthorized => {
                "send the header \"authorization: Bearer TOKEN\" with the token the server was started with; the abide command takes it from ABIDE_ADMIN_TOKEN"
            }
            Self::UnknownDeployment(_) => "GET /deployments lists them",
            Self::UnknownService(_) | Self::UnknownHandler { .. } => {
                "GET /services lists them; a new one comes with \"abide deploy\""
            }
            Self::UnknownInvocation(_) => "GET /invocations lists them",
            Self::UploadContentType(_) => {
                "with curl: -H 'content-type: application/wasm' --data-binary @FILE"
            }
            Self::TooLarge { .. } => "build the component with --release, and strip its debug information",
            Self::CutShort | Self::Stalled => "nothing was registered; send it again",
            Self::Unhealthy(_)
            | Self::Engine(EngineError::Stopped { .. } | EngineError::Overloaded)
            | Self::Upload(UploadError::Stopped(_)) => "try again later; the log of the server says more",
            Self::Upload(UploadError::Component(_) | UploadError::Store(_) | UploadError::Codec(_))
            | Self::Engine(EngineError::Fault(_))
            | Self::Internal(_) => "the log of the server says more",
            Self::Upload(UploadError::Invalid(invalid)) => return Some(invalid.hint.clone()),
            Self::UnknownPath(_)
            | Self::MethodNotAllowed(_)
            | Self::BadField { .. }
            | Self::BadBody(_)
            | Self::Completed(_)
            | Self::NotStopped(_) => return None,
        };
        Some(hint.to_owned())
    }
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        let status = self.status();
        log_fault(&self, status);
        let mut body = serde_json::json!({ "message": self.to_string(), "code": self.code() });
        if let Some(hint) = self.hint() {
            body["hint"] = hint.into();
        }
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        advise_retry(&mut response);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
                IngressError::Engine(EngineError::Overloaded),
                429,
                "too many requests, the ingress is overloaded. Retry later.",
            ),
            (
                IngressError::Engine(EngineError::Stopped { reason: "the disk is full".into() }),
                503,
                "the server takes no requests now: the disk is full. Retry later.",
            ),
            (
                IngressError::Unsupported("awakeables"),
                501,
                "awakeables are not supported yet by this version of abide",
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

    #[tokio::test]
    async fn admin_errors_have_a_code_and_a_hint() {
        let response = AdminError::UnknownDeployment("dp_1".into()).into_response();
        assert_eq!(response.status(), 404);
        let body = body_of(response).await;
        assert_eq!(
            body,
            r#"{"code":"unknown_deployment","hint":"GET /deployments lists them","message":"The requested deployment 'dp_1' does not exist"}"#
        );
    }
}
