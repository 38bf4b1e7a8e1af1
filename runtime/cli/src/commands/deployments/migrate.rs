//! `abide deployments migrate`.

use crate::cli::Global;
use crate::client::{self, Client};
use crate::commands::deployments;
use crate::error::CliError;
use crate::model::Migrated;
use crate::output::print;
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
    if global.json {
        print(body);
        return Ok(());
    }
    let Migrated { moved, check } = client::read(&body)?;
    report::show(&check);
    report::show_moved(&moved, &migrate.id);
    Ok(())
}
