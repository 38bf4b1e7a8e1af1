//! `abide deployments migrate`.

use crate::cli::Global;
use crate::client::{self, Client};
use crate::commands::deployments;
use crate::error::CliError;
use crate::model::Migrated;
use crate::report;
use clap::Args;

#[derive(Args)]
pub struct Migrate {
    /// The id of the deployment they are moved to.
    pub id: String,
}

pub async fn run(migrate: Migrate, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    let body = deployments::act(&client, &migrate.id, "migrate", false).await?;
    let Some(Migrated { moved, check }) = client::shown(&body, global)? else { return Ok(()) };
    report::show(&check);
    report::show_moved(&moved, &migrate.id);
    Ok(())
}
