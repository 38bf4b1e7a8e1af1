//! `abide send`: asks for a handler and does not wait for its answer.

use crate::cli::Global;
use crate::commands::invoke::{Mode, Request};
use crate::error::CliError;
use clap::Args;

#[derive(Args)]
pub struct Send {
    #[command(flatten)]
    pub request: Request,
    /// Begin later, for example in 10s, 1h30m or PT1H.
    #[arg(long, value_name = "DURATION")]
    pub delay: Option<String>,
}

pub async fn run(send: Send, global: &Global) -> Result<(), CliError> {
    send.request.run(Mode::Send { delay: send.delay }, global).await
}
