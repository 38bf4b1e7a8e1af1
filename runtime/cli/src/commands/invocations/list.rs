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
use jiff::Timestamp;

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
    let now = Timestamp::now();
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
            status_cell(&status(invocation, now), invocation.is_failure()),
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

fn status(invocation: &Invocation, now: Timestamp) -> String {
    match &invocation.scheduled_at {
        Some(at) => format!("{}, begins {}", invocation.status, when::distance_of(at, now)),
        None => invocation.status_text(),
    }
}

/// Returns with what an invocation failed, or the last error of one that has not overcome it.
fn error(invocation: &Invocation) -> String {
    let last = invocation.last_failures.last().filter(|_| invocation.status != "completed");
    let text = match (&invocation.completion_failure, &invocation.pause_reason, last) {
        (Some(failure), ..) => failure,
        (None, Some(reason), None) => &reason.message,
        (None, _, Some(failure)) => &failure.message,
        (None, None, None) => return String::new(),
    };
    one_line(text.lines().next().unwrap_or_default()).chars().take(ERROR_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(status: &str, more: &str) -> Invocation {
        let at = "2026-11-22T12:00:00Z";
        let text = format!(
            r#"{{"id":"inv_1","target":"S/h","status":"{status}","created_at":"{at}","modified_at":"{at}",
                "attempts":1,"retry_count":0,{more}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn what_failed_says_why_and_what_is_scheduled_says_when() {
        let failures =
            r#""last_failures":[{"attempt":1,"at":"2026-11-22T12:00:00Z","message":"no bank\nat all"}]"#;
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        for (status_word, more, shown, why) in [
            ("backing-off", failures.to_owned(), "backing-off", "no bank"),
            (
                "completed",
                format!(r#""completion_result":"success",{failures}"#),
                "completed with success",
                "",
            ),
            (
                "completed",
                format!(r#""completion_result":"failure","completion_failure":"[409] no",{failures}"#),
                "completed with failure",
                "[409] no",
            ),
            (
                "scheduled",
                r#""scheduled_at":"2026-11-22T17:00:00Z","last_failures":[]"#.to_owned(),
                "scheduled, begins in 5 h",
                "",
            ),
        ] {
            let invocation = invocation(status_word, &more);
            assert_eq!((status(&invocation, now).as_str(), error(&invocation).as_str()), (shown, why));
        }
    }
}
