//! Simulates the core for a number of steps: `cargo run --release -p abide-core --example simulate --
//! --steps 1000000 [--seed N] [--partitions 1|3|16] [--moves N]`. A failure prints the plan that fails again.

#[path = "../tests/simulator/sim/mod.rs"]
mod sim;

use sim::{Plan, Report, simulate};
use std::time::Instant;

/// Moves of one world; a short one is easier to read when it fails.
const MOVES: u32 = 5_000;
const PROGRESS_SECONDS: u64 = 5;

fn main() {
    let steps = option("--steps").unwrap_or(1_000_000);
    let first_seed = option("--seed").unwrap_or(1);
    let only = option("--partitions");
    let moves = option("--moves").map_or(MOVES, |moves| u32::try_from(moves).expect("fewer moves"));
    let mut report = Report::default();
    let begun = Instant::now();
    let mut told = begun;
    for seed in first_seed.. {
        if report.moves >= steps {
            break;
        }
        let partitions = only.unwrap_or([1, 3, 16][(seed % 3) as usize]);
        let partitions = u16::try_from(partitions).expect("fewer partitions");
        report.add(&simulate(Plan { seed, partitions, moves }));
        if told.elapsed().as_secs() >= PROGRESS_SECONDS {
            told = Instant::now();
            eprintln!("seed {seed}: {}", summary(&report));
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    for (name, count) in &report.coverage.counts {
        println!("{count:>10} {name}");
    }
    println!("never happened: {:?}", report.coverage.missing());
    println!(
        "{} in {seconds:.1} s, {:.0} invocations/s",
        summary(&report),
        report.invocations as f64 / seconds
    );
}

fn summary(report: &Report) -> String {
    let count = |name| report.coverage.counts.get(name).copied().unwrap_or_default();
    let crashes = count("move crash") + count("move crash-one");
    format!("{} steps, {crashes} crashes, {} invocations", report.moves, report.invocations)
}

fn option(name: &str) -> Option<u64> {
    let mut words = std::env::args().skip_while(|word| word != name).skip(1);
    words.next().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} takes a number, not {value:?}")))
}
