//! The command line.

use crate::hostile::Kind;
use crate::root;
use crate::workload::Workload;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// Measures the abide server on this machine: throughput, latency, memory, and the disk below it.
#[derive(Parser)]
pub struct Options {
    #[command(subcommand)]
    pub what: Option<What>,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub seconds: u64,
    /// Callers that each wait for their answer before the next call.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 64, 256], value_name = "N,N")]
    pub concurrency: Vec<usize>,
    /// What to call; all of them when left out.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAME,NAME")]
    pub workload: Vec<Workload>,
    /// A folder for the server's data, on the disk to be measured. What is below it is removed.
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Writes all numbers to this file as well.
    #[arg(long, global = true, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Measures this binary, not the one in target/release.
    #[arg(long, global = true, value_name = "FILE")]
    pub server: Option<PathBuf>,
    /// Deploys this component, and does not build one.
    #[arg(long, global = true, value_name = "FILE")]
    pub component: Option<PathBuf>,
    /// Partitions of the server; its own default when left out.
    #[arg(long, global = true, value_name = "N")]
    pub partitions: Option<u16>,
    /// Leaves the data folder there, with the server's log.
    #[arg(long, global = true)]
    pub keep: bool,
}

#[derive(Subcommand)]
pub enum What {
    /// Lets many invocations sleep, kills the server, starts it again and waits for all of them.
    Sleepers(Sleepers),
    /// Calls a mix of handlers of which little is kept, and watches whether the server grows.
    Soak(Soak),
    /// Makes very many calls that are all kept: the last ones beside the first ones, and the start after that.
    Age(Age),
    /// Lets many calls wait for the key of one object, frees it, and watches how fast they are taken.
    Queue(Queue),
    /// Makes a very long journal, and lets the next attempt go through it.
    Journal(Journal),
    /// Passes large inputs and results, and looks at the memory of the server.
    Large(Large),
    /// Offers several times as many messages as can be done, from clients that do not wait, and lets it recover.
    Overload(Overload),
    /// Lets tenants misbehave, one kind after the other, and looks how long calls of others take beside them.
    Hostile(Hostile),
    /// Sets server binaries side by side, each with a slice of a fraction of a second, again and again.
    Beside(Beside),
    /// Runs Abide and the real Restate server in turn on the same workloads, and prints ratios.
    Compare(Compare),
}

#[derive(Args)]
pub struct Compare {
    /// About three minutes instead of the better part of an hour: enough to see that it works.
    #[arg(long)]
    pub quick: bool,
    /// How often each of them has its turn.
    #[arg(long, value_name = "N")]
    pub rounds: Option<usize>,
    /// How long each measurement takes.
    #[arg(long, value_name = "SECONDS")]
    pub seconds: Option<f64>,
    /// Callers that each wait for their answer before the next call; 1, 10 and 64 when left out.
    #[arg(long, value_delimiter = ',', value_name = "N,N")]
    pub concurrency: Vec<usize>,
    /// What to call; all of them when left out.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAME,NAME")]
    pub workload: Vec<Workload>,
    /// Only calls: no sleepers, no look at the disk or at what waits.
    #[arg(long)]
    pub load_only: bool,
    /// Another abide binary takes the place of Restate: what has a change brought?
    #[arg(long, value_name = "FILE", conflicts_with = "alone")]
    pub against: Option<PathBuf>,
    /// Abide alone, without npm.
    #[arg(long)]
    pub alone: bool,
    /// Where compare.md and compare.json are written; target/bench-compare when left out.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Compare {
    pub fn out(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| root().join("target/bench-compare"))
    }
}

#[derive(Args)]
pub struct Sleepers {
    /// How many invocations sleep.
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    pub count: usize,
    /// How long after the first one the last one wakes up; by their number when left out.
    #[arg(long, value_name = "SECONDS")]
    pub spread: Option<u64>,
    /// How long the first one sleeps: long enough to submit all of them, and to start the server
    /// again. By their number and the speed of the first ones when left out.
    #[arg(long, value_name = "SECONDS")]
    pub lead: Option<u64>,
    /// Starts the server again only when all of them are due.
    #[arg(long)]
    pub overdue: bool,
    /// They do a run block before they sleep and one after it.
    #[arg(long)]
    pub steps: bool,
    /// Over how many connections they are submitted.
    #[arg(long, default_value_t = 64, value_name = "N")]
    pub connections: usize,
}

#[derive(Args)]
pub struct Soak {
    /// How many calls.
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    pub count: u64,
    /// Prints a line after so many calls; a twentieth of all when left out.
    #[arg(long, value_name = "N")]
    pub every: Option<u64>,
    /// Callers that each wait for their answer before the next call.
    #[arg(long, default_value_t = 64, value_name = "N")]
    pub connections: usize,
}

#[derive(Args)]
pub struct Age {
    /// How many calls.
    #[arg(long, default_value_t = 5_000_000, value_name = "N")]
    pub count: u64,
    /// Prints a line after so many calls; a twentieth of all when left out.
    #[arg(long, value_name = "N")]
    pub every: Option<u64>,
    /// Callers that each wait for their answer before the next call.
    #[arg(long, default_value_t = 64, value_name = "N")]
    pub connections: usize,
    /// Calls a handler of which nothing is kept.
    #[arg(long)]
    pub purged: bool,
}

#[derive(Args)]
pub struct Queue {
    /// How many calls wait.
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    pub count: u64,
    /// Over how many connections they are submitted, and callers of the closed loop beside them.
    #[arg(long, default_value_t = 64, value_name = "N")]
    pub connections: usize,
}

#[derive(Args)]
pub struct Journal {
    /// How many entries the longest journal has; a journal has a limit of as many.
    #[arg(long, default_value_t = 100_000, value_name = "N", value_parser = clap::value_parser!(u32).range(4..=100_000))]
    pub entries: u32,
}

#[derive(Args)]
pub struct Large {
    /// Size of an input and of a result.
    #[arg(long, default_value_t = 16, value_name = "N")]
    pub mib: usize,
    /// How many calls one after the other.
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub calls: usize,
    /// How many calls at once, as often.
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub at_once: usize,
}

#[derive(Args)]
pub struct Overload {
    /// How long there is too much.
    #[arg(long, default_value_t = 30, value_name = "N")]
    pub seconds: u64,
    /// How many times as much is offered as callers that wait for their answers come to.
    #[arg(long, default_value_t = 5.0, value_name = "N", value_parser = times)]
    pub times: f64,
    /// Requests without an answer yet, at most; each has a connection of its own. What comes beyond that is not begun.
    #[arg(long, default_value_t = 4000, value_name = "N")]
    pub in_flight: usize,
}

fn times(text: &str) -> Result<f64, String> {
    let times = text.parse::<f64>().ok().filter(|times| (0.1..=100.0).contains(times));
    times.ok_or_else(|| "say a number from 0.1 to 100".to_owned())
}

#[derive(Args)]
pub struct Hostile {
    /// How long others are looked at, on a quiet server and beside each kind.
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub seconds: u64,
    /// Others that call, each with a pause after its answer.
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub callers: usize,
    /// Which kinds; all of them when left out.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAME,NAME")]
    kind: Vec<Kind>,
}

impl Hostile {
    pub fn kinds(&self) -> Vec<Kind> {
        if self.kind.is_empty() { Kind::ALL.to_vec() } else { self.kind.clone() }
    }
}

#[derive(Args)]
pub struct Beside {
    /// The other binaries.
    #[arg(required = true, value_name = "FILE")]
    pub others: Vec<PathBuf>,
    /// How long a slice is.
    #[arg(long, default_value_t = 120, value_name = "N")]
    pub millis: u64,
    /// How many slices each has for each number.
    #[arg(long, default_value_t = 40, value_name = "N")]
    pub slices: usize,
    /// Callers that each wait for their answer before the next call.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 64], value_name = "N,N")]
    pub concurrency: Vec<usize>,
    /// What to call; all of them when left out.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAME,NAME")]
    pub workload: Vec<Workload>,
}

fn or_all(workloads: &[Workload]) -> Vec<Workload> {
    if workloads.is_empty() { Workload::ALL.to_vec() } else { workloads.to_vec() }
}

impl Beside {
    pub fn workloads(&self) -> Vec<Workload> {
        or_all(&self.workload)
    }
}

impl Options {
    /// Returns the folder for the data of the server.
    pub fn data(&self) -> PathBuf {
        let parent = self.data.clone().unwrap_or_else(|| root().join("target"));
        parent.join("bench-data")
    }

    pub fn workloads(&self) -> Vec<Workload> {
        or_all(&self.workload)
    }

    pub fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds.max(1))
    }

    /// The disk alone is measured as long as a workload, but not longer than it takes to know.
    pub fn disk_time(&self) -> Duration {
        self.duration().min(Duration::from_secs(3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It takes the better part of an hour, so that nobody would notice soon.
    #[test]
    fn the_tuned_build_calls_the_benchmark_as_it_is() {
        const SCRIPT: &str = include_str!("../../../runtime/packaging/tuned.sh");
        let calls = SCRIPT.lines().filter_map(|line| line.trim().strip_prefix("bench "));
        let calls: Vec<&str> = calls.collect();
        assert_eq!(calls.len(), 3, "{calls:?}");
        for call in calls {
            let words = "abide-bench --server abide --data tuned".split(' ').chain(call.split(' '));
            if let Err(error) = Options::try_parse_from(words) {
                panic!("{call}: {error}");
            }
        }
    }
}
