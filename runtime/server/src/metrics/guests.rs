//! What is counted around guests.

use super::histogram::{Histogram, LONG};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Counted by the executor and its attempts.
#[derive(Debug)]
pub struct GuestMetrics {
    pub slots: Gauge,
    /// Attempts that have a slot.
    pub instances: Gauge,
    /// Those of them that wait, and would be dropped after a while.
    pub idle: Gauge,
    pub memory_bytes: Gauge,
    pub replayed_entries: Counter,
    pub run_blocks: Histogram,
}

impl GuestMetrics {
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            slots: Gauge::default(),
            instances: Gauge::default(),
            idle: Gauge::default(),
            memory_bytes: Gauge::default(),
            replayed_entries: Counter::default(),
            run_blocks: Histogram::new(LONG),
        };
        registry.register(
            "abide_guest_slots",
            "Attempts that may be in memory at once",
            metrics.slots.clone(),
        );
        registry.register("abide_guest_instances", "Attempts in memory", metrics.instances.clone());
        registry.register(
            "abide_guest_instances_idle",
            "Attempts in memory that only wait",
            metrics.idle.clone(),
        );
        registry.register_with_unit(
            "abide_guest_memory",
            "Linear memory of all attempts together",
            Unit::Bytes,
            metrics.memory_bytes.clone(),
        );
        registry.register(
            "abide_replayed_entries",
            "Journal entries that attempts began with, to go through them again",
            metrics.replayed_entries.clone(),
        );
        registry.register_with_unit(
            "abide_run_block_duration",
            "Time a closure of a run block took, whether it succeeded or not",
            Unit::Seconds,
            metrics.run_blocks.clone(),
        );
        metrics
    }
}

/// Counts one in a gauge for as long as it lives.
#[derive(Debug)]
pub struct Held(Gauge);

impl Held {
    #[must_use]
    pub fn of(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}
