//! Tokens: who may come in. They are listed without what opens the door, and shown once, when made.

use crate::access::Known;
use crate::access::grant::{Grant, Scope};
use crate::http::AppState;
use crate::http::admin::audit::Detail;
use crate::http::admin::json_body;
use crate::http::error::AdminError;
use crate::http::limits::ADMIN_BODY_BYTES_MAX;
use crate::time;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = TokenListing)]
pub struct Listing {
    tokens: Vec<TokenView>,
}

#[derive(Serialize, ToSchema)]
pub struct TokenView {
    name: String,
    scope: Scope,
    /// The services it may call; none named means all.
    services: Vec<String>,
    /// `config`: it comes from the settings; `store`: it was made while the server ran.
    kept_in: &'static str,
    created_at: Option<String>,
}

impl TokenView {
    fn of(known: &Known) -> Self {
        let Grant { name, scope, services, .. } = &*known.grant;
        Self {
            name: name.clone(),
            scope: *scope,
            services: services.clone(),
            kept_in: if known.created_at.is_some() { "store" } else { "config" },
            created_at: known.created_at.map(time::rfc3339),
        }
    }
}

/// What a token should be.
#[derive(Deserialize, ToSchema)]
#[schema(as = TokenWanted)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    name: String,
    #[serde(default = "everything")]
    scope: Scope,
    #[serde(default)]
    services: Vec<String>,
}

fn everything() -> Scope {
    Scope::Admin
}

#[derive(Serialize, ToSchema)]
#[schema(as = TokenMade)]
pub struct Made {
    name: String,
    scope: Scope,
    services: Vec<String>,
    /// The only time that it is shown.
    token: String,
}

/// Lists the tokens that are known, without what opens the door.
#[utoipa::path(get, path = "/tokens", tag = "tokens", responses((status = 200, body = Listing)))]
pub async fn list(State(state): State<AppState>) -> Json<Listing> {
    Json(Listing { tokens: state.access.list().iter().map(TokenView::of).collect() })
}

/// Makes a token.
///
/// The answer is the only time that anybody sees it: what is kept is its SHA-256.
#[utoipa::path(
    post,
    path = "/tokens",
    tag = "tokens",
    request_body = Wanted,
    responses((status = 201, body = Made)),
)]
pub async fn create(State(state): State<AppState>, request: Request) -> Result<Response, AdminError> {
    let wanted: Wanted = json_body(request, ADMIN_BODY_BYTES_MAX).await?;
    let Wanted { name, scope, services } = wanted;
    let token = state.access.create(&name, scope, services.clone()).await?;
    let detail = Extension(Detail(format!("{name} ({})", scope.name())));
    Ok((StatusCode::CREATED, detail, Json(Made { name, scope, services, token })).into_response())
}

/// Makes a token useless, at once and for good.
#[utoipa::path(
    delete,
    path = "/tokens/{name}",
    tag = "tokens",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, description = "It opens nothing any more")),
)]
pub async fn revoke(
    State(state): State<AppState>,
    Path(name): Path<String>,
) -> Result<StatusCode, AdminError> {
    state.access.revoke(&name).await?;
    Ok(StatusCode::OK)
}
