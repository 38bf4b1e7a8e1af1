//! `abide objects`: which objects and workflows there are.

mod list;

use crate::cli::Global;
use crate::error::CliError;
use clap::Subcommand;

#[derive(Subcommand)]
pub enum Command {
    /// List the objects or workflows of a service: those with a state, a promise, or a handler that runs.
    List(list::List),
}

pub async fn run(command: Command, global: &Global) -> Result<(), CliError> {
    match command {
        Command::List(list) => list::run(list, global).await,
    }
}
