//! Runs a target over inputs for so long, and keeps what found something.

use crate::corpus::{self, Current};
use crate::mutate::Mutator;
use crate::targets::Target;
use abide_e2e::rng::Rng;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What a run did.
#[derive(Debug, Default)]
pub struct Report {
    /// Inputs that are kept, which ran first.
    pub kept: u64,
    /// Changed copies of them.
    pub inputs: u64,
    pub took: Duration,
    pub found: Vec<Finding>,
    /// What the target says of all of it.
    pub said: String,
}

/// Something that must not have happened.
#[derive(Debug)]
pub struct Finding {
    pub why: String,
    /// Where its input is kept from now on; a finding about the whole run has none.
    pub kept: Option<PathBuf>,
}

/// How long a run goes on, what is kept not counted.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    pub inputs: u64,
    pub time: Duration,
}

/// So many findings are enough to look at.
const FOUND_MAX: usize = 20;

/// Gives a target all that is kept for it, and then changed copies.
pub fn run(target: &mut dyn Target, budget: Budget, rng: Rng) -> Report {
    let (mut current, left_over) = Current::open(target.name());
    let mut kept = target.seeds();
    kept.extend(corpus::of(target.name()));
    let mut report = Report::default();
    // First of all what the last run was at when it ended: it may have ended by that.
    for input in left_over.iter().chain(&kept) {
        report.kept += 1;
        report.found.extend(tried(target, &mut current, input));
    }
    let began = Instant::now();
    let mut mutator = Mutator::new(&kept, target.words(), rng);
    while report.inputs < budget.inputs && began.elapsed() < budget.time && report.found.len() < FOUND_MAX {
        report.inputs += 1;
        report.found.extend(tried(target, &mut current, &mutator.input()));
    }
    report.took = began.elapsed();
    match target.finish() {
        Ok(said) => report.said = said,
        Err(why) => report.found.push(Finding { why, kept: None }),
    }
    current.close();
    report
}

/// Tries an input, which is on the disk before it is tried and is kept as soon as it found something.
fn tried(target: &mut dyn Target, current: &mut Current, input: &[u8]) -> Option<Finding> {
    current.set(input);
    let why = target.run(input).err()?;
    let kept = corpus::keep(target.name(), input);
    eprintln!("{}: {why}\n  kept in {}", target.name(), kept.display());
    Some(Finding { why, kept: Some(kept) })
}
