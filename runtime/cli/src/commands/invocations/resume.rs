//! `abide invocations resume`.

use super::act::{self, Chosen, Verb};
use crate::cli::Global;
use crate::error::CliError;
use clap::Args;

#[derive(Args)]
pub struct Resume {
    #[command(flatten)]
    pub chosen: Chosen,
    /// On which code: `keep`, `latest` or the id of a deployment [default: keep].
    #[arg(long, value_name = "CODE")]
    pub on: Option<String>,
}

/// They go on by replay.
pub async fn run(wanted: Resume, global: &Global) -> Result<(), CliError> {
    act::run(&Verb::new("resume", "resumed").with("deployment", wanted.on), &wanted.chosen, global).await
}
