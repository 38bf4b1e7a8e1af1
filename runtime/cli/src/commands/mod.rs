//! The commands: one file each.

pub mod awakeables;
pub mod backup;
pub mod call;
pub mod completions;
pub mod config;
pub mod deploy;
pub mod deployments;
pub mod dev;
pub mod doctor;
pub mod health;
pub mod invocations;
mod invoke;
pub mod logs;
pub mod new;
pub mod objects;
pub mod restore;
pub mod send;
pub mod services;
pub mod sql;
pub mod state;
pub mod tokens;
pub mod up;

use crate::cli::{Cli, Command};
use crate::error::CliError;

/// Runs the command that was asked for.
pub async fn run(cli: Cli) -> Result<(), CliError> {
    let global = cli.global;
    match cli.command {
        Command::Up(up) => up::run(up, global).await,
        Command::Dev(dev) => dev::run(dev, global).await,
        Command::New(new) => new::run(&new, &global),
        Command::Deploy(deploy) => deploy::run(deploy, &global).await,
        Command::Call(call) => call::run(call, &global).await,
        Command::Send(send) => send::run(send, &global).await,
        Command::Deployments(command) => deployments::run(command, &global).await,
        Command::Services(command) => services::run(command, &global).await,
        Command::Invocations(command) => invocations::run(*command, &global).await,
        Command::State(command) => state::run(command, &global).await,
        Command::Objects(command) => objects::run(command, &global).await,
        Command::Awakeables(command) => awakeables::run(command, &global).await,
        Command::Config(config) => config::run(config, &global).await,
        Command::Logs(logs) => logs::run(logs, &global).await,
        Command::Sql(sql) => sql::run(sql, &global).await,
        Command::Completions(completions) => completions::run(&completions),
        Command::Tokens(command) => tokens::run(command, &global).await,
        Command::Health => health::run(&global).await,
        Command::Backup(backup) => backup::run(backup, &global).await,
        Command::Restore(restore) => restore::run(restore, &global).await,
        Command::Doctor(doctor) => doctor::run(doctor, &global).await,
    }
}
