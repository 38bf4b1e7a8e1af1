//! `abide invocations purge-journal`.

use super::act::{self, Chosen, Verb};
use crate::cli::Global;
use crate::error::CliError;
use clap::Args;

#[derive(Args)]
pub struct PurgeJournal {
    #[command(flatten)]
    pub chosen: Chosen,
}

/// Their answers are left.
pub async fn run(wanted: PurgeJournal, global: &Global) -> Result<(), CliError> {
    act::run(&Verb::new("purge-journal", "purged"), &wanted.chosen, global).await
}
