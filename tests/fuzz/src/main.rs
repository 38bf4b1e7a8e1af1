//! `cargo run -p abide-fuzz -- TARGET [MINUTES]` fuzzes one target; the inputs that find something are kept in its corpus.
//! `cargo run -p abide-fuzz -- rows-of FOLDER` prints rows of all kinds that are in a data folder, as lines of a corpus.

use abide_e2e::rng::Rng;
use abide_fuzz::corpus::rows_of;
use abide_fuzz::drive::{Budget, Report, run};
use abide_fuzz::targets::{NAMES, target};
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["rows-of", folder] => {
            rows_of(folder.as_ref())
                .expect("a data folder that no server uses")
                .iter()
                .for_each(|row| println!("{row}"));
            ExitCode::SUCCESS
        }
        [name] => fuzz(name, 1),
        [name, minutes] => fuzz(name, minutes.parse().expect("minutes are a number")),
        _ => panic!(
            "usage: abide-fuzz TARGET [MINUTES], where TARGET is one of {:?}",
            NAMES.map(|(name, _)| name)
        ),
    }
}

fn fuzz(name: &str, minutes: u64) -> ExitCode {
    let budget = Budget { inputs: u64::MAX, time: Duration::from_secs(60 * minutes) };
    let Report { kept, inputs, took, found, said } = run(&mut *target(name), budget, Rng::from_env());
    for finding in &found {
        let kept = finding.kept.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        println!("{kept}: {}", finding.why.lines().next().unwrap_or_default());
    }
    println!(
        "{name}: {kept} kept inputs and {inputs} new ones in {took:?}, {} findings; {said}",
        found.len()
    );
    if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
