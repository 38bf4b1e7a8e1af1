//! Invocations: list and describe.
//!
//! The query of the list: `service`, `handler`, `status`, `deployment` narrow it, `limit` is its
//! length, and `before` (the `next_before` of the page before) continues it.

use crate::engine::{InvocationQuery, Output, Retrieved, StatusFilter};
use crate::http::AppState;
use crate::http::admin::invocation_view::{InvocationView, STATUSES, status_word};
use crate::http::admin::{blocking, deadlock, query, waiting};
use crate::http::error::AdminError;
use crate::http::limits::{INVOCATIONS_DEFAULT, INVOCATIONS_MAX};
use abide_core::entry::Answer;
use abide_core::ids::InvocationId;
use abide_core::invocation::InvocationRow;
use axum::Json;
use axum::extract::{Path, State};
use http::Uri;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    service: Option<String>,
    handler: Option<String>,
    status: Option<String>,
    deployment: Option<String>,
    /// The length of the page.
    limit: Option<usize>,
    /// The `next_before` of the page before.
    before: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Listing {
    invocations: Vec<InvocationView>,
    /// Null: there are no more.
    next_before: Option<String>,
}

/// Lists invocations, newest first.
#[utoipa::path(
    get,
    path = "/invocations",
    tag = "invocations",
    params(ListQuery),
    responses((status = 200, body = Listing)),
)]
pub async fn list(State(state): State<AppState>, uri: Uri) -> Result<Json<Listing>, AdminError> {
    let wanted = read_query(query(&uri)?)?;
    let limit = wanted.limit;
    let listing = blocking(move || {
        let found = state.engine.invocations(&wanted)?;
        let last = found.last().filter(|_| found.len() == limit);
        let next_before = last.map(|(id, _)| id.to_string());
        let view = |(id, row): &(InvocationId, InvocationRow)| {
            Ok(view(&state, *id, row).with_waiting(waiting::some(&state.engine, *id, row)?))
        };
        let invocations = found.iter().map(view).collect::<Result<_, AdminError>>()?;
        Ok(Listing { invocations, next_before })
    });
    Ok(Json(listing.await?))
}

/// Describes an invocation: what it does, what it waits for, why it failed.
#[utoipa::path(
    get,
    path = "/invocations/{id}",
    tag = "invocations",
    params(("id" = String, Path, description = "The invocation")),
    responses((status = 200, body = InvocationView)),
)]
pub async fn describe(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<InvocationView>, AdminError> {
    let id = parse_id(&id)?;
    state.engine.arrived(id).await?;
    let described = blocking(move || {
        let row = state.engine.invocation(id)?.ok_or(AdminError::UnknownInvocation(id))?;
        let waiting = waiting::all(&state.engine, id, &row)?;
        let mut view =
            view(&state, id, &row).with_waiting(waiting).with_deadlock(&deadlock::of(&state.engine, id)?);
        if view.completion_result == Some("failure") {
            view.completion_failure = failure_text(&state, id)?;
        }
        Ok(view)
    });
    Ok(Json(described.await?))
}

/// Views the record; what it does not know yet is as the newest deployment offers it.
fn view(state: &AppState, id: InvocationId, row: &InvocationRow) -> InvocationView {
    let view = InvocationView::of(id, row);
    let offered = state
        .deployments
        .service(&row.target.service)
        .and_then(|service| Some((service.kind, service.manifest.handler(&row.target.handler)?.mode)));
    match offered {
        Some(types) => view.with_types(types),
        None => view,
    }
}

/// Reads an invocation id of a path.
pub fn parse_id(text: &str) -> Result<InvocationId, AdminError> {
    text.parse().map_err(|why| AdminError::BadField { field: "invocation_id", why: format!("{why}") })
}

fn failure_text(state: &AppState, id: InvocationId) -> Result<Option<String>, AdminError> {
    match state.engine.output(id)? {
        Output::Ready(Retrieved { answer: Answer::Failure(failure), .. }) => Ok(Some(failure.to_string())),
        Output::Ready(Retrieved { answer: Answer::Value(_), .. }) | Output::NotReady | Output::Unknown => {
            Ok(None)
        }
    }
}

fn read_query(query: ListQuery) -> Result<InvocationQuery, AdminError> {
    let bad = |field, why: String| AdminError::BadField { field, why };
    let limit = query.limit.unwrap_or(INVOCATIONS_DEFAULT);
    if !(1..=INVOCATIONS_MAX).contains(&limit) {
        return Err(bad("limit", format!("it is a number from 1 to {INVOCATIONS_MAX}")));
    }
    let before = query.before.map(|text| text.parse().map_err(|why| bad("before", format!("{why}"))));
    let deployment =
        query.deployment.map(|text| text.parse().map_err(|why| bad("deployment", format!("{why}"))));
    Ok(InvocationQuery {
        limit,
        before: before.transpose()?,
        service: query.service,
        handler: query.handler,
        status: query.status.map(|word| read_status(&word)).transpose()?,
        deployment: deployment.transpose()?,
    })
}

fn read_status(word: &str) -> Result<StatusFilter, AdminError> {
    STATUSES.into_iter().find(|status| status_word(*status) == word).ok_or_else(|| {
        let words = STATUSES.map(status_word).join(", ");
        AdminError::BadField { field: "status", why: format!("'{word}' is none of {words}") }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        let id = InvocationId { unique: 1, partition_key: 1 }.to_string();
        let uri = format!("/invocations?service=S&status=backing-off&limit=7&before={id}");
        let read = read_query(query(&uri.parse().unwrap()).unwrap()).unwrap();
        assert_eq!((read.limit, read.status), (7, Some(StatusFilter::BackingOff)));
        assert_eq!((read.service.as_deref(), read.before.map(|id| id.unique)), (Some("S"), Some(1)));
        let cases = [
            (
                "status=odd",
                "'odd' is none of scheduled, pending, running, suspended, backing-off, paused, completed",
            ),
            ("limit=0", "it is a number from 1 to 1000"),
            ("limit=1001", "it is a number from 1 to 1000"),
            ("limit=x", "invalid digit"),
            ("before=x", "bad format"),
            ("deployment=x", "bad format"),
            ("colour=red", "unknown field `colour`"),
        ];
        for (text, expected) in cases {
            let uri = format!("/invocations?{text}").parse().unwrap();
            let error = query(&uri).and_then(read_query).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
