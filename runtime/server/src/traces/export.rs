//! Spans leave in batches, by OTLP over HTTP. When nobody takes them they are dropped, and counted.

use super::notes::Note;
use super::spans::Spans;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use prometheus_client::metrics::counter::Counter;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Spans of one request.
const BATCH_MAX: usize = 512;
/// How long a span waits for others.
const DELAY: Duration = Duration::from_secs(1);
/// Between two complaints that nobody takes the spans.
const COMPLAINT_PAUSE: Duration = Duration::from_secs(60);
/// Notes read in one go.
const NOTES_AT_ONCE: usize = 1_024;

/// What the task of the spans is told.
#[expect(
    clippy::large_enum_variant,
    reason = "all but the last few are notes, which a box would only make dearer"
)]
pub enum Told {
    Note(Note),
    /// Everything so far shall leave now.
    Flush(oneshot::Sender<()>),
}

/// The counters of the spans.
#[derive(Clone, Debug, Default)]
pub struct SpanCounters {
    pub exported: Counter,
    pub dropped: Counter,
}

/// Builds the exporter. Without an endpoint the variables of the standard say where to.
pub fn exporter(endpoint: Option<&str>) -> Result<SpanExporter, ExporterBuildError> {
    let builder = SpanExporter::builder().with_http();
    let builder = match endpoint {
        Some(endpoint) => builder.with_endpoint(with_path(endpoint)),
        None => builder,
    };
    let mut exporter = builder.build()?;
    exporter.set_resource(&resource());
    Ok(exporter)
}

/// An endpoint is the base of all signals; one that names the path already is left as it is.
fn with_path(endpoint: &str) -> String {
    let base = endpoint.trim_end_matches('/');
    if base.ends_with("/v1/traces") { base.to_owned() } else { format!("{base}/v1/traces") }
}

fn resource() -> Resource {
    let is_named = std::env::var("OTEL_SERVICE_NAME").is_ok_and(|name| !name.is_empty())
        || std::env::var("OTEL_RESOURCE_ATTRIBUTES").is_ok_and(|all| all.contains("service.name="));
    let builder = Resource::builder()
        .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    if is_named { builder.build() } else { builder.with_service_name("abide").build() }
}

/// Draws spans and sends them, until nobody tells anything any more.
pub async fn run(
    mut told: mpsc::Receiver<Told>,
    mut spans: Spans,
    exporter: SpanExporter,
    counters: SpanCounters,
) {
    let mut out = Out { exporter, counters, batch: Vec::new(), since: None, complained: None };
    let mut news = Vec::with_capacity(NOTES_AT_ONCE);
    loop {
        tokio::select! {
            count = told.recv_many(&mut news, NOTES_AT_ONCE) => if count == 0 {
                return out.send().await;
            },
            () = tokio::time::sleep(out.patience()), if out.since.is_some() => {}
        }
        let mut flushed = Vec::new();
        for told in news.drain(..) {
            match told {
                Told::Note(note) => out.push(spans.take(note)),
                Told::Flush(done) => flushed.push(done),
            }
        }
        while out.batch.len() >= BATCH_MAX {
            out.send().await;
        }
        if !flushed.is_empty() || out.patience().is_zero() {
            out.send().await;
        }
        flushed.into_iter().for_each(|done| _ = done.send(()));
    }
}

struct Out {
    exporter: SpanExporter,
    counters: SpanCounters,
    batch: Vec<SpanData>,
    /// When the first of the batch came.
    since: Option<Instant>,
    complained: Option<Instant>,
}

impl Out {
    fn push(&mut self, span: Option<SpanData>) {
        if let Some(span) = span {
            self.batch.push(span);
            self.since.get_or_insert_with(Instant::now);
        }
    }

    /// Returns how long the batch may wait still.
    fn patience(&self) -> Duration {
        self.since.map_or(DELAY, |since| DELAY.saturating_sub(since.elapsed()))
    }

    async fn send(&mut self) {
        let rest = self.batch.split_off(self.batch.len().min(BATCH_MAX));
        let batch = std::mem::replace(&mut self.batch, rest);
        self.since = if self.batch.is_empty() { None } else { Some(Instant::now()) };
        if batch.is_empty() {
            return;
        }
        let count = batch.len() as u64;
        match self.exporter.export(batch).await {
            Ok(()) => _ = self.counters.exported.inc_by(count),
            Err(error) => {
                self.counters.dropped.inc_by(count);
                if self.complained.is_none_or(|at| at.elapsed() > COMPLAINT_PAUSE) {
                    self.complained = Some(Instant::now());
                    tracing::warn!(%error, count, "spans could not be exported and are dropped");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_base_or_the_whole() {
        for endpoint in ["http://h:4318", "http://h:4318/", "http://h:4318/v1/traces"] {
            assert_eq!(with_path(endpoint), "http://h:4318/v1/traces");
        }
        assert_eq!(with_path("http://h/otlp"), "http://h/otlp/v1/traces");
    }
}
