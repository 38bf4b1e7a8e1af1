//! How the server is set up, and where each value comes from.

use crate::config::ShownSetting;
use crate::http::AppState;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct ConfigListing {
    #[schema(value_type = Vec<ShownSetting>)]
    values: Arc<[ShownSetting]>,
}

/// Says how the server is set up, and where each value comes from.
///
/// Secrets are shown as `***`.
#[utoipa::path(get, path = "/config", tag = "server", responses((status = 200, body = ConfigListing)))]
pub async fn show(State(state): State<AppState>) -> Json<ConfigListing> {
    Json(ConfigListing { values: state.settings })
}
