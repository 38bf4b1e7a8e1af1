//! The guests: built once per run, for all tests and processes.

use crate::binary::{self, workspace};
use crate::server::Setup;
use std::collections::BTreeSet;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const TARGET: &str = "wasm32-wasip2";

/// A component of this repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guest {
    Greeter,
    Tour,
    Probe,
    Abilities,
    Misbehaving,
    /// It calls the host with any values.
    Hostile,
    /// It returns any values to the host.
    Liar,
    Bench,
    /// It waits in every way, and is in the data folders that are kept.
    Waiting,
    /// A shop whose prices have no comma.
    ShopV1,
    /// The same, repaired.
    ShopV2,
    /// It delivers in other steps.
    ShopV3,
    /// It does not deliver, and its object is a plain service.
    ShopV4,
    /// It panics, and answers in other words.
    ShopV5,
}

const ALL: [Guest; 14] = [
    Guest::Greeter,
    Guest::Tour,
    Guest::Probe,
    Guest::Abilities,
    Guest::Misbehaving,
    Guest::Hostile,
    Guest::Liar,
    Guest::Bench,
    Guest::Waiting,
    Guest::ShopV1,
    Guest::ShopV2,
    Guest::ShopV3,
    Guest::ShopV4,
    Guest::ShopV5,
];

impl Guest {
    /// Returns the name of its package.
    #[must_use]
    pub fn package(self) -> &'static str {
        match self {
            Self::Greeter => "greeter",
            Self::Tour => "tour",
            Self::Probe => "probe",
            Self::Abilities => "abilities",
            Self::Misbehaving => "misbehaving",
            Self::Hostile => "hostile",
            Self::Liar => "liar",
            Self::Bench => "bench-guest",
            Self::Waiting => "waiting",
            Self::ShopV1 | Self::ShopV2 | Self::ShopV3 | Self::ShopV4 | Self::ShopV5 => "upgrades",
        }
    }

    /// Returns the name of the version, where a package has several.
    fn version(self) -> Option<&'static str> {
        match self {
            Self::ShopV1 => Some("shop_v1"),
            Self::ShopV2 => Some("shop_v2"),
            Self::ShopV3 => Some("shop_v3"),
            Self::ShopV4 => Some("shop_v4"),
            Self::ShopV5 => Some("shop_v5"),
            Self::Greeter
            | Self::Tour
            | Self::Probe
            | Self::Abilities
            | Self::Misbehaving
            | Self::Hostile
            | Self::Liar
            | Self::Bench
            | Self::Waiting => None,
        }
    }

    /// Returns the built component; the first call builds all of them.
    #[must_use]
    pub fn path(self) -> PathBuf {
        match self.version() {
            Some(version) => folder().join("examples").join(format!("{version}.wasm")),
            None => folder().join(format!("{}.wasm", self.package().replace('-', "_"))),
        }
    }

    #[must_use]
    pub fn bytes(self) -> Vec<u8> {
        std::fs::read(self.path()).expect("the component was built")
    }
}

/// Returns the target folder of the guests, which is not the one of the workspace: cargo holds that
/// locked while tests are built.
#[must_use]
pub fn target_dir() -> PathBuf {
    workspace().join("target/guests")
}

fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        std::fs::create_dir_all(target_dir()).expect("the target folder can be made");
        let _lock = lock();
        ensure_target();
        build();
        target_dir().join(TARGET).join("release")
    })
}

/// Returns a lock among all processes that run tests; it is released when it is dropped.
fn lock() -> File {
    let lock = File::create(target_dir().join("e2e.lock")).expect("the lock can be made");
    lock.lock().expect("the lock can be waited for");
    lock
}

/// Puts the compiled guests into the data folder of a running server, so that not every test compiles them again.
pub fn put_artifacts(data: &Path) {
    let to = data.join("artifacts");
    for from in files_of(compiled()) {
        let to = to.join(from.file_name().expect("a file has a name"));
        // The server never writes into an artifact, so it may be the same file.
        if to.exists() {
            continue;
        }
        let put = std::fs::hard_link(&from, &to).or_else(|_| std::fs::copy(&from, &to).map(|_| ()));
        put.expect("an artifact can be put into a data folder");
    }
}

/// Returns the folder of the compiled guests; the first call lets a server compile them.
fn compiled() -> &'static Path {
    static COMPILED: OnceLock<PathBuf> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let folder = target_dir().join("compiled").join(of_server());
        let of = fingerprint();
        let _lock = lock();
        if std::fs::read_to_string(folder.join("of")).is_ok_and(|known| known == of) {
            return folder.join("artifacts");
        }
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("the target folder can be written");
        let server = Setup::new().data(&folder).that_compiles().start();
        // Versions of one package take over from each other, whatever is different.
        ALL.iter().for_each(|guest| {
            server.deploy_with(*guest, &[("force", "true")]);
        });
        drop(server);
        std::fs::write(folder.join("of"), of).expect("the target folder can be written");
        folder.join("artifacts")
    })
}

/// Names the server: another program can be tested, or fuzzed, at the same time.
fn of_server() -> String {
    let mut hasher = DefaultHasher::new();
    binary::abide().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Says which guests and which server the compiled guests are of.
fn fingerprint() -> String {
    let paths = ALL.iter().map(|guest| guest.path()).chain([binary::abide().to_path_buf()]);
    let describe = |path: PathBuf| {
        let metadata = std::fs::metadata(&path).expect("it was built");
        format!("{} {} {:?}\n", path.display(), metadata.len(), metadata.modified())
    };
    paths.map(describe).collect()
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    entries.map(|entry| entry.expect("the folder can be read").path()).collect()
}

fn build() {
    let mut cargo = cargo();
    cargo.args(["build", "--release", "--target", TARGET, "--target-dir"]).arg(target_dir());
    // The versions of a package are its examples.
    cargo.args(["--lib", "--examples"]);
    let packages: BTreeSet<_> = ALL.iter().map(|guest| guest.package()).collect();
    cargo.args(packages.into_iter().flat_map(|package| ["-p", package]));
    let output = cargo.output().expect("cargo can be run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the guests do not build:\n{said}");
}

/// A cargo that does not take over what the cargo that runs the tests was told.
fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace()).env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo
}

fn ensure_target() {
    let has_target = || {
        let asked = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output();
        asked.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
    };
    if has_target() {
        return;
    }
    let added = Command::new("rustup").args(["target", "add", TARGET]).status();
    assert!(
        added.is_ok_and(|status| status.success()) && has_target(),
        "the guests need the Rust target {TARGET}, and rustup could not add it: install it the way Rust was installed"
    );
}
