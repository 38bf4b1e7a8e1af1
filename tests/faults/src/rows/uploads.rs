//! Uploads while the disk fails or the server is killed: all of the component or nothing, and the next one is taken.

use crate::life::{End, Lives, point};
use abide_e2e::{Guest, Reply};
use abide_store::faults::{Edge, Site};
use std::time::Duration;

/// Where an upload comes to.
pub const SITES: [Site; 4] =
    [Site::ComponentWrite, Site::ComponentSync, Site::ComponentRename, Site::ComponentNames];
/// What it writes: the component, and what was compiled from it. A start has removed what no deployment uses.
pub const FILES: u64 = 2;
/// How long a server may take to die.
const END_MAX: Duration = Duration::from_secs(3);

/// An upload that was cut off leaves nothing that hinders the next.
pub fn killed(lives: &mut Lives<'_>, site: Site, edge: Edge, nth: u64) -> Result<(), String> {
    let point = point(site, edge);
    lives.begin(&format!("kill:{point}#{nth}"));
    let cut_off = upload(lives);
    lives.go_on(END_MAX);
    if !lives.said().contains(&format!("killed at {point}")) {
        return Err(format!("an upload never came to {point}, file {nth}: {cut_off:?}"));
    }
    lives.kills += 1;
    lives.begin_well()?;
    is_taken(lives).map_err(|why| format!("after a kill at {point}, file {nth}: {why}"))
}

/// An upload that the disk fails is refused with the reason, and the next one is taken by the same server.
pub fn failed(lives: &mut Lives<'_>, fault: &str, site: Site, nth: u64) -> Result<(), String> {
    let plan = format!("{fault}:{}#{nth}", site.name());
    if lives.begin(&plan) == End::Died {
        return Err(format!("a server does not start under {plan}"));
    }
    let reply = upload(lives).map_err(|why| format!("{plan}: {why}"))?;
    let text = reply.text();
    if reply.status < 500 || !text.contains("\"message\"") {
        return Err(format!("{plan}: an upload was answered with {} {text}", reply.status));
    }
    if !text.contains("planned for") && !lives.said().contains("planned for") {
        return Err(format!(
            "{plan} is named neither by the answer nor by the log: {text}\n{}",
            lives.said()
        ));
    }
    is_taken(lives).map_err(|why| format!("after {plan}: {why}"))
}

fn upload(lives: &Lives<'_>) -> Result<Reply, String> {
    let request = lives.server().admin().request("POST", "/deployments?force=true");
    request.body("application/wasm", Guest::Greeter.bytes()).try_send().map_err(|error| error.to_string())
}

fn is_taken(lives: &Lives<'_>) -> Result<(), String> {
    let reply = upload(lives)?;
    let answer: serde_json::Value =
        serde_json::from_slice(&reply.body).map_err(|error| format!("{error}: {}", reply.text()))?;
    let id = answer["id"].as_str().ok_or_else(|| format!("{} {}", reply.status, reply.text()))?;
    // Gone again, so that the next upload is a new one.
    let path = format!("/deployments/{id}?force=true");
    let removed = lives.server().admin().request("DELETE", &path).try_send();
    removed.map(drop).map_err(|error| error.to_string())
}
