//! Who is fuzzed.

mod deployment;
mod guest;
mod http;
mod invocation;
mod lies;
mod log;
mod rows;
mod upload;

use abide_e2e::Server;

/// Takes inputs and says what is wrong about what comes of them.
pub trait Target {
    fn name(&self) -> &'static str;
    /// What there is to begin with beside the files of the corpus.
    fn seeds(&self) -> Vec<Vec<u8>>;
    /// Words that matter to whoever reads the input.
    fn words(&self) -> &'static [&'static [u8]];
    /// Tries one input.
    ///
    /// # Errors
    /// Says what must not have happened.
    fn run(&mut self, input: &[u8]) -> Result<(), String>;
    /// Judges the whole run at its end, and says how much of it worked, where that is known.
    ///
    /// # Errors
    /// It tested less than it should have.
    fn finish(&mut self) -> Result<String, String>;
}

/// After so many inputs of a kind nothing of it happens by chance.
const LONG_ENOUGH: u64 = 10;

/// The names of all targets, and about how many of their inputs take a second.
pub const NAMES: [(&str, u64); 9] = [
    ("ingress", 60),
    ("admin", 400),
    ("sql", 100),
    ("upload", 8),
    ("guest", 30),
    ("lies", 20),
    ("rows", 3_000),
    ("log", 12),
    ("replay", 12),
];

/// Returns a target, ready to run.
///
/// # Panics
/// There is none of this name.
#[must_use]
pub fn target(name: &str) -> Box<dyn Target> {
    match name {
        "ingress" => Box::new(http::Ingress::start()),
        "admin" => Box::new(http::Admin::start()),
        "sql" => Box::new(http::Sql::start()),
        "upload" => Box::new(upload::Upload::start()),
        "guest" => Box::new(guest::Hostile::start()),
        "lies" => Box::new(lies::Lies::start()),
        "rows" => Box::new(rows::Rows::new()),
        "log" => Box::new(log::Log::new()),
        "replay" => Box::new(log::Replay::new()),
        _ => panic!("there is no target {name}; there are {NAMES:?}"),
    }
}

/// Says whether the server still lives, and whether it complained of itself behind the place in its log.
fn is_well(server: &Server, log_seen: &mut u64) -> Result<(), String> {
    if let Some(status) = server.process().try_wait() {
        return Err(format!("the server is gone ({status}): {}", last_lines(&server.log())));
    }
    let end = server.log_len();
    let new = if end > *log_seen { server.log_from(*log_seen) } else { String::new() };
    *log_seen = end;
    match new.lines().any(is_panic) {
        true => Err(format!("something panicked: {}", last_lines(&new))),
        false => Ok(()),
    }
}

/// Says whether a line of the log tells of a panic of the server. What a guest prints of its own is none.
fn is_panic(line: &str) -> bool {
    line.split_once("panicked at").is_some_and(|(before, _)| !before.contains(" guest: "))
}

fn last_lines(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_that_panics_is_no_panic_of_the_server() {
        assert!(is_panic("thread 'tokio-runtime-worker' (7) panicked at runtime/server/src/lib.rs:1:2:"));
        assert!(is_panic("2026-11-30T08:20:19Z ERROR abide_server: panicked at lib.rs:1:2"));
        let of_a_guest =
            "2026-11-30T08:20:19Z  WARN guest: thread '<unnamed>' (1) panicked at navigate.rs:534:47:";
        assert!(!is_panic(of_a_guest));
        assert!(!is_panic(&of_a_guest.replace("guest:", "attempt{id=inv_1}: guest:")));
        assert!(!is_panic("2026-11-30T08:20:19Z  WARN abide_server: the attempt failed"));
    }
}
