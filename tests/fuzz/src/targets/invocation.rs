//! An invocation of a guest that may do anything: it ends, by a kill if it has to, and others have an answer meanwhile.

use abide_e2e::{Reply, Server};
use serde_json::Value;
use std::time::{Duration, Instant};

/// What waits for something that never comes is killed after so long.
const LIFE: Duration = Duration::from_millis(300);
/// A killed invocation has ended by then, and everything has an answer.
const ANSWER_MAX: Duration = Duration::from_secs(20);
const NOT_READY: u16 = 470;

/// Returns the id of what was sent, if it was accepted.
pub fn id_of(sent: &Reply) -> Option<String> {
    let sent = serde_json::from_slice::<Value>(&sent.body).ok()?;
    sent["invocationId"].as_str().map(str::to_owned)
}

/// Waits for the end of an invocation, and says whether it gave a value.
///
/// # Errors
/// It does not end, or the server blames itself.
pub fn ends_with_value(server: &Server, id: &str) -> Result<bool, String> {
    let (status, text) = answer(server, id)?;
    match status {
        200..=299 => Ok(true),
        _ if is_of_guest(&text) => Ok(false),
        _ => Err(format!("the server blames itself: {status} {text}")),
    }
}

/// Says whether a failure is the guest's, whose status it may choose.
fn is_of_guest(answer: &str) -> bool {
    answer.contains("\"source\":\"invocation\"")
}

/// Returns the answer of an invocation, which is killed when there is none for a while.
fn answer(server: &Server, id: &str) -> Result<(u16, String), String> {
    let start = Instant::now();
    let mut is_killed = false;
    while start.elapsed() < ANSWER_MAX {
        let request = server.ingress().request("GET", &format!("/restate/output/{id}"));
        let reply = request.try_send().map_err(|error| error.to_string())?;
        if reply.status != NOT_READY || is_of_guest(&reply.text()) {
            return Ok((reply.status, reply.text()));
        }
        if start.elapsed() > LIFE && !is_killed {
            let path = format!("/invocations/{id}/kill");
            let killed = server.admin().request("PATCH", &path).try_send();
            is_killed = killed.is_ok_and(|reply| [200, 202, 409].contains(&reply.status));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Err(format!("{id} did not end, killed: {is_killed}"))
}

/// Calls the probe, which is another guest of the server.
///
/// # Errors
/// It does not answer as always.
pub fn others_are_answered(server: &Server) -> Result<(), String> {
    let request = server.ingress().request("POST", "/Probe/hello").json(r#"{"name":"Ann"}"#);
    let other = request.try_send().map_err(|error| format!("others have no answer: {error}"))?;
    match other.status {
        200 => Ok(()),
        status => Err(format!("others are answered with {status} {}", other.text())),
    }
}
