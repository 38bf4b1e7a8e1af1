//! Awakeables that handlers wait for, those of the newest invocations first.

use crate::engine::{Cursor, InvocationFilter, InvocationQuery, Order, Sort, StatusFilter};
use crate::http::AppState;
use crate::http::admin::{blocking, page_limit, query};
use crate::http::error::AdminError;
use crate::http::limits::{AWAKEABLES_SEARCHED_MAX, INVOCATIONS_DEFAULT, INVOCATIONS_MAX};
use crate::time;
use abide_core::entry::{Entry, EntryRow};
use abide_core::ids::{AwakeableId, InvocationId, OpId};
use abide_core::invocation::InvocationRow;
use axum::Json;
use axum::extract::State;
use http::Uri;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AwakeablesQuery {
    limit: Option<usize>,
    before: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct AwakeableListing {
    awakeables: Vec<AwakeableView>,
    /// Null: there are no more. A page may be short, even empty, and still be continued.
    next_before: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct AwakeableView {
    /// For whoever completes it.
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    invocation_id: String,
    target: String,
    since: String,
}

/// Lists the awakeables that handlers wait for, those of the newest invocations first.
#[utoipa::path(
    get,
    path = "/awakeables",
    tag = "invocations",
    params(AwakeablesQuery),
    responses((status = 200, body = AwakeableListing)),
)]
pub async fn list(State(state): State<AppState>, uri: Uri) -> Result<Json<AwakeableListing>, AdminError> {
    let AwakeablesQuery { limit, before } = query(&uri)?;
    let limit = page_limit(limit, INVOCATIONS_DEFAULT, INVOCATIONS_MAX)?;
    let bad = || AdminError::BadField { field: "before", why: "it is the next_before of a page".to_owned() };
    let after = before.map(|text| text.parse().map_err(|_| bad())).transpose()?;
    let statuses =
        vec![StatusFilter::Running, StatusFilter::Suspended, StatusFilter::BackingOff, StatusFilter::Paused];
    let filter = InvocationFilter { statuses, ..InvocationFilter::default() };
    let wanted = InvocationQuery { after, ..InvocationQuery::newest(filter, AWAKEABLES_SEARCHED_MAX) };
    let page = state.engine.list(wanted).await?;
    let listing = blocking(move || {
        let mut awakeables = Vec::new();
        for (id, row) in &page.invocations {
            awakeables.extend(of_invocation(&state, *id, row)?);
            // Those of one invocation stay together.
            if awakeables.len() >= limit {
                let position = (crate::engine::created_at(*id, row), *id);
                let here = Cursor { sort: Sort::Created, order: Order::Descending, position };
                return Ok(AwakeableListing { awakeables, next_before: Some(here.to_string()) });
            }
        }
        Ok(AwakeableListing { awakeables, next_before: page.next.map(|cursor| cursor.to_string()) })
    });
    Ok(Json(listing.await?))
}

fn of_invocation(
    state: &AppState,
    id: InvocationId,
    row: &InvocationRow,
) -> Result<Vec<AwakeableView>, AdminError> {
    let open = state.engine.open_operations(id, row)?.operations;
    let view = |(op, row_of_entry): &(OpId, EntryRow)| match &row_of_entry.entry {
        Entry::Awakeable { name } => Some(AwakeableView {
            id: AwakeableId { invocation: id, op: *op, birth: row.birth }.to_string(),
            name: name.clone(),
            invocation_id: id.to_string(),
            target: row.target.to_string(),
            since: time::rfc3339(row_of_entry.at),
        }),
        // Others are waited for, too; nobody outside can complete them.
        _ => None,
    };
    Ok(open.iter().filter_map(view).collect())
}
