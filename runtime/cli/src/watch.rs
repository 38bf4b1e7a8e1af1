//! Watching the files of crates: says when something changed that a build would notice.

use crate::error::CliError;
use notify::event::{EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;

/// Changes come in bursts: a build begins when there was none for this long.
const QUIET: Duration = Duration::from_millis(100);
/// Though not later than this after the first.
const QUIET_PATIENCE: Duration = Duration::from_secs(2);
/// Folders in a crate that hold nothing to build from.
const IGNORED_FOLDERS: &[&str] = &["target", "abide-data", "node_modules"];

pub struct Watch {
    watcher: RecommendedWatcher,
    changes: mpsc::UnboundedReceiver<PathBuf>,
    watched: BTreeSet<PathBuf>,
}

impl Watch {
    pub fn new() -> Result<Self, CliError> {
        let (tell, changes) = mpsc::unbounded_channel();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if is_change(&event.kind) {
                for path in event.paths.into_iter().filter(|path| is_source(path)) {
                    // Nobody listens any more when the program ends.
                    let _ = tell.send(path);
                }
            }
        });
        Ok(Self { watcher: watcher.map_err(|error| failed(&error))?, changes, watched: BTreeSet::new() })
    }

    /// Watches a crate, or a file, as well. What is built, and hidden folders, are left out.
    pub fn follow(&mut self, path: &Path) -> Result<(), CliError> {
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        self.add(folder, RecursiveMode::NonRecursive)?;
        if path.is_dir() {
            self.follow_folders(folder)?;
        }
        Ok(())
    }

    fn follow_folders(&mut self, folder: &Path) -> Result<(), CliError> {
        let entries = std::fs::read_dir(folder);
        let entries = entries
            .map_err(|error| CliError::failed(format!("cannot read {}: {error}", folder.display())))?;
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() && is_source(&path) {
                self.add(&path, RecursiveMode::Recursive)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &Path, mode: RecursiveMode) -> Result<(), CliError> {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        if self.watched.contains(&path) {
            return Ok(());
        }
        self.watcher.watch(&path, mode).map_err(|error| failed(&error))?;
        self.watched.insert(path);
        Ok(())
    }

    /// Waits until something has changed and nothing more changes; returns what it was.
    pub async fn changed(&mut self) -> BTreeSet<PathBuf> {
        let mut changed = BTreeSet::new();
        let Some(first) = self.changes.recv().await else { return std::future::pending().await };
        changed.insert(first);
        let until = tokio::time::Instant::now() + QUIET_PATIENCE;
        while tokio::time::Instant::now() < until {
            match tokio::time::timeout(QUIET, self.changes.recv()).await {
                Ok(Some(path)) => _ = changed.insert(path),
                Ok(None) | Err(_) => break,
            }
        }
        changed
    }
}

fn failed(error: &notify::Error) -> CliError {
    CliError::failed(format!("cannot watch for changes: {error}"))
}

fn is_change(kind: &EventKind) -> bool {
    match kind {
        EventKind::Create(_) | EventKind::Remove(_) => true,
        EventKind::Modify(kind) => !matches!(kind, ModifyKind::Metadata(_)),
        EventKind::Any | EventKind::Access(_) | EventKind::Other => false,
    }
}

/// Says whether a build could notice a file. Not the lock file, which builds write themselves; not what
/// editors leave beside a file while they save it.
fn is_source(path: &Path) -> bool {
    let mut parts = path.components().filter_map(|part| part.as_os_str().to_str());
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_left_by_editor =
        name.ends_with('~') || name.ends_with(".swp") || name.ends_with(".tmp") || name == "4913";
    let is_hidden = name.starts_with('.') && name.len() > 2;
    let is_built = parts.any(|part| IGNORED_FOLDERS.contains(&part));
    !is_left_by_editor && !is_hidden && !is_built && name != "Cargo.lock"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_from_the_rest() {
        for path in ["src/lib.rs", "Cargo.toml", "build.rs", "src/data.json", "/a/b/src"] {
            assert!(is_source(Path::new(path)), "{path}");
        }
        for path in
            ["target/debug/x.d", "Cargo.lock", ".git", "src/.lib.rs.swp", "src/lib.rs~", "abide-data/log/1"]
        {
            assert!(!is_source(Path::new(path)), "{path}");
        }
    }
}
