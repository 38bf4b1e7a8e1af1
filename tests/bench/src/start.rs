//! How long a server takes to start.

use crate::client::Client;
use crate::server::Server;
use crate::workload::Workload;
use anyhow::bail;
use bytes::Bytes;
use serde::Serialize;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const FIRST_CALL_MAX: Duration = Duration::from_secs(60);

/// How long a start took, from the start of the process.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Start {
    /// Until it says that it is healthy.
    pub healthy_seconds: f64,
    /// Until a handler has answered; on an empty folder it was deployed in between.
    pub first_call_seconds: f64,
}

impl Start {
    /// Starts a server on a folder that knows the handlers, and calls one.
    pub async fn of(
        starting: impl Future<Output = anyhow::Result<Server>>,
    ) -> anyhow::Result<(Server, Self)> {
        let started = Instant::now();
        let server = starting.await?;
        let healthy_seconds = started.elapsed().as_secs_f64();
        first_call(server.ingress).await?;
        Ok((server, Self { healthy_seconds, first_call_seconds: started.elapsed().as_secs_f64() }))
    }
}

/// Calls the empty handler until it answers.
pub async fn first_call(ingress: SocketAddr) -> anyhow::Result<()> {
    let (workload, started) = (Workload::Greet, Instant::now());
    loop {
        let mut client = Client::connect(ingress).await?;
        let body = Bytes::from_static(workload.body());
        let (status, answer) = client.post_json(&workload.path(0), body).await?;
        if status.is_success() && workload.is_answer(&answer) {
            return Ok(());
        }
        if started.elapsed() > FIRST_CALL_MAX {
            bail!("the first call is answered {status}: {}", String::from_utf8_lossy(&answer));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
