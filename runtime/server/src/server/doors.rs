//! The two ports: opened before everything, and closed in order.

use super::descriptors::Shares;
use crate::config::DoorLimits;
use crate::engine::EngineHandle;
use crate::http::limits::SHUTDOWN_LOOK;
use crate::http::{self, AppState, IsRepeatable, OpenRequests};
use crate::tls::{Certificate, TlsFiles};
use anyhow::Context;
use axum::Router;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A port that is listened on.
pub struct Door {
    listener: TcpListener,
    pub address: SocketAddr,
    pub certificate: Option<Arc<Certificate>>,
}

impl Door {
    pub async fn open(what: &str, address: SocketAddr, tls: &TlsFiles) -> anyhow::Result<Self> {
        let certificate = Certificate::load(tls).with_context(|| format!("no TLS for the {what}"))?;
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| {
            format!("cannot listen on {address} ({what}); is another server running there?")
        })?;
        Ok(Self { address: listener.local_addr()?, listener, certificate })
    }

    pub fn scheme(&self) -> &'static str {
        if self.certificate.is_some() { "https" } else { "http" }
    }
}

/// The ports that let requests in, and what is told to stop when they are closed.
pub struct Doors {
    engine: EngineHandle,
    open: OpenRequests,
    patience: Duration,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Doors {
    /// Lets requests in.
    pub fn open(ingress: Door, admin: Door, state: AppState, limits: DoorLimits, shares: Shares) -> Self {
        let mut doors = Self {
            engine: state.engine.clone(),
            open: state.open.clone(),
            patience: limits.stop_patience,
            stop: watch::Sender::new(false),
            tasks: Vec::new(),
        };
        let of_ingress = DoorLimits { connections_max: shares.ingress, ..limits.clone() };
        let of_admin = DoorLimits { connections_max: shares.admin, ..limits };
        let repeats = http::ingress_repeats(state.clone());
        doors.serve(ingress, http::ingress(state.clone()), repeats, of_ingress);
        doors.serve(admin, http::admin(state), http::admin_repeats(), of_admin);
        doors
    }

    fn serve(&mut self, door: Door, router: Router, repeats: IsRepeatable, limits: DoorLimits) {
        let Door { listener, certificate, .. } = door;
        if let Some(certificate) = certificate.clone() {
            self.tasks.push(tokio::spawn(certificate.watch(stopped(&self.stop))));
        }
        let stopped = stopped(&self.stop);
        let open = self.open.clone();
        let serving = http::serve(listener, router, repeats, certificate, limits, open, stopped);
        self.tasks.push(tokio::spawn(serving));
    }

    /// Lets nobody in any more; what is open is told so.
    pub fn shut(&self) {
        self.stop.send_replace(true);
    }

    /// Closes in order: no new work, some time for what is open, the ports, the engine. All in bounded time.
    pub async fn close(self) {
        self.drain().await;
        self.shut();
        for task in self.tasks {
            // A port that broke down is closed, too.
            let _ = task.await;
        }
        self.engine.end().await;
    }

    /// Takes no new work, and lets what is open come to its end, for a while. The ports stay open meanwhile: who comes
    /// is told that the server stops, and who looks still sees.
    async fn drain(&self) {
        let patience = self.patience;
        tracing::info!(?patience, "stopping: no new work is taken, what is open may go on for a while");
        self.engine.close();
        let drained = async {
            while self.engine.suspend_idle() > 0 || self.open.count() > 0 {
                tokio::time::sleep(SHUTDOWN_LOOK).await;
            }
        };
        match tokio::time::timeout(patience, drained).await {
            Ok(()) => tracing::info!("nothing is open any more"),
            Err(_) => {
                let (attempts, requests) = (self.engine.suspend_idle(), self.open.count());
                tracing::info!(attempts, requests, "what is open still goes on at the next start");
            }
        }
    }
}

fn stopped(stop: &watch::Sender<bool>) -> impl Future<Output = ()> + Send + use<> {
    let mut stop = stop.subscribe();
    async move {
        let _ = stop.wait_for(|stop| *stop).await;
    }
}
