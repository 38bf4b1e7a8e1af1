//! The core simulated with seeds, see `sim`. `cargo run --release -p abide-core --example simulate`
//! runs the same for as long as you like.

mod sim;

use sim::{Plan, Report, simulate};

/// Plans that found a mistake once. They run first.
const FAILED_ONCE: &[Plan] = &[
    // Outcomes handed out in the order in which they arrived.
    Plan { seed: 319, partitions: 3, moves: 5_000 },
    // Words of a guest reached a later invocation with the same id, which counted its attempts from 1;
    // who waited for a promise waited for good when the workflow was purged, or was on its list for good.
    Plan { seed: 1, partitions: 3, moves: 3_000 },
    // A purge in parts was never due again when the clock had been set back.
    Plan { seed: 20_202, partitions: 1, moves: 5_000 },
];

/// Seeds per number of partitions.
const SEEDS: u64 = 50;
const MOVES: u32 = 3_000;

fn all(partitions: u16) -> Report {
    let mut report = Report::default();
    for seed in 0..SEEDS {
        report.add(&simulate(Plan { seed, partitions, moves: MOVES }));
    }
    report
}

#[test]
fn what_failed_once_does_not_fail_again() {
    for plan in FAILED_ONCE {
        simulate(*plan);
    }
}

#[test]
fn invariants_hold_and_everything_happens() {
    let runs = [1, 3, 16].map(|partitions| std::thread::spawn(move || all(partitions)));
    let mut report = Report::default();
    for run in runs {
        report.add(&run.join().expect("the simulation failed, see above"));
    }
    assert_eq!(report.coverage.missing(), Vec::<&str>::new(), "never happened");
}

#[test]
fn the_same_seed_is_the_same_run() {
    let plan = Plan { seed: 7, partitions: 3, moves: MOVES };
    assert_eq!(simulate(plan), simulate(plan));
    let other = simulate(Plan { seed: 8, ..plan });
    assert_ne!(simulate(plan).coverage.trace, other.coverage.trace);
}
