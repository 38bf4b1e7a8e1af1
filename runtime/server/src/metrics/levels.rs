//! What is not counted as it happens but looked up when somebody asks: the store, the drivers, the process.

use super::reading::Reading;
use super::{Metrics, process};
use crate::engine::EngineHandle;
use crate::logs::GuestLogs;
use crate::wasm::Components;
use abide_core::time::Timestamp;
use abide_store::Stats;
use abide_store::stats::{GROUP_BOUNDS, SYNC_MICROS_BOUNDS};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;
use std::fmt;
use std::sync::{Arc, Weak};

type Written = Result<(), fmt::Error>;

/// Looks things up. Reads folders, so it belongs on a thread that may wait.
pub struct Levels {
    engine: EngineHandle,
    components: Arc<Components>,
    logs: GuestLogs,
    /// The registry that this is in belongs to it.
    metrics: Weak<Metrics>,
    started_at: Timestamp,
}

impl Levels {
    #[must_use]
    pub fn new(
        engine: EngineHandle,
        components: Arc<Components>,
        logs: GuestLogs,
        metrics: &Arc<Metrics>,
    ) -> Self {
        let started_at = engine.now();
        Self { engine, components, logs, metrics: Arc::downgrade(metrics), started_at }
    }
}

impl fmt::Debug for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Levels").finish_non_exhaustive()
    }
}

impl Collector for Levels {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Written {
        let mut reading = Reading::new(encoder);
        let reading = &mut reading;
        about(reading, self.started_at)?;
        self.engine(reading)?;
        store_work(reading, &self.engine.store_stats(), self.engine.refusal().is_none())?;
        process::read(reading)
    }
}

impl Levels {
    fn engine(&self, reading: &mut Reading<'_>) -> Written {
        let open = self.engine.taken();
        reading.gauge(
            "abide_submissions_waiting",
            "New requests that wait for the disk",
            open.submissions,
        )?;
        reading.gauge("abide_calls_open", "Calls and attaches that wait for an answer", open.calls)?;
        let help = "Invocations that were accepted or woken and wait for their start, or a large journal";
        reading.gauge("abide_starts_waiting", help, open.starts)?;
        let help = "Bodies of requests that are read, or wait for a driver";
        reading.bytes("abide_request_bodies", help, open.bodies_bytes)?;
        let help = "Large stored answers that are read for clients, and that these have not taken yet";
        reading.bytes("abide_answers", help, open.answers_bytes)?;
        let loaded = self.components.loaded() as u64;
        reading.gauge("abide_components_loaded", "Components that are compiled and loaded", loaded)?;
        reading.bytes("abide_guest_log", "Lines of guests that are kept, about", self.logs.bytes())?;
        let Some(metrics) = self.metrics.upgrade() else { return Ok(()) };
        let (now, partitions) = (self.engine.now(), metrics.engine.partitions.all());
        let each = |value: &dyn Fn(&super::Partition) -> f64| {
            let value = |(index, partition): (usize, &Arc<super::Partition>)| {
                ([("partition", index.to_string())], value(partition))
            };
            partitions.iter().enumerate().map(value).collect::<Vec<_>>()
        };
        let inbox = each(&|partition| partition.inbox() as f64);
        let help = "Commands that waited when the driver of the partition last looked";
        reading.gauges(("abide_driver_inbox_commands", help, None), inbox)?;
        let turn = each(&|partition| partition.turn_ms(now) as f64 / 1e3);
        let help = "How long the driver of the partition has been at its present turn";
        reading.gauges(("abide_driver_turn", help, Some(Unit::Seconds)), turn)?;
        let lag = each(&|partition| partition.timer_lag_ms(now) as f64 / 1e3);
        let help = "By how much the timer that is next is late";
        reading.gauges(("abide_timers_lag", help, Some(Unit::Seconds)), lag)?;
        let outbox = each(&|partition| partition.outbox() as f64);
        let help = "Messages that other partitions have not acknowledged";
        reading.gauges(("abide_outbox_messages", help, None), outbox)
    }
}

fn about(reading: &mut Reading<'_>, started_at: Timestamp) -> Written {
    let labels = [("version", env!("CARGO_PKG_VERSION")), ("interfaces", crate::wasm::WIT_VERSION)];
    reading.info("abide_build", "What runs here", &labels)?;
    let started = started_at.0 as f64 / 1e3;
    reading.seconds("process_start_time", "When the server was started, since 1970", started)
}

fn store_work(reading: &mut Reading<'_>, stats: &Stats, is_ready: bool) -> Written {
    reading.gauge("abide_store_ready", "1 while work is taken, 0 while it is refused", is_ready.into())?;
    reading.counter("abide_store_commits", "Batches committed", stats.commits)?;
    reading.counter("abide_store_operations", "Keys put and deleted by the batches", stats.ops)?;
    let seconds = SYNC_MICROS_BOUNDS.map(|micros| micros as f64 / 1e6);
    reading.histogram(
        ("abide_store_sync_duration", "Time of a disk sync of the log", Some(Unit::Seconds)),
        &seconds,
        &stats.sync_counts,
        stats.sync_micros_sum as f64 / 1e6,
    )?;
    reading.histogram(
        ("abide_store_group_batches", "Batches made durable by one sync", None),
        &GROUP_BOUNDS.map(|batches| batches as f64),
        &stats.group_counts,
        stats.group_batches_sum as f64,
    )?;
    reading.counter("abide_store_checkpoints", "Checkpoints of the index", stats.checkpoints)?;
    reading.counter("abide_store_snapshots", "Snapshots written", stats.snapshots)?;
    store_sizes(reading, stats)
}

fn store_sizes(reading: &mut Reading<'_>, stats: &Stats) -> Written {
    let written = stats.log_bytes_written;
    reading.counter_bytes("abide_store_log_written", "Written to the commit log", written)?;
    reading.bytes("abide_store_unsynced", "Committed and not in the index yet", stats.unsynced_bytes)?;
    reading.gauge(
        "abide_store_overlay_keys",
        "Entries in memory of what is committed, until the index has all that came with them",
        stats.overlay_keys,
    )?;
    reading.bytes("abide_store_log", "Segments of the commit log, with the spare ones", stats.log_bytes)?;
    reading.bytes("abide_store_index", "The index", stats.index_bytes)?;
    reading.bytes(
        "abide_store_blob",
        "Large values, as often as rows have them; rows with the same value may share a file",
        stats.blob_bytes,
    )?;
    reading.bytes("abide_store_snapshot", "The newest snapshot", stats.snapshot_bytes)?;
    reading.bytes(
        "abide_store_folder",
        "Log, index, large values and snapshots together",
        stats.disk_bytes,
    )?;
    reading.bytes("abide_store_free", "Free space of the disk the data folder is on", stats.disk_free_bytes)
}
