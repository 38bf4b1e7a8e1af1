//! `abide logs`: what guests log, as it comes.

use crate::cli::Global;
use crate::client::{self, Client};
use crate::error::{CliError, Kind};
use crate::output::{Paint, is_unheard, one_line, print, say};
use crate::when;
use clap::Args;
use serde::Deserialize;
use std::time::Duration;

/// How long one question waits for news.
const WAIT_MS: u64 = 20_000;
/// Pause before asking again a server that is not there: it may be restarting.
const AWAY_PAUSE: Duration = Duration::from_secs(1);

#[derive(Args)]
pub struct Logs {
    /// Only lines of this service.
    #[arg(long)]
    pub service: Option<String>,
    /// Only lines of this handler.
    #[arg(long)]
    pub handler: Option<String>,
    /// How many of the last lines.
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
    pub lines: u32,
    /// Go on with what comes.
    #[arg(long, short)]
    pub follow: bool,
}

#[derive(Deserialize)]
struct Tail {
    lines: Vec<Heard>,
    next_after: u64,
    missed: u64,
}

#[derive(Deserialize, serde::Serialize)]
struct Heard {
    invocation_id: String,
    target: String,
    #[serde(flatten)]
    line: Line,
}

/// A line as the admin port shows it.
#[derive(Deserialize, serde::Serialize)]
pub struct Line {
    pub index: u64,
    pub at: String,
    pub attempt: u32,
    pub level: String,
    pub source: String,
    pub message: String,
}

impl Line {
    /// Returns the line as a person reads it.
    pub fn shown(&self, paint: Paint) -> String {
        let level = format!("{:5}", self.level);
        let level = match self.level.as_str() {
            "ERROR" => paint.red(&level),
            "WARN" => paint.yellow(&level),
            _ => level,
        };
        let source = if self.source == "log" { String::new() } else { format!("{} ", self.source) };
        format!(
            "{} {level} {}{}",
            paint.dim(&when::clock(&self.at)),
            paint.dim(&source),
            one_line(&self.message)
        )
    }
}

pub async fn run(logs: Logs, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let mut tail = ask(&client, &logs, None).await?;
    show(&tail, global);
    if tail.lines.is_empty() && !global.json {
        say(
            "no lines since the start of the server; what was logged before is with each invocation: abide invocations logs ID",
        );
    }
    if !logs.follow {
        return Ok(());
    }
    while !is_unheard() {
        match ask(&client, &logs, Some(tail.next_after)).await {
            Ok(next) => {
                show(&next, global);
                tail = next;
            }
            Err(error) if is_away(&error) => tokio::time::sleep(AWAY_PAUSE).await,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Says whether the server is not there, or about to stop.
fn is_away(error: &CliError) -> bool {
    error.kind == Kind::Unreachable || error.code().as_deref() == Some("stopped")
}

async fn ask(client: &Client, logs: &Logs, after: Option<u64>) -> Result<Tail, CliError> {
    let mut url = client.url(&["logs"]);
    let lines = after.is_none().then(|| logs.lines.to_string());
    let wait = after.map(|_| WAIT_MS.to_string());
    let after = after.map(|after| after.to_string());
    let pairs = [
        ("service", &logs.service),
        ("handler", &logs.handler),
        ("limit", &lines),
        ("after", &after),
        ("wait_ms", &wait),
    ];
    for (name, value) in pairs {
        if let Some(value) = value {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    client::read(&client.get(url).await?)
}

fn show(tail: &Tail, global: &Global) {
    if tail.missed > 0 {
        say(format!("({} lines came faster than they could be shown)", tail.missed));
    }
    let paint = Paint::stdout();
    for heard in &tail.lines {
        if global.json {
            print(serde_json::to_string(heard).expect("a line can be written as JSON"));
        } else {
            let whose = format!("{} {}", heard.invocation_id, heard.target);
            print(format!("{}  {}", heard.line.shown(paint), paint.dim(&whose)));
        }
    }
}
