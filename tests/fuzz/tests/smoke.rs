//! A few seconds of every target: what is kept, and some changes of it.

use abide_e2e::rng::Rng;
use abide_fuzz::drive::{Budget, Report, run};
use abide_fuzz::targets::{NAMES, target};
use std::time::Duration;

/// Seconds that a target would take on a machine with nothing else to do.
const SECONDS: u64 = 1;

fn smoke(name: &str) {
    let (_, per_second) = NAMES.iter().find(|(known, _)| *known == name).expect("the target is known");
    let budget = Budget { inputs: SECONDS * per_second, time: Duration::from_secs(5 * SECONDS) };
    let report = run(&mut *target(name), budget, Rng::from_env());
    let Report { kept, inputs, took, said, .. } = &report;
    println!("{name}: {kept} kept inputs and {inputs} new ones in {took:?}; {said}");
    assert!(report.inputs > 0);
    assert!(report.found.is_empty(), "{:#?}", report.found);
}

#[test]
fn requests_at_the_ingress() {
    smoke("ingress");
}

#[test]
fn requests_at_the_admin_port() {
    smoke("admin");
}

#[test]
fn queries() {
    smoke("sql");
}

#[test]
fn uploads() {
    smoke("upload");
}

#[test]
fn records_of_the_store() {
    smoke("rows");
}

#[test]
fn the_log() {
    smoke("log");
}

#[test]
fn records_of_the_log() {
    smoke("replay");
}

#[test]
fn values_of_a_hostile_guest() {
    smoke("guest");
}

#[test]
fn lies_of_a_guest() {
    smoke("lies");
}
