//! `abide awakeables reject`.

use super::complete;
use crate::cli::Global;
use crate::error::CliError;
use crate::ingress::read_input;
use clap::Args;

#[derive(Args)]
pub struct Reject {
    /// The id of the awakeable.
    pub id: String,
    /// What the handler is told: text, @FILE, or - for standard input.
    pub reason: Option<String>,
}

pub async fn run(reject: Reject, global: &Global) -> Result<(), CliError> {
    let reason = reject.reason.as_deref().map(read_input).transpose()?.unwrap_or_default();
    complete(&reject.id, "reject", "text/plain", reason, global).await
}
