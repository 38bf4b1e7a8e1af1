//! `abide invocations`: what runs and what ran.

mod act;
mod cancel;
mod children;
mod describe;
pub mod filter;
mod kill;
mod list;
mod logs;
mod pause;
mod purge;
mod purge_journal;
mod restart;
mod resume;
mod signal;
mod waiting;

use crate::cli::Global;
use crate::error::CliError;
use clap::Subcommand;

#[derive(Subcommand)]
pub enum Command {
    /// List invocations, the newest first.
    List(list::List),
    /// Show one invocation with its journal.
    Describe(describe::Describe),
    /// List whom an invocation has called.
    Children(children::Children),
    /// Show what an invocation logged.
    Logs(logs::Logs),
    /// Let invocations stand still until they are resumed.
    Pause(pause::Pause),
    /// Let paused and backing-off invocations go on now, on other code if need be.
    Resume(resume::Resume),
    /// Do completed invocations once more, from their beginning or from a step.
    Restart(restart::Restart),
    /// Ask invocations to end: what they wait for fails, so that they can undo what they did.
    Cancel(cancel::Cancel),
    /// End invocations where they are; they do not get to undo anything.
    Kill(kill::Kill),
    /// Forget completed invocations, with their journals and answers.
    Purge(purge::Purge),
    /// Forget the journals of completed invocations, and keep their answers.
    PurgeJournal(purge_journal::PurgeJournal),
    /// Send a signal to an invocation.
    Signal(signal::Signal),
}

pub async fn run(command: Command, global: &Global) -> Result<(), CliError> {
    match command {
        Command::List(list) => list::run(list, global).await,
        Command::Describe(describe) => describe::run(describe, global).await,
        Command::Children(children) => children::run(children, global).await,
        Command::Logs(logs) => logs::run(logs, global).await,
        Command::Pause(pause) => pause::run(pause, global).await,
        Command::Resume(resume) => resume::run(resume, global).await,
        Command::Restart(restart) => restart::run(restart, global).await,
        Command::Cancel(cancel) => cancel::run(cancel, global).await,
        Command::Kill(kill) => kill::run(kill, global).await,
        Command::Purge(purge) => purge::run(purge, global).await,
        Command::PurgeJournal(purge) => purge_journal::run(purge, global).await,
        Command::Signal(signal) => signal::run(signal, global).await,
    }
}
