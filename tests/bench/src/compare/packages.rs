//! The real Restate server, its SDK and a node to run it, from npm, in versions that are pinned.

use crate::root;
use anyhow::Context;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The first version of node that the SDK runs on.
const NODE_MAJOR_MIN: u32 = 22;

/// What is installed.
pub struct Packages {
    /// Holds `node_modules`.
    pub folder: PathBuf,
    pub server: PathBuf,
    pub node: PathBuf,
    /// Of the server and the SDK, as `package.json` names them.
    pub versions: String,
}

/// Installs what `restate/package.json` names, once. The inner error says what is missing on this machine.
pub fn install() -> anyhow::Result<Result<Packages, String>> {
    let wanted = fs::read_to_string(sources().join("package.json"))?;
    let folder = root().join("target/bench-npm");
    let stamp = folder.join("installed.json");
    if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("package.json"), &wanted)?;
        eprintln!("npm installs what tests/bench/restate/package.json names");
        if let Err(missing) = run_npm(&folder) {
            return Ok(Err(missing));
        }
        fs::write(&stamp, &wanted)?;
    }
    fs::copy(sources().join("service.mjs"), folder.join("service.mjs"))?;
    let Some(server) = find_server(&folder)? else {
        return Ok(Err("npm has no restate-server for this machine".to_owned()));
    };
    Ok(find_node(&folder).map(|node| Packages { server, node, versions: versions(&wanted), folder }))
}

fn sources() -> PathBuf {
    root().join("tests/bench/restate")
}

fn run_npm(folder: &Path) -> Result<(), String> {
    let mut npm = Command::new("npm");
    npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"]);
    // Without a network it should not take minutes to find that out.
    npm.args(["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=60000"]);
    let output = npm.current_dir(folder).output().map_err(|_| "npm is not installed".to_owned())?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(format!("npm does not install it; is there a network?\n{complaint}"))
}

/// The package of the server brings another one with the binary for this machine.
fn find_server(folder: &Path) -> anyhow::Result<Option<PathBuf>> {
    let scope = folder.join("node_modules/@restatedev");
    let packages = fs::read_dir(&scope).with_context(|| format!("read {}", scope.display()))?;
    let binary = |package: fs::DirEntry| package.path().join("bin/restate-server");
    Ok(packages.flatten().map(binary).find(|path| path.is_file() && is_binary(path)))
}

/// Says whether this is a program, and not a script that looks for one.
fn is_binary(path: &Path) -> bool {
    fs::read(path).is_ok_and(|bytes| !bytes.starts_with(b"#!"))
}

fn find_node(folder: &Path) -> Result<PathBuf, String> {
    let packaged = ["x64", "arm64"].map(|of| folder.join(format!("node_modules/node-linux-{of}/bin/node")));
    if let Some(node) = packaged.into_iter().find(|path| path.is_file()) {
        return Ok(node);
    }
    let output = Command::new("node").arg("--version").output();
    let output = output.map_err(|_| "node is not installed".to_owned())?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match major(&version) {
        Some(found) if found >= NODE_MAJOR_MIN => Ok("node".into()),
        _ => Err(format!("node {version} is older than version {NODE_MAJOR_MIN}")),
    }
}

fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn versions(package_json: &str) -> String {
    let package: serde_json::Value = serde_json::from_str(package_json).unwrap_or_default();
    let of = |name: &str| package["dependencies"][name].as_str().unwrap_or("?").to_owned();
    let (server, sdk) = (of("@restatedev/restate-server"), of("@restatedev/restate-sdk"));
    format!("restate-server {server}, TypeScript SDK {sdk}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_pinned() {
        let text = fs::read_to_string(sources().join("package.json")).expect("there is a package.json");
        let package: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        for kind in ["dependencies", "optionalDependencies"] {
            for (name, version) in package[kind].as_object().expect("there are some") {
                let version = version.as_str().unwrap_or("");
                assert!(version.split('.').all(|part| part.parse::<u32>().is_ok()), "{name}: {version}");
            }
        }
        assert!(!versions(&text).contains('?'), "{}", versions(&text));
    }

    #[test]
    fn versions_of_node() {
        assert_eq!((major("v22.1.0"), major("22"), major("")), (Some(22), None, None));
    }
}
