//! The benchmark: starts the server itself, calls it in a closed loop, and prints what came out.
//!
//! It compares with the disk of the same machine in the same run, and never judges: numbers of a
//! shared machine are not a test.

mod age;
mod beside;
mod calls;
mod client;
mod compare;
mod disk;
mod folder;
mod guest;
mod hostile;
mod journal;
mod large;
mod latency;
mod load;
mod meanwhile;
mod metrics;
mod options;
mod overload;
mod pace;
mod process;
mod queue;
mod report;
mod sample;
mod server;
mod signal;
mod sleepers;
mod soak;
mod spread;
mod start;
mod stretch;
mod workload;

use bytes::Bytes;
use clap::Parser;
use options::{Options, What};
use report::{Found, Report};
use server::Binary;
use std::path::PathBuf;

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    // One thread: the server needs the processors more.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(options))
}

async fn run(options: Options) -> anyhow::Result<()> {
    match &options.what {
        Some(What::Compare(wanted)) => compare::run(&options, wanted).await,
        Some(what) => measure(&options, Some(what)).await,
        None => measure(&options, None).await,
    }
}

/// Measures Abide alone.
async fn measure(options: &Options, what: Option<&What>) -> anyhow::Result<()> {
    let binary = Binary::find(options)?;
    let component = guest::build(options)?;
    let data = options.data();
    let mut report = Report::new(&binary);
    report.disk("before", disk::measure(&data, options.disk_time())?);
    match what {
        Some(what) => report.found(find(options, what, &binary, &component).await?),
        None => load::run(options, &binary, &component, &mut report).await?,
    }
    report.disk("after", disk::measure(&data, options.disk_time())?);
    report.print();
    if let Some(file) = &options.json {
        report.write(file)?;
    }
    if !options.keep {
        let _ = std::fs::remove_dir_all(&data);
    }
    Ok(())
}

async fn find(options: &Options, what: &What, binary: &Binary, component: &Bytes) -> anyhow::Result<Found> {
    Ok(match what {
        What::Sleepers(wanted) => Found::Sleepers(sleepers::run(options, wanted, binary, component).await?),
        What::Soak(wanted) => Found::Soak(soak::run(options, wanted, binary, component).await?),
        What::Age(wanted) => Found::Age(age::run(options, wanted, binary, component).await?),
        What::Queue(wanted) => Found::Queue(queue::run(options, wanted, binary, component).await?),
        What::Journal(wanted) => Found::Journal(journal::run(options, wanted, binary, component).await?),
        What::Large(wanted) => Found::Large(large::run(options, wanted, binary, component).await?),
        What::Overload(wanted) => Found::Overload(overload::run(options, wanted, binary, component).await?),
        What::Hostile(wanted) => Found::Hostile(hostile::run(options, wanted, binary, component).await?),
        What::Beside(wanted) => Found::Beside(beside::run(options, wanted, binary, component).await?),
        What::Compare(_) => unreachable!("it measures by itself"),
    })
}

/// Returns the root of the repository.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this crate is two folders deep").to_owned()
}
