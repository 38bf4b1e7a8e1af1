//! What goes to standard output: tables for people, JSON for programs.

use crate::error::CliError;
use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use std::io::{self, IsTerminal, Stdout, Write};
use std::sync::OnceLock;

/// Colours text when a person looks at it.
#[derive(Clone, Copy)]
pub struct Paint {
    is_on: bool,
}

impl Paint {
    pub fn stdout() -> Self {
        Self { is_on: std::io::stdout().is_terminal() && wants_colour() }
    }

    pub fn stderr() -> Self {
        Self { is_on: std::io::stderr().is_terminal() && wants_colour() }
    }

    #[cfg(test)]
    pub fn off() -> Self {
        Self { is_on: false }
    }

    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    pub fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.is_on { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// See no-color.org.
fn wants_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Returns a table without lines.
pub fn table(headers: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if !wants_colour() {
        table.force_no_tty();
    }
    table.set_header(headers);
    table
}

/// Returns the cell of a status, in the colour of its urgency.
pub fn status_cell(status: &str, is_failure: bool) -> Cell {
    let cell = Cell::new(status);
    match status {
        _ if is_failure => cell.fg(Color::Red),
        "paused" => cell.fg(Color::Red),
        "backing-off" => cell.fg(Color::Yellow),
        "completed" | "completed with success" => cell.fg(Color::Green),
        _ => cell,
    }
}

/// Returns a text that others chose, with its line ends and other control characters written out: keys
/// and messages may hold anything, also what would move the cursor.
pub fn one_line(text: &str) -> String {
    let written =
        |char: char| if char.is_control() { char.escape_debug().to_string() } else { char.to_string() };
    text.chars().map(written).collect()
}

/// Why standard output takes nothing any more.
static FAILED: OnceLock<io::Error> = OnceLock::new();

/// Writes to standard output. Whatever becomes of that, a command does what it was asked to; [`finish`] tells in the
/// end.
pub fn print(text: impl std::fmt::Display) {
    put(|stdout| writeln!(stdout, "{text}"));
}

/// Writes bytes as they are; on a terminal the prompt then starts on a new line.
pub fn print_raw(bytes: &[u8]) {
    put(|stdout| {
        stdout.write_all(bytes)?;
        let is_open = stdout.is_terminal() && !bytes.is_empty() && !bytes.ends_with(b"\n");
        if is_open { stdout.write_all(b"\n") } else { Ok(()) }
    });
}

fn put(write: impl FnOnce(&mut Stdout) -> io::Result<()>) {
    if is_unheard() {
        return;
    }
    let mut stdout = io::stdout();
    if let Err(error) = write(&mut stdout).and_then(|()| stdout.flush()) {
        // Another thread may have failed before; then it said why.
        let _ = FAILED.set(error);
    }
}

/// Says whether standard output takes nothing any more: there is no use in waiting for more to print.
pub fn is_unheard() -> bool {
    FAILED.get().is_some()
}

/// Says whether all that was printed was taken.
pub fn finish() -> Result<(), CliError> {
    outcome(FAILED.get())
}

/// A reader that went away, as in `abide … | head`, is no mistake.
fn outcome(failed: Option<&io::Error>) -> Result<(), CliError> {
    match failed {
        Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::failed(format!("cannot write to standard output: {error}")))
        }
        Some(_) | None => Ok(()),
    }
}

/// Says something on standard error.
pub fn say(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_reader_that_went_away_is_no_mistake() {
        assert!(outcome(None).is_ok());
        assert!(outcome(Some(&io::ErrorKind::BrokenPipe.into())).is_ok());
        let error = outcome(Some(&io::ErrorKind::StorageFull.into())).unwrap_err();
        assert!(error.message.starts_with("cannot write to standard output"), "{}", error.message);
    }

    #[test]
    fn text_stays_on_its_line() {
        assert_eq!(one_line("a\tb\n\u{1b}[2J\u{9b}1mä"), r"a\tb\n\u{1b}[2J\u{9b}1mä");
    }
}
