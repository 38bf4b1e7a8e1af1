//! `abide invocations purge`.

use super::each;
use crate::cli::Global;
use crate::error::CliError;
use clap::Args;

#[derive(Args)]
pub struct Purge {
    /// The ids of the invocations.
    #[arg(required = true)]
    pub ids: Vec<String>,
}

pub async fn run(purge: Purge, global: &Global) -> Result<(), CliError> {
    each(&purge.ids, "purge", "purged", global).await
}
