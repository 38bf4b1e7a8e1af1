//! `abide invocations logs`.

use crate::cli::Global;
use crate::client::{self, Client};
use crate::commands::logs::Line;
use crate::error::CliError;
use crate::output::{Paint, is_unheard, print, say};
use clap::Args;
use serde::Deserialize;
use std::time::Duration;

/// Between two looks for new lines.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

#[derive(Args)]
pub struct Logs {
    /// The id of the invocation.
    pub id: String,
    /// Go on until the invocation ends.
    #[arg(long, short)]
    pub follow: bool,
}

#[derive(Deserialize)]
struct Part {
    lines: Vec<Line>,
    dropped: u64,
}

#[derive(Deserialize)]
struct Status {
    status: String,
}

pub async fn run(logs: Logs, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let mut next = 0;
    loop {
        // Before the lines: what comes after the end is not missed.
        let is_over = !logs.follow || is_completed(&client, &logs.id).await?;
        while let Some(after) = show(&client, &logs.id, next, global).await? {
            next = after;
        }
        if is_over || is_unheard() {
            return Ok(());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn is_completed(client: &Client, id: &str) -> Result<bool, CliError> {
    let body = client.get(client.url(&["invocations", id])).await?;
    Ok(client::read::<Status>(&body)?.status == "completed")
}

/// Shows lines from number `from` on; returns where to go on, None when there is nothing more now.
async fn show(client: &Client, id: &str, from: u64, global: &Global) -> Result<Option<u64>, CliError> {
    let mut url = client.url(&["invocations", id, "logs"]);
    url.query_pairs_mut().append_pair("from", &from.to_string());
    let part: Part = client::read(&client.get(url).await?)?;
    if part.dropped > from && !part.lines.is_empty() {
        say(format!("({} lines before these are not kept)", part.dropped - from));
    }
    let paint = Paint::stdout();
    for line in &part.lines {
        if global.json {
            print(serde_json::to_string(line).expect("a line can be written as JSON"));
        } else {
            print(format!("{} {}", paint.dim(&format!("#{}", line.attempt)), line.shown(paint)));
        }
    }
    Ok(part.lines.last().map(|line| line.index + 1))
}
