//! `abide invocations kill`.

use super::act::{self, Chosen, Verb};
use crate::cli::Global;
use crate::error::CliError;
use clap::Args;

#[derive(Args)]
pub struct Kill {
    #[command(flatten)]
    pub chosen: Chosen,
}

/// They end where they are.
pub async fn run(wanted: Kill, global: &Global) -> Result<(), CliError> {
    act::run(&Verb::new("kill", "killed"), &wanted.chosen, global).await
}
