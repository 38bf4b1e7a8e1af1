//! `POST /query`: SQL over what is stored, read-only. Tables and limits are those of `crate::sql`.

use crate::http::AppState;
use crate::http::admin::json_body;
use crate::http::error::AdminError;
use crate::http::limits::ADMIN_BODY_BYTES_MAX;
use axum::Json;
use axum::extract::{Request, State};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[schema(as = SqlQuery)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// One statement that reads, in the language of SQLite.
    query: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SqlAnswer)]
pub struct Answer {
    /// In their order; of the same name the later ones have a number: `id`, `id:1`.
    columns: Vec<String>,
    /// Objects with a member for each column.
    #[schema(value_type = Vec<serde_json::Map<String, serde_json::Value>>)]
    rows: Box<RawValue>,
    /// There are more rows than an answer holds.
    is_truncated: bool,
    /// Stored rows that were read for it: what the query costs, whatever else the machine does.
    rows_read: u64,
    elapsed_ms: u64,
}

/// Answers a query in SQL over what is stored; it never changes anything.
///
/// `SELECT * FROM sys_tables` lists the tables, `sys_columns` their columns. Of a mistake the answer has the
/// `position` in the query, with `line` and `column`.
#[utoipa::path(
    post,
    path = "/query",
    tag = "sql",
    request_body = Query,
    responses(
        (status = 200, body = Answer, description = "The rows, as far as an answer holds them"),
        (status = 400, description = "bad_sql: the query is none, or sql_timeout, sql_memory: it takes too much"),
        (status = 403, description = "sql_read_only: it is no query but would change something"),
        (status = 429, description = "sql_busy: too many run already"),
    ),
)]
pub async fn query(State(state): State<AppState>, request: Request) -> Result<Json<Answer>, AdminError> {
    let query: Query = json_body(request, ADMIN_BODY_BYTES_MAX).await?;
    let answer = state.sql.query(query.query).await?;
    let crate::sql::Answer { columns, rows, is_truncated, rows_read, elapsed_ms } = answer;
    Ok(Json(Answer { columns, rows, is_truncated, rows_read, elapsed_ms }))
}
