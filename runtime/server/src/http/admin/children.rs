//! Whom an invocation has called, sent to, or waited for: `?from=` and `?limit=` page through them by
//! the number of the operation.

use crate::engine::Children;
use crate::http::AppState;
use crate::http::admin::invocation_view::InvocationView;
use crate::http::admin::invocations::{self, parse_id};
use crate::http::admin::{blocking, page_limit, query};
use crate::http::error::AdminError;
use crate::http::limits::{CHILDREN_DEFAULT, INVOCATIONS_MAX};
use abide_core::entry::{Entry, EntryRow};
use abide_core::ids::OpId;
use axum::Json;
use axum::extract::{Path, State};
use http::Uri;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ChildrenQuery {
    from: OpId,
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub struct ChildrenView {
    children: Vec<ChildView>,
    /// Null: the journal is too long to count them.
    total: Option<usize>,
    /// Where the next page begins; null: there are no more.
    next_from: Option<OpId>,
}

#[derive(Serialize, ToSchema)]
struct ChildView {
    op: OpId,
    kind: &'static str,
    invocation_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// Null: it is gone, or not there yet.
    invocation: Option<InvocationView>,
}

/// Lists whom an invocation has called, sent to, or waits for.
#[utoipa::path(
    get,
    path = "/invocations/{id}/children",
    tag = "invocations",
    params(("id" = String, Path, description = "The invocation"), ChildrenQuery),
    responses((status = 200, body = ChildrenView)),
)]
pub async fn list(
    State(state): State<AppState>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<ChildrenView>, AdminError> {
    let id = parse_id(&id)?;
    let ChildrenQuery { from, limit } = query(&uri)?;
    let limit = page_limit(limit, CHILDREN_DEFAULT, INVOCATIONS_MAX)?;
    state.engine.arrived(id).await?;
    let view = blocking(move || {
        let row = state.engine.invocation(id)?.ok_or(AdminError::UnknownInvocation(id))?;
        let Children { entries, total, next_from } = state.engine.children(id, &row, from, limit)?;
        let view = |(op, entry): &(OpId, EntryRow)| child(&state, *op, &entry.entry);
        let children = entries.iter().map(view).collect::<Result<Vec<_>, _>>()?;
        Ok(ChildrenView { children: children.into_iter().flatten().collect(), total, next_from })
    });
    Ok(Json(view.await?))
}

fn child(state: &AppState, op: OpId, entry: &Entry) -> Result<Option<ChildView>, AdminError> {
    let (id, target) = match entry {
        Entry::Call(request) | Entry::Send { request, .. } => {
            (request.child, Some(request.target.to_string()))
        }
        Entry::Attach { invocation } => (*invocation, None),
        // They name nobody who would run for them.
        _ => return Ok(None),
    };
    let invocation = state.engine.invocation(id)?;
    Ok(Some(ChildView {
        op,
        kind: entry.kind(),
        invocation_id: id.to_string(),
        target: target.or_else(|| invocation.as_ref().map(|row| row.target.to_string())),
        invocation: invocation.map(|row| invocations::view(state, id, &row)),
    }))
}
