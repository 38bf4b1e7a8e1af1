//! How many invocations there are: `?window=1h` says since when those that came and failed are counted,
//! the other parameters are the filter of the list.

use crate::engine::{Completion, Counts, StatusFilter, Summary};
use crate::http::admin::filter::{self, FilterFields};
use crate::http::admin::invocation_view::completion_word;
use crate::http::error::AdminError;
use crate::http::{AppState, delay};
use crate::time;
use crate::words::status_word;
use axum::Json;
use axum::extract::State;
use http::Uri;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

#[derive(Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct WindowFields {
    /// 15m, 1h (the default), 1d.
    window: Option<String>,
}

const WINDOW_DEFAULT: &str = "1h";

#[derive(Serialize, ToSchema)]
pub struct SummaryView {
    #[serde(flatten)]
    all: CountsView,
    services: Vec<ServiceCountsView>,
    /// Created, and failed by themselves, within the window.
    created_in_window: u64,
    failed_in_window: u64,
    as_of: String,
    /// There are more than were counted.
    is_truncated: bool,
}

#[derive(Serialize, ToSchema)]
struct CountsView {
    total: u64,
    #[schema(value_type = BTreeMap<String, u64>)]
    by_status: BTreeMap<&'static str, u64>,
    /// What the completed ones came to.
    #[schema(value_type = BTreeMap<String, u64>)]
    completed: BTreeMap<&'static str, u64>,
}

#[derive(Serialize, ToSchema)]
struct ServiceCountsView {
    name: String,
    #[serde(flatten)]
    counts: CountsView,
}

/// Counts invocations by status, by what they came to, and by service.
///
/// Those who ask for the same within a second or so share one count.
#[utoipa::path(
    get,
    path = "/invocations/summary",
    tag = "invocations",
    params(FilterFields, WindowFields),
    responses((status = 200, body = SummaryView)),
)]
pub async fn describe(State(state): State<AppState>, uri: Uri) -> Result<Json<SummaryView>, AdminError> {
    let (fields, filter): (WindowFields, _) = filter::parted(&uri, &["window"])?;
    let window = fields.window.unwrap_or_else(|| WINDOW_DEFAULT.into());
    let window_ms = delay::parse(&window).map_err(|_| AdminError::BadField {
        field: "window",
        why: format!("'{window}' is no length of time, expected 15m, 1h or 1d"),
    })?;
    let summary = state.engine.summary(filter.read()?, window_ms).await?;
    Ok(Json(view(&summary)))
}

fn view(summary: &Summary) -> SummaryView {
    let service = |(name, counts): (&String, &Counts)| ServiceCountsView {
        name: name.clone(),
        counts: counts_view(counts),
    };
    SummaryView {
        all: counts_view(&summary.all),
        services: summary.services.iter().map(service).collect(),
        created_in_window: summary.created_in_window,
        failed_in_window: summary.failed_in_window,
        as_of: time::rfc3339(summary.as_of),
        is_truncated: summary.is_truncated,
    }
}

fn counts_view(counts: &Counts) -> CountsView {
    let by_status = StatusFilter::ALL.map(|status| (status_word(status), counts.of_status(status)));
    let completed = Completion::ALL.map(|result| (completion_word(result), counts.of_completion(result)));
    CountsView { total: counts.total, by_status: by_status.into(), completed: completed.into() }
}
