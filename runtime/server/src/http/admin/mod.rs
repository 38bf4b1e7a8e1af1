//! The admin port: what a person, the web page and the `abide` command use.
//!
//! Each handler carries its part of the description that `GET /openapi` answers; `routes` lists them all.
//! Beside them is the web page, see `ui.rs`, which needs no token.

mod audit;
mod auth;
mod awakeables;
mod backup;
mod bulk;
mod checks;
mod children;
mod code;
mod config;
mod control;
mod deployments;
mod entry_view;
mod filter;
mod health;
mod invocation_view;
mod invocations;
mod invoke;
mod journal;
mod logs;
mod metrics;
mod objects;
mod openapi;
#[cfg(test)]
mod openapi_check;
mod payload;
mod preview;
mod service_openapi;
mod services;
mod shapes;
mod signal;
mod sql;
mod state;
mod summary;
mod tokens;
mod waiting;

pub use auth::{AdminDoor, bearer};

use crate::engine::Room;
use crate::http::body::BodyLimits;
use crate::http::error::AdminError;
use crate::http::limits::BODY_STALL_TIMEOUT;
use crate::http::{AppState, body, ui};
use axum::extract::Request;
use axum::{Extension, Router, middleware};
use bytes::Bytes;
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
        .merge(ui::router())
        .layer(middleware::from_fn_with_state(state.clone(), metrics::count))
        .with_state(state)
}

/// Lists all that the admin port answers. Methods of one path stand together.
fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(openapi::document())
        .routes(routes!(openapi::describe))
        .routes(routes!(health::health))
        .routes(routes!(health::version))
        .routes(routes!(config::show))
        .routes(routes!(backup::take))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(metrics::show))
        .routes(routes!(deployments::list, deployments::upload))
        .routes(routes!(deployments::describe, deployments::change, checks::remove))
        .routes(routes!(checks::check))
        .routes(routes!(checks::promote))
        .routes(routes!(checks::migrate))
        .routes(routes!(checks::progress))
        .routes(routes!(services::list))
        .routes(routes!(services::describe, services::change))
        .routes(routes!(service_openapi::describe))
        .routes(routes!(objects::list))
        .routes(routes!(objects::inbox))
        .routes(routes!(objects::promises))
        .routes(routes!(state::read, state::edit))
        .routes(routes!(services::handlers))
        .routes(routes!(services::handler))
        .routes(routes!(invoke::invoke))
        .routes(routes!(invocations::list))
        .routes(routes!(summary::describe))
        .routes(routes!(invocations::describe))
        .routes(routes!(journal::describe))
        .routes(routes!(children::list))
        .routes(routes!(control::pause))
        .routes(routes!(logs::of_invocation))
        .routes(routes!(logs::tail))
        .routes(routes!(control::resume))
        .routes(routes!(control::cancel))
        .routes(routes!(control::kill))
        .routes(routes!(control::restart_as_new))
        .routes(routes!(control::purge))
        .routes(routes!(control::purge_journal))
        .routes(routes!(bulk::act))
        .routes(routes!(signal::signal))
        .routes(routes!(awakeables::list))
        .routes(routes!(sql::query))
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

/// Reads a body of JSON.
async fn json_body<T: DeserializeOwned>(request: Request, bytes_max: usize) -> Result<T, AdminError> {
    from_json(&body::read(request.version(), request.into_body(), bytes_max).await?)
}

fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, AdminError> {
    serde_json::from_slice(bytes).map_err(|error| AdminError::BadBody(error.to_string()))
}

/// Reads a whole body that goes on to a driver, into its room.
async fn body_within(room: &mut Room, request: Request, bytes_max: usize) -> Result<Bytes, AdminError> {
    let limits = BodyLimits { bytes_max, timeout: BODY_STALL_TIMEOUT };
    Ok(body::read_into(room, request.version(), request.into_body(), limits).await?)
}

/// Returns the length of a page: how many of something are in one answer.
fn page_limit(given: Option<usize>, default: usize, max: usize) -> Result<usize, AdminError> {
    let limit = given.unwrap_or(default);
    if !(1..=max).contains(&limit) {
        let why = format!("it is a number from 1 to {max}");
        return Err(AdminError::BadField { field: "limit", why });
    }
    Ok(limit)
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

    /// Every route says what it is for, what it takes, and how it answers.
    #[test]
    fn the_document_describes_every_route() {
        let document = openapi::complete(routes().into_openapi());
        let document = serde_json::to_value(document).unwrap();
        openapi_check::check(&document);
        let mut count = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                check_answers(operation, &format!("{method} {path}"));
                count += 1;
            }
        }
        assert!(count >= 26, "{count}");
    }

    fn check_answers(operation: &Value, place: &str) {
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{place}: {answers:?}");
        assert_eq!(
            answers["default"]["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/Error",
            "{place}"
        );
        for (status, answer) in answers {
            let contents = answer["content"].as_object().into_iter().flatten();
            for (kind, content) in contents {
                assert!(content["schema"].is_object(), "{place}: {status} {kind} has no schema");
            }
        }
    }

    /// Two types of one name would be one schema, and wrong for one of them.
    #[test]
    fn no_two_schemas_have_one_name() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/admin");
        let mut seen = std::collections::BTreeMap::new();
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let source = std::fs::read_to_string(&path).unwrap_or_default();
            for name in schema_names(&source) {
                let earlier = seen.insert(name.clone(), path.clone());
                assert_eq!(earlier, None, "{name} in {}", path.display());
            }
        }
        assert!(seen.len() > 30, "{seen:?}");
    }

    /// Returns the names of the schemas that a source file makes.
    fn schema_names(source: &str) -> Vec<String> {
        let word = |text: &str| text.split(|char: char| !char.is_alphanumeric()).next().map(str::to_owned);
        let mut names = Vec::new();
        for part in source
            .split("#[derive(")
            .skip(1)
            .filter(|part| part.lines().next().is_some_and(|derives| derives.contains("ToSchema")))
        {
            let renamed = part.lines().skip(1).take_while(|line| line.starts_with("#["));
            let renamed = renamed.filter_map(|line| line.split_once("as = ")).next();
            let named = ["struct ", "enum "].iter().filter_map(|kind| Some((part.find(kind)?, *kind))).min();
            let named = named.map(|(at, kind)| &part[at + kind.len()..]);
            names.extend(renamed.map(|(_, name)| name).or(named).and_then(word));
        }
        names
    }
}
