//! A whole server: opens the data folder, recovers, and opens the doors.

mod descriptors;
mod doors;
mod watched;

use self::descriptors::Shares;
use self::doors::{Door, Doors};
use self::watched::Watched;
use crate::access::Access;
use crate::access::grant::{Grant, Scope};
use crate::audit::Trail;
use crate::backup::Backups;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, PARTITIONS_DEFAULT, PARTITIONS_MAX};
use crate::deploy::Deployments;
use crate::engine::{Engine, Fault};
use crate::http::{AdminDoor, AppState, IngressDoor, IngressUrl, OpenRequests};
use crate::sql::Sql;
use crate::tls::{self, Certificate, TlsError};
use crate::upgrade::Upgrades;
use crate::wasm::{Components, WasmEngine};
use abide_store::{Batch, DiskStore, META_PARTITION, Op, Store, View, codec, keys};
use anyhow::{Context, bail};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long a server that cannot go on still says why.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A running server.
pub struct Server {
    pub ingress_addr: SocketAddr,
    pub admin_addr: SocketAddr,
    /// http or https.
    pub ingress_scheme: &'static str,
    pub admin_scheme: &'static str,
    pub deployments: Deployments,
    pub reloader: Reloader,
    store: Arc<DiskStore>,
    watched: Watched,
    doors: Doors,
    fault: Fault,
}

/// Opens the data folder, recovers what was running, and listens.
///
/// # Errors
/// The data folder cannot be used, or an address cannot be listened on; the error says which and why.
pub async fn start(config: Config) -> anyhow::Result<Server> {
    tls::install_provider();
    check_tokens(&config)?;
    let shares = Shares::of(descriptors::raise(), config.http.connections_max);
    // The doors first: a server that cannot listen should not touch the data.
    let ingress = Door::open("ingress", config.ingress.listen, &config.ingress.tls).await?;
    let admin = Door::open("admin", config.admin.listen, &config.admin.tls).await?;
    let (ingress_addr, admin_addr) = (ingress.address, admin.address);
    let (ingress_scheme, admin_scheme) = (ingress.scheme(), admin.scheme());
    let store = open_store(&config).await?;
    let partitions = partitions(&*store, config.partitions)?;

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let wasm = Arc::new(WasmEngine::new(&config.guests)?);
    let components =
        Arc::new(Components::open(wasm, config.compiler.clone(), &config.data, config.guests.clone())?);
    let deployments = {
        let (store, clock, components) = (store.clone(), clock.clone(), components.clone());
        tokio::task::spawn_blocking(move || Deployments::open(store, clock, components)).await??
    };
    let access = Access::open(&*store, deployments.clone(), clock.clone(), config.admin.grants())?;
    let admin_door = Arc::new(AdminDoor::new(&config.admin));
    if admin_door.needs_token() && !access.has_admin() {
        return Err(NoToken(admin_addr).into());
    }
    let mut watched = Watched::open(&config, store.clone(), clock.clone()).await?;
    let engine = Engine::new(watched.parts(store.clone(), clock.clone(), partitions, config.load));
    let fault = engine.fault();
    let executor = watched.executor(&engine, components.clone(), deployments.clone(), clock.clone())?;
    let engine = engine.start(Arc::new(executor))?;
    watched.start(&engine, components.clone());
    let backups = Backups::new(Some(store.clone()), components.clone(), &config, clock.clone());
    let upgrades = Upgrades::new(engine.clone(), deployments.clone(), components, clock.clone());

    let state = AppState {
        sql: Sql::new(engine.clone(), deployments.clone(), config.sql, watched.metrics.sql.clone()),
        engine,
        deployments: deployments.clone(),
        upgrades,
        metrics: watched.metrics.clone(),
        logs: watched.logs.clone(),
        traces: watched.traces.clone(),
        clock,
        access: Arc::new(access),
        trail: Trail::new(&config.data, config.audit.clone()),
        backups,
        open: OpenRequests::default(),
        admin_door: admin_door.clone(),
        ingress_door: Arc::new(IngressDoor::new(&config.ingress)),
        ingress_body: config.ingress.body_limits(),
        settings: config.shown.into(),
        ingress_url: IngressUrl { scheme: ingress_scheme, listen: ingress_addr },
    };
    let certificates = [ingress.certificate.clone(), admin.certificate.clone()];
    let reloader = Reloader { access: state.access.clone(), admin_door, certificates };
    let doors = Doors::open(ingress, admin, state, config.http, shares);
    tracing::info!(%ingress_addr, %admin_addr, data = %config.data.display(), partitions, "the server is up");
    Ok(Server {
        ingress_addr,
        admin_addr,
        ingress_scheme,
        admin_scheme,
        deployments,
        reloader,
        store,
        watched,
        doors,
        fault,
    })
}

async fn open_store(config: &Config) -> anyhow::Result<Arc<DiskStore>> {
    let (data, options) = (config.data.clone(), config.store.clone());
    let opened = tokio::task::spawn_blocking(move || DiskStore::open(&data, options)).await?;
    let store = opened.with_context(|| format!("cannot use the data folder {}", config.data.display()))?;
    Ok(Arc::new(store))
}

/// A new folder has no tokens, so it need not be made to find out that nobody could come in.
fn check_tokens(config: &Config) -> Result<(), NoToken> {
    let is_admin = |grant: &Grant| grant.scope == Scope::Admin;
    let is_closed = !config.admin.needs_token() || config.admin.grants().iter().any(is_admin);
    if is_closed || config.data.exists() { Ok(()) } else { Err(NoToken(config.admin.listen)) }
}

/// The admin port would be open to everybody.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the admin port would be open to others at {0}, and it runs whatever code it is given")]
pub struct NoToken(pub SocketAddr);

/// Brings parts of a configuration that was read again into the running server.
#[derive(Clone)]
pub struct Reloader {
    access: Arc<Access>,
    admin_door: Arc<AdminDoor>,
    certificates: [Option<Arc<Certificate>>; 2],
}

impl Reloader {
    /// Takes over the tokens of the configuration, and what is in the files of the certificates. All other
    /// settings need a new start.
    ///
    /// # Errors
    /// A certificate cannot be used; the old one goes on.
    pub fn reload(&self, config: &Config) -> Result<(), TlsError> {
        self.access.reconfigure(config.admin.grants());
        if config.admin.has_tokens() && !self.admin_door.needs_token() {
            if self.access.has_admin() {
                self.admin_door.close();
                tracing::info!("there are tokens now, and the admin port asks for one");
            } else {
                tracing::warn!(
                    "there are tokens now, and none is of scope \"admin\": the admin port stays open on this machine, \
                     as nobody could come in, and the next start refuses; add one"
                );
            }
        }
        self.certificates.iter().flatten().try_for_each(|certificate| certificate.reload())
    }
}

impl Server {
    /// Waits until `shutdown` ends, then stops in order. Nothing is lost: what runs goes on at the
    /// next start.
    ///
    /// # Errors
    /// The server had to stop by itself; the error says why.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
        let mut fault = self.fault.subscribe();
        let reason = tokio::select! {
            () = shutdown => None,
            reason = fault.wait_for(Option::is_some) => reason.ok().and_then(|reason| reason.clone()),
        };
        if let Some(reason) = reason {
            // Clients that wait, and those that come now, are told.
            tokio::time::sleep(LAST_WORDS).await;
            self.doors.shut();
            bail!("{reason}\nNothing acknowledged is lost. Repair the cause and start the server again.");
        }
        self.doors.close().await;
        self.fault.stop();
        self.watched.finish().await;
        let store = self.store;
        tokio::task::spawn_blocking(move || store.close())
            .await?
            .context("the data folder was not closed in order")
    }
}

/// Returns the number of partitions, which is fixed when the data folder is made.
fn partitions(store: &dyn Store, wanted: Option<u16>) -> anyhow::Result<u16> {
    let key = keys::setup();
    if let Some(value) = store.get(View::Latest, &key)? {
        let setup: codec::Setup = codec::decode(&key, &value)?;
        if wanted.is_some_and(|wanted| wanted != setup.partitions) {
            let partitions = setup.partitions;
            bail!(
                "the data folder was made with {partitions} partitions, which cannot be changed; leave --partitions out"
            );
        }
        return Ok(setup.partitions);
    }
    let partitions = wanted.unwrap_or(PARTITIONS_DEFAULT);
    if partitions == 0 || partitions > PARTITIONS_MAX {
        bail!("{partitions} partitions: 1 to {PARTITIONS_MAX} are possible");
    }
    let fence = store.acquire(META_PARTITION)?;
    let value = codec::encode(&codec::Setup { partitions });
    store.commit(Batch { fence, ops: vec![Op::Put { key, value }] })?;
    Ok(partitions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::token::Digest;
    use crate::http::tests::world::World;
    use axum::body::Body;
    use tower::ServiceExt;

    async fn status(world: &World, token: Option<&str>) -> u16 {
        let mut request = http::Request::get("/services").header("host", "localhost:9070");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response = world.admin.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        response.status().as_u16()
    }

    #[tokio::test]
    async fn a_token_that_comes_later_closes_the_door_and_the_own_one_stays() {
        let world = World::start(&Config::default());
        let (access, admin_door) = (world.state.access.clone(), world.state.admin_door.clone());
        let reloader = Reloader { access, admin_door, certificates: [None, None] };
        let mut config = Config::default();
        config.admin.own = Some(Grant::new("own", Digest::of("own"), Scope::Deploy, Vec::new()).unwrap());
        for (token, expected) in
            [(None, [200, 200, 200]), (Some("first"), [401, 200, 200]), (None, [401, 401, 200])]
        {
            config.admin.token = token.map(str::to_owned);
            reloader.reload(&config).unwrap();
            let found = [
                status(&world, None).await,
                status(&world, Some("first")).await,
                status(&world, Some("own")).await,
            ];
            assert_eq!(found, expected, "{token:?}");
        }
    }
}
