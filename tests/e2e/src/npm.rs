//! Scripts for node that use a package of npm, where npm, node and the network are there.

use crate::Server;
use crate::binary::workspace;
use serde_json::Value;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The first version of node with `fetch`.
const NODE_MAJOR_MIN: u32 = 18;

/// Runs one of the scripts in `tests/e2e/npm` against a server and returns the JSON it prints.
/// Returns nothing, and says why on stderr, when something that it needs is missing.
///
/// # Panics
/// The script fails, or the packages cannot be installed although the network is there.
#[must_use]
#[track_caller]
pub fn run(script: &str, server: &Server) -> Option<Value> {
    run_in(&sources(), script, server, &[format!("http://{}", server.ingress().addr)])
}

/// Runs a script of another folder, with arguments of its own.
///
/// # Panics
/// As [`run`].
#[must_use]
#[track_caller]
pub fn run_in(scripts: &Path, script: &str, server: &Server, args: &[String]) -> Option<Value> {
    match installed() {
        Ok(packages) => Some(run_with(packages, scripts, script, server, args)),
        Err(missing) => {
            skip(script, missing);
            None
        }
    }
}

/// Says why a test is skipped: unlike what `eprintln` prints, this is shown although the test passes.
pub fn skip(script: &str, missing: &str) {
    let _ = writeln!(io::stderr(), "{script}: skipped: {missing}");
}

#[track_caller]
fn run_with(packages: &Path, scripts: &Path, script: &str, server: &Server, args: &[String]) -> Value {
    // Node looks for packages beside the script.
    let folder = tempfile::tempdir_in(server.home()).expect("a folder can be made");
    for file in fs::read_dir(scripts).expect("there are scripts") {
        let file = file.expect("the folder can be read");
        fs::copy(file.path(), folder.path().join(file.file_name())).expect("a script can be copied");
    }
    symlink(packages, folder.path().join("node_modules")).expect("a link can be made");
    let mut node = Command::new("node");
    node.arg(folder.path().join(script)).args(args);
    let output = node.output().expect("node can be run");
    let (stdout, stderr) = said(&output);
    assert!(output.status.success(), "{script} failed ({}):\n{stdout}{stderr}", output.status);
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{script}: {error}:\n{stdout}{stderr}"))
}

/// Returns the folder of the installed packages, or what is missing.
fn installed() -> &'static Result<PathBuf, String> {
    static INSTALLED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        find_node()?;
        let folder = workspace().join("target/npm");
        fs::create_dir_all(&folder).expect("the target folder can be made");
        let lock = File::create(folder.join("e2e.lock")).expect("the lock can be made");
        lock.lock().expect("the lock can be waited for");
        install(&folder)?;
        Ok(folder.join("node_modules"))
    })
}

fn find_node() -> Result<(), String> {
    let output = Command::new("node").arg("--version").output();
    let output = output.map_err(|_| "node is not installed".to_owned())?;
    let (version, _) = said(&output);
    match major(&version) {
        Some(found) if found >= NODE_MAJOR_MIN => Ok(()),
        _ => Err(format!("node {} is older than version {NODE_MAJOR_MIN}", version.trim())),
    }
}

fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// Installs what `package.json` names, unless that was done before.
fn install(folder: &Path) -> Result<(), String> {
    let wanted = fs::read_to_string(sources().join("package.json")).expect("there is a package.json");
    let stamp = folder.join("installed.json");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    fs::write(folder.join("package.json"), &wanted).expect("the target folder can be written");
    let mut npm = Command::new("npm");
    npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"]);
    // Without a network it should not take minutes to find that out.
    npm.args(["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=30000"]);
    let output = npm.current_dir(folder).output().map_err(|_| "npm is not installed".to_owned())?;
    let (_, stderr) = said(&output);
    match error_code(&stderr) {
        _ if output.status.success() => {}
        Some(code) if is_of_the_network(code) => {
            return Err(format!("npm has no network to install packages ({code})"));
        }
        _ => panic!("npm does not install the packages:\n{stderr}"),
    }
    fs::write(stamp, wanted).expect("the target folder can be written");
    Ok(())
}

/// Returns the code npm names in its complaint.
fn error_code(stderr: &str) -> Option<&str> {
    let complaints =
        stderr.lines().filter_map(|line| line.strip_prefix("npm error ").or(line.strip_prefix("npm ERR! ")));
    complaints.filter_map(|line| line.strip_prefix("code ")).map(str::trim).next()
}

fn is_of_the_network(code: &str) -> bool {
    let codes = [
        "EAI_AGAIN",
        "ECONNREFUSED",
        "ECONNRESET",
        "EHOSTUNREACH",
        "EIDLETIMEOUT",
        "ENETUNREACH",
        "ENOTCACHED",
        "ENOTFOUND",
        "ERR_SOCKET_TIMEOUT",
        "ETIMEDOUT",
    ];
    // E503 and its like: there is a proxy, and nothing behind it.
    codes.contains(&code) || (code.len() == 4 && code.starts_with("E5"))
}

fn sources() -> PathBuf {
    workspace().join("tests/e2e/npm")
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_of_npm() {
        let cases = [
            ("npm warn x\nnpm error code ENOTFOUND\nnpm error errno ENOTFOUND\n", Some("ENOTFOUND"), true),
            ("npm ERR! code EAI_AGAIN\n", Some("EAI_AGAIN"), true),
            ("npm error code E503\n", Some("E503"), true),
            ("npm error code ETARGET\nnpm error notarget No matching version\n", Some("ETARGET"), false),
            ("npm error code E404\n", Some("E404"), false),
            ("", None, false),
        ];
        for (stderr, code, is_missing) in cases {
            let found = error_code(stderr);
            assert_eq!((found, found.is_some_and(is_of_the_network)), (code, is_missing), "{stderr}");
        }
    }

    #[test]
    fn versions_of_node() {
        assert_eq!((major("v20.20.2\n"), major("v8.1.0\n"), major("")), (Some(20), Some(8), None));
    }
}
