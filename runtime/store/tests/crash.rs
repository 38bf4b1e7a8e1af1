//! Nothing acknowledged is lost and nothing is half there, whatever moment the power or the process goes at.

#[path = "../examples/crash/kill.rs"]
mod kill;
#[path = "../examples/crash/model.rs"]
mod model;
#[path = "../examples/crash/power.rs"]
mod power;

use std::path::Path;
use std::process::Command;

const SEED: u64 = 11;

#[test]
fn power_cuts_lose_nothing_acknowledged() {
    let report = power::run(SEED, 8, 499).unwrap_or_else(|error| panic!("{error}"));
    assert!(report.acked > 0, "{report:?}");
}

#[test]
fn kills_lose_nothing_acknowledged() {
    let report = kill::run(SEED, 10, child).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.rounds, 10);
    // How long a start takes must not grow with what is stored, while the machine runs on.
    assert!(!report.is_verified, "{report:?}");
}

fn child(dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a test knows its path"));
    command.args(["--exact", "child_of_the_kill_test", "--nocapture"]).env("ABIDE_STORE_CRASH_DIR", dir);
    command
}

#[test]
fn child_of_the_kill_test() {
    // Does something only as the child of the test above.
    if let Some(dir) = std::env::var_os("ABIDE_STORE_CRASH_DIR") {
        kill::child(Path::new(&dir), SEED);
    }
}
