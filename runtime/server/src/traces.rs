//! Traces: what invocations do, as spans for whoever collects them by OTLP.
//!
//! A request that comes with a W3C context becomes a part of that trace; one that comes without begins
//! its own. The context is kept among the headers of the invocation, and passed on to whom it calls and
//! into outbound HTTP. There is a span per invocation, one per attempt, and one per durable operation,
//! from the entry to its outcome, however many attempts lie in between: drivers tell what their steps
//! decide, and a task draws spans from that. Without an endpoint nothing of this happens.

mod context;
mod export;
mod notes;
mod sampler;
mod spans;

pub use context::{TraceContext, Trail};
pub use export::SpanCounters;
pub use notes::{Completed, Event, Note, Operation, Reason};
pub use sampler::{Sampler, UnknownSampler};
pub use spans::Recall;

use abide_core::entry::Header;
use abide_core::ids::InvocationId;
use export::Told;
use prometheus_client::metrics::counter::Counter;
use spans::Spans;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Notes that wait to be drawn; more are dropped, and their spans with them.
const NOTES_MAX: usize = 65_536;
/// How long a stopping server waits for its last spans to leave.
const FLUSH_PATIENCE: Duration = Duration::from_secs(5);

/// Whether, where to, and which traces are told.
#[derive(Clone, Debug, Default)]
pub struct TraceConfig {
    /// The base URL of a collector. None: as the variables `OTEL_EXPORTER_OTLP_ENDPOINT` and
    /// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` say; without them nothing is told.
    pub endpoint: Option<String>,
}

/// Why traces cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    #[error(transparent)]
    Sampler(#[from] UnknownSampler),
    #[error("traces cannot be exported: {0}; check the OTLP endpoint")]
    Exporter(String),
}

/// Where traces are told. Cheap to clone; without an endpoint it does nothing.
#[derive(Clone, Default)]
pub struct Traces {
    inner: Option<Arc<Inner>>,
}

struct Inner {
    told: mpsc::Sender<Told>,
    sampler: Sampler,
    dropped: Counter,
}

/// Traces that are to be told, before there is an engine that knows the journals.
pub struct Starting {
    told: mpsc::Receiver<Told>,
    exporter: opentelemetry_otlp::SpanExporter,
    counters: SpanCounters,
}

impl Traces {
    /// Tells nothing.
    #[must_use]
    pub fn off() -> Self {
        Self::default()
    }

    /// Reads the configuration; returns what has to be started once journals can be read.
    ///
    /// # Errors
    /// The configuration makes no sense.
    pub fn new(config: &TraceConfig, counters: SpanCounters) -> Result<(Self, Option<Starting>), TraceError> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let standard = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
        let is_off = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let has_endpoint = config.endpoint.is_some() || standard.iter().any(|name| variable(name).is_some());
        if is_off || !has_endpoint {
            return Ok((Self::off(), None));
        }
        let sampler = Sampler::parse(
            variable("OTEL_TRACES_SAMPLER").as_deref(),
            variable("OTEL_TRACES_SAMPLER_ARG").as_deref(),
        )?;
        let exporter = export::exporter(config.endpoint.as_deref())
            .map_err(|error| TraceError::Exporter(error.to_string()))?;
        let (sender, told) = mpsc::channel(NOTES_MAX);
        let inner = Inner { told: sender, sampler, dropped: counters.dropped.clone() };
        Ok((Self { inner: Some(Arc::new(inner)) }, Some(Starting { told, exporter, counters })))
    }

    #[must_use]
    pub fn is_on(&self) -> bool {
        self.inner.is_some()
    }

    /// Takes a note. Never waits.
    pub fn tell(&self, note: Note) {
        let Some(inner) = &self.inner else { return };
        if inner.told.try_send(Told::Note(note)).is_err() {
            inner.dropped.inc();
        }
    }

    /// Puts the context of a request that enters among its headers: the one it came with, or a new one
    /// that begins with this invocation.
    #[must_use]
    pub fn enter(&self, invocation: InvocationId, mut headers: Vec<Header>) -> Vec<Header> {
        let Some(inner) = &self.inner else { return headers };
        let given = TraceContext::of(&headers);
        let fresh = || {
            let context = TraceContext { trace: rand::random(), parent: 0, flags: 0, state: None };
            let parent = context.invocation_span(invocation);
            TraceContext { parent, ..context }
        };
        let context = inner.sampler.enter(given, fresh);
        headers.retain(|header| !is_of_trace(header));
        headers.extend(context.headers());
        headers
    }

    /// Lets what was told so far leave.
    pub async fn flush(&self) {
        let Some(inner) = &self.inner else { return };
        let (done, flushed) = oneshot::channel();
        let flushing = async {
            if inner.told.send(Told::Flush(done)).await.is_ok() {
                let _ = flushed.await;
            }
        };
        if tokio::time::timeout(FLUSH_PATIENCE, flushing).await.is_err() {
            tracing::warn!("the last spans could not be exported in time");
        }
    }
}

/// Says whether a header is a part of a trace context.
#[must_use]
pub fn is_of_trace(header: &Header) -> bool {
    [context::TRACEPARENT, context::TRACESTATE].iter().any(|name| header.name.eq_ignore_ascii_case(name))
}

impl Starting {
    /// Draws spans and exports them, as long as anybody tells anything.
    pub async fn run(self, recall: Box<dyn Recall>) {
        export::run(self.told, Spans::new(recall), self.exporter, self.counters).await;
    }
}
