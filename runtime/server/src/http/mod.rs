//! The two HTTP ports: the ingress, where handlers are called, and the admin port.

mod admin;
mod body;
mod content;
mod delay;
mod eager;
mod error;
mod gone;
mod guard;
mod ingress;
mod ingress_url;
mod keys;
pub mod limits;
mod path;
mod patience;
mod serve;
#[cfg(test)]
pub(crate) mod tests;
mod ui;
mod unread;

pub use admin::AdminDoor;
pub use body::BodyLimits;
pub use ingress::IngressDoor;
pub use ingress_url::IngressUrl;
pub use serve::{Asked, IsRepeatable, OpenRequest, OpenRequests, Peer, serve};

use crate::access::Access;
use crate::audit::Trail;
use crate::backup::Backups;
use crate::clock::Clock;
use crate::config::ShownSetting;
use crate::deploy::Deployments;
use crate::engine::EngineHandle;
use crate::logs::GuestLogs;
use crate::metrics::Metrics;
use crate::sql::Sql;
use crate::traces::Traces;
use crate::upgrade::Upgrades;
use axum::Router;
use std::sync::Arc;

/// What the routers work with. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    pub engine: EngineHandle,
    pub deployments: Deployments,
    pub upgrades: Upgrades,
    pub sql: Sql,
    pub metrics: Arc<Metrics>,
    pub logs: GuestLogs,
    pub traces: Traces,
    pub clock: Arc<dyn Clock>,
    pub access: Arc<Access>,
    pub trail: Trail,
    pub backups: Backups,
    /// What a stop waits for, for a while.
    pub open: OpenRequests,
    pub admin_door: Arc<AdminDoor>,
    pub ingress_door: Arc<IngressDoor>,
    pub ingress_body: BodyLimits,
    /// How the server was set up, to be shown.
    pub settings: Arc<[ShownSetting]>,
    /// Told to clients of the admin port, so that they find the other one.
    pub ingress_url: IngressUrl,
}

/// Returns the router of the ingress.
pub fn ingress(state: AppState) -> Router {
    ingress::router(state)
}

/// Returns what says which requests to the ingress may be asked again.
pub fn ingress_repeats(state: AppState) -> IsRepeatable {
    Arc::new(move |asked: &Asked| ingress::is_repeatable(&state, asked))
}

/// Returns the router of the admin port.
pub fn admin(state: AppState) -> Router {
    admin::router(state)
}

/// Returns what says which requests to the admin port may be asked again: who only looks may look again.
pub fn admin_repeats() -> IsRepeatable {
    Arc::new(|asked: &Asked| asked.method.is_safe())
}
