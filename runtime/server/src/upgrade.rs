//! Upgrades: new code takes over only from what it can go on with, and old code stays while it is needed.
//!
//! Before a deployment takes calls, the live invocations of its services, and some that have ended, are
//! replayed on it. Nobody notices: see `wasm/check`. What runs stays on the code it began with, unless
//! somebody moves it.

mod choose;
mod finding;
mod migrate;
mod preview;
mod report;
mod run;
mod settings;
mod usage;

pub use choose::{FINISHED_CHECKED_MAX, FINISHED_PER_HANDLER, LIVE_CHECKED_MAX};
pub use preview::{Offer, Preview};
pub use report::{Finding, Group, Kind, Objections, Report};
pub use run::{CHECK_MS_MAX, Progress};
pub use settings::NotCarriedOver;
pub use usage::Usage;

use crate::clock::Clock;
use crate::deploy::{Candidate, DeploymentView, Deployments, UploadError, Uploaded, check_settings};
use crate::engine::{EngineError, EngineHandle};
use crate::wasm::{Components, Loaded};
use abide_core::ids::DeploymentId;
use abide_core::manifest::{Manifest, Settings};
use bytes::Bytes;
use choose::{Scope, kind_name};
use parking_lot::Mutex;
use run::{Done, Tools};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use usage::Counter;

/// What becomes of an upload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UploadOptions {
    /// Check it, and leave everything as it is.
    pub is_dry_run: bool,
    /// Take over whatever the check says.
    pub is_forced: bool,
    /// A service may change its kind, and handlers that are needed may go.
    pub may_break: bool,
    /// Move what the new code can go on with.
    pub migrates: bool,
}

/// Why a check speaks against an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Breaks,
    Diverges,
}

impl Report {
    /// Returns why an upgrade with these options would be refused, if it would.
    #[must_use]
    pub fn refusal(&self, options: UploadOptions) -> Option<Refusal> {
        let Objections { diverging, breaking } = self.objections;
        match () {
            () if options.is_forced => None,
            () if breaking > 0 && !options.may_break => Some(Refusal::Breaks),
            () if diverging > 0 => Some(Refusal::Diverges),
            () => None,
        }
    }
}

/// What an upload that was not refused came to.
#[derive(Debug)]
pub enum Accepted {
    Deployed(Deployed),
    /// It was only asked about.
    DryRun(Preview, Report),
}

/// A deployment that takes calls now.
#[derive(Debug)]
pub struct Deployed {
    pub uploaded: Uploaded,
    pub report: Report,
    pub moved: Option<Moved>,
    pub not_carried_over: NotCarriedOver,
}

/// What came of moving invocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    pub migrated: u64,
    /// Live invocations of its services that stay on other deployments.
    pub left: u64,
    /// So many of them fit, and were in the middle of a run block, or went on, each time they were to be
    /// moved.
    pub busy: u64,
}

/// What a deployment is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// New calls of its services go to it.
    Active,
    /// Others took over, and live invocations still run on it.
    Draining,
    /// Nothing refers to it.
    Superseded,
}

/// Why an upgrade was not made.
#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    #[error(transparent)]
    Upload(#[from] UploadError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("there is no deployment '{0}'")]
    Unknown(DeploymentId),
    #[error("the component of '{0}' is missing or damaged")]
    NotLoaded(DeploymentId),
    /// A service is one of another kind.
    #[error("{0}")]
    KindChanged(String),
    /// Live invocations need handlers that are gone or changed.
    #[error("{}", breaking_message(.0))]
    Breaks(Box<Report>),
    /// Live invocations could not go on.
    #[error("{}", diverging_message(.0))]
    Diverges(Box<Report>),
    #[error("{0}")]
    InUse(String),
}

fn breaking_message(report: &Report) -> String {
    let count = report.objections.breaking;
    format!(
        "{count} live invocation{} could not go on: their handlers are gone, or of another kind",
        plural(count)
    )
}

fn diverging_message(report: &Report) -> String {
    let count = report.objections.diverging;
    format!("{count} live invocation{} could not go on with this code; nothing was changed", plural(count))
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

struct Inner {
    engine: EngineHandle,
    deployments: Deployments,
    components: Arc<Components>,
    clock: Arc<dyn Clock>,
    counter: Counter,
    /// One upgrade or check at a time: they would only be in each other's way.
    upgrading: tokio::sync::Mutex<()>,
    progress: Mutex<Option<(DeploymentId, Arc<Progress>)>>,
}

/// Makes upgrades. Cheap to clone.
#[derive(Clone)]
pub struct Upgrades {
    inner: Arc<Inner>,
}

impl Upgrades {
    #[must_use]
    pub fn new(
        engine: EngineHandle,
        deployments: Deployments,
        components: Arc<Components>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (counter, upgrading) = (Counter::default(), tokio::sync::Mutex::default());
        let progress = Mutex::default();
        let inner = Inner { engine, deployments, components, clock, counter, upgrading, progress };
        Self { inner: Arc::new(inner) }
    }

    /// Takes an upload: examines it, checks it against what is recorded, and lets it take over.
    ///
    /// # Errors
    /// Says what is wrong with the component, or who could not go on; nothing has changed then.
    pub async fn deploy(
        &self,
        component: Bytes,
        settings: Settings,
        options: UploadOptions,
    ) -> Result<Accepted, UpgradeError> {
        let deployments = &self.inner.deployments;
        check_settings(&settings).map_err(UploadError::from)?;
        let candidate = deployments.examine(component).await?;
        let _upgrading = self.inner.upgrading.lock().await;
        let effective = self.effective(&candidate.id, &settings);
        let not_carried_over = NotCarriedOver::of(&candidate.examined.manifest, &effective, deployments);
        let checked = self.check_candidate(&candidate, effective, options).await;
        let done = match checked {
            Ok(done) if !options.is_dry_run => done,
            other => {
                let preview = Preview::of(&candidate, not_carried_over, deployments);
                return Ok(Accepted::DryRun(preview, other?.report));
            }
        };
        let id = candidate.id.clone();
        let uploaded = deployments.register(candidate, settings).await?;
        let moved = match options.migrates {
            true => Some(self.move_all(&id, &done).await?),
            false => None,
        };
        Ok(Accepted::Deployed(Deployed { uploaded, report: done.report, moved, not_carried_over }))
    }

    /// Returns the settings an upload comes to: those that it has already, unless some are given.
    fn effective(&self, id: &DeploymentId, given: &Settings) -> Settings {
        let known = self.inner.deployments.get(id).map(|view| view.settings.clone());
        known.filter(|_| *given == Settings::default()).unwrap_or_else(|| given.clone())
    }

    async fn check_candidate(
        &self,
        candidate: &Candidate,
        settings: Settings,
        options: UploadOptions,
    ) -> Result<Done, UpgradeError> {
        if !options.may_break && !options.is_forced {
            self.check_kinds(&candidate.examined.manifest)?;
        }
        let loaded = Arc::new(candidate.examined.loaded(settings));
        // The same component again takes over from nobody.
        if self.inner.deployments.is_newest(&candidate.id) && !options.is_dry_run && !options.migrates {
            return Ok(Done::nothing(&candidate.id));
        }
        // Who only asks is not refused.
        if options.is_dry_run {
            return self.replay(&candidate.id, loaded).await;
        }
        self.check_takeover(&candidate.id, loaded, options).await
    }

    /// Replays what is recorded on a deployment that is to take calls, and refuses what speaks against it.
    async fn check_takeover(
        &self,
        id: &DeploymentId,
        loaded: Arc<Loaded>,
        options: UploadOptions,
    ) -> Result<Done, UpgradeError> {
        let done = self.replay(id, loaded.clone()).await?;
        check_objections(&done.report, options)?;
        // The replays took up to a minute, in which others were accepted.
        if !options.may_break && !options.is_forced {
            check_objections(&self.stranded(id, &loaded.manifest).await?, options)?;
        }
        Ok(done)
    }

    /// Reports the invocations that have not begun, and would fail if a deployment took over.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn stranded(
        &self,
        id: &DeploymentId,
        manifest: &Arc<Manifest>,
    ) -> Result<Report, EngineError> {
        if !self.loses_handlers(manifest) {
            return Ok(Done::nothing(id).report);
        }
        run::stranded(self.inner.engine.clone(), self.scope(id, manifest, false)).await
    }

    /// Says whether services have handlers now that they would not have.
    fn loses_handlers(&self, manifest: &Manifest) -> bool {
        manifest.services.iter().any(|service| {
            let known = self.inner.deployments.service(&service.name);
            known.is_some_and(|known| {
                known.manifest.handlers.iter().any(|handler| service.handler(&handler.name).is_none())
            })
        })
    }

    /// Refuses a service that has become one of another kind.
    fn check_kinds(&self, manifest: &Manifest) -> Result<(), UpgradeError> {
        for service in &manifest.services {
            let known = self.inner.deployments.service(&service.name);
            if let Some(known) = known.filter(|known| known.kind != service.kind) {
                return Err(UpgradeError::KindChanged(format!(
                    "the service '{}' is {} of {}, and would be {} now",
                    service.name,
                    kind_name(known.kind),
                    known.deployment,
                    kind_name(service.kind),
                )));
            }
        }
        Ok(())
    }

    /// Replays what is recorded on a deployment.
    ///
    /// # Errors
    /// There is no such deployment, or the store failed.
    pub async fn check(&self, id: &DeploymentId) -> Result<Report, UpgradeError> {
        let loaded = self.code(id)?;
        let _upgrading = self.inner.upgrading.lock().await;
        Ok(self.replay(id, loaded).await?.report)
    }

    /// Lets the services of a deployment take calls again: a rollback, if it is an older one.
    ///
    /// # Errors
    /// There is no such deployment, or live invocations could not go on with it.
    pub async fn promote(&self, id: &DeploymentId, is_forced: bool) -> Result<Deployed, UpgradeError> {
        let loaded = self.code(id)?;
        let _upgrading = self.inner.upgrading.lock().await;
        if !is_forced {
            self.check_kinds(&loaded.manifest)?;
        }
        let options = UploadOptions { is_forced, ..UploadOptions::default() };
        let done = self.check_takeover(id, loaded, options).await?;
        let promoted = self.inner.deployments.promote(id).await?;
        let deployment = promoted.ok_or_else(|| UpgradeError::Unknown(id.clone()))?;
        let uploaded = Uploaded { deployment, is_new: false };
        // It has the settings that it had.
        let not_carried_over = NotCarriedOver::default();
        Ok(Deployed { uploaded, report: done.report, moved: None, not_carried_over })
    }

    /// Moves live invocations of its services to a deployment, those that it can go on with.
    ///
    /// # Errors
    /// There is no such deployment, or the store failed.
    pub async fn migrate(&self, id: &DeploymentId) -> Result<(Moved, Report), UpgradeError> {
        let loaded = self.code(id)?;
        let _upgrading = self.inner.upgrading.lock().await;
        let done = self.run(id, loaded, true).await?;
        let moved = self.move_all(id, &done).await?;
        Ok((moved, done.report))
    }

    /// Removes a deployment that nothing refers to.
    ///
    /// # Errors
    /// There is no such deployment, or something refers to it and it is not forced.
    pub async fn remove(&self, id: &DeploymentId, is_forced: bool) -> Result<(), UpgradeError> {
        let unknown = || UpgradeError::Unknown(id.clone());
        let _upgrading = self.inner.upgrading.lock().await;
        let view = self.inner.deployments.get(id).ok_or_else(unknown)?;
        if !is_forced {
            let live = self.inner.counter.now(&self.inner.engine).await?.of(id);
            self.check_unused(&view, live)?;
        }
        if !self.inner.deployments.remove(id).await? {
            return Err(unknown());
        }
        self.inner.counter.forget().await;
        Ok(())
    }

    fn check_unused(&self, view: &DeploymentView, live: u64) -> Result<(), UpgradeError> {
        let offered = self.inner.deployments.offered_by();
        let is_offered = |name: &&str| offered.get(*name) == Some(&view.id);
        let services: Vec<&str> =
            view.services.iter().map(|service| service.name.as_str()).filter(is_offered).collect();
        let mut reasons = Vec::new();
        if !services.is_empty() {
            reasons.push(format!("it offers {}", services.join(", ")));
        }
        if live > 0 {
            reasons.push(format!(
                "{live} live invocation{} run{} on it",
                plural(live),
                if live == 1 { "s" } else { "" }
            ));
        }
        match reasons.is_empty() {
            true => Ok(()),
            false => Err(UpgradeError::InUse(format!("{} is in use: {}", view.id, reasons.join(", and ")))),
        }
    }

    /// Returns how many live invocations run on each deployment, as of a moment ago.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn usage(&self) -> Result<Arc<Usage>, UpgradeError> {
        Ok(self.inner.counter.recent(&self.inner.engine).await?)
    }

    /// Returns what a deployment is there for.
    #[must_use]
    pub fn status(&self, view: &DeploymentView, usage: &Usage) -> Status {
        match self.inner.deployments.is_active(view) {
            true => Status::Active,
            false if usage.of(&view.id) > 0 => Status::Draining,
            false => Status::Superseded,
        }
    }

    /// Returns which deployment is being checked, how many invocations that takes, and how many are done.
    #[must_use]
    pub fn progress(&self) -> Option<(DeploymentId, usize, usize)> {
        let progress = self.inner.progress.lock();
        let (id, progress) = progress.as_ref()?;
        let (total, done) = (progress.total.load(Ordering::Relaxed), progress.done.load(Ordering::Relaxed));
        Some((id.clone(), total, done))
    }

    fn code(&self, id: &DeploymentId) -> Result<Arc<Loaded>, UpgradeError> {
        match self.inner.deployments.code(id) {
            Some(loaded) => Ok(loaded),
            None if self.inner.deployments.get(id).is_some() => Err(UpgradeError::NotLoaded(id.clone())),
            None => Err(UpgradeError::Unknown(id.clone())),
        }
    }

    async fn replay(&self, id: &DeploymentId, loaded: Arc<Loaded>) -> Result<Done, UpgradeError> {
        self.run(id, loaded, false).await
    }

    async fn run(
        &self,
        id: &DeploymentId,
        loaded: Arc<Loaded>,
        is_for_migration: bool,
    ) -> Result<Done, UpgradeError> {
        let scope = self.scope(id, &loaded.manifest, is_for_migration);
        let progress = Arc::new(Progress::default());
        *self.inner.progress.lock() = Some((id.clone(), progress.clone()));
        let _shown = Shown(&self.inner.progress);
        Ok(run::run(self.tools(), loaded, scope, progress).await?)
    }

    fn scope(&self, id: &DeploymentId, manifest: &Arc<Manifest>, is_for_migration: bool) -> Scope {
        Scope {
            deployment: id.clone(),
            manifest: manifest.clone(),
            offered_by: self.inner.deployments.offered_by(),
            is_for_migration,
        }
    }

    fn tools(&self) -> Tools {
        Tools {
            engine: self.inner.engine.clone(),
            components: self.inner.components.clone(),
            catalog: Arc::new(self.inner.deployments.clone()),
            clock: self.inner.clock.clone(),
        }
    }
}

/// Progress is shown while a check runs.
struct Shown<'a>(&'a Mutex<Option<(DeploymentId, Arc<Progress>)>>);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

/// Refuses what live invocations speak against.
fn check_objections(report: &Report, options: UploadOptions) -> Result<(), UpgradeError> {
    match report.refusal(options) {
        None => Ok(()),
        Some(Refusal::Breaks) => Err(UpgradeError::Breaks(Box::new(report.clone()))),
        Some(Refusal::Diverges) => Err(UpgradeError::Diverges(Box::new(report.clone()))),
    }
}
