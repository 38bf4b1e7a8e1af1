//! The admin port: what a person, the web page and the `abide` command use.
//!
//! Each handler carries its part of the description that `GET /openapi` answers; `router` lists them all.

mod auth;
mod code;
mod config;
mod control;
mod deadlock;
mod deployments;
mod entry_view;
mod health;
mod invocation_view;
mod invocations;
mod journal;
mod openapi;
mod payload;
mod services;
mod shapes;
mod waiting;

use crate::http::AppState;
use crate::http::error::AdminError;
use axum::{Extension, Router, middleware};
use http::{Method, Uri};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Returns the router of the admin port. There is no CORS: other sites have no business here.
pub fn router(state: AppState) -> Router {
    let (router, document) = routes().split_for_parts();
    router
        .layer(Extension(Arc::new(openapi::complete(document))))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(middleware::from_fn_with_state(state.clone(), auth::check))
        .with_state(state)
}

/// Lists all that the admin port answers. Methods of one path stand together.
fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(openapi::document())
        .routes(routes!(openapi::describe))
        .routes(routes!(health::health))
        .routes(routes!(health::version))
        .routes(routes!(config::show))
        .routes(routes!(deployments::list, deployments::upload))
        .routes(routes!(deployments::describe, deployments::change))
        .routes(routes!(services::list))
        .routes(routes!(services::describe))
        .routes(routes!(services::handlers))
        .routes(routes!(services::handler))
        .routes(routes!(invocations::list))
        .routes(routes!(invocations::describe))
        .routes(routes!(journal::describe))
        .routes(routes!(control::pause))
        .routes(routes!(control::resume))
        .routes(routes!(control::cancel))
        .routes(routes!(control::kill))
        .routes(routes!(control::purge))
        .routes(routes!(control::signal))
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// Every route says what it is for, and how it answers.
    #[test]
    fn the_document_describes_every_route() {
        let document = openapi::complete(routes().into_openapi());
        let document = serde_json::to_value(document).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let paths = document["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
        });
        let mut count = 0;
        for (path, method, operation) in operations {
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}: {responses:?}");
            assert_eq!(
                responses["default"]["content"]["application/json"]["schema"]["$ref"],
                "#/components/schemas/Error"
            );
            assert_path_parameters(path, operation);
            count += 1;
        }
        assert!(count >= 18, "{count}");
    }

    fn assert_path_parameters(path: &str, operation: &Value) {
        let named = |text: &Value| {
            text["in"] == "path" && path.contains(&format!("{{{}}}", text["name"].as_str().unwrap()))
        };
        let declared =
            operation["parameters"].as_array().map_or(0, |all| all.iter().filter(|one| named(one)).count());
        assert_eq!(declared, path.matches('{').count(), "{path}");
    }
}
