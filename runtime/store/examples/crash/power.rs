//! Power cuts on the simulated disk: what was not synced is dropped, torn or reordered, then everything is compared.
//!
//! sled writes to the real disk. Its part of the cut is modelled with a copy of its folder taken at its last completed
//! flush, which is atomic and durable, or with what it wrote later, or with a damaged folder that has to be rebuilt.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use abide_store::disk::sim::{Random, SimDisk};
use abide_store::disk::sim_index;
use abide_store::{DiskStore, Options, Sequence, Store, View};

use crate::model::{self, Model, Workload};

#[derive(Debug, Default)]
pub struct Report {
    pub rounds: u64,
    pub cuts_while_opening: u64,
    pub batches: u64,
    pub acked: u64,
    pub rebuilds: u64,
    /// sled looped over a folder that was damaged on purpose, which ends the run.
    pub stalls: u64,
    pub checkpoints: u64,
    pub snapshots: u64,
    pub reopens: u64,
    pub replayed: u64,
}

struct World {
    random: Random,
    workload: Workload,
    disk: SimDisk,
    dir: PathBuf,
    report: Report,
    model: Model,
    acked: u64,
    is_stalled: bool,
}

/// Cuts the power `rounds` times; an error says what was wrong and with which seed.
pub fn run(seed: u64, rounds: u64, huge_one_in: u64) -> Result<Report, String> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let workload = Workload { seed, huge_one_in };
    let mut world = World {
        random: Random::new(seed),
        workload,
        disk: SimDisk::new(),
        dir: dir.path().to_path_buf(),
        report: Report::default(),
        model: Model::new(workload),
        acked: 0,
        is_stalled: false,
    };
    for round in 0..rounds {
        let result = world.round();
        if world.is_stalled {
            // Only another process could go on with this folder.
            world.report.stalls += 1;
            break;
        }
        result.map_err(|error| format!("seed {seed}, round {round}: {error}"))?;
        world.report.rounds += 1;
    }
    world.report.batches = world.model.applied;
    world.report.acked = world.acked;
    Ok(world.report)
}

impl World {
    fn round(&mut self) -> Result<(), String> {
        for _ in 0..self.random.below(3) {
            self.cut_while_opening()?;
        }
        let store = self.open_whole()?;
        let stats = store.stats();
        self.report.replayed += stats.replayed;
        self.report.rebuilds += u64::from(stats.index_rebuilt);
        self.write_until_cut(&store)?;
        let stats = store.stats();
        self.report.checkpoints += stats.checkpoints;
        self.report.snapshots += stats.snapshots;
        self.report.reopens += stats.reopens;
        drop(store);
        self.power_on();
        Ok(())
    }

    fn options(&self) -> Options {
        let disk = self.disk.clone();
        let copy = self.copy();
        let on_flushed = move |index: &Path| {
            if !disk.is_off() {
                sim_index::copy_stable(index, &copy).expect("the index can be copied");
            }
        };
        Options {
            disk: Arc::new(self.disk.clone()),
            on_index_flushed: Some(Arc::new(on_flushed)),
            ..Options::tiny()
        }
    }

    fn copy(&self) -> PathBuf {
        self.dir.join("copy")
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn cut_while_opening(&mut self) -> Result<(), String> {
        self.disk.cut_after(self.random.below(80));
        match DiskStore::open(&self.data(), self.options()) {
            Ok(store) => drop(store),
            // The folder stays locked then, whether the power is on or not.
            Err(abide_store::Error::IndexStalled { .. }) => self.is_stalled = true,
            Err(_) if self.disk.is_off() => self.report.cuts_while_opening += 1,
            Err(error) => return Err(format!("opening failed while the power was on: {error}")),
        }
        self.power_on();
        Ok(())
    }

    /// Opens and compares everything. A damaged index may be noticed only while reading; then the next open rebuilds it.
    fn open_whole(&mut self) -> Result<DiskStore, String> {
        let mut problem = String::new();
        for _ in 0..2 {
            let store = match DiskStore::open(&self.data(), self.options()) {
                Ok(store) => store,
                Err(error) => {
                    self.is_stalled = matches!(error, abide_store::Error::IndexStalled { .. });
                    return Err(format!("it does not open: {error}"));
                }
            };
            match self.model.check(&store, self.acked) {
                Ok(()) => return Ok(store),
                Err(found) => problem = found,
            }
            if matches!(*store.status().borrow(), abide_store::Status::Ready) {
                return Err(problem);
            }
            self.report.rebuilds += 1;
        }
        Err(problem)
    }

    fn write_until_cut(&mut self, store: &DiskStore) -> Result<(), String> {
        let fence = store.acquire(model::PARTITION).map_err(|error| error.to_string())?;
        let operations = if self.random.one_in(3) { self.random.below(30) } else { self.random.below(1500) };
        self.disk.cut_after(operations);
        let is_over = AtomicBool::new(false);
        let mut numbers: Vec<(Sequence, u64)> = Vec::new();
        let whole = std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    model::check_whole(store, View::Durable)?;
                    model::check_whole(store, View::Latest)?;
                }
                Ok(())
            });
            let mut number = self.model.applied;
            while let Ok(sequence) = model::commit(store, self.workload, fence, number + 1) {
                number += 1;
                numbers.push((sequence, number));
                if self.random.one_in(20) {
                    std::thread::sleep(std::time::Duration::from_micros(self.random.below(2000)));
                }
            }
            is_over.store(true, Ordering::SeqCst);
            reader.join().map_err(|_| "the reader panicked".to_string())?
        });
        let durable = *store.durable().borrow();
        let acked = numbers.iter().rev().find(|(sequence, _)| *sequence <= durable);
        self.acked = acked.map_or(self.acked, |(_, number)| *number);
        whole
    }

    /// Turns the power off and on again.
    fn power_on(&mut self) {
        self.disk = self.disk.after_power_cut(self.random.draw());
        sim_index::cut(&self.data().join("index"), &self.copy(), &mut self.random)
            .expect("the index can be cut");
    }
}
