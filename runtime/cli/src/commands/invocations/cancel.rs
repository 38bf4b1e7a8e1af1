//! `abide invocations cancel`.

use super::act::{self, Chosen, Verb};
use crate::cli::Global;
use crate::error::CliError;
use clap::Args;

#[derive(Args)]
pub struct Cancel {
    #[command(flatten)]
    pub chosen: Chosen,
}

/// What they wait for fails; they end when they have undone what they did, or at once if they can never go on.
pub async fn run(wanted: Cancel, global: &Global) -> Result<(), CliError> {
    act::run(&Verb::new("cancel", "cancelled"), &wanted.chosen, global).await
}
