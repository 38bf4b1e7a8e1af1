//! The benchmark: starts the server itself, calls it in a closed loop, and prints what came out.
//!
//! It compares with the disk of the same machine in the same run, and never judges: numbers of a
//! shared machine are not a test.

mod client;
mod compare;
mod disk;
mod folder;
mod guest;
mod latency;
mod load;
mod options;
mod process;
mod report;
mod server;
mod sleepers;
mod soak;
mod workload;

use clap::Parser;
use options::{Options, What};
use report::Report;
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
        None | Some(What::Sleepers(_) | What::Soak(_)) => measure(&options).await,
    }
}

/// Measures Abide alone.
async fn measure(options: &Options) -> anyhow::Result<()> {
    let binary = Binary::find(options)?;
    let component = guest::build(options)?;
    let data = options.data();
    let mut report = Report::new(&binary);
    report.disk("before", disk::measure(&data, options.disk_time())?);
    if let Some(What::Sleepers(wanted)) = &options.what {
        report.sleepers(sleepers::run(options, wanted, &binary, &component).await?);
    } else if let Some(What::Soak(wanted)) = &options.what {
        report.soak(soak::run(options, wanted, &binary, &component).await?);
    } else {
        load::run(options, &binary, &component, &mut report).await?;
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

/// Returns the root of the repository.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("this crate is two folders deep").to_owned()
}
