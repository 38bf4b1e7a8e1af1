//! `abide invocations purge`.

use super::act::{self, Chosen, Verb};
use crate::cli::Global;
use crate::error::CliError;
use clap::Args;

#[derive(Args)]
pub struct Purge {
    #[command(flatten)]
    pub chosen: Chosen,
}

/// Nothing is left of them.
pub async fn run(wanted: Purge, global: &Global) -> Result<(), CliError> {
    act::run(&Verb::new("purge", "purged"), &wanted.chosen, global).await
}
