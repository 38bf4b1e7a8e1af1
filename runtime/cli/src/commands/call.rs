//! `abide call`: calls a handler and waits for its answer.

use crate::cli::Global;
use crate::commands::invoke::{Mode, Request};
use crate::error::CliError;
use clap::Args;

#[derive(Args)]
pub struct Call {
    #[command(flatten)]
    pub request: Request,
    /// The same as `abide send`.
    #[arg(long, hide = true)]
    pub send: bool,
    /// The same as `abide send --delay`.
    #[arg(long, value_name = "DURATION", hide = true)]
    pub delay: Option<String>,
}

pub async fn run(call: Call, global: &Global) -> Result<(), CliError> {
    let mode = match (call.send, call.delay) {
        (_, Some(delay)) => Mode::Send { delay: Some(delay) },
        (true, None) => Mode::Send { delay: None },
        (false, None) => Mode::Call,
    };
    call.request.run(mode, global).await
}
