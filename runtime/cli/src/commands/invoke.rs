//! What `abide call` and `abide send` have in common: the target and what is sent to it.

use crate::cli::Global;
use crate::client::Client;
use crate::error::{CliError, Kind};
use crate::ingress;
use clap::Args;
use reqwest::Method;

#[derive(Args)]
pub struct Request {
    /// SERVICE/HANDLER, or SERVICE/KEY/HANDLER for an object or a workflow; any text is a key.
    pub target: String,
    /// The input: text, @FILE, or - for standard input. Without it, nothing is sent.
    pub input: Option<String>,
    /// Print status and headers, too.
    #[arg(long, short = 'i')]
    pub include: bool,
    /// The same key again is the same invocation: it runs once, and answers every time.
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
    /// A header for the handler.
    #[arg(long, short = 'H', value_name = "NAME: VALUE", value_parser = parse_header)]
    pub header: Vec<(String, String)>,
    /// What the input is.
    #[arg(long, value_name = "TYPE", default_value = "application/json")]
    pub content_type: String,
}

/// Whether to wait for the answer.
pub enum Mode {
    Call,
    Send { delay: Option<String> },
}

impl Request {
    /// Sends the request and prints the answer.
    pub async fn run(self, mode: Mode, global: &Global) -> Result<(), CliError> {
        let client = Client::ingress(global)?;
        let verb = match mode {
            Mode::Call => "call",
            Mode::Send { .. } => "send",
        };
        let target = split_target(&self.target)?;
        let mut url = client.url(&[&["restate", verb], target.as_slice()].concat());
        if let Mode::Send { delay: Some(delay) } = &mode {
            url.query_pairs_mut().append_pair("delay", delay);
        }
        let mut request = client.request(Method::POST, url);
        for (name, value) in &self.header {
            request = request.header(name, value);
        }
        if let Some(key) = &self.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if let Some(input) = &self.input {
            request = request.header("content-type", &self.content_type).body(ingress::read_input(input)?);
        }
        ingress::show(client.send(request).await?, self.include).await
    }
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("it has to look like NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// Splits a target. Names have no slashes, so what is between the first and the last one is the key.
fn split_target(target: &str) -> Result<Vec<&str>, CliError> {
    let bad = |why: &str| CliError::new(Kind::Usage, format!("'{target}' is no target: {why}"));
    let shape = "it has to look like SERVICE/HANDLER or SERVICE/KEY/HANDLER";
    let (service, rest) = target.split_once('/').ok_or_else(|| bad(shape))?;
    let (key, handler) = match rest.rsplit_once('/') {
        Some((key, handler)) => (Some(key), handler),
        None => (None, rest),
    };
    if service.is_empty() || handler.is_empty() {
        return Err(bad(shape));
    }
    if matches!(key, Some("." | "..")) {
        return Err(bad("HTTP clients read this key as a part of the path to leave out"));
    }
    Ok([Some(service), key, Some(handler)].into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        for (target, expected) in [
            ("Greeter/greet", vec!["Greeter", "greet"]),
            ("Counter/alice/add", vec!["Counter", "alice", "add"]),
            ("Counter//add", vec!["Counter", "", "add"]),
            ("Counter/a/b c/add", vec!["Counter", "a/b c", "add"]),
            ("Counter/ä%2F/add", vec!["Counter", "ä%2F", "add"]),
        ] {
            assert_eq!(split_target(target).unwrap(), expected, "{target}");
        }
        for target in ["", "Greeter", "/greet", "Greeter/", "Counter/k/", "Counter/../add", "Counter/./add"] {
            assert_eq!(split_target(target).unwrap_err().kind, Kind::Usage, "{target}");
        }
    }
}
