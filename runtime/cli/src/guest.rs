//! From a path to the bytes of a component: reads a file, or builds a crate.

use crate::error::{CliError, Kind};
use crate::output::say;
use crate::progress;
use bytes::Bytes;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

/// What guests are built for.
const TARGET: &str = "wasm32-wasip2";

/// A component, and what it was made of.
pub struct Component {
    pub bytes: Bytes,
    /// The folders of the crates that are no downloaded ones. None for a file.
    pub crates: Vec<PathBuf>,
}

/// Returns the component at a path: a `.wasm` file, or a folder with a crate, which is built.
pub async fn component(path: &Path) -> Result<Component, CliError> {
    let (file, crates) = if path.is_dir() { build(path).await? } else { (path.to_path_buf(), Vec::new()) };
    match tokio::fs::read(&file).await {
        Ok(bytes) => Ok(Component { bytes: bytes.into(), crates }),
        Err(error) => {
            let error = CliError::failed(format!("cannot read {}: {error}", file.display()));
            Err(error.hint("give the folder of a crate, or a .wasm file"))
        }
    }
}

async fn build(folder: &Path) -> Result<(PathBuf, Vec<PathBuf>), CliError> {
    let manifest = folder.join("Cargo.toml");
    let manifest = manifest.canonicalize().map_err(|_| {
        CliError::failed(format!("{} is a folder without a Cargo.toml", folder.display()))
            .hint("give the folder of a crate, or a .wasm file")
    })?;
    ensure_target(folder).await?;
    let mut command = cargo(folder);
    command.args(["build", "--release", "--target", TARGET, "--message-format=json-render-diagnostics"]);
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.map_err(|error| {
        CliError::failed(format!("cannot run cargo: {error}")).hint("install Rust from https://rustup.rs")
    })?;
    let (is_success, messages) = watch(child, folder).await?;
    if !is_success {
        return Err(CliError::failed(format!("{} does not build; cargo says why above", folder.display())));
    }
    Ok((pick(artifacts(&messages, &manifest), folder)?, local_crates(&messages)))
}

fn cargo(folder: &Path) -> Command {
    // Under `cargo run` this is the same cargo.
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder).kill_on_drop(true);
    command
}

/// Shows what cargo says while it builds: on a terminal its last line, and all of it when it fails.
async fn watch(mut child: Child, folder: &Path) -> Result<(bool, String), CliError> {
    let fault = |error: std::io::Error| CliError::failed(format!("cannot follow cargo: {error}"));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let bar = progress::spinner(format!("building {}", folder.display()));
    let is_terminal = std::io::stderr().is_terminal();
    let talk = async {
        let mut heard = String::new();
        let Some(stderr) = stderr else { return Ok(heard) };
        let mut lines = BufReader::new(stderr).lines();
        while let Some(line) = lines.next_line().await? {
            if is_terminal {
                bar.set_message(line.trim().to_owned());
            } else {
                say(&line);
            }
            heard.push_str(&line);
            heard.push('\n');
        }
        Ok(heard)
    };
    let answer = async {
        let mut messages = String::new();
        if let Some(mut stdout) = stdout {
            stdout.read_to_string(&mut messages).await?;
        }
        Ok(messages)
    };
    let (heard, messages) = tokio::try_join!(talk, answer).map_err(fault)?;
    let status = child.wait().await.map_err(fault)?;
    bar.finish_and_clear();
    if is_terminal && !status.success() {
        say(heard.trim_end());
    }
    Ok((status.success(), messages))
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    #[serde(default)]
    package_id: String,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

/// Returns the components of the crate with this manifest among cargo's messages.
fn artifacts(messages: &str, manifest: &Path) -> Vec<PathBuf> {
    let parsed = messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    let own = parsed.filter(|message| {
        message.reason == "compiler-artifact" && message.manifest_path.as_deref() == Some(manifest)
    });
    let files = own.flat_map(|message| message.filenames);
    files.filter(|file| file.extension().is_some_and(|extension| extension == "wasm")).collect()
}

/// Returns the folders of the crates that cargo built from where they are.
fn local_crates(messages: &str) -> Vec<PathBuf> {
    let parsed = messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    let local = parsed.filter(|message| message.package_id.starts_with("path+file:"));
    let folders = local.filter_map(|message| Some(message.manifest_path?.parent()?.to_path_buf()));
    let folders: BTreeSet<PathBuf> = folders.collect();
    folders.into_iter().collect()
}

fn pick(mut files: Vec<PathBuf>, folder: &Path) -> Result<PathBuf, CliError> {
    files.dedup();
    match (files.pop(), files.is_empty()) {
        (Some(file), true) => Ok(file),
        (None, _) => Err(CliError::failed(format!("{} was built, but makes no component", folder.display()))
            .hint("its Cargo.toml needs [lib] crate-type = [\"cdylib\"]; of a workspace, name one package")),
        (Some(_), false) => Err(CliError::failed(format!("{} makes several components", folder.display()))
            .hint("build it yourself and deploy one of its .wasm files")),
    }
}

/// Adds the target to the toolchain if it is missing.
async fn ensure_target(folder: &Path) -> Result<(), CliError> {
    if has_target(folder).await {
        return Ok(());
    }
    say(format!("the Rust target {TARGET} is missing; adding it with rustup"));
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add", TARGET]).current_dir(folder).stdin(Stdio::null());
    let hint = format!(
        "try \"rustup target add {TARGET}\" by hand; without rustup, install that target the way Rust was installed"
    );
    match rustup.status().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(CliError::failed(format!("rustup could not add {TARGET} ({status})")).hint(hint)),
        Err(error) => Err(CliError::new(Kind::Failed, format!("cannot run rustup: {error}")).hint(hint)),
    }
}

async fn has_target(folder: &Path) -> bool {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--print", "target-libdir", "--target", TARGET]).current_dir(folder).stdin(Stdio::null());
    let Ok(output) = rustc.output().await else { return false };
    let libdir = String::from_utf8_lossy(&output.stdout);
    output.status.success() && Path::new(libdir.trim()).is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_that_are_not_downloaded_are_found() {
        let message = |id: &str, folder: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"{id}","manifest_path":"{folder}/Cargo.toml"}}"#
            )
        };
        let messages = [
            message("registry+https://index#serde@1.0.0", "/home/.cargo/serde"),
            message("path+file:///own#0.1.0", "/own"),
            message("path+file:///shared#0.1.0", "/shared"),
            message("path+file:///own#0.1.0", "/own"),
        ];
        assert_eq!(local_crates(&messages.join("\n")), [PathBuf::from("/own"), PathBuf::from("/shared")]);
    }

    #[test]
    fn the_component_of_the_crate_itself_is_found() {
        let messages = [
            r#"{"reason":"compiler-artifact","manifest_path":"/dep/Cargo.toml","filenames":["/t/dep.wasm"]}"#,
            r#"{"reason":"build-script-executed","package_id":"x"}"#,
            "not json",
            r#"{"reason":"compiler-artifact","manifest_path":"/own/Cargo.toml","filenames":["/t/own.wasm","/t/own.d"]}"#,
            r#"{"reason":"build-finished","success":true}"#,
        ];
        let found = artifacts(&messages.join("\n"), Path::new("/own/Cargo.toml"));
        assert_eq!(found, [PathBuf::from("/t/own.wasm")]);
        assert_eq!(pick(found, Path::new("own")).unwrap(), PathBuf::from("/t/own.wasm"));
        assert!(pick(Vec::new(), Path::new("own")).unwrap_err().hint.unwrap().contains("cdylib"));
        assert!(pick(vec!["a".into(), "b".into()], Path::new("own")).is_err());
    }
}
