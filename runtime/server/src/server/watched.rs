//! What watches a server while it works: numbers, logs of guests, traces.

use crate::clock::Clock;
use crate::config::Config;
use crate::deploy::Deployments;
use crate::engine::{Engine, EngineHandle, Load, LoadLimits, Parts};
use crate::logs::GuestLogs;
use crate::metrics::{Levels, Metrics};
use crate::traces::{self, Traces};
use crate::wasm::{Components, ExecutorParts, WasmExecutor};
use abide_store::Store;
use std::io;
use std::sync::Arc;

pub struct Watched {
    pub metrics: Arc<Metrics>,
    pub logs: GuestLogs,
    pub traces: Traces,
    /// Traces that are told once journals can be read.
    telling: Option<traces::Starting>,
}

impl Watched {
    pub async fn open(config: &Config, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let metrics = Metrics::new();
        let (traces, telling) = Traces::new(&config.traces, metrics.spans.clone())?;
        let (limits, counters) = (config.logs, metrics.logs.clone());
        let opening = move || GuestLogs::open(store, clock, limits, counters);
        let logs = tokio::task::spawn_blocking(opening).await??;
        Ok(Self { metrics, logs, traces, telling })
    }

    /// Returns the parts of an engine that is watched.
    pub fn parts(
        &self,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        partitions: u16,
        limits: LoadLimits,
    ) -> Parts {
        let load = Load::new(limits, self.metrics.refused.clone());
        let Self { metrics, logs, traces, .. } = self;
        let (metrics, logs, traces) = (metrics.clone(), logs.clone(), traces.clone());
        Parts { store, clock, partitions, metrics, load, logs, traces }
    }

    /// Returns an executor that is watched.
    pub fn executor(
        &self,
        engine: &Engine,
        components: Arc<Components>,
        deployments: Deployments,
        clock: Arc<dyn Clock>,
    ) -> io::Result<WasmExecutor> {
        WasmExecutor::new(ExecutorParts {
            components,
            catalog: Arc::new(deployments),
            inboxes: engine.inboxes(),
            journals: engine.journals(),
            clock,
            metrics: self.metrics.clone(),
            logs: self.logs.clone(),
            has_traces: self.traces.is_on(),
        })
    }

    /// Begins with what needs a running engine.
    pub fn start(&mut self, engine: &EngineHandle, components: Arc<Components>) {
        self.metrics.look_up(Levels::new(engine.clone(), components, self.logs.clone(), &self.metrics));
        tokio::spawn(self.logs.clone().run());
        let (logs, journals) = (self.logs.clone(), engine.journals());
        tokio::task::spawn_blocking(move || {
            if let Err(error) = logs.sweep(|invocation| journals.is_kept(invocation)) {
                tracing::warn!(%error, "guest logs of invocations that are gone were not looked for");
            }
        });
        if let Some(telling) = self.telling.take() {
            tokio::spawn(telling.run(Box::new(engine.journals())));
        }
    }

    /// Lets the last spans leave and writes the last lines.
    pub async fn finish(self) {
        self.traces.flush().await;
        let logs = self.logs;
        match tokio::task::spawn_blocking(move || logs.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last lines of guests were not written"),
            Err(error) => tracing::error!(%error, "the last lines of guests were not written"),
        }
    }
}
