//! `abide invocations restart`.

use super::act::{self, Chosen, Verb};
use crate::cli::Global;
use crate::error::{CliError, Kind};
use clap::Args;

#[derive(Args)]
pub struct Restart {
    #[command(flatten)]
    pub chosen: Chosen,
    /// Take over the journal up to this operation, with what came of it, and go on behind it.
    #[arg(long, value_name = "OP")]
    pub from: Option<u32>,
    /// On which code: `latest`, `keep` or the id of a deployment [default: latest].
    #[arg(long, value_name = "CODE")]
    pub on: Option<String>,
}

/// Each gets a successor with its input.
pub async fn run(wanted: Restart, global: &Global) -> Result<(), CliError> {
    let from = wanted.from.map(|op| op.to_string());
    if from.is_some() && wanted.chosen.ids.len() != 1 {
        let hint = "operations are those of one journal: \"abide invocations describe ID\" shows them";
        return Err(CliError::new(Kind::Usage, "--from goes with the id of one invocation").hint(hint));
    }
    act::run(
        &Verb::new("restart", "restarted").with("deployment", wanted.on).with("from", from),
        &wanted.chosen,
        global,
    )
    .await
}
