//! Who is compared: how each is started, and how it gets its handlers.

use super::packages;
use super::restate::Restate;
use crate::metrics::Metrics;
use crate::options::{Compare, Options};
use crate::server::{self, Binary, Handlers, Server};
use crate::start::{self, Start};
use anyhow::bail;
use bytes::Bytes;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Where Abide has its log, within its folder.
const LOG: &str = "log";

pub enum Contender {
    Abide { name: &'static str, binary: Binary },
    Restate(Restate),
}

/// Who takes part, and who does not.
pub struct Field {
    /// The first one is the one whose ratios are told.
    pub contenders: Vec<Contender>,
    /// Why there is only one.
    pub missing: Option<String>,
}

impl Field {
    pub fn find(options: &Options, wanted: &Compare) -> anyhow::Result<Self> {
        let mut contenders = vec![Contender::Abide { name: "Abide", binary: Binary::find(options)? }];
        if let Some(other) = &wanted.against {
            let binary = Binary::at(other.clone(), options)?;
            contenders.push(Contender::Abide { name: "the other", binary });
            return Ok(Self { contenders, missing: None });
        }
        if wanted.alone {
            return Ok(Self { contenders, missing: Some("it was not asked for (--alone)".to_owned()) });
        }
        let missing = match packages::install()? {
            Ok(packages) => {
                contenders.push(Contender::Restate(Restate::new(packages)?));
                None
            }
            Err(missing) => Some(missing),
        };
        Ok(Self { contenders, missing })
    }
}

impl Contender {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Abide { name, .. } => name,
            Self::Restate(_) => "Restate",
        }
    }

    /// Returns what it is, with its version.
    pub fn version(&self) -> String {
        match self {
            Self::Abide { binary, .. } => {
                let said = Command::new(&binary.path).arg("--version").output();
                let text = said.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
                format!("{}, handlers in Rust", text.unwrap_or_default())
            }
            Self::Restate(restate) => restate.packages.versions.clone(),
        }
    }

    /// Starts it on an empty folder, gives it the handlers, and calls one.
    pub async fn fresh(&self, data: &Path, component: &Bytes) -> anyhow::Result<(Server, Start)> {
        server::empty(data)?;
        let started = Instant::now();
        let handlers = self.handlers(data)?;
        let server = self.server(data, handlers).await?;
        let healthy_seconds = started.elapsed().as_secs_f64();
        match self {
            Self::Abide { .. } => server.deploy(component).await?,
            Self::Restate(restate) => restate.register().await?,
        }
        start::first_call(server.ingress).await?;
        Ok((server, Start { healthy_seconds, first_call_seconds: started.elapsed().as_secs_f64() }))
    }

    /// Starts it on the folder of a server that was killed, and calls a handler.
    pub async fn again(&self, data: &Path, handlers: Option<Handlers>) -> anyhow::Result<(Server, Start)> {
        Start::of(self.server(data, handlers)).await
    }

    /// Returns the bytes of the server's folder that are in use. The log of Abide is filled with zeros before anything
    /// is written to it: of it counts what was written, and no more than there is, as it gives up what it needs no more.
    pub async fn used_bytes(&self, server: &Server) -> anyhow::Result<u64> {
        let folder = server.folder();
        match self {
            Self::Abide { .. } => {
                let written = Metrics::of(server).await?.sum("abide_store_log_written_bytes_total")? as u64;
                let (all, log) = (folder.used_bytes(None), folder.used_bytes(Some(LOG)));
                Ok(all.saturating_sub(log) + log.min(written))
            }
            Self::Restate(_) => Ok(folder.used_bytes(None)),
        }
    }

    fn handlers(&self, data: &Path) -> anyhow::Result<Option<Handlers>> {
        match self {
            Self::Abide { .. } => Ok(None),
            Self::Restate(restate) => restate.start_handlers(data).map(Some),
        }
    }

    /// Starts it on a folder as it is, and waits until it says that it is healthy.
    pub async fn server(&self, data: &Path, handlers: Option<Handlers>) -> anyhow::Result<Server> {
        match (self, handlers) {
            (Self::Abide { binary, .. }, _) => Server::start(binary, data).await,
            (Self::Restate(restate), Some(handlers)) => restate.start(data, handlers).await,
            (Self::Restate(_), None) => bail!("Restate has lost the process of its handlers"),
        }
    }
}
