//! `abide invocations`: what runs and what ran.

mod describe;
mod list;
mod resume;

use crate::cli::Global;
use crate::error::CliError;
use clap::Subcommand;

#[derive(Subcommand)]
pub enum Command {
    /// List invocations, the newest first.
    List(list::List),
    /// Show one invocation with its journal.
    Describe(describe::Describe),
    /// Let paused and backing-off invocations go on now.
    Resume(resume::Resume),
}

pub async fn run(command: Command, global: &Global) -> Result<(), CliError> {
    match command {
        Command::List(list) => list::run(list, global).await,
        Command::Describe(describe) => describe::run(describe, global).await,
        Command::Resume(resume) => resume::run(resume, global).await,
    }
}
