//! Components and their compiled artifacts on disk: `components/<digest>.wasm`, and
//! `artifacts/<digest>-<engine>.cwasm`, which is made again when the engine changed.

use super::GuestLimits;
use super::compiler::{CompileError, Compiler};
use crate::faults::{self, Site};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

const SEAL_BYTES: usize = 8;

#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    #[error("the component {digest} is not in the data folder: deploy it again")]
    Missing { digest: String },
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error(
        "the component {path} is damaged: its digest is not the one of its name; restore it from a backup or upload it again, the disk may be failing"
    )]
    Damaged { path: PathBuf },
    /// The component cannot be compiled: it is not valid.
    #[error("{0:#}")]
    Invalid(wasmtime::Error),
    /// The compiler took too much for it, or failed.
    #[error("{0}")]
    Compiler(String),
}

impl From<CompileError> for ArtifactError {
    fn from(error: CompileError) -> Self {
        match error {
            CompileError::Invalid(error) => Self::Invalid(error),
            CompileError::Ended(why) => Self::Compiler(why),
        }
    }
}

/// Length of a digest in the name of a file.
const DIGEST_HEX_LEN: usize = 64;

/// SHA-256 of a component.
pub type ComponentDigest = [u8; 32];

pub fn digest(component: &[u8]) -> ComponentDigest {
    Sha256::digest(component).into()
}

pub fn hex(digest: &ComponentDigest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads what [`hex`] wrote.
fn from_hex(text: &str) -> Option<ComponentDigest> {
    let mut digest = ComponentDigest::default();
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    (hex(&digest) == text).then_some(digest)
}

pub struct Artifacts {
    engine: Engine,
    compiler: Compiler,
    limits: GuestLimits,
    components: PathBuf,
    artifacts: PathBuf,
    compatibility: String,
    /// Components that go when nobody copies them any more; None while nobody does.
    doomed: Mutex<Option<HashSet<ComponentDigest>>>,
}

impl Artifacts {
    pub fn open(
        engine: Engine,
        compiler: Compiler,
        limits: GuestLimits,
        data: &Path,
    ) -> Result<Self, ArtifactError> {
        let mut hasher = Fnv::default();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let compatibility = format!("{:016x}", hasher.finish());
        let artifacts = Self {
            engine,
            compiler,
            limits,
            components: data.join("components"),
            artifacts: data.join("artifacts"),
            compatibility,
            doomed: Mutex::default(),
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
        let mut artifact = self.compiler.compile(&self.engine, &self.limits, component)?;
        let seal = seal(&artifact);
        artifact.extend_from_slice(&seal);
        write_durably(&self.artifact_path(digest), &artifact)?;
        match self.load(digest) {
            Some(compiled) => Ok(compiled),
            None => Component::new(&self.engine, component).map_err(ArtifactError::Invalid),
        }
    }

    /// Keeps the component itself. One that is there already is written again when it is damaged.
    pub fn keep(&self, digest: &ComponentDigest, component: &[u8]) -> Result<(), ArtifactError> {
        let path = self.component_path(digest);
        let mut doomed = self.doomed.lock();
        doomed.iter_mut().for_each(|doomed| _ = doomed.remove(digest));
        match std::fs::read(&path) {
            // The server that wrote it may have been killed before its name was durable.
            Ok(found) if self::digest(&found) == *digest => sync_names(&self.components),
            Ok(_) => {
                tracing::warn!(path = %path.display(), "the component was damaged and is replaced by the upload");
                write_durably(&path, component)
            }
            Err(_) => write_durably(&path, component),
        }
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
        if self::digest(&component) != *digest {
            return Err(ArtifactError::Damaged { path });
        }
        tracing::info!(component = hex(digest), "compiling for this version of the engine");
        self.compile(digest, &component)
    }

    #[expect(unsafe_code, reason = "compiled code is loaded as it is")]
    fn load(&self, digest: &ComponentDigest) -> Option<Component> {
        let path = self.artifact_path(digest);
        let loaded = match has_seal(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => Err(error.into()),
            Ok(false) => Err(wasmtime::format_err!("its checksum does not match")),
            // SAFETY: artifacts are native code. Only this process writes this folder, which belongs to
            // its user; the checksum says that nothing happened to it since, and wasmtime that the engine
            // that made it is compatible.
            Ok(true) => unsafe { Component::deserialize_file(&self.engine, &path) },
        };
        match loaded {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(path = %path.display(), error = %format!("{error:#}"), "the artifact is not usable and is made again");
                let _ = std::fs::remove_file(&path);
                None
            }
        }
    }

    /// Deletes the files of a component. What cannot be deleted is logged, and is found at the next start.
    pub fn delete(&self, digest: &ComponentDigest) {
        remove(&self.artifact_path(digest));
        let mut doomed = self.doomed.lock();
        match doomed.as_mut() {
            Some(doomed) => _ = doomed.insert(*digest),
            None => remove(&self.component_path(digest)),
        }
    }

    /// Begins to keep every component, also those that are deleted from now on.
    pub fn hold(&self) {
        self.doomed.lock().get_or_insert_default();
    }

    /// Ends that.
    pub fn release(&self) {
        let mut doomed = self.doomed.lock();
        for digest in doomed.take().into_iter().flatten() {
            remove(&self.component_path(&digest));
        }
    }

    /// Returns the components that are kept, with their files.
    pub fn files(&self) -> std::io::Result<Vec<(ComponentDigest, PathBuf)>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.components)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if let Some(digest) = name.strip_suffix(".wasm").and_then(from_hex) {
                found.push((digest, path));
            }
        }
        Ok(found)
    }

    /// Deletes the files of all components but these, and drafts that a crash left.
    pub fn sweep(&self, in_use: impl Iterator<Item = ComponentDigest>) {
        let in_use: HashSet<String> = in_use.map(|digest| hex(&digest)).collect();
        for folder in [&self.components, &self.artifacts] {
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let is_draft = name.ends_with(".tmp");
                if is_draft || is_ours(&name) && !in_use.contains(&name[..DIGEST_HEX_LEN]) {
                    remove(&path);
                }
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

/// Says whether the name of a file begins with a digest and is one that we write.
fn is_ours(name: &str) -> bool {
    let Some((digest, rest)) = name.split_at_checked(DIGEST_HEX_LEN) else { return false };
    digest.bytes().all(|byte| byte.is_ascii_hexdigit())
        && (rest == ".wasm" || rest.starts_with('-') && rest.ends_with(".cwasm"))
}

fn remove(path: &Path) {
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "a file that is not needed cannot be deleted");
        }
    }
}

/// What stands behind an artifact: a mark and its checksum. wasmtime runs what it is given, whatever bits have flipped.
fn seal(artifact: &[u8]) -> [u8; SEAL_BYTES] {
    seal_of(crc32fast::hash(artifact))
}

fn seal_of(checksum: u32) -> [u8; SEAL_BYTES] {
    let mut seal = *b"ABC1\0\0\0\0";
    seal[4..].copy_from_slice(&checksum.to_le_bytes());
    seal
}

fn has_seal(path: &Path) -> std::io::Result<bool> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    is_sealed(file, length)
}

/// Reads a piece at a time: artifacts have many megabytes.
fn is_sealed(mut file: impl Read, length: u64) -> std::io::Result<bool> {
    let Some(mut left) = length.checked_sub(SEAL_BYTES as u64) else { return Ok(false) };
    let mut checksum = crc32fast::Hasher::new();
    let mut piece = vec![0; 64 << 10];
    while left > 0 {
        let most = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        file.read_exact(&mut piece[..most])?;
        checksum.update(&piece[..most]);
        left -= most as u64;
    }
    let mut found = [0; SEAL_BYTES];
    file.read_exact(&mut found)?;
    Ok(found == seal_of(checksum.finalize()))
}

/// Writes a file so that it is whole or not there, also after a power cut.
fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), ArtifactError> {
    let folder = path.parent().expect("our files are in a folder");
    let unique: u64 = rand::random();
    let draft = path.with_extension(format!("{unique:016x}.tmp"));
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&draft)?;
        faults::around(Site::ComponentWrite, || file.write_all(bytes))?;
        faults::around(Site::ComponentSync, || file.sync_all())?;
        faults::around(Site::ComponentRename, || std::fs::rename(&draft, path))
    };
    write().map_err(|source| {
        let _ = std::fs::remove_file(&draft);
        ArtifactError::File { path: path.to_owned(), source }
    })?;
    sync_names(folder)
}

/// Makes the names of the files in a folder durable.
fn sync_names(folder: &Path) -> Result<(), ArtifactError> {
    faults::around(Site::ComponentNames, || File::open(folder)?.sync_all()).map_err(at(folder))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_in_hex_is_read_back() {
        let digest = [0xa5; 32];
        assert_eq!(from_hex(&hex(&digest)), Some(digest));
        for text in ["", "a5", &"A5".repeat(32), &"a5".repeat(33), &"+5".repeat(32), &"ä".repeat(32)] {
            assert_eq!(from_hex(text), None, "{text}");
        }
    }

    #[test]
    fn only_our_files_are_swept() {
        let digest = "0a".repeat(32);
        for name in [format!("{digest}.wasm"), format!("{digest}-0123456789abcdef.cwasm")] {
            assert!(is_ours(&name), "{name}");
        }
        for name in [
            format!("{digest}.txt"),
            "notes.wasm".into(),
            format!("{}.wasm", "zz".repeat(32)),
            "ä".repeat(40),
        ] {
            assert!(!is_ours(&name), "{name}");
        }
    }

    #[test]
    fn a_flipped_bit_breaks_the_seal() {
        let is_sealed = |bytes: &[u8]| is_sealed(bytes, bytes.len() as u64).unwrap();
        let mut file = b"native code".to_vec();
        let seal = seal(&file);
        file.extend_from_slice(&seal);
        assert!(is_sealed(&file));
        for at in 0..file.len() * 8 {
            let mut damaged = file.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            assert!(!is_sealed(&damaged), "bit {at}");
        }
        assert!(!is_sealed(&file[..file.len() - 1]) && !is_sealed(b"ABC"));
        let mut long = vec![7; 100_000];
        long.extend_from_slice(&self::seal(&long));
        assert!(is_sealed(&long));
    }
}
