//! Tenants that take all they can get, one kind after the other, and how long the calls of others take beside them.

mod kind;
mod press;

use crate::guest;
use crate::latency::{Latencies, Quantiles};
use crate::load;
use crate::meanwhile;
use crate::options::{Hostile, Options};
use crate::process;
use crate::report::{self, mega, millis};
use crate::server::{Binary, Server};
use crate::workload::Workload;
use anyhow::Context;
use bytes::Bytes;
use comfy_table::Table;
pub use kind::Kind;
use press::Press;
use serde::Serialize;
use std::time::{Duration, Instant};

const WARM_UP: Duration = Duration::from_secs(1);
/// How long misbehaviour has to unfold before others are looked at.
const LEAD: Duration = Duration::from_secs(2);
/// After a call of somebody else, before that one's next.
const PAUSE: Duration = Duration::from_millis(5);
/// How long the last call of somebody else may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// Packages whose components are deployed beside that of the benchmark.
const PACKAGES: [&str; 2] = ["misbehaving", "hostile"];

#[derive(Clone, Debug, Serialize)]
pub struct Disturbed {
    pub callers: usize,
    pub kinds: Vec<Beside>,
    pub load1: f64,
}

/// Calls of others, on a quiet server and beside one kind.
#[derive(Clone, Debug, Serialize)]
pub struct Beside {
    pub kind: Kind,
    pub quiet: Quantiles,
    pub beside: Quantiles,
    /// Why others had no answers.
    pub failure: Option<String>,
    /// That the server used beside it.
    pub server_cpus: f64,
    pub rss_peak_bytes: u64,
}

pub async fn run(
    options: &Options,
    wanted: &Hostile,
    binary: &Binary,
    component: &Bytes,
) -> anyhow::Result<Disturbed> {
    let load1 = process::load1();
    let mut components = vec![component.clone()];
    for package in PACKAGES {
        components.push(guest::of_package(package)?);
    }
    let mut kinds = Vec::new();
    for kind in wanted.kinds() {
        // What one leaves to do is not to be done beside the next one.
        let server = Server::fresh(binary, &options.data(), &components[0]).await?;
        for component in &components[1..] {
            server.deploy(component).await?;
        }
        kinds.push(look(&server, wanted, kind).await.with_context(|| kind.name())?);
        server.kill()?;
    }
    Ok(Disturbed { callers: wanted.callers, kinds, load1 })
}

async fn look(server: &Server, wanted: &Hostile, kind: Kind) -> anyhow::Result<Beside> {
    let time = Duration::from_secs(wanted.seconds.max(1));
    load::warm_up(server.ingress, Workload::Greet, WARM_UP).await?;
    server.rest().await;
    let quiet = others(server, wanted.callers, time).await?;
    let process = server.process();
    process.reset_peak();
    let press = Press::start(server, kind).await?;
    tokio::time::sleep(LEAD).await;
    let (started, cpu_before) = (Instant::now(), process.usage().cpu_seconds);
    let beside = others(server, wanted.callers, time).await;
    let cpu_seconds = process.usage().cpu_seconds - cpu_before;
    let server_cpus = cpu_seconds / started.elapsed().as_secs_f64();
    let rss_peak_bytes = process.peak_rss_bytes();
    // That others have no answers is a result, too.
    let (beside, failure) = match beside {
        Ok(beside) => (beside, None),
        Err(error) => (Quantiles::default(), Some(format!("{error:#}"))),
    };
    let stopped = press.stop().await;
    if failure.is_none() {
        stopped?;
    }
    let beside = Beside { kind, quiet, beside, failure, server_cpus, rss_peak_bytes };
    eprintln!("beside {}: p50 {}", kind.name(), beside.told(beside.beside.p50_us));
    Ok(beside)
}

/// Lets so many others call the empty handler, with a pause after each call.
async fn others(server: &Server, callers: usize, time: Duration) -> anyhow::Result<Quantiles> {
    let call = |_| meanwhile::Calls::start(server.ingress, PAUSE);
    let calls: Vec<_> = (0..callers.max(1)).map(call).collect();
    tokio::time::sleep(time).await;
    let mut all = Latencies::default();
    for calls in calls {
        let ended = tokio::time::timeout(ANSWER_MAX, calls.stop()).await;
        all.take_in(ended.with_context(|| format!("a call has no answer after {ANSWER_MAX:?}"))??);
    }
    Ok(all.quantiles())
}

impl Disturbed {
    pub fn tables(&self) -> Vec<Table> {
        let whole =
            vec![("others that call", self.callers.to_string()), ("load", format!("{:.1}", self.load1))];
        let head = [
            "a call beside",
            "at once",
            "quiet: calls",
            "p50 ms",
            "p99 ms",
            "beside: calls",
            "p50 ms",
            "p99 ms",
            "max ms",
            "times p50",
            "times p99",
            "server CPUs",
            "peak",
        ];
        let failures =
            self.kinds.iter().filter_map(|one| Some([one.kind.name().to_owned(), one.failure.clone()?]));
        let failures = report::filled(&["others had no answers beside", "because"], failures);
        let mut tables = vec![
            report::rows("hostile tenants", whole),
            report::filled(&head, self.kinds.iter().map(Beside::cells)),
        ];
        if !failures.is_empty() {
            tables.push(failures);
        }
        tables
    }
}

impl Beside {
    fn told(&self, micros: u32) -> String {
        if self.failure.is_some() { "-".to_owned() } else { millis(micros) }
    }

    fn times(&self, quantile: fn(&Quantiles) -> u32) -> String {
        let (quiet, beside) = (f64::from(quantile(&self.quiet)), f64::from(quantile(&self.beside)));
        if self.failure.is_some() || quiet == 0.0 { "-".to_owned() } else { format!("{:.2}", beside / quiet) }
    }

    fn cells(&self) -> [String; 13] {
        let Self { quiet, beside, .. } = self;
        [
            self.kind.name().to_owned(),
            self.kind.at_once().to_string(),
            quiet.count.to_string(),
            millis(quiet.p50_us),
            millis(quiet.p99_us),
            beside.count.to_string(),
            self.told(beside.p50_us),
            self.told(beside.p99_us),
            self.told(beside.max_us),
            self.times(|all| all.p50_us),
            self.times(|all| all.p99_us),
            format!("{:.2}", self.server_cpus),
            mega(self.rss_peak_bytes),
        ]
    }
}
