//! `abide invocations list`.

use super::waiting;
use crate::cli::Global;
use crate::client::{self, Client};
use crate::error::CliError;
use crate::model::{Invocation, Invocations};
use crate::output::{one_line, print, say, status_cell, table};
use crate::when;
use clap::Args;
use comfy_table::Cell;

/// Characters of an error in the table.
const ERROR_CHARS_MAX: usize = 60;

#[derive(Args)]
pub struct List {
    /// Only those of this service.
    #[arg(long)]
    pub service: Option<String>,
    /// Only those of this handler.
    #[arg(long)]
    pub handler: Option<String>,
    /// Only those with this status.
    #[arg(long, value_parser = ["scheduled", "pending", "running", "suspended", "backing-off", "paused", "completed"])]
    pub status: Option<String>,
    /// Only those of this deployment.
    #[arg(long, value_name = "ID")]
    pub deployment: Option<String>,
    /// How many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: u32,
    /// Only those older than this one.
    #[arg(long, value_name = "ID")]
    pub before: Option<String>,
}

pub async fn run(list: List, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let mut url = client.url(&["invocations"]);
    let limit = list.limit.to_string();
    let filters = [
        ("service", &list.service),
        ("handler", &list.handler),
        ("status", &list.status),
        ("deployment", &list.deployment),
        ("before", &list.before),
        ("limit", &Some(limit)),
    ];
    for (name, value) in filters {
        if let Some(value) = value {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    let body = client.get(url).await?;
    if global.json {
        print(body);
        return Ok(());
    }
    show(&client::read(&body)?);
    Ok(())
}

fn show(found: &Invocations) {
    let now = jiff::Timestamp::now();
    if found.invocations.is_empty() {
        say("no invocations");
        return;
    }
    // A column that would be empty takes room from the others.
    let is_any_waiting = found.invocations.iter().any(|invocation| !invocation.waiting_for.is_empty());
    let mut headers = vec!["ID", "TARGET", "STATUS", "CREATED", "TRIES", "ERROR"];
    if is_any_waiting {
        headers.push("WAITS FOR");
    }
    let mut table = table(&headers);
    for invocation in &found.invocations {
        let mut row = vec![
            Cell::new(&invocation.id),
            Cell::new(one_line(&invocation.target)),
            status_cell(&invocation.status_text(), invocation.is_failure()),
            Cell::new(when::distance_of(&invocation.created_at, now)),
            Cell::new(invocation.attempts),
            Cell::new(error(invocation)),
        ];
        if is_any_waiting {
            row.push(Cell::new(waiting::first(invocation, now)));
        }
        table.add_row(row);
    }
    print(table);
    if let Some(next) = &found.next_before {
        say(format!("there may be more: --before {next}"));
    }
}

/// Returns the last error of an invocation that has not overcome it.
fn error(invocation: &Invocation) -> String {
    let last = invocation.last_failures.last().filter(|_| invocation.status != "completed");
    let text = match (&invocation.pause_reason, last) {
        (Some(reason), None) => &reason.message,
        (_, Some(failure)) => &failure.message,
        (None, None) => return String::new(),
    };
    one_line(text.lines().next().unwrap_or_default()).chars().take(ERROR_CHARS_MAX).collect()
}
