//! `abide deployments`: what was uploaded.

mod allow_host;
mod describe;
mod env;
mod list;

use crate::cli::Global;
use crate::client::Client;
use crate::commands::deploy::{self, Deploy};
use crate::error::CliError;
use crate::model::Deployment;
use crate::output::print;
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
        Command::Env(env) => env::run(env, global).await,
        Command::AllowHost(allow_host) => allow_host::run(allow_host, global).await,
    }
}

/// Changes the settings of a deployment and shows what they are now.
async fn change(id: &str, change: &serde_json::Value, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let body = client.ask(Method::PATCH, client.url(&["deployments", id]), Some(change.to_string())).await?;
    if global.json {
        print(body);
        return Ok(());
    }
    show_settings(&crate::client::read(&body)?);
    Ok(())
}

/// Prints the settings; the values of variables may be secrets, and are not shown.
fn show_settings(deployment: &Deployment) {
    let names: Vec<&str> = deployment.settings.env.keys().map(String::as_str).collect();
    let or_none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
    print(format!(" Variables:      {}", or_none(names.join(", "))));
    print(format!(" Allowed hosts:  {}", or_none(deployment.settings.allowed_hosts.join(", "))));
}
