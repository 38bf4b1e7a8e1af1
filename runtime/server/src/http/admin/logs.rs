//! What guests log: of one invocation as it is kept, and of all as it comes.

use crate::engine::EngineError;
use crate::http::AppState;
use crate::http::admin::invocations::parse_id;
use crate::http::admin::{blocking, page_limit, query};
use crate::http::error::AdminError;
use crate::http::limits::{LOG_LINES_DEFAULT, LOG_LINES_MAX, LOG_WAIT_MAX};
use crate::logs::{Heard, Level, Line, News, Source, Wanted};
use crate::time;
use axum::Json;
use axum::extract::{Path, State};
use http::Uri;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
struct Page {
    /// The first line, by its index.
    #[param(required = false)]
    from: u64,
    /// The length of the page.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub struct LogsView {
    lines: Vec<LineView>,
    /// Lines the invocation wrote.
    total: u64,
    /// Lines, from the first one, that are not kept any more.
    dropped: u64,
}

#[derive(Serialize, ToSchema)]
struct LineView {
    index: u64,
    at: String,
    attempt: u32,
    level: &'static str,
    source: &'static str,
    message: String,
}

impl LineView {
    /// Attempts count from `attempts_before`, as everywhere a person looks.
    fn new(index: u64, line: Line, attempts_before: u32) -> Self {
        Self {
            index,
            at: time::rfc3339(line.at),
            attempt: line.attempt.saturating_sub(attempts_before),
            level: level_word(line.level),
            source: source_word(line.source),
            message: line.message,
        }
    }
}

/// Returns what an invocation logged, as far as it is kept.
///
/// Lines are kept as long as the journal. Of too many the first ones go; `dropped` says how many.
#[utoipa::path(
    get,
    path = "/invocations/{id}/logs",
    tag = "invocations",
    params(("id" = String, Path, description = "The invocation"), Page),
    responses((status = 200, body = LogsView)),
)]
pub async fn of_invocation(
    State(state): State<AppState>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<LogsView>, AdminError> {
    let id = parse_id(&id)?;
    let Page { from, limit } = query(&uri)?;
    let limit = page_limit(limit, LOG_LINES_DEFAULT, LOG_LINES_MAX)?;
    let view = blocking(move || {
        let row = state.engine.invocation(id)?.ok_or(AdminError::UnknownInvocation(id))?;
        let part = state.logs.read(id, from, limit);
        let part = part.map_err(|error| AdminError::Internal(format!("the logs cannot be read: {error}")))?;
        let line = |(index, line)| LineView::new(index, line, row.attempts_before);
        let lines = part.lines.into_iter().map(line).collect();
        Ok(LogsView { lines, total: part.total, dropped: part.dropped })
    });
    Ok(Json(view.await?))
}

#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
struct Following {
    service: Option<String>,
    handler: Option<String>,
    invocation: Option<String>,
    /// The `next_after` of the answer before; without it, the last lines are returned.
    after: Option<u64>,
    /// How many lines at most.
    limit: Option<usize>,
    /// How long to wait for the first line after `after`.
    #[param(required = false)]
    wait_ms: u64,
}

#[derive(Serialize, ToSchema)]
pub struct TailView {
    lines: Vec<HeardView>,
    /// For the next question.
    next_after: u64,
    /// Lines of any invocation that came and went since the last question: it came too late.
    missed: u64,
}

#[derive(Serialize, ToSchema)]
struct HeardView {
    invocation_id: String,
    target: String,
    #[serde(flatten)]
    line: LineView,
}

/// Follows what all invocations log.
///
/// Returns the last lines; with `after` only newer ones, and it waits for them. Lines are in memory: after
/// a restart they begin anew.
#[utoipa::path(
    get,
    path = "/logs",
    tag = "invocations",
    params(Following),
    responses((status = 200, body = TailView)),
)]
pub async fn tail(State(state): State<AppState>, uri: Uri) -> Result<Json<TailView>, AdminError> {
    let following: Following = query(&uri)?;
    let Following { service, handler, invocation, after, limit, wait_ms } = following;
    let invocation = invocation.map(|id| parse_id(&id)).transpose()?;
    let wanted = Wanted { service, handler, invocation };
    let limit = page_limit(limit, LOG_LINES_DEFAULT, LOG_LINES_MAX)?;
    let news = match after {
        None => state.logs.last(&wanted, limit),
        Some(after) => {
            let patience = Duration::from_millis(wait_ms).min(LOG_WAIT_MAX);
            follow(&state, after, &wanted, limit, patience).await?
        }
    };
    Ok(Json(view(news)))
}

/// Waits for news. When the server stops meanwhile, there is nothing to wait for any more.
async fn follow(
    state: &AppState,
    after: u64,
    wanted: &Wanted,
    limit: usize,
    patience: Duration,
) -> Result<News, AdminError> {
    let at_once = || state.logs.follow(after, wanted, limit, Duration::ZERO);
    if let Some(reason) = state.engine.closing() {
        let news = at_once().await;
        // Whoever wants to wait, and got nothing at once, would ask again at once.
        let is_in_vain = news.lines.is_empty() && !patience.is_zero();
        let stopped = EngineError::Stopped { reason: reason.into() };
        return if is_in_vain { Err(stopped.into()) } else { Ok(news) };
    }
    tokio::select! {
        news = state.logs.follow(after, wanted, limit, patience) => Ok(news),
        () = state.engine.closed() => Ok(at_once().await),
    }
}

fn view(news: News) -> TailView {
    let line = |heard: Heard| HeardView {
        invocation_id: heard.invocation.to_string(),
        target: heard.target.to_string(),
        line: LineView::new(heard.number, heard.line, 0),
    };
    TailView { lines: news.lines.into_iter().map(line).collect(), next_after: news.next, missed: news.missed }
}

fn level_word(level: Level) -> &'static str {
    match level {
        Level::Trace => "TRACE",
        Level::Debug => "DEBUG",
        Level::Info => "INFO",
        Level::Warn => "WARN",
        Level::Error => "ERROR",
    }
}

fn source_word(source: Source) -> &'static str {
    match source {
        Source::Log => "log",
        Source::Stdout => "stdout",
        Source::Stderr => "stderr",
    }
}
