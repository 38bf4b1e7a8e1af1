//! Many invocations sleep; the server is killed and started again; all of them resume.

pub mod submit;
pub mod wake;

use crate::folder::Sizes;
use crate::latency::Quantiles;
use crate::meanwhile::Calls;
use crate::options::{Options, Sleepers};
use crate::process::{self, Process};
use crate::report::{self, mega, millis};
use crate::server::{Binary, Server};
use anyhow::bail;
use bytes::Bytes;
use comfy_table::Table;
use serde::Serialize;
use std::time::{Duration, Instant};
use submit::Plan;
use wake::Watched;

/// Sleepers that come and go before the measurement: they tell how fast this machine is, and make
/// room in memory that the others use again.
const FIRST: usize = 5_000;
/// What passes between the last submission and the first wake-up, apart from what grows with the number.
const PAUSE: Duration = Duration::from_secs(20);
/// A restart handles more sleepers per second than this.
const RESTARTED_PER_SECOND: f64 = 25_000.0;
/// Sleepers that wake up per second when nothing else is asked for.
const WAKE_UPS_PER_SECOND: u64 = 20_000;
/// Between two calls of the empty handler, while sleepers resume.
const MEANWHILE_PAUSE: Duration = Duration::from_millis(100);
/// How long sleepers may go on after those that are watched have ended.
const LAST_MAX: Duration = Duration::from_secs(300);

#[derive(Clone, Debug, Default, Serialize)]
pub struct Slept {
    pub count: usize,
    pub has_steps: bool,
    pub connections: usize,
    pub spread_seconds: f64,
    pub submit_seconds: f64,
    pub submit_latency: Quantiles,
    /// Of one processor: this program has one thread.
    pub submit_client_cpus: f64,
    pub submit_server_cpus: f64,
    pub rss_before_bytes: u64,
    pub rss_submitting_peak_bytes: u64,
    pub rss_asleep_bytes: u64,
    pub folder_before: Sizes,
    pub folder_asleep: Sizes,
    /// From the start of the process until it answers.
    pub restart_seconds: f64,
    pub rss_restarted_bytes: u64,
    /// When it had nothing more to do; None when the first ones were due before.
    pub rss_rested_bytes: Option<u64>,
    pub folder_restarted: Sizes,
    /// Of some of them, from when they should have resumed until they had ended.
    pub lateness: Quantiles,
    /// From the first one's time, or the start of the process if that was later.
    pub resume_seconds: f64,
    /// From the tenth to the ninetieth percent of them.
    pub resumed_per_second: f64,
    /// Of a call of an empty handler now and then, while they resumed.
    pub meanwhile: Quantiles,
    pub resume_server_cpus: f64,
    pub rss_resuming_peak_bytes: u64,
    pub rss_after_bytes: u64,
    pub folder_after: Sizes,
    pub stop_seconds: f64,
    pub load1: f64,
}

pub async fn run(
    options: &Options,
    wanted: &Sleepers,
    binary: &Binary,
    component: &Bytes,
) -> anyhow::Result<Slept> {
    let mut slept = Slept { load1: process::load1(), ..Slept::default() };
    let server = Server::fresh(binary, &options.data(), component).await?;
    let plan = plan(wanted, &server).await?;
    (slept.count, slept.has_steps, slept.connections) = (plan.count, plan.has_steps, plan.connections);
    slept.spread_seconds = plan.spread.as_secs_f64();
    let watched = fall_asleep(&server, &plan, &mut slept).await?;
    server.kill()?;
    if wanted.overdue {
        tokio::time::sleep_until(plan.last_wake_up().into()).await;
    }
    let started = Instant::now();
    let server = Server::start(binary, &options.data()).await?;
    slept.restart_seconds = started.elapsed().as_secs_f64();
    slept.rss_restarted_bytes = server.process().usage().rss_bytes;
    eprintln!("killed and started again, the server answers after {:.2} s", slept.restart_seconds);
    rest_again(&server, &plan, &mut slept).await;
    resume(&server, &plan, watched, started, &mut slept).await?;
    server.rest().await;
    slept.rss_after_bytes = server.process().usage().rss_bytes;
    slept.folder_after = server.folder().sizes();
    slept.stop_seconds = server.stop().await?.as_secs_f64();
    Ok(slept)
}

/// Lets a few sleepers come and go, and decides by their speed when the others wake up.
async fn plan(wanted: &Sleepers, server: &Server) -> anyhow::Result<Plan> {
    let mut plan = Plan {
        count: FIRST.min(wanted.count),
        connections: wanted.connections.max(1),
        has_steps: wanted.steps,
        first_wake_up: Instant::now(),
        spread: Duration::ZERO,
    };
    let first = submit::run(server.ingress, &plan).await?;
    server.rest().await;
    let share = wanted.count as f64 / plan.count.max(1) as f64;
    let restarting = Duration::from_secs_f64(wanted.count as f64 / RESTARTED_PER_SECOND);
    // The first ones were slower: the server was cold, and they have ended already.
    let lead = first.took.mul_f64(share) + restarting + PAUSE;
    let lead = wanted.lead.map_or(lead, Duration::from_secs);
    let spread = wanted.spread.unwrap_or_else(|| (wanted.count as u64).div_ceil(WAKE_UPS_PER_SECOND));
    plan.count = wanted.count;
    plan.first_wake_up = Instant::now() + lead;
    plan.spread = Duration::from_secs(spread);
    eprintln!("the first of them resumes in {:.0} s, the last {spread} s later", lead.as_secs_f64());
    Ok(plan)
}

async fn fall_asleep(server: &Server, plan: &Plan, slept: &mut Slept) -> anyhow::Result<Vec<Watched>> {
    let process = server.process();
    slept.folder_before = server.folder().sizes();
    slept.rss_before_bytes = process.usage().rss_bytes;
    process.reset_peak();
    let cpu = |process: Process| process.usage().cpu_seconds;
    let (client_cpu, server_cpu) = (cpu(Process::own()), cpu(process));
    let submission = submit::run(server.ingress, plan).await?;
    slept.submit_seconds = submission.took.as_secs_f64();
    slept.submit_client_cpus = (cpu(Process::own()) - client_cpu) / slept.submit_seconds;
    slept.submit_server_cpus = (cpu(process) - server_cpu) / slept.submit_seconds;
    slept.submit_latency = submission.latencies.quantiles();
    eprintln!("{} submitted in {:.1} s", plan.count, slept.submit_seconds);
    if !server.rest().await {
        eprintln!("the server does not come to rest: its memory is more than that of sleepers");
    }
    slept.rss_submitting_peak_bytes = process.peak_rss_bytes();
    slept.rss_asleep_bytes = process.usage().rss_bytes;
    slept.folder_asleep = server.folder().sizes();
    if Instant::now() > plan.first_wake_up {
        bail!("the first ones woke up before the last ones slept; give them longer with --lead");
    }
    Ok(submission.watched)
}

/// Looks at what a server with nothing but sleepers takes, if there is time until they wake up.
async fn rest_again(server: &Server, plan: &Plan, slept: &mut Slept) {
    if Instant::now() < plan.first_wake_up && server.rest().await && Instant::now() < plan.first_wake_up {
        slept.rss_rested_bytes = Some(server.process().usage().rss_bytes);
    }
    slept.folder_restarted = server.folder().sizes();
}

async fn resume(
    server: &Server,
    plan: &Plan,
    watched: Vec<Watched>,
    started: Instant,
    slept: &mut Slept,
) -> anyhow::Result<()> {
    let process = server.process();
    process.reset_peak();
    let watch = tokio::spawn(wake::watch(server.ingress, watched));
    tokio::time::sleep_until(plan.first_wake_up.into()).await;
    let (cpu_before, from) = (process.usage().cpu_seconds, Instant::now());
    let calls = Calls::start(server.ingress, MEANWHILE_PAUSE);
    let woken = watch.await??;
    slept.meanwhile = calls.stop().await?.quantiles();
    slept.resume_server_cpus =
        (process.usage().cpu_seconds - cpu_before) / from.elapsed().as_secs_f64().max(1e-3);
    slept.rss_resuming_peak_bytes = process.peak_rss_bytes();
    slept.resume_seconds =
        woken.last.saturating_duration_since(plan.first_wake_up.max(started)).as_secs_f64();
    slept.resumed_per_second = woken.most_per_second * plan.count as f64;
    slept.lateness = woken.lateness.quantiles();
    let asked = Instant::now();
    for status in ["suspended", "running"] {
        while server.lists_any(&format!("service=Sleeper&status={status}")).await? {
            if asked.elapsed() > LAST_MAX {
                bail!("some sleepers are still {status}, {LAST_MAX:?} after the last one should have ended");
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    Ok(())
}

impl Slept {
    pub fn tables(&self) -> Vec<Table> {
        vec![report::rows("sleepers", self.rows())]
    }

    /// Returns the rows of the table.
    fn rows(&self) -> Vec<(&'static str, String)> {
        let count = self.count.max(1) as f64;
        let per_sleeper =
            |before: u64, after: u64| format!("{:.0}", after.saturating_sub(before) as f64 / count);
        let disk =
            |part: fn(&Sizes) -> u64| per_sleeper(part(&self.folder_before), part(&self.folder_asleep));
        let handler = if self.has_steps { "a run block, the timer, a run block" } else { "the timer alone" };
        vec![
            ("sleepers", self.count.to_string()),
            ("each of them", handler.to_owned()),
            ("submitted per second", format!("{:.0}", count / self.submit_seconds)),
            ("over connections", self.connections.to_string()),
            ("p50 and p99 of a submission, ms", pair(&self.submit_latency)),
            (
                "CPUs of client, server",
                format!("{:.2}, {:.2}", self.submit_client_cpus, self.submit_server_cpus),
            ),
            ("server before", mega(self.rss_before_bytes)),
            ("server, peak while submitting", mega(self.rss_submitting_peak_bytes)),
            ("server while they sleep", mega(self.rss_asleep_bytes)),
            ("memory per sleeper, bytes", per_sleeper(self.rss_before_bytes, self.rss_asleep_bytes)),
            ("disk per sleeper, bytes", disk(Sizes::total)),
            ("of it index", disk(|sizes| sizes.index_bytes)),
            ("of it log", disk(|sizes| sizes.log_bytes)),
            ("killed, time until it answers", format!("{:.2} s", self.restart_seconds)),
            ("server then", mega(self.rss_restarted_bytes)),
            ("server at rest", self.rss_rested_bytes.map_or("they are due".to_owned(), mega)),
            ("folder then", mega(self.folder_restarted.total())),
            ("they wake up within", format!("{:.0} s", self.spread_seconds)),
            ("all had ended after", format!("{:.1} s", self.resume_seconds)),
            ("resumed per second", format!("{:.0}", self.resumed_per_second)),
            ("p50 and p99 of lateness, ms", pair(&self.lateness)),
            ("p50 of a call meanwhile, ms", millis(self.meanwhile.p50_us)),
            ("the slowest one, ms", millis(self.meanwhile.max_us)),
            ("CPUs of the server", format!("{:.2}", self.resume_server_cpus)),
            ("server, peak while they resume", mega(self.rss_resuming_peak_bytes)),
            ("server after that", mega(self.rss_after_bytes)),
            ("folder after that", mega(self.folder_after.total())),
            ("time to stop", format!("{:.2} s", self.stop_seconds)),
            ("load", format!("{:.1}", self.load1)),
        ]
    }
}

fn pair(quantiles: &Quantiles) -> String {
    format!("{}, {}", millis(quantiles.p50_us), millis(quantiles.p99_us))
}
