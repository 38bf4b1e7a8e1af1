//! Simulates the core for a number of steps: `cargo run --release -p abide-core --example simulate --
//! --steps 1000000 [--seed N] [--partitions 1|3|16]`. A failure prints the plan that fails again.

#[path = "../tests/simulator/sim/mod.rs"]
mod sim;

use sim::{Plan, Report, simulate};
use std::time::Instant;

/// Moves of one world; a short one is easier to read when it fails.
const MOVES: u32 = 5_000;

fn main() {
    let steps = option("--steps").unwrap_or(1_000_000);
    let first_seed = option("--seed").unwrap_or(1);
    let only = option("--partitions");
    let moves = option("--moves").map_or(MOVES, |moves| u32::try_from(moves).expect("fewer moves"));
    let mut report = Report::default();
    let begun = Instant::now();
    for seed in first_seed.. {
        if report.moves >= steps {
            break;
        }
        let partitions = only.unwrap_or([1, 3, 16][(seed % 3) as usize]);
        let partitions = u16::try_from(partitions).expect("fewer partitions");
        report.add(&simulate(Plan { seed, partitions, moves }));
    }
    let seconds = begun.elapsed().as_secs_f64();
    for (name, count) in &report.coverage.counts {
        println!("{count:>10} {name}");
    }
    let missing = report.coverage.missing();
    println!("{} steps, {} invocations, never happened: {missing:?}", report.moves, report.invocations);
    println!("{seconds:.1} s, {:.0} invocations/s", report.invocations as f64 / seconds);
}

fn option(name: &str) -> Option<u64> {
    let mut words = std::env::args().skip_while(|word| word != name).skip(1);
    words.next().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} takes a number, not {value:?}")))
}
