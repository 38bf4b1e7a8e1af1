//! Style as a test: what a reviewer should not have to say. No dependencies, runs in milliseconds.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file under version control, with its text.
pub struct SourceFile {
    /// Relative to the root of the repository, with `/`.
    pub path: String,
    pub text: String,
}

/// Returns the root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this crate is two folders deep").to_owned()
}

/// Lists the files git knows or would add.
///
/// # Panics
/// git is not there, or this is not a checkout.
#[must_use]
pub fn paths() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the files");
    assert!(listed.status.success(), "git ls-files failed");
    let text = String::from_utf8(listed.stdout).expect("paths are UTF-8");
    let exists = |path: &&str| root().join(path).is_file();
    text.lines().filter(exists).map(str::to_owned).collect()
}

/// Reads the Rust sources.
///
/// # Panics
/// A source cannot be read.
#[must_use]
pub fn sources() -> Vec<SourceFile> {
    let rust = paths().into_iter().filter(|path| path.ends_with(".rs"));
    rust.map(|path| {
        let text = std::fs::read_to_string(root().join(&path)).expect("a source is readable UTF-8");
        SourceFile { path, text }
    })
    .collect()
}

/// Returns the functions of a source with their length in lines, by indentation.
#[must_use]
pub fn functions(text: &str) -> Vec<(usize, String, usize)> {
    let lines: Vec<_> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let starts = ["fn ", "pub fn ", "pub(crate) fn ", "pub(super) fn ", "async fn ", "pub async fn "];
        let is_declared_only = trimmed.ends_with(';');
        if is_declared_only || !starts.iter().any(|start| trimmed.starts_with(start)) {
            continue;
        }
        let end_mark = format!("{}}}", " ".repeat(line.len() - trimmed.len()));
        let end = lines[start..].iter().position(|line| *line == end_mark);
        if let Some(length) = end {
            found.push((start + 1, trimmed.to_owned(), length + 1));
        }
    }
    found
}
