//! `abide invocations describe`.

use super::waiting;
use crate::cli::Global;
use crate::client::{self, Client};
use crate::error::CliError;
use crate::model::{Invocation, Item, Journal, PauseReason};
use crate::output::{Paint, one_line, print, say};
use crate::{tree, when};
use clap::Args;
use jiff::Timestamp;

#[derive(Args)]
pub struct Describe {
    /// The id of the invocation.
    pub id: String,
}

pub async fn run(describe: Describe, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let invocation = client.get(client.url(&["invocations", &describe.id])).await?;
    let journal = client.get(client.url(&["invocations", &describe.id, "journal"])).await?;
    if global.json {
        // Both are JSON as they came.
        print(format!(r#"{{"invocation":{invocation},"journal":{journal}}}"#));
        return Ok(());
    }
    let (invocation, journal): (Invocation, Journal) = (client::read(&invocation)?, client::read(&journal)?);
    let (now, paint) = (Timestamp::now(), Paint::stdout());
    print(format!("\n {}", paint.bold("Invocation")));
    for (name, value) in information(&invocation, &journal, now) {
        let value = value.lines().map(one_line).collect::<Vec<_>>().join(&format!("\n{:18}", ""));
        print(format!(" {:<16} {value}", format!("{name}:")));
    }
    print(format!("\n {}", paint.bold("Journal")));
    print(tree::draw(&invocation, &journal, now, paint));
    suggest(&invocation);
    Ok(())
}

/// Says how to complete an awakeable that is waited for.
fn suggest(invocation: &Invocation) {
    let awakeable = invocation.waiting_for.iter().find(|waiting| waiting.kind == "awakeable");
    if let Some(id) = awakeable.and_then(|waiting| waiting.id.as_ref()) {
        say(format!("complete it: abide awakeables resolve {id} VALUE"));
    }
}

fn information(invocation: &Invocation, journal: &Journal, now: Timestamp) -> Vec<(&'static str, String)> {
    let mut lines = vec![("ID", invocation.id.clone()), ("Target", one_line(&invocation.target))];
    lines.extend(invocation.idempotency_key.as_ref().map(|key| ("Idempotency key", one_line(key))));
    lines.extend(invocation.restarted_from.clone().map(|id| ("Restarted from", id)));
    lines.push(("Status", status(invocation, now)));
    let waits_for = waiting::lines(invocation, now);
    if !waits_for.is_empty() {
        lines.push(("Waits for", waits_for));
    }
    lines.extend(waiting::deadlock(&invocation.deadlock).map(|circle| ("Deadlock", circle)));
    lines.push(("Created at", when::relative(&invocation.created_at, now)));
    let times = [
        ("Scheduled for", &invocation.scheduled_at),
        ("Cancelled at", &invocation.cancelled_at),
        ("Completed at", &invocation.completed_at),
        ("Kept until", &invocation.kept_until),
    ];
    for (name, at) in times {
        lines.extend(at.as_ref().map(|at| (name, when::relative(at, now))));
    }
    lines.push(("Modified at", when::relative(&invocation.modified_at, now)));
    lines.extend(invocation.deployment_id.clone().map(|id| ("Deployment", id)));
    lines.push(("Tries", invocation.attempts.to_string()));
    if let Some(reason) = &invocation.pause_reason {
        pause(reason, &mut lines);
    }
    if let Some(failure) = invocation.completion_failure.clone() {
        lines.push(("Failure", failure));
    } else if let Some(last) = invocation.last_failures.last() {
        let operation = last.op.map(|op| format!(", in {}", operation(op, journal))).unwrap_or_default();
        let head = format!("[{}] try {}{operation}", when::clock(&last.at), last.attempt);
        lines.push(("Last error", format!("{head}\n{}", last.message)));
    }
    lines
}

/// Returns an operation as the tree shows it.
fn operation(op: u32, journal: &Journal) -> String {
    match journal.items.iter().find(|item| item.op == Some(op)) {
        Some(Item { kind, name: Some(name), .. }) => format!("{kind} [{name}]"),
        Some(item) => item.kind.clone(),
        None => format!("operation {op}"),
    }
}

fn status(invocation: &Invocation, now: Timestamp) -> String {
    let status = invocation.status_text();
    let Some(next) = &invocation.next_retry_at else { return status };
    let times = invocation.retry_count;
    format!("{status} (failed {times} time(s), next try {})", when::distance_of(next, now))
}

fn pause(reason: &PauseReason, lines: &mut Vec<(&'static str, String)>) {
    lines.push(("Paused because", reason.message.clone()));
    let Some(mismatch) = &reason.mismatch else { return };
    let or_nothing = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
    lines.push(("Operation", mismatch.op.to_string()));
    lines.push(("  recorded", or_nothing(&mismatch.recorded)));
    lines.push(("  asked now", or_nothing(&mismatch.asked)));
    lines.extend(mismatch.backtrace.clone().map(|backtrace| ("Backtrace", backtrace)));
}
