//! `abide invocations pause`.

use super::act::{self, Chosen, Verb};
use crate::cli::Global;
use crate::error::CliError;
use clap::Args;

#[derive(Args)]
pub struct Pause {
    #[command(flatten)]
    pub chosen: Chosen,
}

/// Their guests are stopped; what they did stays.
pub async fn run(wanted: Pause, global: &Global) -> Result<(), CliError> {
    act::run(&Verb::new("pause", "paused"), &wanted.chosen, global).await
}
