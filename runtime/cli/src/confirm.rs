//! Asks a person whether to go on.

use crate::error::{CliError, Kind};
use std::io::{BufRead, IsTerminal, Write};

/// Returns whether the person at the terminal agrees.
///
/// # Errors
/// There is no terminal, so nobody can be asked.
pub fn ask(what: &str) -> Result<bool, CliError> {
    let (stdin, mut stderr) = (std::io::stdin(), std::io::stderr());
    if !stdin.is_terminal() || !stderr.is_terminal() {
        let error = CliError::new(Kind::Usage, format!("{what}, and nobody is there to agree"));
        return Err(error.hint("say --yes, or --dry-run to see how many there are"));
    }
    let asked = write!(stderr, "{what}. Go on? [y/N] ").and_then(|()| stderr.flush());
    let mut answer = String::new();
    let read = asked.and_then(|()| stdin.lock().read_line(&mut answer));
    read.map_err(|error| CliError::failed(format!("cannot ask: {error}")))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
