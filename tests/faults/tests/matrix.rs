//! The fault matrix: every fault, with all kinds of work at once, and a table at the end.
//!
//! `cargo test -p abide-faults --test matrix [-- NAME]` runs the part that is bounded; `ABIDE_E2E_LONG=1` all of it, and
//! `ABIDE_FAULTS_SEEDS=1..20` one round per seed.

use abide_e2e::rng::Rng;
use abide_faults::rows::{Extent, FAULTS, Fault, run};
use abide_faults::table::{Row, show};
use std::process::ExitCode;
use std::sync::Mutex;

/// Servers that are tormented at the same time.
const AT_ONCE: usize = 2;

fn main() -> ExitCode {
    if !cfg!(debug_assertions) {
        return refused("a build without debug assertions has no failpoints: leave out --release");
    }
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |fault: &&Fault| wanted.is_empty() || wanted.iter().any(|part| fault.name.contains(part));
    let faults: Vec<_> = FAULTS.iter().filter(is_wanted).copied().collect();
    if faults.is_empty() {
        let names = FAULTS.iter().map(|fault| fault.name).collect::<Vec<_>>().join(", ");
        return refused(&format!("no fault is called {}; there are: {names}", wanted.join(" or ")));
    }
    let seeds = seeds();
    if seeds.is_empty() {
        return refused("ABIDE_FAULTS_SEEDS has no seed in it");
    }
    let is_long = std::env::var_os("ABIDE_E2E_LONG").is_some();
    let extent = if is_long { Extent::Long } else { Extent::Bounded };
    let mut is_good = true;
    for seed in seeds {
        let rows = rows(&faults, extent, seed);
        println!("{}", show(&rows));
        is_good &= rows.iter().all(Row::is_good);
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A run that tests nothing is not a good one.
fn refused(why: &str) -> ExitCode {
    eprintln!("the fault matrix did not run: {why}");
    ExitCode::FAILURE
}

/// One, unless a range is asked for.
fn seeds() -> Vec<u64> {
    match std::env::var("ABIDE_FAULTS_SEEDS") {
        Ok(range) => {
            let (first, end) = range.split_once("..").expect("ABIDE_FAULTS_SEEDS is a range like 1..20");
            let number = |text: &str| text.parse::<u64>().expect("a seed is a number");
            (number(first)..number(end)).collect()
        }
        Err(_) => vec![Rng::seed_from_env()],
    }
}

fn rows(faults: &[Fault], extent: Extent, seed: u64) -> Vec<Row> {
    let (next, rows) = (Mutex::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let index = {
                        let mut next = next.lock().expect("no panic holds it");
                        *next += 1;
                        *next - 1
                    };
                    let Some(fault) = faults.get(index) else { return };
                    let row = run(*fault, extent, seed);
                    eprintln!("{}", show(std::slice::from_ref(&row)));
                    rows.lock().expect("no panic holds it").push((index, row));
                }
            });
        }
    });
    let mut rows = rows.into_inner().expect("no panic holds it");
    rows.sort_by_key(|(index, _)| *index);
    rows.into_iter().map(|(_, row)| row).collect()
}
