//! What came out, as tables for people and as JSON for programs.

use crate::age::Aged;
use crate::beside::Beside;
use crate::disk::Disk;
use crate::hostile::Disturbed;
use crate::journal::Replayed;
use crate::large::Passed;
use crate::load::Measured;
use crate::overload::Overloaded;
use crate::queue::Drained;
use crate::server::Binary;
use crate::sleepers::Slept;
use crate::soak::Soaked;
use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use std::path::Path;

#[derive(Serialize)]
pub struct Report {
    processors: usize,
    server_bytes: u64,
    disk: Vec<(&'static str, Disk)>,
    load: Vec<Measured>,
    #[serde(flatten)]
    found: Option<Found>,
}

/// What came of a measurement of its own.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    Sleepers(Slept),
    Soak(Soaked),
    Age(Aged),
    Queue(Drained),
    Journal(Replayed),
    Large(Passed),
    Overload(Overloaded),
    Hostile(Disturbed),
    Beside(Beside),
}

impl Found {
    fn tables(&self) -> Vec<Table> {
        match self {
            Self::Sleepers(slept) => slept.tables(),
            Self::Soak(soaked) => soaked.tables(),
            Self::Age(aged) => aged.tables(),
            Self::Queue(drained) => drained.tables(),
            Self::Journal(replayed) => replayed.tables(),
            Self::Large(passed) => passed.tables(),
            Self::Overload(overloaded) => overloaded.tables(),
            Self::Hostile(disturbed) => disturbed.tables(),
            Self::Beside(beside) => beside.tables(),
        }
    }
}

impl Report {
    pub fn new(binary: &Binary) -> Self {
        Self {
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            server_bytes: std::fs::metadata(&binary.path).map_or(0, |metadata| metadata.len()),
            disk: Vec::new(),
            load: Vec::new(),
            found: None,
        }
    }

    pub fn disk(&mut self, when: &'static str, disk: Disk) {
        eprintln!("disk {when}: {:.0} syncs/s, p50 {}", disk.syncs_per_second, millis(disk.latency.p50_us));
        self.disk.push((when, disk));
    }

    pub fn load(&mut self, measured: Measured) {
        let Measured { workload, concurrency, calls_per_second, .. } = measured;
        eprintln!("{workload} with {concurrency} callers: {calls_per_second:.0} calls/s");
        self.load.push(measured);
    }

    pub fn found(&mut self, found: Found) {
        self.found = Some(found);
    }

    pub fn print(&self) {
        println!("{} processors, server binary {}", self.processors, mega(self.server_bytes));
        self.print_disk();
        if !self.load.is_empty() {
            self.print_load();
        }
        if self.load.iter().any(|one| one.messages.is_some()) {
            self.print_messages();
        }
        for table in self.found.iter().flat_map(Found::tables) {
            println!("\n{table}");
        }
    }

    fn print_disk(&self) {
        let mut table = table(&["append + fdatasync", "/s", "p50 ms", "p99 ms", "max ms", "load"]);
        for (when, disk) in &self.disk {
            table.add_row([
                (*when).to_owned(),
                format!("{:.0}", disk.syncs_per_second),
                millis(disk.latency.p50_us),
                millis(disk.latency.p99_us),
                millis(disk.latency.max_us),
                format!("{:.1}", disk.load1),
            ]);
        }
        println!("\nThe disk alone\n{table}");
    }

    fn print_load(&self) {
        let mut table = table(&[
            "workload",
            "callers",
            "calls/s",
            "p50 ms",
            "p99 ms",
            "max ms",
            "errors",
            "server CPUs",
            "client CPUs",
            "all CPUs",
            "CPU us/call",
            "peak MB",
            "after MB",
            "written/call",
            "flushes/call",
            "log/call",
            "load",
        ]);
        for one in &self.load {
            table.add_row([
                one.workload.to_owned(),
                one.concurrency.to_string(),
                format!("{:.0}", one.calls_per_second),
                millis(one.latency.p50_us),
                millis(one.latency.p99_us),
                millis(one.latency.max_us),
                one.errors.to_string(),
                format!("{:.2}", one.server_cpus),
                format!("{:.2}", one.client_cpus),
                format!("{:.2}", one.machine_cpus),
                format!("{:.0}", one.server_cpu_us_per_call),
                mega(one.rss_peak_bytes),
                mega(one.rss_after_bytes),
                format!("{:.0}", one.written_bytes_per_call),
                format!("{:.2}", one.flushes_per_call),
                format!("{:.0}", one.log_bytes_per_call),
                format!("{:.1}", one.load1),
            ]);
        }
        println!("\nClosed loop\n{table}");
    }

    fn print_messages(&self) {
        let mut table =
            table(&["workload", "callers", "calls/s", "messages/s sent", "delivered", "until all were, s"]);
        for one in &self.load {
            let Some(messages) = &one.messages else { continue };
            table.add_row([
                one.workload.to_owned(),
                one.concurrency.to_string(),
                format!("{:.1}", one.calls_per_second),
                format!("{:.0}", messages.sent_per_second),
                format!("{:.0}", messages.delivered_per_second),
                format!("{:.2}", messages.drain_seconds),
            ]);
        }
        println!("\nMessages: delivered when their handler has ended\n{table}");
    }

    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        std::fs::write(file, text).with_context(|| format!("write {}", file.display()))
    }
}

/// A table of names and values.
pub fn rows(name: &str, rows: Vec<(&'static str, String)>) -> Table {
    filled(&[name, ""], rows.into_iter().map(|(name, value)| [name.to_owned(), value]))
}

pub fn filled<const N: usize>(head: &[&str], rows: impl IntoIterator<Item = [String; N]>) -> Table {
    let mut table = table(head);
    rows.into_iter().for_each(|row| _ = table.add_row(row));
    table
}

/// A table whose first column is text and whose others are numbers.
pub fn table(head: &[impl AsRef<str>]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(head.iter().map(AsRef::as_ref));
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}

pub fn millis(micros: u32) -> String {
    format!("{:.2}", f64::from(micros) / 1e3)
}

pub fn mega(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
