//! Restate as it is meant to be run: its server with default settings, and a process of handlers.

use super::packages::Packages;
use crate::client::Client;
use crate::server::{self, Handlers, Server};
use anyhow::{Context, bail};
use bytes::Bytes;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const REGISTER_MAX: Duration = Duration::from_secs(60);

/// Its addresses stay for the whole run: a restarted server finds itself under the one it wrote down.
pub struct Restate {
    pub packages: Packages,
    ingress: SocketAddr,
    admin: SocketAddr,
    fabric: SocketAddr,
    handlers: SocketAddr,
}

impl Restate {
    pub fn new(packages: Packages) -> anyhow::Result<Self> {
        let free = server::free_address;
        Ok(Self { packages, ingress: free()?, admin: free()?, fabric: free()?, handlers: free()? })
    }

    /// Starts the process with the handlers.
    pub fn start_handlers(&self, data: &Path) -> anyhow::Result<Handlers> {
        let mut node = Command::new(&self.packages.node);
        node.arg(self.packages.folder.join("service.mjs")).arg(self.handlers.to_string());
        node.env("NODE_ENV", "production");
        Ok(Handlers(server::spawn(node, &data.join("handlers.log"))?))
    }

    /// Starts the server on a folder as it is, and waits until it answers.
    pub async fn start(&self, data: &Path, handlers: Handlers) -> anyhow::Result<Server> {
        let kept = data.join("restate");
        let mut command = Command::new(&self.packages.server);
        command.args(["--no-logo", "--node-name", "bench", "--base-dir"]).arg(&kept);
        command.env("RESTATE_LISTEN_MODE", "tcp");
        command.env("RESTATE_INGRESS__BIND_ADDRESS", self.ingress.to_string());
        command.env("RESTATE_ADMIN__BIND_ADDRESS", self.admin.to_string());
        command.env("RESTATE_BIND_ADDRESS", self.fabric.to_string());
        command.env("RESTATE_DISABLE_TELEMETRY", "true").env("DO_NOT_TRACK", "1");
        let server = Server::launch(command, self.ingress, self.admin, data, kept).await?;
        Ok(server.with_handlers(handlers))
    }

    /// Tells the server where the handlers are.
    pub async fn register(&self) -> anyhow::Result<()> {
        let body = Bytes::from(serde_json::json!({ "uri": format!("http://{}", self.handlers) }).to_string());
        let started = Instant::now();
        // It tries only once itself, so the handlers have to be there.
        while TcpStream::connect(self.handlers).is_err() {
            if started.elapsed() > REGISTER_MAX {
                bail!("the process of the handlers does not listen on {}", self.handlers);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        loop {
            let mut admin = Client::connect(self.admin).await.context("the admin port of Restate")?;
            let (status, answer) = admin.post_json("/deployments", body.clone()).await?;
            if status.is_success() {
                return Ok(());
            }
            if started.elapsed() > REGISTER_MAX {
                bail!("Restate does not take the handlers, {status}: {}", String::from_utf8_lossy(&answer));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
