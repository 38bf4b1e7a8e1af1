//! `abide completions`: what a shell needs to complete arguments.

use crate::cli::Cli;
use crate::error::CliError;
use crate::output::{print_raw, say};
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::io::IsTerminal;

#[derive(Args)]
pub struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub shell: Shell,
}

pub fn run(completions: &Completions) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(completions.shell, &mut Cli::command(), "abide", &mut script);
    print_raw(&script);
    if std::io::stdout().is_terminal() {
        say(format!("to use it:  {}", how(completions.shell)));
    }
    Ok(())
}

/// Returns the line with which a shell takes the script.
fn how(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => "abide completions bash > ~/.local/share/bash-completion/completions/abide",
        Shell::Zsh => "abide completions zsh > \"${fpath[1]}/_abide\"",
        Shell::Fish => "abide completions fish > ~/.config/fish/completions/abide.fish",
        Shell::Elvish => "eval (abide completions elvish | slurp)",
        Shell::PowerShell => "abide completions powershell | Out-String | Invoke-Expression",
        _ => "see the documentation of your shell",
    }
}
