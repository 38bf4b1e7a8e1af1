//! Queries against a store that was filled by hand.

mod functions;
mod fuzz;
mod hostile;
mod order;
mod seeded;

use super::{Sql, SqlError, SqlLimits};
use crate::http::tests::world::World;
use serde_json::Value;
use std::time::Duration;

/// Asks, and returns the values of all rows, those of a row side by side.
async fn ask(sql: &Sql, query: &str) -> Result<Vec<Vec<Value>>, SqlError> {
    let answer = sql.query(query.to_owned()).await?;
    let rows: Vec<serde_json::Map<String, Value>> = serde_json::from_str(answer.rows.get()).unwrap();
    let row = |mut row: serde_json::Map<String, Value>| {
        answer.columns.iter().map(|name| row.remove(name).expect("every row has all columns")).collect()
    };
    Ok(rows.into_iter().map(row).collect())
}

/// Asks, and returns one row per line.
async fn show(sql: &Sql, query: &str) -> String {
    let rows = ask(sql, query).await.unwrap_or_else(|error| panic!("{query}: {error}"));
    let line = |row: &Vec<Value>| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Answers however busy the machine is.
fn patient(world: &World) -> Sql {
    limited(world, SqlLimits { time_max: Duration::from_secs(200), ..SqlLimits::default() })
}

fn limited(world: &World, limits: SqlLimits) -> Sql {
    let state = &world.state;
    Sql::new(state.engine.clone(), state.deployments.clone(), limits, state.metrics.sql.clone())
}
