//! Uploads of what may be anything: each has an answer, and an error says why.

use super::is_well;
use abide_e2e::Server;
use serde_json::Value;
use std::time::Duration;

/// The code of an answer that is none of an error.
pub const ACCEPTED: &str = "accepted";
/// Compiling takes seconds on a machine with much to do, and so do replays of what was called before.
const UPLOAD_MAX: Duration = Duration::from_secs(180);

/// Uploads a component, and returns what was answered, with its code.
///
/// # Errors
/// There is no answer, or the server blames itself, or does not say why it refuses.
pub fn upload(
    server: &Server,
    log_seen: &mut u64,
    component: &[u8],
    query: &str,
) -> Result<(Value, String), String> {
    let request = server.admin().request("POST", &format!("/deployments?{query}")).timeout(UPLOAD_MAX);
    let sent = request.body("application/wasm", component).try_send();
    is_well(server, log_seen)?;
    let bytes = component.len();
    let reply = sent.map_err(|error| format!("an upload of {bytes} bytes has no answer: {error}"))?;
    let answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let code = match (reply.status, answer["code"].as_str(), answer["message"].as_str()) {
        (200..=299, ..) if answer["id"].is_string() => ACCEPTED.to_owned(),
        (400..=499, Some(code), Some(_)) => code.to_owned(),
        (status, ..) => return Err(format!("an upload of {bytes} bytes: {status} {}", reply.text())),
    };
    Ok((answer, code))
}

/// Removes a deployment, whatever refers to it.
///
/// # Errors
/// It stays.
pub fn remove(server: &Server, deployment: &Value) -> Result<(), String> {
    let id = deployment["id"].as_str().unwrap_or_default();
    let request = server.admin().request("DELETE", &format!("/deployments/{id}?force=true"));
    let removed = request.try_send().map_err(|error| format!("removing has no answer: {error}"))?;
    match removed.status {
        200 => Ok(()),
        status => Err(format!("it cannot be removed: {status} {}", removed.text())),
    }
}
