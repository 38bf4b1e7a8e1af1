//! `abide call`: a handler from the command line.

use crate::cli::Global;
use crate::client::Client;
use crate::error::{CliError, Kind};
use crate::output::{print, print_raw, say};
use clap::Args;
use reqwest::{Method, Response};
use serde::Deserialize;
use std::io::Read;

#[derive(Args)]
pub struct Call {
    /// SERVICE/HANDLER, or SERVICE/KEY/HANDLER where the service has keys.
    pub target: String,
    /// The input: text, @FILE, or - for standard input. Without it, nothing is sent.
    pub input: Option<String>,
    /// Print status and headers, too.
    #[arg(long, short = 'i')]
    pub include: bool,
    /// Do not wait for the answer.
    #[arg(long)]
    pub send: bool,
    /// Begin later, for example in 10s, 1h30m or PT1H; does not wait for the answer.
    #[arg(long, value_name = "DURATION")]
    pub delay: Option<String>,
    /// A header for the handler.
    #[arg(long, short = 'H', value_name = "NAME: VALUE", value_parser = parse_header)]
    pub header: Vec<(String, String)>,
    /// What the input is.
    #[arg(long, value_name = "TYPE", default_value = "application/json")]
    pub content_type: String,
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("it has to look like NAME: VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

pub async fn run(call: Call, global: &Global) -> Result<(), CliError> {
    let client = Client::ingress(global)?;
    let is_send = call.send || call.delay.is_some();
    let mut segments = vec!["restate", if is_send { "send" } else { "call" }];
    segments.extend(call.target.split('/'));
    let mut url = client.url(&segments);
    if let Some(delay) = &call.delay {
        url.query_pairs_mut().append_pair("delay", delay);
    }
    let mut request = client.request(Method::POST, url);
    for (name, value) in &call.header {
        request = request.header(name, value);
    }
    if let Some(input) = &call.input {
        request = request.header("content-type", &call.content_type).body(read_input(input)?);
    }
    show(client.send(request).await?, call.include).await
}

fn read_input(input: &str) -> Result<Vec<u8>, CliError> {
    let failed = |error: std::io::Error, what: &str| CliError::failed(format!("cannot read {what}: {error}"));
    match input.strip_prefix('@') {
        Some(file) => std::fs::read(file).map_err(|error| failed(error, file)),
        None if input == "-" => {
            let mut bytes = Vec::new();
            let read = std::io::stdin().read_to_end(&mut bytes);
            read.map(|_| bytes).map_err(|error| failed(error, "standard input"))
        }
        None => Ok(input.as_bytes().to_vec()),
    }
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
    source: String,
}

async fn show(response: Response, is_with_headers: bool) -> Result<(), CliError> {
    let status = response.status();
    if is_with_headers {
        print(format!("{:?} {status}", response.version()));
        for (name, value) in response.headers() {
            print(format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
        }
        print("");
    }
    let is_error = !status.is_success() || response.headers().contains_key("x-restate-error-source");
    let id = response.headers().get("x-restate-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let body = response.bytes().await;
    let body = body.map_err(|error| CliError::failed(format!("the answer broke off: {error}")))?;
    if is_with_headers || !is_error {
        print_raw(&body);
    }
    match (is_error, id) {
        (true, id) => Err(refusal(status.as_u16(), &body, id)),
        (false, Some(id)) if status.as_u16() == 202 => {
            say(format!("see how it goes: abide invocations describe {id}"));
            Ok(())
        }
        (false, _) => Ok(()),
    }
}

fn refusal(status: u16, body: &[u8], id: Option<String>) -> CliError {
    let Ok(refusal) = serde_json::from_slice::<Refusal>(body) else {
        return CliError::failed(format!("[{status}] {}", String::from_utf8_lossy(body).trim()));
    };
    let is_unknown = status == 404 && refusal.source == "ingress";
    let kind = if is_unknown { Kind::NotFound } else { Kind::Failed };
    let error = CliError::new(kind, format!("[{status}] {}", refusal.message));
    match id {
        Some(id) => error.hint(format!("see what happened: abide invocations describe {id}")),
        None if is_unknown => error.hint("\"abide services list\" shows what there is"),
        None => error,
    }
}
