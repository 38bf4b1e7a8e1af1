//! `abide awakeables`: what handlers wait for, and whoever completes it.

mod list;
mod reject;
mod resolve;

use crate::cli::Global;
use crate::client::Client;
use crate::error::CliError;
use crate::ingress;
use crate::output::{print, say};
use clap::Subcommand;
use reqwest::Method;

#[derive(Subcommand)]
pub enum Command {
    /// List what handlers wait for, those of the newest invocations first.
    List(list::List),
    /// Complete an awakeable with a value.
    Resolve(resolve::Resolve),
    /// Complete an awakeable with a failure.
    Reject(reject::Reject),
}

pub async fn run(command: Command, global: &Global) -> Result<(), CliError> {
    match command {
        Command::List(list) => list::run(list, global).await,
        Command::Resolve(resolve) => resolve::run(resolve, global).await,
        Command::Reject(reject) => reject::run(reject, global).await,
    }
}

/// Completes an awakeable. The server takes it also when nobody waits for it any more.
async fn complete(
    id: &str,
    verb: &str,
    content_type: &str,
    body: Vec<u8>,
    global: &Global,
) -> Result<(), CliError> {
    let client = Client::ingress(global)?;
    let mut request = client.request(Method::POST, client.url(&["restate", "awakeables", id, verb]));
    if !body.is_empty() {
        request = request.header("content-type", content_type).body(body);
    }
    ingress::check(client.send(request).await?).await?;
    let done = if verb == "resolve" { "resolved" } else { "rejected" };
    if global.json {
        print(serde_json::json!({ done: id }));
    } else {
        print(format!("accepted: {id} is {done} if a handler waits for it"));
        say("an id that nobody waits for is ignored; \"abide awakeables list\" shows what is waited for");
    }
    Ok(())
}
