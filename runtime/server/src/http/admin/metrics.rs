//! The numbers of the server, for Prometheus and whoever reads its formats.

use crate::http::AppState;
use crate::http::admin::blocking;
use crate::http::error::AdminError;
use crate::metrics::{Format, UNMATCHED};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, header};
use std::time::Instant;

/// Tells how the server does, in numbers for Prometheus.
///
/// In the format of OpenMetrics when `accept` asks for it, in the text format of Prometheus otherwise.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "server",
    responses((status = 200, body = String, content_type = "text/plain")),
)]
pub async fn show(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<([(HeaderName, &'static str); 1], String), AdminError> {
    let format = wanted(&headers);
    let written = blocking(move || {
        for service in state.deployments.services() {
            for handler in &service.manifest.handlers {
                // A handler that was never called is there with zeros: a rate needs a start.
                state.metrics.engine.handlers.of(&service.name, &handler.name);
            }
        }
        state.metrics.write(format).map_err(|error| AdminError::Internal(error.to_string()))
    });
    Ok(([(header::CONTENT_TYPE, format.content_type())], written.await?))
}

fn wanted(headers: &HeaderMap) -> Format {
    let accepts = |value: &http::HeaderValue| {
        value.to_str().is_ok_and(|value| value.contains("application/openmetrics-text"))
    };
    match headers.get_all(header::ACCEPT).iter().any(accepts) {
        true => Format::OpenMetrics,
        false => Format::PrometheusText,
    }
}

/// Counts a request by the pattern of its path.
pub async fn count(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
    state.metrics.requests.answered("admin", route, response.status().as_u16(), started.elapsed());
    response
}
