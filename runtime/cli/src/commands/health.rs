//! `abide health`: whether a server takes work. Made for health checks of containers and the like.

use crate::cli::Global;
use crate::client::Client;
use crate::error::CliError;
use crate::output::print;

/// Says so and succeeds, or fails with the reason.
pub async fn run(global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    client.get(client.url(&["health"])).await?;
    print(if global.json { "{\"healthy\":true}" } else { "the server takes work" });
    Ok(())
}
