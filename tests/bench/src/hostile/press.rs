//! Tenants that misbehave as long as somebody looks.

use super::kind::Kind;
use crate::client::Client;
use crate::server::{self, Server};
use anyhow::bail;
use http::StatusCode;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Between the end of one and the beginning of the next one.
const PAUSE: Duration = Duration::from_millis(5);
/// Between two looks whether one that does not end still does something.
const LOOK: Duration = Duration::from_millis(500);
/// A request was not understood: it is not the misbehaviour that was meant.
const MISUNDERSTOOD: [StatusCode; 4] = [
    StatusCode::BAD_REQUEST,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
];

pub struct Press {
    tenants: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Press {
    /// Begins as many as there are at once of this kind.
    pub async fn start(server: &Server, kind: Kind) -> anyhow::Result<Self> {
        if !kind.is_endless() {
            let tenant = |first| tokio::spawn(begin_again(server.ingress, server.admin, kind, first));
            return Ok(Self { tenants: (0..kind.at_once()).map(tenant).collect() });
        }
        let mut client = Client::connect(server.ingress).await?;
        for nth in 0..kind.at_once() {
            let (status, answer) = client.send(kind.message(nth)?).await?;
            if !status.is_success() {
                bail!("{} is answered {status}: {}", kind.name(), String::from_utf8_lossy(&answer));
            }
        }
        Ok(Self { tenants: Vec::new() })
    }

    /// Begins no more; what was begun goes on. A tenant that could not do what it should is an error.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.tenants.iter().for_each(JoinHandle::abort);
        for tenant in self.tenants {
            match tenant.await {
                Ok(ended) => ended?,
                Err(error) if error.is_cancelled() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Begins the next one whenever one has ended, or stands still: a limit may have paused it.
async fn begin_again(ingress: SocketAddr, admin: SocketAddr, kind: Kind, first: u64) -> anyhow::Result<()> {
    let apart = usize::try_from(kind.at_once())?;
    for nth in (first..).step_by(apart) {
        tokio::select! {
            ended = call(ingress, kind, nth) => ended?,
            () = until_still(admin, kind) => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Begins one and waits for its end, which may be any.
async fn call(ingress: SocketAddr, kind: Kind, nth: u64) -> anyhow::Result<()> {
    let (status, answer) = Client::connect(ingress).await?.send(kind.call(nth)?).await?;
    if MISUNDERSTOOD.contains(&status) {
        let answer = String::from_utf8_lossy(&answer[..answer.len().min(200)]);
        bail!("{} is answered {status}: {answer}", kind.name());
    }
    Ok(())
}

/// Waits until no invocation of its service does anything.
async fn until_still(admin: SocketAddr, kind: Kind) {
    let query = format!("service={}&status=running", kind.service());
    loop {
        tokio::time::sleep(LOOK).await;
        // A server that does not tell is one that has much to do.
        if matches!(server::lists_any(admin, &query).await, Ok(false)) {
            return;
        }
    }
}
