//! Watching the files of crates: says when something changed that a build would notice.

use crate::error::CliError;
use notify::event::{EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
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
    followed: Arc<Mutex<Followed>>,
}

/// What changes are wanted of, by its real path.
#[derive(Default)]
struct Followed {
    folders: BTreeSet<PathBuf>,
    files: BTreeSet<PathBuf>,
}

impl Followed {
    /// Says whether a change is one of what is followed. Where that is does not matter: a file in a folder of builds
    /// is as good as any.
    fn means(&self, path: &Path) -> bool {
        let is_in = |folder: &PathBuf| path.strip_prefix(folder).is_ok_and(is_source);
        self.files.contains(path) || self.folders.iter().any(is_in)
    }
}

impl Watch {
    pub fn new() -> Result<Self, CliError> {
        let (tell, changes) = mpsc::unbounded_channel();
        let followed = Arc::new(Mutex::new(Followed::default()));
        let meant = followed.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if is_change(&event.kind) {
                let meant = locked(&meant);
                for path in event.paths.into_iter().filter(|path| meant.means(path)) {
                    // Nobody listens any more when the program ends.
                    let _ = tell.send(path);
                }
            }
        });
        let watcher = watcher.map_err(|error| failed(&error))?;
        Ok(Self { watcher, changes, watched: BTreeSet::new(), followed })
    }

    /// Watches a crate, or a file, as well. Of a crate what is built, and hidden folders, are left out; of a file
    /// nothing beside it is meant.
    pub fn follow(&mut self, path: &Path) -> Result<(), CliError> {
        if path.is_dir() {
            let folder = real(path);
            locked(&self.followed).folders.insert(folder.clone());
            self.add(&folder, RecursiveMode::NonRecursive)?;
            return self.follow_folders(&folder);
        }
        let beside = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = real(beside.unwrap_or(Path::new(".")));
        locked(&self.followed).files.extend(path.file_name().map(|name| folder.join(name)));
        self.add(&folder, RecursiveMode::NonRecursive)
    }

    fn follow_folders(&mut self, folder: &Path) -> Result<(), CliError> {
        let entries = std::fs::read_dir(folder);
        let entries = entries
            .map_err(|error| CliError::failed(format!("cannot read {}: {error}", folder.display())))?;
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() && is_source(Path::new(&entry.file_name())) {
                // It may be a link, so that it is not in the folder of the crate.
                locked(&self.followed).folders.insert(real(&path));
                self.add(&path, RecursiveMode::Recursive)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &Path, mode: RecursiveMode) -> Result<(), CliError> {
        let path = real(path);
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

fn locked(followed: &Mutex<Followed>) -> MutexGuard<'_, Followed> {
    followed.lock().expect("nobody panics while holding it")
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
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

/// Says whether a build could notice a file, which is named as seen from the folder of the crate. Not the lock file,
/// which builds write themselves; not what editors leave beside a file while they save it.
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

    #[test]
    fn where_the_followed_is_does_not_matter() {
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect();
        let followed =
            Followed { folders: paths(&["/target/shop"]), files: paths(&["/shop/target/release/shop.wasm"]) };
        for path in ["/target/shop/src/lib.rs", "/target/shop/Cargo.toml", "/shop/target/release/shop.wasm"] {
            assert!(followed.means(Path::new(path)), "{path}");
        }
        for path in [
            "/target/shop/target/debug/x.d",
            "/target/shop/Cargo.lock",
            "/target/other/src/lib.rs",
            "/shop/target/release/shop.d",
        ] {
            assert!(!followed.means(Path::new(path)), "{path}");
        }
    }

    #[tokio::test]
    async fn a_file_among_what_is_built_is_followed() {
        let folder = std::env::temp_dir().join(format!("abide-watch-{}/target", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("shop.wasm");
        std::fs::write(&file, "old").unwrap();
        let mut watch = Watch::new().unwrap();
        watch.follow(&file).unwrap();
        std::fs::write(folder.join("beside.wasm"), "new").unwrap();
        std::fs::write(&file, "new").unwrap();
        let changed = tokio::time::timeout(Duration::from_secs(20), watch.changed()).await;
        assert_eq!(changed.unwrap(), BTreeSet::from([real(&file)]));
        std::fs::remove_dir_all(folder.parent().unwrap()).unwrap();
    }
}
