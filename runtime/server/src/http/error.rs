//! Which error becomes which status and body. Only this module knows the statuses of errors.
//!
//! Ingress errors are `{"code","message","metadata"?,"source"}` with `source` "ingress", or
//! "invocation" when it is the handler that failed. Admin errors are `{"message","code","hint"?}`;
//! their codes are promises.

mod admin;
mod ingress;

pub use admin::AdminError;
pub use ingress::{ID_HEADER, IngressError, failed, id_value, nothing_to_attach_to, workflow_known};

use crate::engine::EngineError;
use crate::http::limits::RETRY_AFTER_SECONDS;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};

fn engine_status(error: &EngineError) -> StatusCode {
    match error {
        EngineError::Overloaded => StatusCode::TOO_MANY_REQUESTS,
        EngineError::Stopped { .. } | EngineError::Purged => StatusCode::SERVICE_UNAVAILABLE,
        EngineError::Fault(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn advise_retry(response: &mut Response) {
    if matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    }
}

/// Tells a client that sent no token which kind is asked for.
fn challenge(response: &mut Response) {
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
}

fn log_fault(error: &impl std::error::Error, status: StatusCode) {
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(%error, "a request failed for a reason of ours");
    }
}
