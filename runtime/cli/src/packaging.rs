//! Tests of `runtime/packaging`: the commands, flags, variables and paths named there exist.

use crate::cli::{Cli, Command};
use crate::config::settings::SETTINGS;
use clap::Parser;
use std::path::{Path, PathBuf};

const UNIT: &str = include_str!("../../packaging/abide.service");
const DOCKERFILE: &str = include_str!("../../packaging/Dockerfile");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("two folders deep").to_owned()
}

/// Returns the values of a key of the unit.
fn values(key: &str) -> Vec<&'static str> {
    UNIT.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
}

/// Returns the instructions of the Dockerfile, with lines that go on put together.
fn instructions() -> Vec<String> {
    let lines: Vec<&str> = DOCKERFILE.lines().filter(|line| !line.starts_with('#')).collect();
    let whole = lines.join("\n").replace("\\\n", " ");
    whole.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

fn instruction(name: &str) -> Vec<String> {
    let found = instructions();
    found.iter().filter_map(|line| line.strip_prefix(&format!("{name} ")).map(str::to_owned)).collect()
}

/// Reads the words of an instruction in exec form.
fn words(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn parse(words: &[&str]) -> Command {
    Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{words:?}: {error}")).command
}

#[test]
fn the_unit_starts_the_server_with_flags_that_exist() {
    let starts = values("ExecStart");
    let words: Vec<&str> = starts[0].split(' ').collect();
    assert_eq!(words[0], "/usr/local/bin/abide");
    let Command::Up(up) = parse(&words) else { panic!("{starts:?} starts no server") };
    let keys: Vec<&str> = up.flags.given.iter().map(|given| SETTINGS[given.index].key).collect();
    assert_eq!(keys, ["data.folder"]);
    assert!(up.flags.file.is_some_and(|file| file.starts_with("/etc/abide")));
    // Wrong arguments stay wrong: this is the exit code of `Kind::Usage`.
    assert_eq!(values("RestartPreventExitStatus"), ["2"]);
    assert!(up.flags.given[0].text.starts_with("/var/lib/abide"), "StateDirectory makes it");
    assert_eq!(values("StateDirectory"), ["abide"]);
}

#[test]
fn the_commands_in_the_comments_of_the_unit_exist() {
    for line in
        UNIT.lines().filter_map(|line| line.strip_prefix("#   ")).filter(|line| line.starts_with("abide "))
    {
        let command = line.split(" > ").next().expect("a first part");
        parse(&command.split(' ').collect::<Vec<_>>());
    }
}

#[test]
fn the_unit_allows_what_the_server_does_to_its_own_threads_and_children() {
    let filters: Vec<_> = UNIT.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")).collect();
    let denied = filters.iter().position(|filter| filter.starts_with('~')).expect("a list of what is denied");
    let allowed: Vec<_> = filters[denied + 1..].iter().flat_map(|filter| filter.split(' ')).collect();
    for call in ["setpriority", "sched_setattr", "setrlimit", "prlimit64"] {
        assert!(allowed.contains(&call), "{call} is among @resources");
    }
}

#[test]
fn systemd_takes_the_unit() {
    let folder = std::env::temp_dir().join(format!("abide-unit-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("abide.service");
    // What it starts is not installed here.
    std::fs::write(&path, UNIT.replace("/usr/local/bin/abide", "/bin/true")).unwrap();
    let verified =
        std::process::Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path).output();
    let _ = std::fs::remove_dir_all(&folder);
    let Ok(verified) = verified else {
        println!("skipped: systemd-analyze is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && !said.contains("abide.service"), "{said}");
}

#[test]
fn the_image_runs_commands_that_exist_as_somebody_without_rights() {
    let entry = words(&instruction("ENTRYPOINT")[0]);
    let started = [entry, words(&instruction("CMD")[0])].concat();
    let started: Vec<&str> = started.iter().map(String::as_str).collect();
    assert!(matches!(parse(&started), Command::Up(_)));
    let check = instruction("HEALTHCHECK").remove(0);
    let check = words(check.split_once("CMD ").expect("a command").1);
    assert!(matches!(parse(&check.iter().map(String::as_str).collect::<Vec<_>>()), Command::Health));
    assert_eq!(instruction("USER"), ["abide"]);
}

#[test]
fn variables_ports_and_versions_of_the_image_are_those_of_the_program() {
    for pair in instruction("ENV").iter().flat_map(|line| line.split_whitespace()) {
        let (name, value) = pair.split_once('=').expect("NAME=VALUE");
        let setting = SETTINGS.iter().find(|setting| setting.env_name() == name);
        let setting = setting.unwrap_or_else(|| panic!("{name} is no setting"));
        assert!(setting.kind.parse(value).is_some_and(|value| setting.takes(&value)), "{pair}");
    }
    let default = abide_server::Config::default();
    let ports = format!("{} {}", default.ingress.listen.port(), default.admin.listen.port());
    assert_eq!(instruction("EXPOSE"), [ports]);
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).expect("a version");
    let image = format!("rust:{}-", version.trim_matches('"'));
    assert!(instruction("FROM")[0].starts_with(&image), "the image is to build with {image}");
    assert!(root().join(".dockerignore").is_file() && root().join("Cargo.lock").is_file());
}
