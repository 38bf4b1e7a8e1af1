//! The `abide` command, run to its end.

use crate::Server;
use crate::process::clean_env;
use crate::{binary, guests};
use serde_json::Value;
use std::process::{Command, Output, Stdio};

/// What a command came to.
#[derive(Clone, Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().expect("the command was not killed"),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts the exit code and returns what was said.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// Runs the command without a server.
#[must_use]
pub fn abide(args: &[&str]) -> Ran {
    Ran::of(&command(args).output().expect("the binary can be run"))
}

/// The same, with something else for its standard output.
#[must_use]
pub fn abide_into(args: &[&str], stdout: impl Into<Stdio>) -> Ran {
    Ran::of(&command(args).stdout(stdout).output().expect("the binary can be run"))
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(binary::abide());
    clean_env(&mut command);
    // Crates that it builds should find what the tests built.
    command.env("CARGO_TARGET_DIR", guests::target_dir()).current_dir(binary::workspace()).args(args);
    command
}

impl Server {
    /// Runs the command against this server.
    #[must_use]
    pub fn abide(&self, args: &[&str]) -> Ran {
        self.abide_with(args, &[])
    }

    /// The same, with variables of its environment.
    #[must_use]
    pub fn abide_with(&self, args: &[&str], env: &[(&str, &str)]) -> Ran {
        Ran::of(&self.asking(args).envs(env.iter().copied()).output().expect("the binary can be run"))
    }

    /// The same, with something else for its standard output.
    #[must_use]
    pub fn abide_into(&self, args: &[&str], stdout: impl Into<Stdio>) -> Ran {
        Ran::of(&self.asking(args).stdout(stdout).output().expect("the binary can be run"))
    }

    fn asking(&self, args: &[&str]) -> Command {
        let mut command = command(args);
        command.env("ABIDE_ADMIN_URL", format!("http://{}", self.admin().addr));
        command.env("ABIDE_INGRESS_URL", format!("http://{}", self.ingress().addr));
        command
    }
}
