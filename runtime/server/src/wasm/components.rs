//! Components that are loaded, with what their deployment may see and reach.

use super::artifacts::{self, ArtifactError, Artifacts, ComponentDigest};
use super::bindings::ServicePre;
use super::claims::{Claims, Upload};
use super::compiler::Compiler;
use super::guest::Guest;
use super::inspect::{self, Invalid};
use super::{GuestLimits, WasmEngine, discover, linker};
use abide_core::ids::DeploymentId;
use abide_core::manifest::{Manifest, Settings};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wasmtime::component::Linker;

/// A component that is ready to be instantiated.
pub struct Loaded {
    pub pre: ServicePre<Guest>,
    pub settings: Settings,
    pub manifest: Arc<Manifest>,
}

/// An upload that passed all checks and is on disk, but is not offered yet. When it never is, its files go with it.
pub struct Examined {
    pub manifest: Manifest,
    pre: ServicePre<Guest>,
    upload: Upload,
}

impl Examined {
    #[must_use]
    pub fn digest(&self) -> ComponentDigest {
        self.upload.digest
    }

    /// Returns what it would be as a deployment with these settings.
    #[must_use]
    pub fn loaded(&self, settings: Settings) -> Loaded {
        Loaded { pre: self.pre.clone(), settings, manifest: Arc::new(self.manifest.clone()) }
    }
}

/// Why an upload was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ExamineError {
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Fault(#[from] ArtifactError),
}

/// The files of components stay as long as this lives. One at a time.
pub struct HeldFiles {
    components: Arc<Components>,
}

impl HeldFiles {
    /// Returns the components, with their files.
    ///
    /// # Errors
    /// Their folder cannot be read.
    pub fn list(&self) -> std::io::Result<Vec<(ComponentDigest, PathBuf)>> {
        self.components.artifacts.files()
    }
}

impl Drop for HeldFiles {
    fn drop(&mut self) {
        self.components.artifacts.release();
    }
}

pub struct Components {
    engine: Arc<WasmEngine>,
    linker: Linker<Guest>,
    artifacts: Arc<Artifacts>,
    claims: Arc<Claims>,
    limits: GuestLimits,
    loaded: RwLock<HashMap<DeploymentId, Arc<Loaded>>>,
}

impl Components {
    /// Opens the folders of components and artifacts below `data`.
    ///
    /// # Errors
    /// The folders cannot be made, or the interfaces cannot be linked.
    pub fn open(
        engine: Arc<WasmEngine>,
        compiler: Compiler,
        data: &Path,
        limits: GuestLimits,
    ) -> Result<Self, ArtifactError> {
        let linker = linker::build(engine.engine()).map_err(ArtifactError::Invalid)?;
        let artifacts = Arc::new(Artifacts::open(engine.engine().clone(), compiler, limits.clone(), data)?);
        let (claims, loaded) = (Arc::default(), RwLock::default());
        Ok(Self { engine, linker, artifacts, claims, limits, loaded })
    }

    pub(super) fn engine(&self) -> &WasmEngine {
        &self.engine
    }

    pub(super) fn limits(&self) -> &GuestLimits {
        &self.limits
    }

    /// Checks, compiles and discovers an upload and keeps it on disk. Computes for a while.
    ///
    /// # Errors
    /// Says what is wrong with the component, or that the disk failed.
    pub async fn examine(&self, component: &[u8]) -> Result<Examined, ExamineError> {
        inspect::check_header(component)?;
        let digest = artifacts::digest(component);
        let upload = Upload::new(self.artifacts.clone(), self.claims.clone(), digest);
        let compiled = self.artifacts.compile(&digest, component).map_err(|error| match error {
            ArtifactError::Invalid(error) => ExamineError::Invalid(Invalid::new(
                "invalid_component",
                format!("the component is not valid: {error:#}"),
                "check that the upload is whole and was built for wasm32-wasip2",
            )),
            ArtifactError::Compiler(why) => ExamineError::Invalid(Invalid::new(
                "not_compiled",
                format!("the component could not be compiled: {why}"),
                "make it smaller, or split it up; one that is not unusual should compile anywhere, please report it",
            )),
            other => ExamineError::Fault(other),
        })?;
        inspect::check_interfaces(self.engine.engine(), &compiled)?;
        let pre = linker::prepare(&self.linker, &compiled).map_err(|error| {
            let hint = "guests get WASI 0.2, outbound HTTP in run blocks and abide:runtime, nothing else";
            Invalid::new(
                "unknown_import",
                format!("the component imports what is not offered: {error:#}"),
                hint,
            )
        })?;
        let manifest = discover::discover(self, &pre).await?;
        self.artifacts.keep(&digest, component)?;
        Ok(Examined { manifest, pre, upload })
    }

    /// Makes an examined component available to attempts.
    pub fn offer(&self, id: DeploymentId, examined: Examined, settings: Settings) {
        let Examined { manifest, pre, upload } = examined;
        self.claims.deployed(upload.digest);
        let loaded = Loaded { pre, settings, manifest: Arc::new(manifest) };
        self.loaded.write().insert(id, Arc::new(loaded));
    }

    /// Loads a component of an earlier run of the server.
    ///
    /// # Errors
    /// Its file is gone, or cannot be compiled any more.
    pub fn load(
        &self,
        id: DeploymentId,
        digest: &ComponentDigest,
        manifest: Manifest,
        settings: Settings,
    ) -> Result<(), ArtifactError> {
        let compiled = self.artifacts.open_component(digest)?;
        let pre = linker::prepare(&self.linker, &compiled).map_err(ArtifactError::Invalid)?;
        let loaded = Loaded { pre, settings, manifest: Arc::new(manifest) };
        self.loaded.write().insert(id, Arc::new(loaded));
        Ok(())
    }

    /// Changes what attempts that begin from now on see and reach.
    pub fn update(&self, id: &DeploymentId, settings: Settings) {
        let mut loaded = self.loaded.write();
        if let Some(old) = loaded.get(id) {
            let new = Loaded { pre: old.pre.clone(), settings, manifest: old.manifest.clone() };
            loaded.insert(id.clone(), Arc::new(new));
        }
    }

    /// Takes a component away from attempts that begin from now on.
    pub fn unload(&self, id: &DeploymentId) {
        self.loaded.write().remove(id);
    }

    /// Deletes the files of a component that is no deployment any more, unless it is being uploaded again. Attempts
    /// that run have it in memory.
    pub fn delete(&self, digest: &ComponentDigest) {
        self.claims.removed(digest, || self.artifacts.delete(digest));
    }

    /// Keeps the files of all components, also of those that are deleted meanwhile, as long as the guard lives.
    #[must_use]
    pub fn hold(self: &Arc<Self>) -> HeldFiles {
        self.artifacts.hold();
        HeldFiles { components: self.clone() }
    }

    /// Deletes the files of all components but these, of the deployments there are: what uploads left that did not
    /// come to their end.
    pub fn sweep(&self, in_use: impl Iterator<Item = ComponentDigest>) {
        self.artifacts.sweep(in_use.inspect(|digest| self.claims.deployed(*digest)));
    }

    /// Returns how many components are loaded.
    #[must_use]
    pub fn loaded(&self) -> usize {
        self.loaded.read().len()
    }

    /// Returns the component of a deployment.
    #[must_use]
    pub fn get(&self, id: &DeploymentId) -> Option<Arc<Loaded>> {
        self.loaded.read().get(id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component of nothing: it compiles, and offers no services.
    const EMPTY: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];

    #[tokio::test]
    async fn a_refused_upload_leaves_no_files() {
        let folder = std::env::temp_dir().join(format!("abide-components-{}", std::process::id()));
        let limits = GuestLimits { attempts_max: 1, ..GuestLimits::default() };
        let engine = Arc::new(WasmEngine::new(&limits).unwrap());
        let components = Components::open(engine, Compiler::Here, &folder, limits).unwrap();
        let files = || std::fs::read_dir(folder.join("artifacts")).unwrap().count();
        components.artifacts.compile(&artifacts::digest(&EMPTY), &EMPTY).unwrap();
        assert_eq!(files(), 1);
        match components.examine(&EMPTY).await {
            Err(ExamineError::Invalid(invalid)) => assert_eq!(invalid.code, "missing_export"),
            Err(ExamineError::Fault(fault)) => panic!("{fault}"),
            Ok(_) => panic!("it offers nothing"),
        }
        assert_eq!(files(), 0);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
