//! Whether the server works, and which one it is.

use crate::http::AppState;
use crate::http::error::AdminError;
use axum::Json;
use axum::extract::State;
use http::{HeaderMap, Uri};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Grows when an answer or a path changes so that an older client would misread it.
const API_VERSION: u32 = 1;

/// Says whether the server takes work.
///
/// 503 with the reason when it does not: the disk is full, or a write failed.
#[utoipa::path(
    get,
    path = "/health",
    tag = "server",
    responses((status = 200, description = "It does")),
)]
pub async fn health(State(state): State<AppState>) -> Result<(), AdminError> {
    state.engine.ailment().map_or(Ok(()), |reason| Err(AdminError::Unhealthy(reason)))
}

#[derive(Serialize, ToSchema)]
pub struct Version {
    version: &'static str,
    min_admin_api_version: u32,
    max_admin_api_version: u32,
    ingress_endpoint: String,
    features: BTreeMap<String, bool>,
}

/// Says which server this is, and where its ingress is.
#[utoipa::path(
    get,
    path = "/version",
    tag = "server",
    responses((status = 200, body = Version)),
)]
pub async fn version(State(state): State<AppState>, uri: Uri, headers: HeaderMap) -> Json<Version> {
    Json(Version {
        version: env!("CARGO_PKG_VERSION"),
        min_admin_api_version: API_VERSION,
        max_admin_api_version: API_VERSION,
        ingress_endpoint: state.ingress_url.seen_by(&uri, &headers),
        features: BTreeMap::new(),
    })
}
