//! `abide invocations resume`.

use super::each;
use crate::cli::Global;
use crate::error::CliError;
use clap::Args;

#[derive(Args)]
pub struct Resume {
    /// The ids of the invocations.
    #[arg(required = true)]
    pub ids: Vec<String>,
}

pub async fn run(resume: Resume, global: &Global) -> Result<(), CliError> {
    each(&resume.ids, "resume", "resumed", global).await
}
