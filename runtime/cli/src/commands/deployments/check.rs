//! `abide deployments check`.

use crate::cli::Global;
use crate::client::{self, Client};
use crate::commands::deployments;
use crate::error::CliError;
use crate::output::print;
use crate::report;
use clap::Args;

#[derive(Args)]
pub struct Check {
    /// The id of the deployment.
    pub id: String,
}

pub async fn run(check: Check, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let body = deployments::act(&client, &check.id, "check", false).await?;
    if global.json {
        print(body);
        return Ok(());
    }
    report::show(&client::read(&body)?);
    Ok(())
}
