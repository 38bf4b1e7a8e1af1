//! The same for many invocations: those that are named, or those that a filter of the list means.
//!
//! One request does a bounded part, several at once, and says where to go on: `is_truncated`, and the
//! `next_before` that the filter of the next request takes. With `dry_run` it only counts. A filter without a
//! status means those that the action is for.

use crate::engine::{InvocationQuery, StatusFilter};
use crate::http::AppState;
use crate::http::admin::audit::Detail;
use crate::http::admin::code::Code;
use crate::http::admin::control::{self, Acted, Action};
use crate::http::admin::invocations::{parse_id, read_pairs};
use crate::http::admin::{json_body, page_limit};
use crate::http::error::AdminError;
use crate::http::limits::{BULK_AT_ONCE, BULK_BODY_BYTES_MAX, BULK_MAX};
use abide_core::ids::InvocationId;
use abide_core::limits::cut;
use axum::extract::{Path, Request, State};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tokio::task::JoinSet;
use utoipa::ToSchema;

/// Bytes of a filter that the audit trail shows.
const DETAIL_BYTES_MAX: usize = 1 << 10;

/// Which invocations: `invocation_ids` or `filter`.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BulkRequest {
    /// At most 1000.
    invocation_ids: Option<Vec<String>>,
    /// Names and values as in the query of `GET /invocations`. Without a `status`, it means those that
    /// the action is for: an empty one means all of them.
    filter: Option<BTreeMap<String, String>>,
    /// Only count.
    dry_run: bool,
    /// For `resume` and `restart-as-new`, as there.
    deployment: Option<String>,
    /// How many at most, up to 1000.
    limit: Option<usize>,
}

#[derive(Debug, Default, Serialize, ToSchema)]
pub struct BulkReport {
    /// How many were found, up to the limit.
    matched: usize,
    dry_run: bool,
    succeeded: Vec<Succeeded>,
    failed: Vec<Failed>,
    /// There are more: ask again, with this `next_before` as the filter's `before`.
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_before: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Succeeded {
    invocation_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_invocation_id: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Failed {
    invocation_id: String,
    code: &'static str,
    message: String,
}

/// Does something to many invocations: `cancel`, `kill`, `pause`, `resume`, `restart-as-new`, `purge` or
/// `purge-journal`.
#[utoipa::path(
    post,
    path = "/invocations/bulk/{action}",
    tag = "invocations",
    params(("action" = String, Path, description = "What is done to each of them")),
    request_body = BulkRequest,
    responses((status = 200, description = "What came of it, for each", body = BulkReport)),
)]
pub async fn act(
    State(state): State<AppState>,
    Path(action): Path<String>,
    request: Request,
) -> Result<(Extension<Detail>, Json<BulkReport>), AdminError> {
    let wanted: BulkRequest = json_body(request, BULK_BODY_BYTES_MAX).await?;
    let action = read_action(&action, wanted.deployment.as_deref())?;
    let found = find(&state, &wanted, &action).await?;
    let report = BulkReport {
        matched: found.ids.len(),
        dry_run: wanted.dry_run,
        is_truncated: found.next_before.is_some(),
        next_before: found.next_before,
        ..BulkReport::default()
    };
    if wanted.dry_run {
        return Ok((Extension(detail(&wanted, &report)), Json(report)));
    }
    let report = act_on_all(&state, found.ids, &action, report).await;
    Ok((Extension(detail(&wanted, &report)), Json(report)))
}

/// What the audit trail says: the body of a request does not go there.
fn detail(wanted: &BulkRequest, report: &BulkReport) -> Detail {
    let which = match &wanted.filter {
        Some(filter) => format!("filter {filter:?}"),
        None => format!("{} named", report.matched),
    };
    let (done, failed) = (report.succeeded.len(), report.failed.len());
    let dry = if wanted.dry_run { ", dry run" } else { "" };
    Detail(cut(format!("{which}: {done} done, {failed} failed{dry}"), DETAIL_BYTES_MAX))
}

fn read_action(word: &str, deployment: Option<&str>) -> Result<Action, AdminError> {
    let code = |default| deployment.map_or(Ok(default), Code::read);
    let action = match word {
        "resume" => return Ok(Action::Resume(code(Code::Keep)?)),
        "restart-as-new" => return Ok(Action::Restart { entries_kept: 0, code: code(Code::Latest)? }),
        "cancel" => Action::Cancel,
        "kill" => Action::Kill,
        "pause" => Action::Pause,
        "purge" => Action::Purge,
        "purge-journal" => Action::PurgeJournal,
        other => return Err(AdminError::UnknownPath(format!("/invocations/bulk/{other}"))),
    };
    match deployment {
        None => Ok(action),
        Some(_) => Err(bad("deployment", format!("a {word} does not choose the code"))),
    }
}

fn bad(field: &'static str, why: String) -> AdminError {
    AdminError::BadField { field, why }
}

struct Found {
    ids: Vec<InvocationId>,
    /// There are more behind this one.
    next_before: Option<String>,
}

async fn find(state: &AppState, wanted: &BulkRequest, action: &Action) -> Result<Found, AdminError> {
    let limit = page_limit(wanted.limit, BULK_MAX, BULK_MAX)?;
    match (&wanted.invocation_ids, &wanted.filter) {
        (Some(ids), None) if ids.len() > limit => {
            Err(bad("invocation_ids", format!("there are {}, the limit is {limit}", ids.len())))
        }
        (Some(ids), None) => {
            let ids = ids.iter().map(|id| parse_id(id)).collect::<Result<_, _>>()?;
            Ok(Found { ids, next_before: None })
        }
        (None, Some(filter)) => matching(state, query_of(filter, action, limit)?).await,
        (Some(_), Some(_)) | (None, None) => {
            Err(AdminError::BadBody("it names either \"invocation_ids\" or a \"filter\"".into()))
        }
    }
}

/// Reads a filter as the list does. Whoever names no status does not mean those that would refuse.
fn query_of(
    filter: &BTreeMap<String, String>,
    action: &Action,
    limit: usize,
) -> Result<InvocationQuery, AdminError> {
    if filter.contains_key("limit") {
        return Err(bad("filter", "\"limit\" stands beside the filter, not in it".into()));
    }
    let pairs = filter.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let mut query = InvocationQuery { limit, ..read_pairs(pairs)? };
    if query.filter.statuses.is_empty() {
        query.filter.statuses = fit_for(action);
    }
    Ok(query)
}

/// Returns the statuses in which something comes of an action.
fn fit_for(action: &Action) -> Vec<StatusFilter> {
    use StatusFilter::{BackingOff, Completed, Paused, Pending, Running, Scheduled, Suspended};
    match action {
        Action::Cancel | Action::Kill => vec![Scheduled, Pending, Running, Suspended, BackingOff, Paused],
        Action::Pause => vec![Running, Suspended, BackingOff],
        // The others need no help to go on, whatever code they are to have.
        Action::Resume(_) => vec![BackingOff, Paused],
        Action::Restart { .. } | Action::Purge | Action::PurgeJournal => vec![Completed],
    }
}

async fn matching(state: &AppState, query: InvocationQuery) -> Result<Found, AdminError> {
    let page = state.engine.list(query).await?;
    let ids = page.invocations.into_iter().map(|(id, _)| id).collect();
    Ok(Found { ids, next_before: page.next.map(|cursor| cursor.to_string()) })
}

/// Acts on some at once: they share the disk. What came of each stands in the order of the invocations.
async fn act_on_all(
    state: &AppState,
    ids: Vec<InvocationId>,
    action: &Action,
    mut report: BulkReport,
) -> BulkReport {
    for some in ids.chunks(BULK_AT_ONCE) {
        let mut acting = JoinSet::new();
        for (place, id) in some.iter().copied().enumerate() {
            let (state, action) = (state.clone(), action.clone());
            acting.spawn(async move { (place, id, control::act(&state, id, &action).await) });
        }
        let mut done = acting.join_all().await;
        done.sort_by_key(|(place, ..)| *place);
        done.into_iter().for_each(|(_, id, acted)| report.take_in(id, acted));
    }
    report
}

impl BulkReport {
    fn take_in(&mut self, id: InvocationId, acted: Result<Acted, AdminError>) {
        let invocation_id = id.to_string();
        match acted {
            Ok(acted) => {
                let new_invocation_id = acted.new_invocation.map(|id| id.to_string());
                self.succeeded.push(Succeeded { invocation_id, new_invocation_id });
            }
            Err(error) => {
                self.failed.push(Failed { invocation_id, code: error.code(), message: error.to_string() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_and_their_code() {
        assert_eq!(read_action("kill", None).unwrap(), Action::Kill);
        assert_eq!(read_action("resume", None).unwrap(), Action::Resume(Code::Keep));
        assert_eq!(read_action("resume", Some("latest")).unwrap(), Action::Resume(Code::Latest));
        let restart = Action::Restart { entries_kept: 0, code: Code::Latest };
        assert_eq!(read_action("restart-as-new", None).unwrap(), restart);
        assert!(read_action("kill", Some("latest")).unwrap_err().to_string().contains("a kill does not"));
        assert!(read_action("explode", None).is_err());
    }

    #[test]
    fn a_filter_is_read_as_the_list_reads_it() {
        let query = |text: &str| query_of(&serde_json::from_str(text).unwrap(), &Action::Kill, 7);
        assert_eq!(query(r#"{"service":"a b&c"}"#).unwrap().limit, 7);
        for (text, expected) in [
            (r#"{"colour":"red"}"#, "colour"),
            (r#"{"status":"odd"}"#, "'odd' is none of"),
            (r#"{"limit":"5"}"#, "beside the filter"),
        ] {
            let error = query(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn without_a_status_those_are_meant_that_the_action_is_for() {
        use StatusFilter::{BackingOff, Completed, Paused, Running, Scheduled, Suspended};
        let statuses = |text: &str, action: &Action| {
            query_of(&serde_json::from_str(text).unwrap(), action, 7).unwrap().filter.statuses
        };
        let killed = statuses(r#"{"service":"S"}"#, &Action::Kill);
        assert!(killed.contains(&Scheduled) && !killed.contains(&Completed), "{killed:?}");
        assert_eq!(statuses("{}", &Action::Pause), [Running, Suspended, BackingOff]);
        assert_eq!(statuses("{}", &Action::Resume(Code::Keep)), [BackingOff, Paused]);
        assert_eq!(statuses("{}", &Action::Purge), [Completed]);
        assert_eq!(statuses(r#"{"status":"running"}"#, &Action::Purge), [Running]);
    }

    /// A query of an address could not be as long.
    #[test]
    fn a_filter_may_be_as_long_as_the_body() {
        let id = |unique| InvocationId { unique, partition_key: 1 };
        let list = || (0..1_000).map(|unique| id(unique).to_string()).collect::<Vec<_>>().join(",");
        let filter = BTreeMap::from([("id".to_owned(), list()), ("invoked_by_id".to_owned(), list())]);
        let bytes: usize = filter.values().map(String::len).sum();
        assert!(((1 << 16)..BULK_BODY_BYTES_MAX).contains(&bytes), "{bytes}");
        let read = query_of(&filter, &Action::Kill, 7).unwrap().filter;
        assert_eq!((read.ids.len(), read.invoked_by_ids.len()), (1_000, 1_000));
        assert_eq!(read.ids[999], id(999));
    }
}
