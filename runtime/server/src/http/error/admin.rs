//! Errors of the admin port.

use super::{advise_retry, challenge, engine_status, log_fault, spread_retry};
use crate::access::TokenError;
use crate::deploy::UploadError;
use crate::engine::EngineError;
use crate::http::body::BadBody;
use crate::sql::SqlError;
use crate::upgrade::UpgradeError;
use abide_core::ids::{InvocationId, ParseIdError};
use abide_core::limits::{APART_BYTES, EDITED_BYTES_MAX, SIGNALS_KEPT};
use abide_core::target::ObjectKey;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

/// Why the admin port refuses a request.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("no such path on the admin port: {0}")]
    UnknownPath(String),
    #[error("this path does not know the method {0}")]
    MethodNotAllowed(http::Method),
    #[error("the admin port needs a token")]
    Unauthorized,
    #[error("the token is not known: it may be revoked, or misspelt")]
    WrongToken,
    #[error("too many wrong tokens came from your address")]
    TooManyLogins,
    #[error("the token '{name}' has the scope {scope}, this needs {need}")]
    Forbidden { name: String, scope: &'static str, need: &'static str },
    #[error("the host '{0}' is not a name of this server")]
    ForeignHost(String),
    #[error("a page of the origin '{0}' may change nothing here")]
    ForeignOrigin(String),
    #[error(transparent)]
    Token(#[from] TokenError),
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
    #[error("The request field '{field}' is invalid. Reason: {why}")]
    BadId { field: &'static str, text: String, why: ParseIdError },
    #[error("the body is not what this path takes: {0}")]
    BadBody(String),
    #[error("an upload has content-type application/wasm or application/octet-stream, this one has {0}")]
    UploadContentType(String),
    #[error("the body is larger than the limit of {}", size(*bytes_max))]
    TooLarge { bytes_max: usize },
    #[error("the body is larger than the limit of {}", size(*bytes_max))]
    UploadTooLarge { bytes_max: usize },
    #[error("the upload was cut short: the connection ended before the body did")]
    CutShort,
    #[error("the upload stalled: nothing of the body came for a long while")]
    Stalled,
    #[error("The invocation '{0}' was already completed.")]
    Completed(InvocationId),
    #[error("The invocation '{0}' is not yet completed.")]
    NotCompleted(InvocationId),
    #[error("The invocation '{0}' has not started yet, so there is nothing to resume.")]
    NotStarted(InvocationId),
    #[error("The invocation '{0}' has not started yet, so there is nothing to pause.")]
    NotPausable(InvocationId),
    #[error("The invocation '{0}' is the run of a workflow, which happens once per key.")]
    RestartOfRun(InvocationId),
    #[error("The journal of the invocation '{0}' has been purged, and its input with it.")]
    JournalPurged(InvocationId),
    #[error(
        "The journal of the invocation '{0}' has more bytes than an attempt is given (JOURNAL_BYTES_BEGUN_MAX), so it \
         cannot go on."
    )]
    Overfull(InvocationId),
    #[error("The invocation '{id}' cannot be restarted from there: {why}.")]
    BadRestart { id: InvocationId, why: String },
    #[error("The deployment '{deployment}' does not offer the handler '{target}' of the invocation '{id}'.")]
    NotOffered { id: InvocationId, target: String, deployment: String },
    #[error(
        "The deployment '{deployment}' offers the handler '{target}' of the invocation '{id}' as one of another \
         kind: a service is not an object, and an exclusive handler is not a shared one."
    )]
    OtherKind { id: InvocationId, target: String, deployment: String },
    #[error(
        "The invocation '{0}' keeps {SIGNALS_KEPT} signals that it has not received yet, which is the limit \
         (SIGNALS_KEPT)."
    )]
    SignalsFull(InvocationId),
    #[error("the value of a signal is sent with content-type application/json, this one has {0}")]
    SignalContentType(String),
    #[error("the body is sent with content-type application/json, this one has {0}")]
    JsonContentType(String),
    #[error("'{0}' is a plain service, which has no keys and no state")]
    NotKeyed(String),
    #[error("The state of {0} is not as it was when it was looked at.")]
    StateChanged(ObjectKey),
    #[error("A handler that may write the state of {0} has not ended.")]
    KeyHeld(ObjectKey),
    #[error("There is no run of the workflow {0}, and without one it has no state.")]
    UnknownWorkflow(ObjectKey),
    #[error(
        "The new state is too large for one edit: names and values together may have {EDITED_BYTES_MAX} bytes \
         (EDITED_BYTES_MAX), of each value {APART_BYTES} count."
    )]
    StateTooLarge,
    #[error("the server takes no work now: {0}")]
    Unhealthy(String),
    #[error("this server keeps everything in memory, there is nothing to back up")]
    NothingToBackUp,
    /// Another one runs.
    #[error(transparent)]
    Backup(abide_store::Error),
    #[error(transparent)]
    Sql(#[from] SqlError),
    #[error(transparent)]
    Upload(UploadError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// An upgrade that was not made; the details say for whom.
    #[error("{error}")]
    Upgrade { error: Box<UpgradeError>, details: Option<serde_json::Value> },
    #[error("the server could not finish this: {0}")]
    Internal(String),
}

impl From<BadBody> for AdminError {
    fn from(bad: BadBody) -> Self {
        match bad {
            BadBody::TooLarge { bytes_max } => Self::TooLarge { bytes_max },
            BadBody::Broken => Self::CutShort,
            BadBody::Stalled => Self::Stalled,
            BadBody::NoRoom(overload) => Self::Engine(overload.into()),
        }
    }
}

fn size(bytes: usize) -> String {
    if bytes < 1 << 20 { format!("{} KiB", bytes >> 10) } else { format!("{} MiB", bytes >> 20) }
}

/// The beginning of a text that is no id, for who sent it.
const ID_SHOWN_CHARS: usize = 64;

fn id_hint(field: &str, text: &str) -> String {
    let shown: String = text.chars().take(ID_SHOWN_CHARS).collect();
    let (beginning, list) = match field {
        "deployment_id" => ("dp_", "/deployments"),
        _ => ("inv_", "/invocations"),
    };
    format!("'{shown}' is no id: one begins with {beginning}; GET {list} lists them")
}

impl AdminError {
    /// Says why there is no component.
    #[must_use]
    pub fn of_upload(bad: BadBody) -> Self {
        match bad {
            BadBody::TooLarge { bytes_max } => Self::UploadTooLarge { bytes_max },
            BadBody::Broken | BadBody::Stalled | BadBody::NoRoom(_) => bad.into(),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::UnknownPath(_)
            | Self::UnknownDeployment(_)
            | Self::UnknownService(_)
            | Self::UnknownHandler { .. }
            | Self::UnknownWorkflow(_)
            | Self::UnknownInvocation(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthorized | Self::WrongToken => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. } | Self::ForeignHost(_) | Self::ForeignOrigin(_) => StatusCode::FORBIDDEN,
            Self::Token(error) => token_status(error),
            Self::BadField { .. }
            | Self::BadId { .. }
            | Self::BadBody(_)
            | Self::CutShort
            | Self::NotKeyed(_)
            | Self::BadRestart { .. } => StatusCode::BAD_REQUEST,
            Self::UploadContentType(_) | Self::SignalContentType(_) | Self::JsonContentType(_) => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::TooLarge { .. } | Self::UploadTooLarge { .. } | Self::StateTooLarge => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::Stalled => StatusCode::REQUEST_TIMEOUT,
            Self::Completed(_)
            | Self::NotCompleted(_)
            | Self::StateChanged(_)
            | Self::KeyHeld(_)
            | Self::Upgrade { .. }
            | Self::NotPausable(_)
            | Self::Overfull(_)
            | Self::NothingToBackUp
            | Self::Backup(_) => StatusCode::CONFLICT,
            Self::NotStarted(_) => StatusCode::TOO_EARLY,
            Self::JournalPurged(_) => StatusCode::GONE,
            Self::RestartOfRun(_) | Self::NotOffered { .. } | Self::OtherKind { .. } => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::SignalsFull(_) | Self::TooManyLogins => StatusCode::TOO_MANY_REQUESTS,
            Self::Unhealthy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Sql(error) => sql_status(error),
            Self::Upload(error) => upload_status(error),
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Engine(error) => engine_status(error),
        }
    }

    /// Returns the word by which a program knows the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownPath(_) => "unknown_path",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::Unauthorized => "unauthorized",
            Self::WrongToken => "wrong_token",
            Self::TooManyLogins => "too_many_logins",
            Self::Forbidden { .. } => "forbidden",
            Self::ForeignHost(_) => "foreign_host",
            Self::ForeignOrigin(_) => "foreign_origin",
            Self::Token(error) => token_code(error),
            Self::UnknownDeployment(_) => "unknown_deployment",
            Self::UnknownService(_) => "unknown_service",
            Self::UnknownHandler { .. } => "unknown_handler",
            Self::UnknownInvocation(_) => "unknown_invocation",
            Self::BadField { .. } | Self::BadId { .. } => "bad_field",
            Self::BadBody(_) => "bad_body",
            Self::UploadContentType(_) => "upload_content_type",
            Self::TooLarge { .. } | Self::UploadTooLarge { .. } => "too_large",
            Self::CutShort => "cut_short",
            Self::Stalled => "stalled",
            Self::Completed(_) => "completed",
            Self::NotCompleted(_) => "not_completed",
            Self::NotStarted(_) | Self::NotPausable(_) => "not_started",
            Self::RestartOfRun(_) => "workflow_run",
            Self::JournalPurged(_) => "journal_purged",
            Self::Overfull(_) => "journal_overfull",
            Self::BadRestart { .. } => "bad_restart",
            Self::NotOffered { .. } => "handler_not_offered",
            Self::OtherKind { .. } => "handler_of_other_kind",
            Self::SignalsFull(_) => "signals_full",
            Self::SignalContentType(_) => "signal_content_type",
            Self::JsonContentType(_) => "json_content_type",
            Self::NotKeyed(_) => "not_keyed",
            Self::StateChanged(_) => "state_changed",
            Self::KeyHeld(_) => "key_held",
            Self::UnknownWorkflow(_) => "unknown_workflow",
            Self::StateTooLarge => "state_too_large",
            Self::Sql(error) => sql_code(error),
            Self::NothingToBackUp => "nothing_to_back_up",
            Self::Backup(_) => "backup_not_begun",
            Self::Unhealthy(_)
            | Self::Engine(
                EngineError::Stopped { .. } | EngineError::Interrupted { is_repeatable: true, .. },
            )
            | Self::Upload(UploadError::Stopped(_)) => "stopped",
            Self::Engine(EngineError::Interrupted { is_repeatable: false, .. }) => "interrupted",
            Self::Upload(UploadError::Invalid(invalid)) => invalid.code,
            Self::Engine(EngineError::Overloaded(_)) => "overloaded",
            Self::Engine(EngineError::Purged) => "purged",
            Self::Upgrade { error, .. } => upgrade_code(error),
            Self::Upload(UploadError::Component(_) | UploadError::Store(_) | UploadError::Codec(_))
            | Self::Engine(EngineError::Fault(_))
            | Self::Internal(_) => "internal",
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::WrongToken => "the abide command takes the token from ABIDE_ADMIN_TOKEN",
            Self::TooManyLogins => "wait a minute; a token made by \"abide tokens create\" is let in at once",
            Self::Forbidden { .. } => "use another token; \"abide tokens list\" shows them",
            Self::ForeignHost(_) => {
                "call it by localhost or its address, or add the name to the setting admin.allowed_hosts"
            }
            Self::ForeignOrigin(_) => "only the web page of this server itself may",
            Self::Token(error) => return token_hint(error),
            Self::Unauthorized => {
                "send the header \"authorization: Bearer TOKEN\" with a token of this server; the abide command takes it from ABIDE_ADMIN_TOKEN"
            }
            Self::UnknownDeployment(_) => "GET /deployments lists them",
            Self::UnknownService(_) | Self::UnknownHandler { .. } => {
                "GET /services lists them; a new one comes with \"abide deploy\""
            }
            Self::UnknownInvocation(_) => "GET /invocations lists them",
            Self::NotCompleted(_) => "cancel it or kill it first",
            Self::NotStarted(_) => "GET /invocations/{id} says what it waits for",
            Self::Overfull(_) => "cancel it or kill it: that ends it and the calls it waits for",
            Self::NotPausable(_) => {
                "cancel it, or let it begin first; GET /invocations/{id} says what it waits for"
            }
            Self::RestartOfRun(_) => "purge it, then submit the workflow again",
            Self::JournalPurged(_) => {
                "call the handler again; GET /services/{name} says how long its journal_retention is"
            }
            Self::BadRestart { .. } => {
                "GET /invocations/{id}/journal shows its operations; without \"from\" it is done from the beginning"
            }
            Self::NotOffered { .. } | Self::OtherKind { .. } => {
                "GET /deployments/{id} says what a deployment offers; deployment=keep stays on the code it has"
            }
            Self::SignalsFull(_) => "see whether its handler still waits for signals of this name",
            Self::SignalContentType(_) => "with curl: --json VALUE, for example --json null",
            Self::JsonContentType(_) => "with curl: --json BODY",
            Self::NotKeyed(_) => "GET /services lists them with their kinds",
            Self::StateChanged(_) => "look at it again, and change what is there now",
            Self::KeyHeld(_) => {
                "wait for its end, or cancel it; \"force\":true edits all the same, though it does not see that and may overwrite it"
            }
            Self::UnknownWorkflow(_) => "GET /services/{name}/objects lists those with a state",
            Self::StateTooLarge => "write a handler for it, and call that in parts",
            Self::UploadContentType(_) => {
                "with curl: -H 'content-type: application/wasm' --data-binary @FILE"
            }
            Self::BadId { field, text, .. } => return Some(id_hint(field, text)),
            Self::TooLarge { .. } => "send less at once",
            Self::UploadTooLarge { .. } => "build the component with --release, and strip its debug information",
            Self::Engine(error) => engine_hint(error),
            Self::CutShort | Self::Stalled => "nothing was registered; send it again",
            Self::Unhealthy(_) | Self::Upload(UploadError::Stopped(_)) => LATER,
            Self::Upload(UploadError::Component(_) | UploadError::Store(_) | UploadError::Codec(_))
            | Self::Internal(_) => LOOK_INTO_LOG,
            Self::Upload(UploadError::Invalid(invalid)) => return Some(invalid.hint.clone()),
            Self::Upgrade { error, .. } => return upgrade_hint(error).map(str::to_owned),
            Self::Sql(error) => return sql_hint(error),
            Self::UnknownPath(_)
            | Self::MethodNotAllowed(_)
            | Self::BadField { .. }
            | Self::BadBody(_)
            | Self::Completed(_)
            // The error itself says what to do.
            | Self::Backup(_) => return None,
            Self::NothingToBackUp => "start a server with a data folder",
        };
        Some(hint.to_owned())
    }
}

const LATER: &str = "try again later; the log of the server says more";
const LOOK_INTO_LOG: &str = "the log of the server says more";

fn engine_hint(error: &EngineError) -> &'static str {
    match error {
        EngineError::Overloaded(overload) => overload.hint(),
        EngineError::Interrupted { is_repeatable: false, .. } => {
            "look whether it was done once the server is up again, before you ask for it once more"
        }
        EngineError::Stopped { .. }
        | EngineError::Interrupted { is_repeatable: true, .. }
        | EngineError::Purged => LATER,
        EngineError::Fault(_) => LOOK_INTO_LOG,
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
        if let Self::BadField { field, .. } | Self::BadId { field, .. } = &self {
            body["field"] = (*field).into();
        }
        if let Self::Sql(SqlError::Bad { position: Some(position), .. }) = &self {
            body["position"] = serde_json::json!(position);
        }
        if let Self::Upgrade { details: Some(details), .. } = &self {
            body["details"] = details.clone();
        }
        let mut response = (status, Json(body)).into_response();
        challenge(&mut response);
        if let Self::Engine(error) = &self {
            spread_retry(&mut response, error);
        }
        if !matches!(self, Self::Engine(EngineError::Interrupted { is_repeatable: false, .. })) {
            advise_retry(&mut response);
        }
        response
    }
}

/// Those that have errors of their own here are turned into them before.
fn upgrade_code(error: &UpgradeError) -> &'static str {
    match error {
        UpgradeError::Diverges(_) => "upgrade_diverges",
        UpgradeError::Breaks(_) => "breaking_change",
        UpgradeError::KindChanged(_) => "name_clash",
        UpgradeError::InUse(_) => "deployment_in_use",
        UpgradeError::NotLoaded(_) => "deployment_not_loaded",
        UpgradeError::Unknown(_) => "unknown_deployment",
        UpgradeError::Upload(_) | UpgradeError::Engine(_) => "internal",
    }
}

fn upgrade_hint(error: &UpgradeError) -> Option<&'static str> {
    match error {
        UpgradeError::Diverges(_) => Some(
            "with force=true it takes new calls, and what runs stays on its code; migrate=true moves those that fit",
        ),
        UpgradeError::Breaks(_) => {
            Some("with breaking=true it takes new calls, and what has begun stays on its code")
        }
        UpgradeError::KindChanged(_) => {
            Some("give the new one another name, or repeat it with breaking=true if that is meant")
        }
        UpgradeError::InUse(_) => Some(
            "deploy or promote another, and let what runs end or move it; force=true removes it all the same",
        ),
        UpgradeError::NotLoaded(_) => Some("deploy it again"),
        UpgradeError::Unknown(_) => Some("GET /deployments lists them"),
        UpgradeError::Upload(_) | UpgradeError::Engine(_) => None,
    }
}

fn sql_status(error: &SqlError) -> StatusCode {
    match error {
        SqlError::Bad { .. } => StatusCode::BAD_REQUEST,
        SqlError::ReadOnly { .. } => StatusCode::FORBIDDEN,
        SqlError::Timeout { .. } | SqlError::Memory => StatusCode::BAD_REQUEST,
        SqlError::Busy { .. } => StatusCode::TOO_MANY_REQUESTS,
        SqlError::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        SqlError::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn sql_code(error: &SqlError) -> &'static str {
    match error {
        SqlError::Bad { .. } => "bad_sql",
        SqlError::ReadOnly { .. } => "sql_read_only",
        SqlError::Timeout { .. } => "sql_timeout",
        SqlError::Memory => "sql_memory",
        SqlError::Busy { .. } => "sql_busy",
        SqlError::TooLong { .. } => "too_large",
        SqlError::Broken(_) => "internal",
    }
}

fn sql_hint(error: &SqlError) -> Option<String> {
    let hint = match error {
        SqlError::Bad { hint, .. } => return hint.clone(),
        SqlError::ReadOnly { .. } => {
            "what can be changed has a path of its own on this port; GET /openapi lists them"
        }
        SqlError::Timeout { .. } => {
            "narrow it: by id, by service and key, by status or by created_at; or ORDER BY created_at DESC LIMIT 100"
        }
        SqlError::Memory => "sort and group less: narrow it, or take fewer columns",
        SqlError::Busy { .. } => "try again when they have ended",
        SqlError::TooLong { .. } => "ask for less at once",
        SqlError::Broken(_) => "the log of the server says more",
    };
    Some(hint.to_owned())
}

fn token_status(error: &TokenError) -> StatusCode {
    match error {
        TokenError::Bad(_) => StatusCode::BAD_REQUEST,
        TokenError::Exists(_) | TokenError::TooMany | TokenError::Configured(_) => StatusCode::CONFLICT,
        TokenError::Unknown(_) => StatusCode::NOT_FOUND,
        TokenError::Store(error) => upload_status(error),
    }
}

fn token_code(error: &TokenError) -> &'static str {
    match error {
        TokenError::Bad(_) => "bad_token",
        TokenError::Exists(_) => "token_exists",
        TokenError::TooMany => "too_many_tokens",
        TokenError::Configured(_) => "token_configured",
        TokenError::Unknown(_) => "unknown_token",
        TokenError::Store(UploadError::Stopped(_)) => "stopped",
        TokenError::Store(_) => "internal",
    }
}

fn token_hint(error: &TokenError) -> Option<String> {
    let hint = match error {
        TokenError::Bad(_) => return None,
        TokenError::Exists(_) => "revoke it first, or choose another name",
        TokenError::TooMany => "revoke those that are not used any more",
        TokenError::Configured(_) => "remove it from the configuration, and send SIGHUP to the server",
        TokenError::Unknown(_) => "GET /tokens lists them",
        TokenError::Store(_) => "the log of the server says more",
    };
    Some(hint.to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    async fn body_of(response: Response) -> String {
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
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

    #[tokio::test]
    async fn what_cannot_be_done_to_an_invocation_says_why() {
        let id = InvocationId { unique: 1, partition_key: 2 };
        let cases = [
            (
                AdminError::UnknownInvocation(id),
                404,
                "unknown_invocation",
                format!("The requested invocation '{id}' does not exist"),
            ),
            (
                AdminError::Completed(id),
                409,
                "completed",
                format!("The invocation '{id}' was already completed."),
            ),
            (
                AdminError::NotCompleted(id),
                409,
                "not_completed",
                format!("The invocation '{id}' is not yet completed."),
            ),
            (
                AdminError::NotStarted(id),
                425,
                "not_started",
                format!("The invocation '{id}' has not started yet, so there is nothing to resume."),
            ),
            (
                AdminError::SignalsFull(id),
                429,
                "signals_full",
                format!(
                    "The invocation '{id}' keeps 1000 signals that it has not received yet, which is the limit (SIGNALS_KEPT)."
                ),
            ),
        ];
        for (error, status, code, message) in cases {
            let response = error.into_response();
            assert_eq!(response.status().as_u16(), status);
            let body: serde_json::Value = serde_json::from_str(&body_of(response).await).unwrap();
            assert_eq!((&body["code"], &body["message"]), (&code.into(), &message.into()));
        }
    }

    #[test]
    fn what_is_too_large_is_an_upload_or_not() {
        let hint = |error: AdminError| (error.to_string(), error.hint().unwrap());
        let (message, upload) = hint(AdminError::of_upload(BadBody::TooLarge { bytes_max: 64 << 20 }));
        assert!(message.ends_with("64 MiB") && upload.contains("--release"), "{message} {upload}");
        let (message, other) = hint(BadBody::TooLarge { bytes_max: 256 << 10 }.into());
        assert!(message.ends_with("256 KiB") && !other.contains("component"), "{message} {other}");
    }
}
