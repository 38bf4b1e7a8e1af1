//! The ingress: the public port, where handlers are called.

mod auth;
mod awakeable;
mod headers;
mod invoke;
mod retrieve;

pub use auth::IngressDoor;
pub use headers::IDEMPOTENCY_KEY;
pub use invoke::{Checked, check};

use crate::http::error::IngressError;
use crate::http::path::{self, BadPath, IngressPath};
use crate::http::{AppState, Asked};
use crate::metrics::UNMATCHED;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use http::Method;
use retrieve::Wanted;
use std::time::Instant;

/// Returns the router: every path goes through one parser, because services name the paths.
pub fn router(state: AppState) -> Router {
    let cors = state.ingress_door.cors();
    Router::new().fallback(dispatch).with_state(state).layer(cors)
}

/// Says whether nothing is done twice when a request comes again, whatever became of it. Its method does not tell:
/// handlers are called by GET, too.
pub fn is_repeatable(state: &AppState, asked: &Asked) -> bool {
    let service = |name: &str| state.deployments.service(name);
    match path::parse(asked.uri.path(), |name| service(name).map(|service| service.kind)) {
        Ok(IngressPath::Invoke { target, .. }) => {
            let service = service(&target.service);
            asked.has_idempotency_key
                || service.is_some_and(|service| service.manifest.is_workflow_run(&target.handler))
        }
        // Nobody does anything for these but tell, or complete what is completed once.
        Ok(
            IngressPath::Health
            | IngressPath::Retrieve { .. }
            | IngressPath::RetrieveDescribed { .. }
            | IngressPath::RetrieveByIdempotencyKey { .. }
            | IngressPath::RetrieveWorkflow { .. }
            | IngressPath::Lookup
            | IngressPath::Awakeable { .. }
            | IngressPath::Scoped,
        ) => true,
        // It may have been the call of a service that has gone since.
        Err(_) => asked.has_idempotency_key,
    }
}

async fn dispatch(State(state): State<AppState>, request: Request) -> Response {
    let started = Instant::now();
    let kind_of = |name: &str| state.deployments.service(name).map(|service| service.kind);
    let path = path::parse(request.uri().path(), kind_of);
    let route = path.as_ref().map_or(UNMATCHED, IngressPath::route);
    let response = handle(&state, request, path).await.unwrap_or_else(IntoResponse::into_response);
    state.metrics.requests.answered("ingress", route, response.status().as_u16(), started.elapsed());
    response
}

async fn handle(
    state: &AppState,
    mut request: Request,
    path: Result<IngressPath, BadPath>,
) -> Result<Response, IngressError> {
    let caller = auth::admit(state, &request)?;
    match path? {
        IngressPath::Health => {
            allow(&request, &[Method::GET])?;
            Ok(health(state))
        }
        IngressPath::Invoke { target, mode } => {
            caller.may_call(state, &target.service, &mut request)?;
            invoke::invoke(state, request, target, mode).await
        }
        IngressPath::Retrieve { id, how } => {
            allow(&request, &[Method::GET])?;
            // It may wait for days, and its headers need not.
            drop(request);
            retrieve::answer(state, &caller, Wanted { id, service: None }, how).await
        }
        IngressPath::RetrieveDescribed { how } => {
            allow(&request, &[Method::POST])?;
            retrieve::described(state, &caller, request, how).await
        }
        IngressPath::RetrieveByIdempotencyKey { target, idempotency_key, how } => {
            allow(&request, &[Method::GET])?;
            drop(request);
            let wanted = Wanted::idempotent(target, &idempotency_key);
            retrieve::answer(state, &caller, wanted, how).await
        }
        IngressPath::RetrieveWorkflow { workflow, how } => {
            allow(&request, &[Method::GET])?;
            drop(request);
            retrieve::answer(state, &caller, Wanted::workflow(workflow), how).await
        }
        IngressPath::Lookup => {
            allow(&request, &[Method::POST])?;
            retrieve::lookup(state, request).await
        }
        IngressPath::Awakeable { id, verb } => {
            allow(&request, &[Method::POST])?;
            caller.may_touch(state, id.invocation, None)?;
            awakeable::complete(state, request, id, verb).await
        }
        IngressPath::Scoped => Err(IngressError::Unsupported("scopes")),
    }
}

fn allow(request: &Request, methods: &[Method]) -> Result<(), IngressError> {
    if methods.contains(request.method()) { Ok(()) } else { Err(IngressError::MethodNotAllowed) }
}

fn health(state: &AppState) -> Response {
    let names: Vec<String> =
        state.deployments.services().into_iter().map(|service| service.name.clone()).collect();
    Json(serde_json::json!({ "services": names })).into_response()
}
