//! Invocations: list and describe.
//!
//! The query of the list: what `filter.rs` reads, `sort` (`created_at`, `modified_at`), `order` (`desc`,
//! `asc`), `limit`, and `before`, the `next_before` of the page before, which continues the list. A page may
//! be short, even empty, and still have a `next_before`: then few fit, and the search was interrupted.

use crate::engine::{Cursor, InvocationQuery, Order, Output, Retrieved, Sort, deadlock};
use crate::http::AppState;
use crate::http::admin::filter::{self, FilterFields};
use crate::http::admin::invocation_view::InvocationView;
use crate::http::admin::{blocking, page_limit, query, waiting};
use crate::http::error::AdminError;
use crate::http::limits::{FAILURE_LISTED_BYTES_MAX, INVOCATIONS_DEFAULT, INVOCATIONS_MAX};
use abide_core::entry::Answer;
use abide_core::ids::InvocationId;
use abide_core::invocation::InvocationRow;
use abide_core::limits::cut;
use axum::Json;
use axum::extract::{Path, State};
use http::Uri;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which part of the list, and in which order.
#[derive(Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct PageFields {
    /// `created_at`, the default, or `modified_at`.
    sort: Option<String>,
    /// `desc`, the default, or `asc`.
    order: Option<String>,
    /// The length of the page.
    #[param(value_type = Option<usize>)]
    limit: Option<String>,
    /// The `next_before` of the page before.
    before: Option<String>,
}

const PAGE_FIELDS: &[&str] = &["sort", "order", "limit", "before"];

#[derive(Serialize, ToSchema)]
#[schema(as = InvocationListing)]
pub struct Listing {
    invocations: Vec<InvocationView>,
    /// Null: there are no more.
    next_before: Option<String>,
    /// There are too many to sort all by their last change: some are on no page. A filter makes them fewer.
    is_truncated: bool,
}

/// Lists invocations.
///
/// A page may be short, even empty, and still have a `next_before`: then few fit, and the search was
/// interrupted.
#[utoipa::path(
    get,
    path = "/invocations",
    tag = "invocations",
    params(FilterFields, PageFields),
    responses((status = 200, body = Listing)),
)]
pub async fn list(State(state): State<AppState>, uri: Uri) -> Result<Json<Listing>, AdminError> {
    let page = state.engine.list(read_query(&uri)?).await?;
    let listing = blocking(move || {
        let view = |(id, row): &(InvocationId, InvocationRow)| {
            let mut view = view(&state, *id, row).with_waiting(waiting::some(&state.engine, *id, row)?);
            if view.completion_result == Some("failure") {
                let text = failure_text(&state, *id)?;
                view.completion_failure = text.map(|text| cut(text, FAILURE_LISTED_BYTES_MAX));
            }
            Ok(view)
        };
        let invocations = page.invocations.iter().map(view).collect::<Result<_, AdminError>>()?;
        let next_before = page.next.map(|cursor| cursor.to_string());
        Ok(Listing { invocations, next_before, is_truncated: page.is_truncated })
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
        view.trace_id = state.engine.trace_id(id)?;
        if view.completion_result == Some("failure") {
            view.completion_failure = failure_text(&state, id)?;
        }
        Ok(view)
    });
    Ok(Json(described.await?))
}

/// Views the record; what it does not know yet is as the newest deployment offers it.
pub fn view(state: &AppState, id: InvocationId, row: &InvocationRow) -> InvocationView {
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
    text.parse().map_err(|why| AdminError::BadId { field: "invocation_id", text: text.to_owned(), why })
}

fn failure_text(state: &AppState, id: InvocationId) -> Result<Option<String>, AdminError> {
    match state.engine.output(id)? {
        Output::Ready(Retrieved { answer: Answer::Failure(failure), .. }) => Ok(Some(failure.to_string())),
        Output::Ready(Retrieved { answer: Answer::Value(_), .. }) | Output::NotReady | Output::Unknown => {
            Ok(None)
        }
    }
}

/// Reads which invocations are meant.
fn read_query(uri: &Uri) -> Result<InvocationQuery, AdminError> {
    read_pairs(query(uri)?)
}

/// The same, of names and values.
pub fn read_pairs(pairs: Vec<(String, String)>) -> Result<InvocationQuery, AdminError> {
    let (page, filter): (PageFields, _) = filter::parted_pairs(pairs, PAGE_FIELDS)?;
    let bad = |field, why: String| AdminError::BadField { field, why };
    // What is no number is refused like 0.
    let limit = page.limit.map(|text| text.parse().unwrap_or(0));
    let limit = page_limit(limit, INVOCATIONS_DEFAULT, INVOCATIONS_MAX)?;
    let sort = match page.sort.as_deref() {
        None | Some("created_at") => Sort::Created,
        Some("modified_at") => Sort::Modified,
        Some(other) => return Err(bad("sort", format!("'{other}' is none of created_at, modified_at"))),
    };
    let order = match page.order.as_deref() {
        None | Some("desc") => Order::Descending,
        Some("asc") => Order::Ascending,
        Some(other) => return Err(bad("order", format!("'{other}' is none of desc, asc"))),
    };
    let after = page.before.map(|text| read_cursor(&text, sort, order)).transpose()?;
    Ok(InvocationQuery { filter: filter.read()?, sort, order, limit, after })
}

/// Reads where a page begins. The id of an invocation stands for its place in a list by creation.
fn read_cursor(text: &str, sort: Sort, order: Order) -> Result<Cursor, AdminError> {
    let bad = |why: String| AdminError::BadField { field: "before", why };
    if let Ok(cursor) = text.parse::<Cursor>() {
        let is_of_this_list = (cursor.sort, cursor.order) == (sort, order);
        return is_of_this_list
            .then_some(cursor)
            .ok_or_else(|| bad("it is of a list of another sort or order".into()));
    }
    let id: InvocationId =
        text.parse().map_err(|why| bad(format!("{why}; it is the next_before of a page")))?;
    let at = id.created_at().filter(|_| sort == Sort::Created);
    let at =
        at.ok_or_else(|| bad("this id does not tell its place; use the next_before of a page".into()))?;
    Ok(Cursor { sort, order, position: (at, id) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::StatusFilter;
    use abide_core::time::Timestamp;

    fn read(text: &str) -> Result<InvocationQuery, String> {
        let uri = format!("/invocations?{text}").parse().unwrap();
        read_query(&uri).map_err(|error| error.to_string())
    }

    #[test]
    fn queries() {
        let id = InvocationId::new(Timestamp(5), 1, 1);
        let read_all = read(&format!("service=S&status=backing-off&limit=7&before={id}")).unwrap();
        assert_eq!((read_all.limit, read_all.filter.statuses), (7, vec![StatusFilter::BackingOff]));
        let newest_before =
            Cursor { sort: Sort::Created, order: Order::Descending, position: (Timestamp(5), id) };
        assert_eq!(read_all.after, Some(newest_before));
        assert_eq!(read(&format!("before={newest_before}")).unwrap().after, Some(newest_before));
        let oldest = read("sort=modified_at&order=asc").unwrap();
        assert_eq!((oldest.sort, oldest.order), (Sort::Modified, Order::Ascending));
        let cases = [
            ("status=odd".to_owned(), "'odd' is none of scheduled, pending"),
            ("limit=0".to_owned(), "it is a number from 1 to 1000"),
            ("limit=1001".to_owned(), "it is a number from 1 to 1000"),
            ("limit=x".to_owned(), "it is a number from 1 to 1000"),
            ("limit=1&limit=2".to_owned(), "duplicate field `limit`"),
            ("sort=size".to_owned(), "'size' is none of created_at, modified_at"),
            ("order=up".to_owned(), "'up' is none of desc, asc"),
            ("before=x".to_owned(), "bad format"),
            (format!("before={newest_before}&order=asc"), "of another sort or order"),
            (format!("before={id}&sort=modified_at"), "does not tell its place"),
            ("colour=red".to_owned(), "unknown field `colour`"),
        ];
        for (text, expected) in cases {
            let error = read(&text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
