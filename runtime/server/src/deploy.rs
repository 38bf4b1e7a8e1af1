//! Deployments: what is uploaded is checked, kept, recorded, and then offered.

mod service_change;
mod settings;

pub use service_change::ServiceChange;
pub use settings::{SettingsChange, check_settings, is_name_of_variable};

use crate::clock::Clock;
use crate::wasm::{ArtifactError, Components, ExamineError, Examined, Invalid, Loaded};
use abide_core::ids::DeploymentId;
use abide_core::manifest::{DeploymentRow, Manifest, ServiceKind, ServiceManifest, ServiceRow, Settings};
use abide_core::time::Timestamp;
use abide_store::keys::{self, Tag};
use abide_store::{Batch, Fence, META_PARTITION, Op, Store, View, codec, pairs};
use bytes::Bytes;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};

/// Bytes of an uploaded component at most.
pub const COMPONENT_BYTES_MAX: usize = 64 << 20;
/// Uploads that are compiled and discovered at once; more wait for their turn.
const EXAMINED_AT_ONCE: usize = 2;

/// A deployment as users see it.
#[derive(Clone, Debug)]
pub struct DeploymentView {
    pub id: DeploymentId,
    pub created_at: Timestamp,
    pub size_bytes: u64,
    pub sdk: String,
    pub settings: Settings,
    pub services: Vec<Arc<ServiceView>>,
}

/// A service at one of its revisions.
#[derive(Clone, Debug)]
pub struct ServiceView {
    pub name: String,
    pub kind: ServiceKind,
    pub revision: u32,
    pub deployment: DeploymentId,
    pub manifest: Arc<ServiceManifest>,
}

/// What an upload came to.
#[derive(Clone, Debug)]
pub struct Uploaded {
    pub deployment: Arc<DeploymentView>,
    /// False: the same component was there already.
    pub is_new: bool,
}

/// An upload that passed all checks, and is not a deployment yet. When it does not become one, it leaves nothing.
pub struct Candidate {
    pub id: DeploymentId,
    pub size_bytes: u64,
    pub examined: Examined,
}

#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Component(#[from] ArtifactError),
    #[error(transparent)]
    Store(#[from] abide_store::Error),
    #[error(transparent)]
    Codec(#[from] codec::CodecError),
    #[error("the server stops: {0}")]
    Stopped(String),
}

impl From<ExamineError> for UploadError {
    fn from(error: ExamineError) -> Self {
        match error {
            ExamineError::Invalid(invalid) => Self::Invalid(invalid),
            ExamineError::Fault(fault) => Self::Component(fault),
        }
    }
}

#[derive(Default)]
struct Catalog {
    deployments: BTreeMap<DeploymentId, (DeploymentRow, Arc<DeploymentView>)>,
    services: BTreeMap<String, Arc<ServiceView>>,
}

struct Inner {
    store: Arc<dyn Store>,
    fence: Fence,
    clock: Arc<dyn Clock>,
    components: Arc<Components>,
    catalog: RwLock<Catalog>,
    /// One change of the catalog at a time.
    changing: Mutex<()>,
    examining: Arc<Semaphore>,
}

/// All deployments. Cheap to clone.
#[derive(Clone)]
pub struct Deployments {
    inner: Arc<Inner>,
}

impl Deployments {
    /// Takes the catalog and loads every deployment that is recorded.
    ///
    /// # Errors
    /// The store cannot be read or taken. A component that cannot be loaded is logged and left out:
    /// its invocations fail with a message until it is deployed again.
    pub fn open(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        components: Arc<Components>,
    ) -> Result<Self, UploadError> {
        let fence = store.acquire(META_PARTITION)?;
        let mut catalog = Catalog::default();
        for pair in pairs(&*store, View::Latest, keys::all(META_PARTITION, Tag::Deployment)) {
            let (key, value) = pair?;
            let Some(id) = keys::decode_deployment(&key) else { continue };
            let row: DeploymentRow = codec::decode(&key, &value)?;
            let loaded = components.load(id.clone(), &row.digest, row.manifest.clone(), row.settings.clone());
            if let Err(error) = loaded {
                tracing::error!(deployment = %id, %error, "a deployment cannot be loaded");
            }
            catalog.deployments.insert(id.clone(), (row.clone(), Arc::new(view(&id, &row))));
        }
        for pair in pairs(&*store, View::Latest, keys::all(META_PARTITION, Tag::Service)) {
            let (key, value) = pair?;
            let row: ServiceRow = codec::decode(&key, &value)?;
            let service = service_view(&row.deployment, row.revision, row.manifest);
            catalog.services.insert(service.name.clone(), Arc::new(service));
        }
        components.sweep(catalog.deployments.values().map(|(row, _)| row.digest));
        let inner = Inner {
            store,
            fence,
            clock,
            components,
            catalog: RwLock::new(catalog),
            changing: Mutex::default(),
            examining: Arc::new(Semaphore::new(EXAMINED_AT_ONCE)),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Checks an upload, compiles it and keeps it on disk. It is not a deployment yet.
    ///
    /// # Errors
    /// Says what is wrong with the component.
    pub async fn examine(&self, component: Bytes) -> Result<Candidate, UploadError> {
        let inner = self.inner.clone();
        let size_bytes = component.len() as u64;
        let turn = inner.examining.clone().acquire_owned().await.expect("it is never closed");
        // Kept to the end of the work, also when nobody waits for it any more.
        let examine = async move {
            let _turn = turn;
            inner.components.examine(&component).await
        };
        let examined = run_apart(examine).await??;
        let id = DeploymentId::from_digest(u128::from_be_bytes(
            *examined.digest().first_chunk().expect("32 bytes"),
        ));
        Ok(Candidate { id, size_bytes, examined })
    }

    /// Records a candidate and offers its services, all at once. The same bytes again are the same
    /// deployment; settings that are given replace its own. One that others took over from takes calls
    /// again.
    ///
    /// # Errors
    /// The settings pass a limit, or the store failed.
    pub async fn register(&self, candidate: Candidate, settings: Settings) -> Result<Uploaded, UploadError> {
        check_settings(&settings)?;
        let _changing = self.inner.changing.lock().await;
        let Candidate { id, size_bytes, examined } = candidate;
        let Some(known) = self.get(&id) else {
            let deployment = self.record(id, examined, size_bytes, settings).await?;
            return Ok(Uploaded { deployment, is_new: true });
        };
        // Its component may have been lost, or damaged; this one is whole.
        if self.inner.components.get(&id).is_none() {
            self.inner.components.offer(id.clone(), examined, known.settings.clone());
        }
        let changed = settings != Settings::default() && settings != known.settings;
        let mut row = self.row(&id).expect("the deployment is there: just read");
        if changed {
            row.settings = settings;
        }
        if !self.offers_all(&known) {
            return Ok(Uploaded { deployment: self.offer_again(&id, row).await?, is_new: false });
        }
        let deployment = if changed { self.record_settings(&id, row).await? } else { known };
        Ok(Uploaded { deployment, is_new: false })
    }

    /// Lets the services of a deployment take calls again, on its code. None when there is no such one.
    ///
    /// # Errors
    /// The store failed.
    pub async fn promote(&self, id: &DeploymentId) -> Result<Option<Arc<DeploymentView>>, UploadError> {
        let _changing = self.inner.changing.lock().await;
        let (Some(known), Some(row)) = (self.get(id), self.row(id)) else { return Ok(None) };
        if self.offers_all(&known) {
            return Ok(Some(known));
        }
        Ok(Some(self.offer_again(id, row).await?))
    }

    /// Removes a deployment, with its component; services that it offers are not offered any more. False
    /// when there is no such one. Who has to be asked before is not known here.
    ///
    /// # Errors
    /// The store failed.
    pub async fn remove(&self, id: &DeploymentId) -> Result<bool, UploadError> {
        let _changing = self.inner.changing.lock().await;
        let (Some(view), Some(row)) = (self.get(id), self.row(id)) else { return Ok(false) };
        let offered: Vec<String> = view
            .services
            .iter()
            .map(|service| service.name.clone())
            .filter(|name| self.service(name).is_some_and(|service| service.deployment == *id))
            .collect();
        let mut ops = vec![Op::Delete { key: keys::deployment(id) }];
        ops.extend(offered.iter().map(|name| Op::Delete { key: keys::service(name) }));
        self.commit(ops).await?;
        {
            let mut catalog = self.inner.catalog.write();
            catalog.deployments.remove(id);
            offered.iter().for_each(|name| _ = catalog.services.remove(name));
        }
        // After a crash in between, the next start finds files that nothing refers to.
        self.inner.components.unload(id);
        self.inner.components.delete(&row.digest);
        Ok(true)
    }

    /// Returns the code of a deployment, unless it could not be loaded.
    #[must_use]
    pub fn code(&self, id: &DeploymentId) -> Option<Arc<Loaded>> {
        self.inner.components.get(id)
    }

    /// Returns which deployment offers each service.
    #[must_use]
    pub fn offered_by(&self) -> BTreeMap<String, DeploymentId> {
        let catalog = self.inner.catalog.read();
        catalog.services.iter().map(|(name, service)| (name.clone(), service.deployment.clone())).collect()
    }

    /// Says whether new calls of at least one of its services go to the deployment.
    #[must_use]
    pub fn is_active(&self, view: &DeploymentView) -> bool {
        view.services.iter().any(|service| self.is_offered_by(&service.name, &view.id))
    }

    /// Says whether new calls of all its services go to the deployment already.
    #[must_use]
    pub fn is_newest(&self, id: &DeploymentId) -> bool {
        self.get(id).is_some_and(|view| self.offers_all(&view))
    }

    fn offers_all(&self, view: &DeploymentView) -> bool {
        view.services.iter().all(|service| self.is_offered_by(&service.name, &view.id))
    }

    fn is_offered_by(&self, service: &str, id: &DeploymentId) -> bool {
        self.service(service).is_some_and(|service| service.deployment == *id)
    }

    fn row(&self, id: &DeploymentId) -> Option<DeploymentRow> {
        self.inner.catalog.read().deployments.get(id).map(|(row, _)| row.clone())
    }

    /// Changes what attempts of a deployment that begin from now on see and reach.
    ///
    /// # Errors
    /// The settings pass a limit, or the store failed.
    pub async fn update(
        &self,
        id: &DeploymentId,
        change: SettingsChange,
    ) -> Result<Option<Arc<DeploymentView>>, UploadError> {
        let _changing = self.inner.changing.lock().await;
        let Some(mut row) = self.row(id) else { return Ok(None) };
        change.apply(&mut row.settings)?;
        self.record_settings(id, row).await.map(Some)
    }

    /// Returns all deployments, the newest first.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<DeploymentView>> {
        let catalog = self.inner.catalog.read();
        let mut deployments: Vec<_> = catalog.deployments.values().map(|(_, view)| view.clone()).collect();
        deployments.sort_by_key(|view| std::cmp::Reverse(view.created_at));
        deployments
    }

    #[must_use]
    pub fn get(&self, id: &DeploymentId) -> Option<Arc<DeploymentView>> {
        self.inner.catalog.read().deployments.get(id).map(|(_, view)| view.clone())
    }

    /// Returns all services at their newest revision, by name.
    #[must_use]
    pub fn services(&self) -> Vec<Arc<ServiceView>> {
        self.inner.catalog.read().services.values().cloned().collect()
    }

    #[must_use]
    pub fn service(&self, name: &str) -> Option<Arc<ServiceView>> {
        self.inner.catalog.read().services.get(name).cloned()
    }

    async fn record(
        &self,
        id: DeploymentId,
        examined: Examined,
        size_bytes: u64,
        settings: Settings,
    ) -> Result<Arc<DeploymentView>, UploadError> {
        let row = DeploymentRow {
            digest: examined.digest(),
            size_bytes,
            created_at: self.inner.clock.now(),
            manifest: examined.manifest.clone(),
            revisions: Vec::new(),
            settings: settings.clone(),
        };
        // Attempts may begin as soon as the service row is visible, so the code has to be there.
        self.inner.components.offer(id.clone(), examined, settings);
        self.offer_again(&id, row).await
    }

    /// Records a deployment and gives it all its services, at their next revision.
    async fn offer_again(
        &self,
        id: &DeploymentId,
        mut row: DeploymentRow,
    ) -> Result<Arc<DeploymentView>, UploadError> {
        row.revisions = self.next_revisions(&row.manifest);
        let mut ops = vec![Op::Put { key: keys::deployment(id), value: codec::encode(&row) }];
        for (manifest, revision) in row.manifest.services.iter().zip(&row.revisions) {
            let service =
                ServiceRow { deployment: id.clone(), revision: *revision, manifest: manifest.clone() };
            ops.push(Op::Put { key: keys::service(&manifest.name), value: codec::encode(&service) });
        }
        self.commit(ops).await?;
        self.inner.components.update(id, row.settings.clone());
        let view = Arc::new(view(id, &row));
        let mut catalog = self.inner.catalog.write();
        for service in &view.services {
            catalog.services.insert(service.name.clone(), service.clone());
        }
        catalog.deployments.insert(id.clone(), (row, view.clone()));
        Ok(view)
    }

    /// Returns the revision each service gets: one more than any deployment has of it.
    fn next_revisions(&self, manifest: &Manifest) -> Vec<u32> {
        let catalog = self.inner.catalog.read();
        let known = catalog.deployments.values().flat_map(|(_, view)| view.services.iter());
        let mut latest: BTreeMap<&str, u32> = BTreeMap::new();
        for service in known.chain(catalog.services.values()) {
            let revision = latest.entry(&service.name).or_default();
            *revision = service.revision.max(*revision);
        }
        let next = |service: &ServiceManifest| latest.get(service.name.as_str()).copied().unwrap_or(0) + 1;
        manifest.services.iter().map(next).collect()
    }

    async fn record_settings(
        &self,
        id: &DeploymentId,
        row: DeploymentRow,
    ) -> Result<Arc<DeploymentView>, UploadError> {
        self.commit(vec![Op::Put { key: keys::deployment(id), value: codec::encode(&row) }]).await?;
        self.inner.components.update(id, row.settings.clone());
        let view = Arc::new(view(id, &row));
        self.inner.catalog.write().deployments.insert(id.clone(), (row, view.clone()));
        Ok(view)
    }

    /// Commits records of the server as a whole, and waits until they are on the disk.
    pub(crate) async fn commit(&self, ops: Vec<Op>) -> Result<(), UploadError> {
        let sequence = self.inner.store.commit(Batch { fence: self.inner.fence, ops })?;
        let mut durable = self.inner.store.durable();
        let mut status = self.inner.store.status();
        let failed = |status: &abide_store::Status| matches!(status, abide_store::Status::Failed { .. });
        tokio::select! {
            reached = durable.wait_for(|durable| *durable >= sequence) => {
                reached.map(|_| ()).map_err(|_| UploadError::Stopped("the store was closed".into()))
            }
            _ = status.wait_for(failed) => Err(UploadError::Stopped("the disk failed".into())),
        }
    }
}

impl crate::wasm::Catalog for Deployments {
    fn is_workflow_run(&self, service: &str, handler: &str) -> bool {
        self.service(service).is_some_and(|service| service.manifest.is_workflow_run(handler))
    }
}

/// Runs something that computes for seconds without holding up others.
async fn run_apart<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, UploadError> {
    let runtime = tokio::runtime::Handle::current();
    let apart = tokio::task::spawn_blocking(move || runtime.block_on(work));
    apart
        .await
        .map_err(|error| UploadError::Stopped(format!("the examination of the upload broke off: {error}")))
}

fn view(id: &DeploymentId, row: &DeploymentRow) -> DeploymentView {
    let services = row.manifest.services.iter().zip(&row.revisions);
    let services =
        services.map(|(manifest, revision)| Arc::new(service_view(id, *revision, manifest.clone())));
    DeploymentView {
        id: id.clone(),
        created_at: row.created_at,
        size_bytes: row.size_bytes,
        sdk: row.manifest.sdk.clone(),
        settings: row.settings.clone(),
        services: services.collect(),
    }
}

fn service_view(id: &DeploymentId, revision: u32, manifest: ServiceManifest) -> ServiceView {
    ServiceView {
        name: manifest.name.clone(),
        kind: manifest.kind,
        revision,
        deployment: id.clone(),
        manifest: Arc::new(manifest),
    }
}
