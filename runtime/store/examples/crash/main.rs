//! Crashes the store on purpose: `power` on a simulated disk, `kill` with kill -9, `powercut-ext4` on a real file system.
//! Prints what was survived.

mod ext4;
mod kill;
mod model;
mod power;

use std::path::Path;
use std::process::{Command, ExitCode};

const USAGE: &str = "usage: crash power|kill|powercut-ext4 [--rounds N] [--seed N]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, default: u64| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(default)
    };
    let (rounds, seed) = (number("--rounds", 100), number("--seed", 1));
    let result = match arguments.first().map(String::as_str) {
        Some("power") => power::run(seed, rounds, 97).map(|report| format!("{report:?}")),
        Some("kill") => kill::run(seed, rounds, |dir| child(dir, seed)).map(|report| format!("{report:?}")),
        Some("powercut-ext4") => ext4::run(seed, rounds, |dir| child(dir, seed)),
        Some("child") => {
            kill::child(Path::new(&arguments[1]), seed);
            return ExitCode::FAILURE;
        }
        Some(_) | None => Err(USAGE.to_string()),
    };
    match result {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn child(dir: &Path, seed: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a program knows its path"));
    command.arg("child").arg(dir).args(["--seed", &seed.to_string()]);
    command
}
