//! Components and their compiled artifacts on disk: `components/<digest>.wasm`, and
//! `artifacts/<digest>-<engine>.cwasm`, which is made again when the engine changed.

use sha2::{Digest, Sha256};
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    #[error("the component {digest} is not in the data folder: deploy it again")]
    Missing { digest: String },
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    /// The component cannot be compiled: it is not valid.
    #[error("{0:#}")]
    Invalid(wasmtime::Error),
}

/// SHA-256 of a component.
pub type ComponentDigest = [u8; 32];

pub fn digest(component: &[u8]) -> ComponentDigest {
    Sha256::digest(component).into()
}

pub fn hex(digest: &ComponentDigest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub struct Artifacts {
    engine: Engine,
    components: PathBuf,
    artifacts: PathBuf,
    compatibility: String,
}

impl Artifacts {
    pub fn open(engine: Engine, data: &Path) -> Result<Self, ArtifactError> {
        let mut hasher = Fnv::default();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let compatibility = format!("{:016x}", hasher.finish());
        let artifacts = Self {
            engine,
            components: data.join("components"),
            artifacts: data.join("artifacts"),
            compatibility,
        };
        for folder in [&artifacts.components, &artifacts.artifacts] {
            std::fs::create_dir_all(folder).map_err(at(folder))?;
        }
        Ok(artifacts)
    }

    /// Compiles a component, unless that was done before. Takes seconds of computing for large ones.
    pub fn compile(&self, digest: &ComponentDigest, component: &[u8]) -> Result<Component, ArtifactError> {
        if let Some(compiled) = self.load(digest) {
            return Ok(compiled);
        }
        let artifact = self.engine.precompile_component(component).map_err(ArtifactError::Invalid)?;
        write_durably(&self.artifact_path(digest), &artifact)?;
        match self.load(digest) {
            Some(compiled) => Ok(compiled),
            None => Component::new(&self.engine, component).map_err(ArtifactError::Invalid),
        }
    }

    /// Keeps the component itself.
    pub fn keep(&self, digest: &ComponentDigest, component: &[u8]) -> Result<(), ArtifactError> {
        let path = self.component_path(digest);
        if path.exists() { Ok(()) } else { write_durably(&path, component) }
    }

    /// Loads a kept component; compiles it again when the artifact is gone or of another engine.
    pub fn open_component(&self, digest: &ComponentDigest) -> Result<Component, ArtifactError> {
        if let Some(compiled) = self.load(digest) {
            return Ok(compiled);
        }
        let path = self.component_path(digest);
        let component = match std::fs::read(&path) {
            Ok(component) => component,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ArtifactError::Missing { digest: hex(digest) });
            }
            Err(source) => return Err(ArtifactError::File { path, source }),
        };
        tracing::info!(component = hex(digest), "compiling for this version of the engine");
        self.compile(digest, &component)
    }

    fn load(&self, digest: &ComponentDigest) -> Option<Component> {
        let path = self.artifact_path(digest);
        if !path.exists() {
            return None;
        }
        // SAFETY: artifacts are native code. Only this process writes this folder, which belongs to
        // its user; wasmtime checks that the engine that made the artifact is compatible.
        match unsafe { Component::deserialize_file(&self.engine, &path) } {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(path = %path.display(), error = %format!("{error:#}"), "the artifact is not usable and is made again");
                let _ = std::fs::remove_file(&path);
                None
            }
        }
    }

    fn component_path(&self, digest: &ComponentDigest) -> PathBuf {
        self.components.join(format!("{}.wasm", hex(digest)))
    }

    fn artifact_path(&self, digest: &ComponentDigest) -> PathBuf {
        self.artifacts.join(format!("{}-{}.cwasm", hex(digest), self.compatibility))
    }
}

/// Writes a file so that it is whole or not there, also after a power cut.
fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), ArtifactError> {
    let folder = path.parent().expect("our files are in a folder");
    let unique: u64 = rand::random();
    let draft = path.with_extension(format!("{unique:016x}.tmp"));
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&draft, path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(|source| {
        let _ = std::fs::remove_file(&draft);
        ArtifactError::File { path: path.to_owned(), source }
    })
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> ArtifactError {
    let path = path.to_owned();
    move |source| ArtifactError::File { path, source }
}

/// FNV-1a: the standard library's hasher may change between versions, names of files must not.
#[derive(Clone, Copy)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
