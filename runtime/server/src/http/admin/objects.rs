//! Objects and workflows: which there are, who has their key and who waits, and promises.

use crate::engine::ObjectRead;
use crate::engine::{EngineError, EngineHandle, StatusFilter};
use crate::http::AppState;
use crate::http::admin::entry_view::ResultView;
use crate::http::admin::{blocking, page_limit, query};
use crate::http::error::AdminError;
use crate::http::limits::{OBJECTS_DEFAULT, OBJECTS_MAX, PROMISES_SHOWN_MAX, WAITING_SHOWN_MAX};
use crate::time;
use crate::words::status_word;
use abide_core::ids::InvocationId;
use abide_core::manifest::ServiceKind;
use abide_core::target::ObjectKey;
use axum::Json;
use axum::extract::{Path, State};
use http::Uri;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Returns the object or workflow of this key, and which of both it is.
pub fn find_object(
    state: &AppState,
    service: String,
    key: String,
) -> Result<(ObjectKey, ServiceKind), AdminError> {
    let kind = keyed(state, &service)?;
    Ok((ObjectKey { service, key }, kind))
}

fn keyed(state: &AppState, service: &str) -> Result<ServiceKind, AdminError> {
    match state.deployments.service(service).map(|view| view.kind) {
        None => Err(AdminError::UnknownService(service.to_owned())),
        Some(ServiceKind::Service) => Err(AdminError::NotKeyed(service.to_owned())),
        Some(kind @ (ServiceKind::Object | ServiceKind::Workflow)) => Ok(kind),
    }
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ObjectsQuery {
    /// Keys after this one.
    after: Option<String>,
    /// Keys that begin so.
    prefix: String,
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub struct ObjectListing {
    objects: Vec<ObjectView>,
    /// Null: there are no more.
    next_after: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct ObjectView {
    key: String,
    state_values: usize,
    state_bytes: usize,
    holder: Option<InvocationRef>,
    /// How many wait for the key.
    waiting: u64,
}

/// Another invocation; what is not known of one that is gone, or not there yet, is left out.
#[derive(Serialize, ToSchema)]
pub struct InvocationRef {
    pub invocation_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    /// When it last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

impl InvocationRef {
    /// Looks an invocation up.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn of(engine: &EngineHandle, id: InvocationId) -> Result<Self, EngineError> {
        let row = engine.invocation(id)?;
        Ok(Self {
            invocation_id: id.to_string(),
            target: row.as_ref().map(|row| row.target.to_string()),
            status: row.as_ref().map(|row| status_word(StatusFilter::of(&row.phase))),
            since: row.map(|row| time::rfc3339(row.modified_at)),
        })
    }
}

/// Lists the objects or workflows of a service: those with a state, a promise, or a handler that runs.
#[utoipa::path(
    get,
    path = "/services/{name}/objects",
    tag = "objects",
    params(("name" = String, Path, description = "The service"), ObjectsQuery),
    responses((status = 200, body = ObjectListing)),
)]
pub async fn list(
    State(state): State<AppState>,
    Path(service): Path<String>,
    uri: Uri,
) -> Result<Json<ObjectListing>, AdminError> {
    let ObjectsQuery { after, prefix, limit } = query(&uri)?;
    keyed(&state, &service)?;
    let limit = page_limit(limit, OBJECTS_DEFAULT, OBJECTS_MAX)?;
    let listing = blocking(move || {
        let (found, is_more) = state.engine.objects(&service, &prefix, after.as_deref(), limit)?;
        let next_after = found.last().filter(|_| is_more).map(|object| object.key.clone());
        let view = |object| view(&state.engine, object);
        Ok(ObjectListing { objects: found.into_iter().map(view).collect::<Result<_, _>>()?, next_after })
    });
    Ok(Json(listing.await?))
}

fn view(engine: &EngineHandle, object: ObjectRead) -> Result<ObjectView, AdminError> {
    let ObjectRead { key, state_values, state_bytes, queue } = object;
    let holder = queue.as_ref().map(|queue| InvocationRef::of(engine, queue.holder)).transpose()?;
    let waiting = queue.map_or(0, |queue| queue.waiting());
    Ok(ObjectView { key, state_values, state_bytes, holder, waiting })
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InboxQuery {
    key: String,
    /// How many are left out at the beginning.
    #[serde(default)]
    from: usize,
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub struct InboxView {
    holder: Option<InvocationRef>,
    waiting: Vec<WaiterView>,
    total: usize,
}

#[derive(Serialize, ToSchema)]
struct WaiterView {
    /// How many come before it.
    position: usize,
    #[serde(flatten)]
    invocation: InvocationRef,
}

/// Shows who has the key of an object, and who waits for it.
#[utoipa::path(
    get,
    path = "/services/{name}/inbox",
    tag = "objects",
    params(("name" = String, Path, description = "The service"), InboxQuery),
    responses((status = 200, body = InboxView)),
)]
pub async fn inbox(
    State(state): State<AppState>,
    Path(service): Path<String>,
    uri: Uri,
) -> Result<Json<InboxView>, AdminError> {
    let InboxQuery { key, from, limit } = query(&uri)?;
    let (object, _) = find_object(&state, service, key)?;
    let limit = page_limit(limit, OBJECTS_DEFAULT, WAITING_SHOWN_MAX)?;
    let view = blocking(move || {
        let inbox = state.engine.inbox(&object, from, limit)?;
        let holder = inbox.holder.map(|id| InvocationRef::of(&state.engine, id)).transpose()?;
        let waiter = |(position, id): &(usize, InvocationId)| {
            Ok(WaiterView { position: *position, invocation: InvocationRef::of(&state.engine, *id)? })
        };
        let waiting = inbox.waiting.iter().map(waiter).collect::<Result<_, AdminError>>()?;
        Ok(InboxView { holder, waiting, total: inbox.total })
    });
    Ok(Json(view.await?))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PromisesQuery {
    key: String,
    /// Names after this one.
    after: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct PromiseListing {
    promises: Vec<PromiseView>,
    /// Null: there are no more.
    next_after: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct PromiseView {
    name: String,
    is_completed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion: Option<ResultView>,
    /// How many wait for it.
    waiting: usize,
}

/// Lists the promises of a workflow.
#[utoipa::path(
    get,
    path = "/services/{name}/promises",
    tag = "objects",
    params(("name" = String, Path, description = "The service"), PromisesQuery),
    responses((status = 200, body = PromiseListing)),
)]
pub async fn promises(
    State(state): State<AppState>,
    Path(service): Path<String>,
    uri: Uri,
) -> Result<Json<PromiseListing>, AdminError> {
    let PromisesQuery { key, after } = query(&uri)?;
    let (workflow, _) = find_object(&state, service, key)?;
    let view = blocking(move || {
        let (found, is_more) = state.engine.promises(&workflow, after.as_deref(), PROMISES_SHOWN_MAX)?;
        let next_after = found.last().filter(|_| is_more).map(|(name, _)| name.clone());
        let promises = found.into_iter().map(|(name, row)| PromiseView {
            name,
            is_completed: row.outcome.is_some(),
            completion: row.outcome.as_ref().map(ResultView::of),
            waiting: row.waiting.len(),
        });
        Ok(PromiseListing { promises: promises.collect(), next_after })
    });
    Ok(Json(view.await?))
}
