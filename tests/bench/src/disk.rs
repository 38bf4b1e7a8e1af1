//! The disk alone: what one append and one `fdatasync` cost, which no durable server can beat.

use crate::latency::{Latencies, Quantiles};
use anyhow::Context;
use serde::Serialize;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

const RECORD: [u8; 4096] = [0x5a; 4096];
const FILE_BYTES: u64 = 32 << 20;

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Disk {
    pub syncs_per_second: f64,
    pub latency: Quantiles,
    pub load1: f64,
}

/// Appends to a file that is written already, as a commit log does, and waits for the disk each time.
pub fn measure(dir: &Path, time: Duration) -> anyhow::Result<Disk> {
    fs::create_dir_all(dir).with_context(|| format!("make the folder {}", dir.display()))?;
    let path = dir.join("disk-alone");
    let measured = measure_file(&path, time).with_context(|| format!("write {}", path.display()));
    let _ = fs::remove_file(&path);
    measured
}

fn measure_file(path: &Path, time: Duration) -> anyhow::Result<Disk> {
    let load1 = crate::process::load1();
    let file = File::create(path)?;
    for offset in (0..FILE_BYTES).step_by(RECORD.len()) {
        file.write_all_at(&[0; RECORD.len()], offset)?;
    }
    file.sync_all()?;
    let (mut latencies, mut offset) = (Latencies::default(), 0);
    let started = Instant::now();
    while started.elapsed() < time {
        let before = Instant::now();
        file.write_all_at(&RECORD, offset)?;
        file.sync_data()?;
        latencies.note(before.elapsed());
        offset = (offset + RECORD.len() as u64) % FILE_BYTES;
    }
    let took = started.elapsed();
    let latency = latencies.quantiles();
    Ok(Disk { syncs_per_second: latency.count as f64 / took.as_secs_f64(), latency, load1 })
}
