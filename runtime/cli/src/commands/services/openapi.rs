//! `abide services openapi`.

use crate::cli::Global;
use crate::client::Client;
use crate::error::CliError;
use crate::output::print;
use clap::Args;

#[derive(Args)]
pub struct Openapi {
    /// The name of the service.
    pub name: String,
}

pub async fn run(openapi: Openapi, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    print(client.get(client.url(&["services", &openapi.name, "openapi"])).await?);
    Ok(())
}
