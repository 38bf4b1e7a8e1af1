//! A whole server: opens the data folder, recovers, and opens the doors.

use crate::clock::{Clock, SystemClock};
use crate::config::{Config, PARTITIONS_DEFAULT, PARTITIONS_MAX};
use crate::deploy::Deployments;
use crate::engine::{Engine, Fault, Parts};
use crate::http::{self, AppState};
use crate::sql::{Sql, SqlLimits};
use crate::upgrade::Upgrades;
use crate::wasm::{Components, WasmEngine, WasmExecutor};
use abide_store::{Batch, DiskStore, META_PARTITION, Op, Store, View, codec, keys};
use anyhow::{Context, bail};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long a server that cannot go on still says why.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A running server.
pub struct Server {
    pub ingress_addr: SocketAddr,
    pub admin_addr: SocketAddr,
    pub deployments: Deployments,
    store: Arc<DiskStore>,
    stop: watch::Sender<bool>,
    doors: Vec<JoinHandle<()>>,
    fault: Fault,
}

/// Opens the data folder, recovers what was running, and listens.
///
/// # Errors
/// The data folder cannot be used, or an address cannot be listened on; the error says which and why.
pub async fn start(config: Config) -> anyhow::Result<Server> {
    // The doors first: a server that cannot listen should not touch the data.
    let ingress = listen("ingress", config.ingress.listen).await?;
    let admin = listen("admin", config.admin.listen).await?;
    let (ingress_addr, admin_addr) = (ingress.local_addr()?, admin.local_addr()?);
    let (data, options) = (config.data.clone(), config.store.clone());
    let opened = tokio::task::spawn_blocking(move || DiskStore::open(&data, options)).await?;
    let store =
        Arc::new(opened.with_context(|| format!("cannot use the data folder {}", config.data.display()))?);
    let partitions = partitions(&*store, config.partitions)?;

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let wasm = Arc::new(WasmEngine::new(&config.guests)?);
    let components = Arc::new(Components::open(wasm, &config.data, config.guests.clone())?);
    let deployments = {
        let (store, clock, components) = (store.clone(), clock.clone(), components.clone());
        tokio::task::spawn_blocking(move || Deployments::open(store, clock, components)).await??
    };
    let engine = Engine::new(Parts { store: store.clone(), clock: clock.clone(), partitions });
    let fault = engine.fault();
    let catalog = Arc::new(deployments.clone());
    let executor =
        WasmExecutor::new(components.clone(), catalog, engine.inboxes(), engine.journals(), clock.clone());
    let engine = engine.start(Arc::new(executor))?;
    let upgrades = Upgrades::new(engine.clone(), deployments.clone(), components, clock);

    let state = AppState {
        sql: Sql::new(engine.clone(), deployments.clone(), SqlLimits::default()),
        engine,
        deployments: deployments.clone(),
        upgrades,
        admin_token: config.admin.token.map(Into::into),
        ingress_body_bytes_max: config.ingress.body_bytes_max,
        settings: config.shown.into(),
        ingress_url: format!("http://{ingress_addr}").into(),
    };
    let stop = watch::Sender::new(false);
    let doors = vec![
        tokio::spawn(http::serve(ingress, http::ingress(state.clone()), config.http.clone(), stopped(&stop))),
        tokio::spawn(http::serve(admin, http::admin(state), config.http, stopped(&stop))),
    ];
    tracing::info!(%ingress_addr, %admin_addr, data = %config.data.display(), partitions, "the server is up");
    Ok(Server { ingress_addr, admin_addr, deployments, store, stop, doors, fault })
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
            self.stop.send_replace(true);
            bail!("{reason}\nNothing acknowledged is lost. Repair the cause and start the server again.");
        }
        tracing::info!("stopping; what runs goes on at the next start");
        self.stop.send_replace(true);
        for door in self.doors {
            let _ = door.await;
        }
        self.fault.stop();
        let store = self.store;
        tokio::task::spawn_blocking(move || store.close())
            .await?
            .context("the data folder was not closed in order")
    }
}

async fn listen(what: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address} ({what}); is another server running there?"))
}

fn stopped(stop: &watch::Sender<bool>) -> impl Future<Output = ()> + Send + use<> {
    let mut stop = stop.subscribe();
    async move {
        let _ = stop.wait_for(|stop| *stop).await;
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
