//! Measures the store next to the disk it is on: raw syncs, then commits with 1, 8 and 64 writers, in the same run.
//!
//! `bench [--dir FOLDER] [--seconds N]`: closed loop, each writer waits until its commit is durable.
//! `bench --fill MIB [--reopen MIB] [--dir FOLDER]`: writes so much and shows memory, disk and pauses while it does.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use abide_store::{Batch, DiskStore, Fence, Op, Options, Store, View};
use bytes::Bytes;

const VALUE_BYTES: usize = 200;
const RAW_FILE_BYTES: u64 = 32 * 1024 * 1024;
const RECORD_BYTES: u64 = 256;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| {
        arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1))
    };
    let seconds = option("--seconds").and_then(|seconds| seconds.parse().ok()).unwrap_or(5);
    let parent = option("--dir").map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(parent).expect("a folder can be made");
    let span = Duration::from_secs(seconds);

    if let Some(mib) = option("--fill").and_then(|mib| mib.parse().ok()) {
        let mut options = Options::default();
        if let Some(mib) = option("--reopen").and_then(|mib| mib.parse::<u64>().ok()) {
            options.reopen_bytes = mib << 20;
            options.reopen_bytes_max = mib << 20;
        }
        return fill(&dir.path().join("data"), options, mib);
    }
    raw(dir.path(), span);
    let store =
        Arc::new(DiskStore::open(&dir.path().join("data"), Options::default()).expect("the store opens"));
    let fence = store.acquire(1).expect("the partition is free");
    for writers in [1, 8, 64, 256] {
        commits(&store, fence, writers, span);
    }
    raw(dir.path(), span);
    scans(&store, span);
    println!("{:?}", store.stats());
    let before = Instant::now();
    store.close().expect("the store closes");
    println!("close {:?}", before.elapsed());
    let before = Instant::now();
    let store = DiskStore::open(&dir.path().join("data"), Options::default()).expect("the store opens");
    println!("open after a clean close {:?}", before.elapsed());
    drop(store);
}

/// Writes pairs of 200 bytes in batches of 64, one in four beside a recent one, as journals grow; reads all at the end.
fn fill(dir: &Path, options: Options, mib: u64) {
    const BATCH: u64 = 64;
    const RECENT: u64 = 1000;
    let store = DiskStore::open(dir, options).expect("the store opens");
    let fence = store.acquire(1).expect("the partition is free");
    let started = Instant::now();
    let batches = mib * 1024 * 1024 / (BATCH * VALUE_BYTES as u64);
    let mut slowest = Duration::ZERO;
    for number in 0..batches {
        let op = |n: u64| {
            let back =
                if n.is_multiple_of(4) { n.wrapping_mul(0x9e37_79b9) % RECENT.min(number + 1) } else { 0 };
            let place = number - back;
            Op::Put {
                key: [place.to_be_bytes(), n.to_be_bytes()].concat(),
                value: vec![n as u8; VALUE_BYTES].into(),
            }
        };
        let before = Instant::now();
        store.commit(Batch { fence, ops: (0..BATCH).map(op).collect() }).expect("the store runs");
        slowest = slowest.max(before.elapsed());
        if number.is_multiple_of((batches / 8).max(1)) {
            println!(
                "{:4} s  {:5} MiB written, memory {} MiB",
                started.elapsed().as_secs(),
                (number * BATCH * VALUE_BYTES as u64) >> 20,
                memory_mib()
            );
        }
    }
    println!("filled in {:?}, slowest commit {slowest:?}, memory {} MiB", started.elapsed(), memory_mib());
    println!("{:?}", store.stats());
    let before = Instant::now();
    store.close().expect("the store closes");
    println!("close {:?}", before.elapsed());
    let before = Instant::now();
    let store = DiskStore::open(dir, Options::default()).expect("the store opens");
    println!("open {:?}", before.elapsed());
    let before = Instant::now();
    let pairs = store.scan(View::Durable, b"", &[0xff; 17], usize::MAX).expect("the store runs").len();
    println!("{pairs} pairs scanned in {:?}", before.elapsed());
}

/// Returns the memory of this process that is in use.
fn memory_mib() -> u64 {
    const PAGE_BYTES: u64 = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    (pages * PAGE_BYTES) >> 20
}

/// Writes and syncs a preallocated file: what the disk can do for one writer.
fn raw(dir: &Path, span: Duration) {
    let file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(dir.join("raw"))
        .expect("a file can be made");
    file.write_all_at(&vec![0; RAW_FILE_BYTES as usize], 0).expect("the disk has room");
    file.sync_all().expect("the disk works");
    let started = Instant::now();
    let mut times = Vec::new();
    while started.elapsed() < span {
        let before = Instant::now();
        let offset = times.len() as u64 * RECORD_BYTES % RAW_FILE_BYTES;
        file.write_all_at(&[7; RECORD_BYTES as usize], offset).expect("the disk works");
        file.sync_data().expect("the disk works");
        times.push(before.elapsed());
    }
    report("raw write + fdatasync", times, started.elapsed());
}

fn commits(store: &Arc<DiskStore>, fence: Fence, writers: u64, span: Duration) {
    let before = store.stats();
    let next_key = Arc::new(AtomicU64::new(writers << 40));
    let started = Instant::now();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime starts");
    let running: Vec<_> = (0..writers)
        .map(|_| runtime.spawn(write_until(store.clone(), fence, next_key.clone(), started + span)))
        .collect();
    let mut times = Vec::new();
    for writer in running {
        times.extend(runtime.block_on(writer).expect("a writer does not panic"));
    }
    report(&format!("{writers} writers"), times, started.elapsed());
    let after = store.stats();
    let (syncs, micros) = (after.syncs - before.syncs, after.sync_micros_sum - before.sync_micros_sum);
    let log_kib = (after.log_bytes_written - before.log_bytes_written) / 1024;
    println!("    {syncs} syncs of {} us on average, {log_kib} KiB of log", micros / syncs.max(1));
}

async fn write_until(
    store: Arc<DiskStore>,
    fence: Fence,
    next_key: Arc<AtomicU64>,
    end: Instant,
) -> Vec<Duration> {
    let mut durable = store.durable();
    let mut times = Vec::new();
    while Instant::now() < end {
        let before = Instant::now();
        let key = next_key.fetch_add(1, Ordering::Relaxed).to_be_bytes().to_vec();
        let ops = vec![Op::Put { key, value: Bytes::from(vec![1; VALUE_BYTES]) }];
        let sequence = store.commit(Batch { fence, ops }).expect("the store runs");
        durable.wait_for(|durable| *durable >= sequence).await.expect("the store runs");
        times.push(before.elapsed());
    }
    times
}

/// Scans of ten pairs, as a journal is read.
fn scans(store: &DiskStore, span: Duration) {
    let started = Instant::now();
    let mut times = Vec::new();
    while started.elapsed() < span {
        let before = Instant::now();
        let start = ((8u64 << 40) + times.len() as u64 % 1000 * 7).to_be_bytes();
        let found = store.scan(View::Durable, &start, &[0xff; 8], 10).expect("the store runs");
        assert_eq!(found.len(), 10);
        times.push(before.elapsed());
    }
    report("scans of 10", times, started.elapsed());
}

fn report(what: &str, mut times: Vec<Duration>, elapsed: Duration) {
    times.sort_unstable();
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default();
    let rate = times.len() as f64 / elapsed.as_secs_f64();
    println!(
        "{what:24} {rate:10.0}/s  p50 {:?}  p99 {:?}  max {:?}",
        at(0.5),
        at(0.99),
        at(1.0 - f64::EPSILON)
    );
}
