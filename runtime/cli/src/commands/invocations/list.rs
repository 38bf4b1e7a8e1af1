//! `abide invocations list`.

use super::filter::Filter;
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
    #[command(flatten)]
    pub filter: Filter,
    /// By what they are sorted.
    #[arg(long, value_parser = ["created_at", "modified_at"], default_value = "created_at")]
    pub sort: String,
    /// The newest first, or the oldest.
    #[arg(long, value_parser = ["desc", "asc"], default_value = "desc")]
    pub order: String,
    /// How many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: u32,
    /// Goes on where the list before ended.
    #[arg(long, value_name = "PLACE")]
    pub before: Option<String>,
}

pub async fn run(list: List, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let mut url = client.url(&["invocations"]);
    let limit = list.limit.to_string();
    let mut fields = list.filter.fields();
    fields.extend([("sort", list.sort), ("order", list.order), ("limit", limit)]);
    fields.extend(list.before.map(|before| ("before", before)));
    for (name, value) in fields {
        url.query_pairs_mut().append_pair(name, &value);
    }
    let body = client.get(url).await?;
    if let Some(found) = client::shown(&body, global)? {
        show(&found);
    }
    Ok(())
}

fn show(found: &Invocations) {
    if found.is_truncated {
        say(
            "there are too many to sort all by their last change, and some are missing; a filter makes them fewer",
        );
    }
    let now = jiff::Timestamp::now();
    if found.invocations.is_empty() {
        match &found.next_before {
            None => say("no invocations"),
            Some(next) => say(format!("none so far; go on searching with --before {next}")),
        }
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
