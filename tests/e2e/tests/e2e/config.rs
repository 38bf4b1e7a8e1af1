//! Settings: from the file, the environment and flags; shown as they are, and refused by name.

use abide_e2e::{Guest, Setup, cli};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("abide-e2e-").tempdir().expect("a folder can be made")
}

fn write(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("abide.toml");
    std::fs::write(&path, text).expect("a file can be written");
    path
}

/// Returns value and source of a setting.
fn setting(listing: &Value, key: &str) -> (Value, String, String) {
    let values = listing["values"].as_array().expect("a list");
    let found = values.iter().find(|value| value["key"] == key).unwrap_or_else(|| panic!("no {key}"));
    let text = |name: &str| found[name].as_str().expect("a text").to_owned();
    (found["value"].clone(), text("source"), text("origin"))
}

#[test]
fn a_server_runs_as_its_file_its_environment_and_its_flags_say() {
    let folder = folder();
    let text = "[guests]\nmemory_max = \"64 MiB\"\nattempts_max = 7\n[ingress]\nbody_max = \"2 KiB\"\n[log]\nformat = \"json\"\n";
    let file = write(folder.path(), text);
    let server = Setup::new()
        .args(&["--config", &file.display().to_string(), "--guests-suspend-after", "1m 30s"])
        .env("ABIDE_GUESTS_ATTEMPTS_MAX", "9")
        .env("ABIDE_HTTP_STREAMS_MAX", "5")
        .start();
    let shown = server.admin().get("/config").expect(200).json();
    let origin = |line: usize| format!("{}:{line}", file.display());
    for (key, value, source, from) in [
        ("guests.memory_max", json!("64 MiB"), "file", origin(2)),
        ("guests.attempts_max", json!(9), "env", "ABIDE_GUESTS_ATTEMPTS_MAX".to_owned()),
        ("guests.suspend_after", json!("1m 30s"), "flag", "--guests-suspend-after".to_owned()),
        ("http.streams_max", json!(5), "env", "ABIDE_HTTP_STREAMS_MAX".to_owned()),
        ("guests.cpu_max", json!("10s"), "default", "default".to_owned()),
        ("ingress.listen", json!("127.0.0.1:0"), "flag", "--ingress".to_owned()),
    ] {
        assert_eq!(setting(&shown, key), (value, source.to_owned(), from), "{key}");
    }
    // Not only shown: the log is JSON, and a body over the limit is refused.
    assert!(server.log().lines().any(|line| line.starts_with('{')), "{}", server.log());
    server.deploy(Guest::Probe);
    let large = json!({ "name": "x".repeat(3 << 10) }).to_string();
    server.ingress().post("/Probe/hello", &large).expect(413);
    let table = server.abide(&["config", "--running"]).expect(0).stdout;
    let line = table.lines().find(|line| line.contains("guests.memory_max")).expect("a line");
    assert!(line.contains("64 MiB") && line.contains("abide.toml:2"), "{line}");
}

#[test]
fn secrets_are_not_shown() {
    let server = Setup::new().env("ABIDE_ADMIN_TOKEN", "a-secret-of-mine").start();
    let reply =
        server.admin().request("GET", "/config").header("authorization", "Bearer a-secret-of-mine").send();
    let text = reply.expect(200).text();
    assert!(text.contains(r#""key":"admin.token","value":"***","source":"env""#), "{text}");
    assert!(!text.contains("a-secret") && !server.log().contains("a-secret"));
}

#[test]
fn the_command_shows_what_a_server_would_do() {
    let folder = folder();
    let file = write(folder.path(), "[admin]\nlisten = \"127.0.0.1:1234\"\n").display().to_string();
    let listing = cli::abide(&["config", "--json", "--config", &file]).expect(0).json();
    assert_eq!(setting(&listing, "admin.listen").0, json!("127.0.0.1:1234"));
    let listing = cli::abide(&["config", "--json", "--config", &file, "--admin", "[::1]:9"]).expect(0).json();
    assert_eq!(setting(&listing, "admin.listen"), (json!("[::1]:9"), "flag".into(), "--admin".into()));

    // The example changes nothing, and is taken as it is.
    let example = cli::abide(&["config", "--default"]).expect(0).stdout;
    let file = write(folder.path(), &example).display().to_string();
    let listing = cli::abide(&["config", "--json", "--config", &file]).expect(0).json();
    let values = listing["values"].as_array().expect("a list");
    assert!(values.len() > 20 && values.iter().all(|value| value["source"] == "default"), "{listing}");
}

#[test]
fn mistakes_are_refused_with_what_to_write() {
    let folder = folder();
    let file = write(folder.path(), "[guests]\nmemory = \"64 MiB\"\n[ingress]\nlisten = 8080\n");
    let named = file.display().to_string();
    let data = folder.path().join("data").display().to_string();
    let ran = cli::abide(&["up", "--data", &data, "--config", &named, "--log-format", "xml"]).expect(2);
    for complaint in [
        format!("{named}:2: unknown key guests.memory; did you mean guests.memory_max?"),
        format!("{named}:4: ingress.listen: expected an address and a port"),
        "--log-format: expected \"text\" or \"json\", found \"xml\"".to_owned(),
        "abide config --default".to_owned(),
    ] {
        assert!(ran.stderr.contains(&complaint), "{complaint}\n{}", ran.stderr);
    }
    assert!(!Path::new(&data).exists(), "nothing was touched");
    let ran = cli::abide(&["config", "--config", "/no/such/file.toml"]).expect(2);
    assert!(ran.stderr.contains("/no/such/file.toml"), "{}", ran.stderr);
}
