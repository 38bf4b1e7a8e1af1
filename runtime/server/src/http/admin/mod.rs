//! The admin port: what a person, the web page and the `abide` command use.
//!
//! | method and path                          | what                                             |
//! |------------------------------------------|--------------------------------------------------|
//! | GET /health                              | 200, or 503 with the reason                      |
//! | GET /version                             | version, and where the ingress is                |
//! | POST /deployments?env=K=V&allow_host=H   | upload a component; both may be repeated         |
//! | GET /deployments, /deployments/{id}      | what was uploaded                                |
//! | PATCH /deployments/{id}                  | `{"env":{"K":"V","GONE":null},"allowed_hosts":[]}` |
//! | GET /services, /services/{name}          | what is offered                                  |
//! | GET /services/{name}/handlers, /{h}      |                                                  |
//! | GET /invocations                         | newest first, see `invocations.rs` for the query |
//! | GET /invocations/{id}                    |                                                  |
//! | GET /invocations/{id}/journal            | see `journal.rs`                                 |
//! | PATCH /invocations/{id}/resume           | go on now                                        |
//! | PATCH /invocations/{id}/cancel, /kill    | end it: so that it can undo what it did, or here |
//! | PATCH /invocations/{id}/purge            | forget a completed one                           |
//! | POST /invocations/{id}/signals/{name}    | send a signal, see `control.rs`                  |

mod auth;
mod control;
mod deadlock;
mod deployments;
mod entry_view;
mod health;
mod invocation_view;
mod invocations;
mod journal;
mod payload;
mod services;
mod waiting;

use crate::http::AppState;
use crate::http::error::AdminError;
use axum::routing::{get, patch, post};
use axum::{Router, middleware};
use http::{Method, Uri};
use serde::de::DeserializeOwned;

/// Returns the router of the admin port. There is no CORS: other sites have no business here.
pub fn router(state: AppState) -> Router {
    Router::new()
        .route("/health", get(health::health))
        .route("/version", get(health::version))
        .route("/deployments", get(deployments::list).post(deployments::upload))
        .route("/deployments/{id}", get(deployments::describe).patch(deployments::change))
        .route("/services", get(services::list))
        .route("/services/{name}", get(services::describe))
        .route("/services/{name}/handlers", get(services::handlers))
        .route("/services/{name}/handlers/{handler}", get(services::handler))
        .route("/invocations", get(invocations::list))
        .route("/invocations/{id}", get(invocations::describe))
        .route("/invocations/{id}/journal", get(journal::describe))
        .route("/invocations/{id}/resume", patch(control::resume))
        .route("/invocations/{id}/cancel", patch(control::cancel))
        .route("/invocations/{id}/kill", patch(control::kill))
        .route("/invocations/{id}/purge", patch(control::purge))
        .route("/invocations/{id}/signals/{name}", post(control::signal))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(middleware::from_fn_with_state(state.clone(), auth::check))
        .with_state(state)
}

async fn unknown_path(uri: Uri) -> AdminError {
    AdminError::UnknownPath(uri.path().to_owned())
}

async fn unknown_method(method: Method) -> AdminError {
    AdminError::MethodNotAllowed(method)
}

/// Reads the query of a request.
fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, AdminError> {
    let parsed = axum::extract::Query::try_from_uri(uri);
    let axum::extract::Query(query) =
        parsed.map_err(|error| AdminError::BadField { field: "query", why: error.body_text() })?;
    Ok(query)
}

/// Runs something that reads much of the store, away from the tasks that serve connections.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AdminError> + Send + 'static,
) -> Result<T, AdminError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| AdminError::Internal(error.to_string()))?
}
