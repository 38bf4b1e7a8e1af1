//! `abide deployments check`.

use crate::cli::Global;
use crate::client::{self, Client};
use crate::commands::deployments;
use crate::error::CliError;
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
    if let Some(found) = client::shown(&body, global)? {
        report::show(&found);
    }
    Ok(())
}
