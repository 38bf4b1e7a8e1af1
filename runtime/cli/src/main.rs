//! The `abide` command: parses the arguments, runs one command, and tells how it went.

#![deny(unsafe_code)]

mod allocator;
mod cli;
mod client;
mod commands;
mod config;
mod confirm;
mod error;
mod guest;
mod hints;
mod ingress;
mod log;
mod model;
mod output;
#[cfg(test)]
mod packaging;
mod progress;
mod report;
mod tree;
mod watch;
mod when;

use abide_server::wasm::{COMPILER_ARGUMENT, serve_as_compiler};
use clap::Parser;
use std::process::ExitCode;
use std::time::Duration;

/// How long the process waits for what works on threads of its own and is of no use any more: a component that is being
/// compiled, say.
const THREADS_END_MAX: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    // Not a command: no user asks for it, and it needs nothing of what follows.
    if arguments.next().is_some_and(|first| first == COMPILER_ARGUMENT) {
        return serve_as_compiler(arguments).into();
    }
    let cli = cli::Cli::parse();
    // One thread more than processors: now and then one of them waits for the disk (the store's `push`).
    let threads = std::thread::available_parallelism().map_or(2, |processors| processors.get() + 1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start the threads of this program: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = match runtime.block_on(commands::run(cli)).and_then(|()| output::finish()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.print();
            error.kind.exit_code()
        }
    };
    runtime.shutdown_timeout(THREADS_END_MAX);
    code
}
