//! `abide invocations kill`.

use super::each;
use crate::cli::Global;
use crate::error::CliError;
use clap::Args;

#[derive(Args)]
pub struct Kill {
    /// The ids of the invocations.
    #[arg(required = true)]
    pub ids: Vec<String>,
}

pub async fn run(kill: Kill, global: &Global) -> Result<(), CliError> {
    each(&kill.ids, "kill", "killed", global).await
}
