//! Requests to the ingress: what is sent, and what its answers say.

use crate::error::{CliError, Kind};
use crate::output::{print, print_raw, say};
use reqwest::Response;
use serde::Deserialize;
use std::io::Read;

/// Reads what the user gives as input: text, @FILE, or - for standard input.
pub fn read_input(input: &str) -> Result<Vec<u8>, CliError> {
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

/// Prints an answer, or returns the refusal it is.
pub async fn show(response: Response, is_with_headers: bool) -> Result<(), CliError> {
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

/// Returns the refusal that an answer is, if it is one; its body is not shown otherwise.
pub async fn check(response: Response) -> Result<(), CliError> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let body = response.bytes().await;
    let body = body.map_err(|error| CliError::failed(format!("the answer broke off: {error}")))?;
    Err(refusal(status.as_u16(), &body, None))
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
        None if status == 401 && refusal.source == "ingress" => error.hint(
            "ABIDE_INGRESS_TOKEN or --ingress-token gives the token; \"abide tokens create NAME --scope call\" makes one",
        ),
        None if is_unknown => error.hint("\"abide services list\" shows what there is"),
        None if refusal.message.starts_with("bad path, expected") => error.hint(
            "objects and workflows are called with a key, SERVICE/KEY/HANDLER, plain services without; \
             \"abide services list\" shows which is which",
        ),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_to_do() {
        let hint = |status, source: &str, message: &str| {
            let body = format!(r#"{{"code":{status},"source":"{source}","message":"{message}"}}"#);
            refusal(status, body.as_bytes(), None).hint.unwrap_or_default()
        };
        assert!(hint(401, "ingress", "a token is needed").contains("ABIDE_INGRESS_TOKEN"));
        assert_eq!(hint(401, "invocation", "who are you?"), "");
        assert!(hint(404, "ingress", "service 'X' not found").contains("abide services list"));
        assert!(hint(400, "ingress", "bad path, expected /A/key/b").contains("SERVICE/KEY/HANDLER"));
    }
}
