//! `abide services describe`.

use crate::cli::Global;
use crate::client::{self, Client};
use crate::commands::services;
use crate::error::CliError;
use crate::model::Service;
use crate::output::print;
use clap::Args;

#[derive(Args)]
pub struct Describe {
    /// The name of the service.
    pub name: String,
}

pub async fn run(describe: Describe, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let body = client.get(client.url(&["services", &describe.name])).await?;
    let Some(service) = client::shown::<Service>(&body, global)? else { return Ok(()) };
    services::show(&service);
    print(format!(" Deployment: {}", service.deployment_id));
    Ok(())
}
