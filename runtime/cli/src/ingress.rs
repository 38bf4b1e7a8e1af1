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

/// A refusal of the admin port: its code is a word, not a status.
#[derive(Deserialize)]
struct AdminRefusal {
    message: String,
    #[serde(rename = "code")]
    _code: String,
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
        // What a handler answers has an id with it.
        if let (None, Ok(refusal)) = (&id, serde_json::from_slice::<AdminRefusal>(body)) {
            let message = format!("[{status}] this is an admin port, not an ingress: {}", refusal.message);
            return CliError::new(Kind::Usage, message)
                .hint("--ingress-url and ABIDE_INGRESS_URL say where the ingress is");
        }
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
        None if is_unknown => error.hint(match service_without_handler(&refusal.message) {
            Some(service) => format!("\"abide services describe {service}\" shows its handlers"),
            None => "\"abide services list\" shows what there is".to_owned(),
        }),
        None if refusal.message.starts_with("bad path, expected") => error.hint(
            "objects and workflows are called with a key, SERVICE/KEY/HANDLER, plain services without; \
             \"abide services list\" shows which is which",
        ),
        None => error,
    }
}

/// Returns the service that is there, when only its handler is not.
fn service_without_handler(message: &str) -> Option<&str> {
    let (service, _) = message.strip_prefix("the service '")?.split_once("' exists, but the handler ")?;
    Some(service)
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
        let no_handler = "the service 'Cart' exists, but the handler 'ad' was not found, check that";
        assert_eq!(hint(404, "ingress", no_handler), "\"abide services describe Cart\" shows its handlers");
        assert!(hint(400, "ingress", "bad path, expected /A/key/b").contains("SERVICE/KEY/HANDLER"));
    }

    #[test]
    fn an_admin_port_is_told_from_an_ingress() {
        let body =
            br#"{"code":"unknown_path","message":"no such path on the admin port: /restate/call/S/h"}"#;
        let told = refusal(404, body, None);
        assert_eq!(told.kind, Kind::Usage);
        assert!(told.hint.is_some_and(|hint| hint.contains("--ingress-url")));
        let by_handler = refusal(404, body, Some("inv_1".to_owned()));
        assert_eq!((by_handler.kind, by_handler.hint), (Kind::Failed, None));
    }
}
