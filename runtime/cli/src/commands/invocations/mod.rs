//! `abide invocations`: what runs and what ran.

mod cancel;
mod children;
mod describe;
pub mod filter;
mod kill;
mod list;
mod purge;
mod resume;
mod signal;
mod waiting;

use crate::cli::Global;
use crate::client::Client;
use crate::error::CliError;
use crate::output::print;
use clap::Subcommand;
use reqwest::Method;

#[derive(Subcommand)]
pub enum Command {
    /// List invocations, the newest first.
    List(list::List),
    /// Show one invocation with its journal.
    Describe(describe::Describe),
    /// List whom an invocation has called.
    Children(children::Children),
    /// Let paused and backing-off invocations go on now.
    Resume(resume::Resume),
    /// Ask invocations to end: what they wait for fails, so that they can undo what they did.
    Cancel(cancel::Cancel),
    /// End invocations where they are; they do not get to undo anything.
    Kill(kill::Kill),
    /// Forget completed invocations, with their journals and answers.
    Purge(purge::Purge),
    /// Send a signal to an invocation.
    Signal(signal::Signal),
}

pub async fn run(command: Command, global: &Global) -> Result<(), CliError> {
    match command {
        Command::List(list) => list::run(list, global).await,
        Command::Describe(describe) => describe::run(describe, global).await,
        Command::Children(children) => children::run(children, global).await,
        Command::Resume(resume) => resume::run(resume, global).await,
        Command::Cancel(cancel) => cancel::run(cancel, global).await,
        Command::Kill(kill) => kill::run(kill, global).await,
        Command::Purge(purge) => purge::run(purge, global).await,
        Command::Signal(signal) => signal::run(signal, global).await,
    }
}

/// Does something to one invocation after the other; the first that refuses ends it.
async fn each(ids: &[String], verb: &str, done: &str, global: &Global) -> Result<(), CliError> {
    let client = Client::admin(global)?;
    for id in ids {
        client.ask(Method::PATCH, client.url(&["invocations", id, verb]), None).await?;
        if global.json {
            print(serde_json::json!({ done: id }));
        } else {
            print(format!("{done} {id}"));
        }
    }
    Ok(())
}
