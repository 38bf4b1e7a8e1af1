//! `abide invocations cancel`.

use super::each;
use crate::cli::Global;
use crate::error::CliError;
use clap::Args;

#[derive(Args)]
pub struct Cancel {
    /// The ids of the invocations.
    #[arg(required = true)]
    pub ids: Vec<String>,
}

/// What they wait for fails; they end when they have undone what they did.
pub async fn run(cancel: Cancel, global: &Global) -> Result<(), CliError> {
    each(&cancel.ids, "cancel", "cancelled", global).await
}
