//! kill -9 in a loop: a child writes numbered batches and reports what was acknowledged, the parent kills it at any moment.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use abide_store::disk::sim::Random;
use abide_store::{DiskStore, Options, Sequence, Store, View};

use crate::model::{self, Model, Workload};

/// A recovery syncs the whole machine twice, and this is a test: it may be slow.
const OPEN_MAX: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub struct Report {
    pub rounds: u64,
    pub kills_before_open: u64,
    pub acked: u64,
    /// The index was read as a whole after the last kill.
    pub is_verified: bool,
}

impl Report {
    /// Adds a round; an error when something acknowledged before was not recovered.
    pub fn add(&mut self, (recovered, acked): (Option<u64>, u64)) -> Result<(), String> {
        self.kills_before_open += u64::from(recovered.is_none());
        if let Some(recovered) = recovered
            && recovered < self.acked
        {
            return Err(format!("batch {} was acknowledged, recovered {recovered}", self.acked));
        }
        self.acked = self.acked.max(acked);
        self.rounds += 1;
        Ok(())
    }
}

/// Kills a child `rounds` times. `command` starts this program again as a child that calls [`child`].
pub fn run(seed: u64, rounds: u64, command: impl Fn(&Path) -> Command) -> Result<Report, String> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let data = dir.path().join("data");
    let mut random = Random::new(seed);
    let mut report = Report::default();
    for round in 0..rounds {
        let child = start(command(&data))?;
        let (waits, after) = moment(&mut random);
        let struck = strike_after(child, waits, after, || Ok(()));
        struck
            .and_then(|struck| report.add(struck))
            .map_err(|error| format!("seed {seed}, round {round}: {error}"))?;
    }
    report.is_verified = check_end(&data, seed, report.acked)?;
    Ok(report)
}

/// Waits for the recovery if asked to, and then `after`; then strikes and kills. Returns what the child recovered, if it
/// got so far, and the newest batch it reported.
pub fn strike_after(
    mut child: Child,
    waits: bool,
    after: Duration,
    strike: impl FnOnce() -> Result<(), String>,
) -> Result<(Option<u64>, u64), String> {
    let output = BufReader::new(child.stdout.take().expect("the output is piped"));
    let (is_open, opened) = mpsc::channel();
    let is_struck = Arc::new(AtomicBool::new(false));
    let is_struck_seen = is_struck.clone();
    let reader = std::thread::spawn(move || {
        let (mut recovered, mut acked) = (None, 0);
        for line in output.lines().map_while(Result::ok) {
            // The test harness of a child that is a test prints its own lines too.
            let mut words =
                line.split(' ').skip_while(|word| !matches!(*word, "recovered" | "acked" | "bad"));
            match (words.next(), words.next().and_then(|number| number.parse().ok())) {
                (Some("recovered"), number) => {
                    recovered = number;
                    // Nobody listens when the strike does not wait for it.
                    let _ = is_open.send(());
                }
                (Some("acked"), Some(number)) => acked = number,
                // Without its disk the child stops, as it should.
                (Some("bad"), _) if !is_struck_seen.load(Ordering::SeqCst) => return Err(line),
                _ => {}
            }
        }
        Ok((recovered, acked))
    });
    if waits && let Err(mpsc::RecvTimeoutError::Timeout) = opened.recv_timeout(OPEN_MAX) {
        return Err("the child did not open the store in time".to_string());
    }
    std::thread::sleep(after);
    is_struck.store(true, Ordering::SeqCst);
    strike()?;
    child.kill().map_err(|error| error.to_string())?;
    child.wait().map_err(|error| error.to_string())?;
    reader.join().map_err(|_| "the reader panicked".to_string())?
}

/// Returns whether to wait for the recovery, and how long to wait then: half of the strikes come while the child opens,
/// half while it writes, some of these after checkpoints and snapshots.
pub fn moment(random: &mut Random) -> (bool, Duration) {
    let waits = random.one_in(2);
    let millis = if waits && random.one_in(2) { random.below(1500) } else { random.below(150) };
    (waits, Duration::from_millis(millis))
}

pub fn start(mut command: Command) -> Result<Child, String> {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    child.map_err(|error| format!("cannot start the child: {error}"))
}

/// Opens the store and compares everything, once no child uses it.
/// Compares everything; returns whether the index was read as a whole before.
pub fn check_end(dir: &Path, seed: u64, acked: u64) -> Result<bool, String> {
    let store = DiskStore::open(dir, Options::tiny()).map_err(|error| error.to_string())?;
    Model::new(workload(seed)).check(&store, acked)?;
    Ok(store.stats().index_verified)
}

fn workload(seed: u64) -> Workload {
    Workload { seed, huge_one_in: 301 }
}

/// Opens, compares, and writes until it is killed.
pub fn child(dir: &Path, seed: u64) {
    if let Err(error) = write_forever(dir, seed) {
        say(&format!("bad {error}"));
    }
}

fn write_forever(dir: &Path, seed: u64) -> Result<(), String> {
    let store = DiskStore::open(dir, Options::tiny()).map_err(|error| error.to_string())?;
    let workload = workload(seed);
    Model::new(workload).check(&store, 0)?;
    let mut number = model::newest(&store, View::Durable).map_err(|error| error.to_string())?;
    say(&format!("recovered {number}"));
    let fence = store.acquire(model::PARTITION).map_err(|error| error.to_string())?;
    let mut waiting: std::collections::VecDeque<(Sequence, u64)> = std::collections::VecDeque::new();
    let durable = store.durable();
    loop {
        number += 1;
        let sequence = model::commit(&store, workload, fence, number).map_err(|error| error.to_string())?;
        waiting.push_back((sequence, number));
        let synced = *durable.borrow();
        let mut acked = None;
        while waiting.front().is_some_and(|(sequence, _)| *sequence <= synced) {
            acked = waiting.pop_front();
        }
        if let Some((_, number)) = acked {
            say(&format!("acked {number}"));
        }
        // A little slower than the disk, so that groups are small and acknowledgements many.
        std::thread::sleep(Duration::from_micros(number % 7 * 50));
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // A parent that is gone kills this process anyway.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
