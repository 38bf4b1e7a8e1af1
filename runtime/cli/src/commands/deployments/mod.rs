//! `abide deployments`: what was uploaded.

mod allow_host;
mod check;
mod describe;
mod env;
mod list;
mod migrate;
mod promote;
mod remove;

use crate::cli::Global;
use crate::client::{self, Client};
use crate::commands::deploy::{self, Deploy};
use crate::error::CliError;
use crate::model::Deployment;
use crate::output::print;
use crate::progress;
use clap::Subcommand;
use reqwest::Method;

#[derive(Subcommand)]
pub enum Command {
    /// List the deployments, the newest first.
    List,
    /// The same as `abide deploy`.
    Register(Deploy),
    /// Show one deployment: its services, handlers and settings.
    Describe(describe::Describe),
    /// Replay what is recorded on a deployment, and report what would become of it.
    Check(check::Check),
    /// Let the services of a deployment take new calls again: a rollback.
    Promote(promote::Promote),
    /// Move live invocations to a deployment, those that it can go on with.
    Migrate(migrate::Migrate),
    /// Remove deployments that nothing refers to.
    #[command(visible_alias = "rm")]
    Remove(remove::Remove),
    /// Set and remove environment variables of a deployment.
    Env(env::Env),
    /// Set which hosts the run blocks of a deployment may reach.
    AllowHost(allow_host::AllowHost),
}

pub async fn run(command: Command, global: &Global) -> Result<(), CliError> {
    match command {
        Command::List => list::run(global).await,
        Command::Register(deploy) => deploy::run(deploy, global).await,
        Command::Describe(describe) => describe::run(describe, global).await,
        Command::Check(check) => check::run(check, global).await,
        Command::Promote(promote) => promote::run(promote, global).await,
        Command::Migrate(migrate) => migrate::run(migrate, global).await,
        Command::Remove(remove) => remove::run(remove, global).await,
        Command::Env(env) => env::run(env, global).await,
        Command::AllowHost(allow_host) => allow_host::run(allow_host, global).await,
    }
}

/// Asks for something that replays what is recorded, which takes a while, and shows how far that is.
async fn act(client: &Client, id: &str, what: &str, force: bool) -> Result<String, CliError> {
    let mut url = client.url(&["deployments", id, what]);
    if force {
        url.query_pairs_mut().append_pair("force", "true");
    }
    let asked = client.send(client.request(Method::POST, url));
    let response = progress::of_check(client, asked).await?;
    client.accept(response).await
}

/// Changes the settings of a deployment and shows what they are now.
async fn change(id: &str, change: &serde_json::Value, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let body = client.ask(Method::PATCH, client.url(&["deployments", id]), Some(change.to_string())).await?;
    if let Some(found) = client::shown(&body, global)? {
        show_settings(&found);
    }
    Ok(())
}

/// Prints the settings; the values of variables may be secrets, and are not shown.
fn show_settings(deployment: &Deployment) {
    let names: Vec<&str> = deployment.settings.env.keys().map(String::as_str).collect();
    let or_none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
    print(format!(" Variables:      {}", or_none(names.join(", "))));
    print(format!(" Allowed hosts:  {}", or_none(deployment.settings.allowed_hosts.join(", "))));
}
