//! What the server counts about itself, in one registry that it owns.
//!
//! Drivers and attempts count with relaxed additions and take no lock; what can be looked up is looked up
//! when somebody asks, see `levels.rs`. `runtime/METRICS.md` lists everything, and a test compares.

mod engine;
mod guests;
mod handlers;
mod histogram;
mod levels;
mod partitions;
mod process;
mod reading;
mod refused;
mod requests;
mod sql;

pub use engine::EngineMetrics;
pub use guests::{GuestMetrics, Held};
pub use handlers::{Handler, NOT_DEPLOYED, Result};
pub use histogram::Histogram;
pub use levels::Levels;
pub use partitions::Partition;
pub use refused::RefusedMetrics;
pub use requests::{RequestMetrics, UNMATCHED};
pub use sql::{QueryOutcome, SqlMetrics};

use crate::logs::LogCounters;
use crate::traces::SpanCounters;
use parking_lot::Mutex;
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;

/// All counters of one server.
#[derive(Debug)]
pub struct Metrics {
    /// Locked while somebody reads, never by those who count.
    registry: Mutex<Registry>,
    pub engine: EngineMetrics,
    pub guests: GuestMetrics,
    pub requests: RequestMetrics,
    pub refused: RefusedMetrics,
    pub sql: SqlMetrics,
    pub logs: LogCounters,
    pub spans: SpanCounters,
}

/// How the numbers are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    OpenMetrics,
    /// What Prometheus read before there was a standard.
    PrometheusText,
}

impl Format {
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::PrometheusText => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

impl Metrics {
    #[must_use]
    pub fn new() -> Arc<Self> {
        let mut registry = Registry::default();
        Arc::new(Self {
            engine: EngineMetrics::new(&mut registry),
            guests: GuestMetrics::new(&mut registry),
            requests: RequestMetrics::new(&mut registry),
            refused: RefusedMetrics::new(&mut registry),
            sql: SqlMetrics::new(&mut registry),
            logs: log_counters(&mut registry),
            spans: span_counters(&mut registry),
            registry: Mutex::new(registry),
        })
    }

    /// Adds what is looked up.
    pub fn look_up(&self, levels: Levels) {
        self.registry.lock().register_collector(Box::new(levels));
    }

    /// Writes everything down. May read folders.
    ///
    /// # Errors
    /// A value cannot be written.
    pub fn write(&self, format: Format) -> std::result::Result<String, fmt::Error> {
        let (registry, mut written) = (self.registry.lock(), String::new());
        match format {
            Format::OpenMetrics => text::encode(&mut written, &registry)?,
            Format::PrometheusText => prometheus_text::encode(&mut written, &registry)?,
        }
        Ok(written)
    }
}

fn log_counters(registry: &mut Registry) -> LogCounters {
    let counters = LogCounters::default();
    registry.register("abide_guest_log_lines", "Lines that guests logged", counters.written.clone());
    registry.register(
        "abide_guest_log_lines_dropped",
        "Lines that guests logged faster than they could be written",
        counters.dropped.clone(),
    );
    counters
}

fn span_counters(registry: &mut Registry) -> SpanCounters {
    let counters = SpanCounters::default();
    registry.register("abide_spans_exported", "Spans that a collector took", counters.exported.clone());
    registry.register(
        "abide_spans_dropped",
        "Spans, or parts of some, that nobody took",
        counters.dropped.clone(),
    );
    counters
}
