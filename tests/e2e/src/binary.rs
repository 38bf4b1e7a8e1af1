//! Where the `abide` binary is.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Returns the folder of the workspace.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .and_then(Path::parent)
        .expect("tests/e2e is in a workspace")
}

/// Returns the `abide` binary of the same profile as this executable, or the one `ABIDE_BIN` names.
#[must_use]
pub fn abide() -> &'static Path {
    static ABIDE: OnceLock<PathBuf> = OnceLock::new();
    ABIDE.get_or_init(|| match std::env::var_os("ABIDE_BIN") {
        Some(path) => path.into(),
        None => beside_this_executable(),
    })
}

fn beside_this_executable() -> PathBuf {
    let this = std::env::current_exe().expect("the system knows what it runs");
    // A test is in target/<profile>/deps, a binary in target/<profile>.
    let folders = this.ancestors().skip(1).take(2);
    let mut candidates = folders.map(|folder| folder.join("abide"));
    candidates.find(|path| path.is_file()).unwrap_or_else(|| {
        panic!(
            "there is no abide binary for {}: build it with \"cargo build --workspace\" (with --release for a \
             release build), or name one with ABIDE_BIN",
            this.display()
        )
    })
}
