//! The web page in a real browser: scripts of `tests/e2e/ui`, in a headless Chromium.

use crate::binary::workspace;
use crate::{Server, npm};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Where Chromium is, by the names that distributions give it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Runs a script against the page of a server. It gets what `extra` holds, and answers with what it saw.
/// Returns nothing, and says why on stderr, when there is no browser, or nothing to run scripts with.
///
/// # Panics
/// The script fails: something was not there, the page wrote an error, or it asked another host.
#[must_use]
#[track_caller]
pub fn drive(script: &str, server: &Server, extra: Value) -> Option<Value> {
    let Some(chromium) = find() else {
        npm::skip(script, "Chromium is not installed (CHROMIUM names one that is elsewhere)");
        return None;
    };
    let given = json!({
        "admin": format!("http://{}", server.admin().addr),
        "ingress": format!("http://{}", server.ingress().addr),
        "chromium": chromium,
        "shots": workspace().join("target/ui-shots"),
        "home": server.home(),
        "extra": extra,
    });
    npm::run_in(&workspace().join("tests/e2e/ui"), script, server, &[given.to_string()])
}

fn find() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Some(named.into());
    }
    let folders: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let candidates = folders.iter().flat_map(|folder| NAMES.map(|name| folder.join(name)));
    candidates.into_iter().find(|path| path.is_file())
}
