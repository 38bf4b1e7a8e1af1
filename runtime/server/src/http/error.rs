//! Which error becomes which status and body. Only this module knows the statuses of errors.
//!
//! Ingress errors are `{"code","message","metadata"?,"source"}` with `source` "ingress", or
//! "invocation" when it is the handler that failed. Admin errors are `{"message","code","hint"?,"field"?}`;
//! their codes are promises. The hint is for who speaks HTTP; the command line has its own, by the code.

mod admin;
mod ingress;

pub use admin::AdminError;
pub use ingress::{ID_HEADER, IngressError, failed, id_value, nothing_to_attach_to, workflow_known};

use crate::engine::EngineError;
use crate::http::limits::{OVERLOAD_RETRY_SECONDS_MAX, RETRY_AFTER_SECONDS};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};

fn engine_status(error: &EngineError) -> StatusCode {
    match error {
        // The server works, and there is too much of it: 503 says that it takes nothing at all.
        EngineError::Overloaded(_) => StatusCode::TOO_MANY_REQUESTS,
        EngineError::Stopped { .. } | EngineError::Interrupted { .. } | EngineError::Purged => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        EngineError::Fault(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn advise_retry(response: &mut Response) {
    if matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
        // Who knows better has said so.
        response.headers_mut().entry(header::RETRY_AFTER).or_insert(seconds);
    }
}

/// Tells those who came when there was too much to do when to come back.
fn spread_retry(response: &mut Response, error: &EngineError) {
    if let EngineError::Overloaded(_) = error {
        let seconds = u16::from(rand::random_range(1..=OVERLOAD_RETRY_SECONDS_MAX));
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
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
