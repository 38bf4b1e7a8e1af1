//! Closed-loop load: so many callers, each of which waits for its answer before it calls again.

use crate::client::Client;
use crate::latency::{Latencies, Quantiles};
use crate::options::Options;
use crate::process::{self, Process, Usage};
use crate::report::Report;
use crate::server::{Binary, Server};
use crate::workload::Workload;
use anyhow::{Context, bail};
use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const WARM_UP: Duration = Duration::from_secs(1);
const WARM_UP_CALLERS: usize = 8;
/// How long a server rests before its memory counts as what it keeps.
const REST: Duration = Duration::from_secs(1);
/// How long a message may be on its way.
const DELIVERY_MAX: Duration = Duration::from_secs(60);
/// Of a caller's first key from the one of the caller before.
const KEYS_APART: usize = 37;

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    pub workload: &'static str,
    pub concurrency: usize,
    pub seconds: f64,
    pub calls_per_second: f64,
    pub latency: Quantiles,
    pub errors: u64,
    /// None: the calls send no messages.
    pub messages: Option<Messages>,
    /// Processors that the server and its handlers used, until the last message was taken.
    pub server_cpus: f64,
    /// That this program used, which has one thread: at 1.0 it, and not the server, is the limit.
    pub client_cpus: f64,
    /// What the server computes for one call, messages included: least disturbed by others on the machine.
    pub server_cpu_us_per_call: f64,
    /// Processors that everybody used, this program included.
    pub machine_cpus: f64,
    pub rss_peak_bytes: u64,
    pub rss_after_bytes: u64,
    /// Bytes written to all disks by everybody: on a quiet machine, by the server.
    pub written_bytes_per_call: f64,
    /// Flushes of all disks by everybody: on a quiet machine, the server's syncs.
    pub flushes_per_call: f64,
    pub log_bytes_per_call: f64,
    pub load1: f64,
}

impl Measured {
    /// Returns calls per second; of those that send messages, the ones whose messages have been taken.
    pub fn done_per_second(&self) -> f64 {
        match self.messages {
            Some(messages) => {
                messages.delivered_per_second * self.latency.count as f64 / messages.sent as f64
            }
            None => self.calls_per_second,
        }
    }
}

/// What became of the messages that the calls sent.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Messages {
    pub sent: usize,
    /// While callers called.
    pub sent_per_second: f64,
    /// From the first call until all had been taken by their handler, which ended.
    pub delivered_per_second: f64,
    /// From the last answer to a caller until then.
    pub drain_seconds: f64,
}

pub async fn run(
    options: &Options,
    binary: &Binary,
    component: &Bytes,
    report: &mut Report,
) -> anyhow::Result<()> {
    for workload in options.workloads() {
        let server = Server::fresh(binary, &options.data(), component).await?;
        let (mut calls, mut errors) = warm_up(server.ingress, workload, WARM_UP).await?;
        for concurrency in &options.concurrency {
            let mut measured = measure(&server, workload, *concurrency, options.duration()).await?;
            tokio::time::sleep(REST).await;
            measured.rss_after_bytes = server.processes().usage().rss_bytes;
            (calls, errors) = (calls + measured.latency.count, errors + measured.errors);
            report.load(measured);
        }
        if errors == 0 {
            check_counters(server.ingress, workload, calls).await?;
        }
        server.stop().await?;
    }
    Ok(())
}

/// Calls before the first measurement; returns how many were answered, and how many were not.
pub async fn warm_up(
    ingress: SocketAddr,
    workload: Workload,
    time: Duration,
) -> anyhow::Result<(usize, u64)> {
    call_once(ingress, workload).await?;
    let warmed = drive(ingress, workload, WARM_UP_CALLERS, time).await?;
    drain(ingress, &warmed.last_answers).await?;
    Ok((1 + warmed.latencies.len(), warmed.errors))
}

/// Calls once and looks closely at the answer; later on a wrong one only counts as an error.
pub async fn call_once(ingress: SocketAddr, workload: Workload) -> anyhow::Result<()> {
    let mut client = Client::connect(ingress).await?;
    let path = workload.path(0);
    let (status, body) = client.post_json(&path, Bytes::from_static(workload.body())).await?;
    if !status.is_success() || !workload.is_answer(&body) {
        bail!("{path} answers {status}: {}", String::from_utf8_lossy(&body));
    }
    Ok(())
}

/// A counter that has counted something else than the calls makes all numbers worthless.
pub async fn check_counters(ingress: SocketAddr, workload: Workload, calls: usize) -> anyhow::Result<()> {
    let counters = workload.counters();
    if counters.is_empty() {
        return Ok(());
    }
    let (mut client, mut sum) = (Client::connect(ingress).await?, 0);
    for path in &counters {
        sum += client.get_as::<usize>(path).await?;
    }
    if sum != calls {
        bail!("{} calls were answered, and the counters of {} say {sum}", calls, workload.name());
    }
    Ok(())
}

pub async fn measure(
    server: &Server,
    workload: Workload,
    concurrency: usize,
    time: Duration,
) -> anyhow::Result<Measured> {
    let processes = server.processes();
    processes.reset_peak();
    let load1 = process::load1();
    let (before, log_before) = (processes.usage(), server.log_bytes());
    let client_before = Process::own().usage().cpu_seconds;
    let started = Instant::now();
    let driven = drive(server.ingress, workload, concurrency, time).await?;
    let answered = started.elapsed();
    drain(server.ingress, &driven.last_answers).await?;
    let drained = started.elapsed();
    let after = processes.usage();
    let client_cpu_seconds = Process::own().usage().cpu_seconds - client_before;
    let log_bytes = server.log_bytes() - log_before;
    let seconds = answered.as_secs_f64();
    let latency = driven.latencies.quantiles();
    let calls = latency.count.max(1) as f64;
    let server_cpu_seconds = after.cpu_seconds - before.cpu_seconds;
    let per_call = |counter: fn(&Usage) -> u64| (counter(&after) - counter(&before)) as f64 / calls;
    Ok(Measured {
        workload: workload.name(),
        concurrency,
        seconds,
        calls_per_second: latency.count as f64 / seconds,
        latency,
        errors: driven.errors,
        messages: messages(workload.messages() * latency.count, answered, drained),
        server_cpu_us_per_call: server_cpu_seconds * 1e6 / calls,
        server_cpus: server_cpu_seconds / drained.as_secs_f64(),
        client_cpus: client_cpu_seconds / drained.as_secs_f64(),
        machine_cpus: (after.machine.cpu_seconds - before.machine.cpu_seconds) / drained.as_secs_f64(),
        rss_peak_bytes: processes.peak_rss_bytes(),
        rss_after_bytes: after.rss_bytes,
        written_bytes_per_call: per_call(|usage| usage.machine.written_bytes),
        flushes_per_call: per_call(|usage| usage.machine.flushes),
        log_bytes_per_call: log_bytes as f64 / calls,
        load1,
    })
}

fn messages(sent: usize, answered: Duration, drained: Duration) -> Option<Messages> {
    (sent > 0).then(|| Messages {
        sent,
        sent_per_second: sent as f64 / answered.as_secs_f64(),
        delivered_per_second: sent as f64 / drained.as_secs_f64(),
        drain_seconds: (drained - answered).as_secs_f64(),
    })
}

#[derive(Default)]
struct Driven {
    latencies: Latencies,
    errors: u64,
    /// Of each caller, where answers are ids of messages.
    last_answers: Vec<Bytes>,
}

async fn drive(
    ingress: SocketAddr,
    workload: Workload,
    concurrency: usize,
    time: Duration,
) -> anyhow::Result<Driven> {
    let mut clients = Vec::with_capacity(concurrency);
    for _ in 0..concurrency {
        clients.push(Client::connect(ingress).await?);
    }
    let until = Instant::now() + time;
    let call = |(caller, client)| tokio::spawn(call_until(client, workload, caller * KEYS_APART, until));
    let callers: Vec<_> = clients.into_iter().enumerate().map(call).collect();
    let mut all = Driven::default();
    for caller in callers {
        let one = caller.await?;
        all.latencies.take_in(one.latencies);
        all.errors += one.errors;
        all.last_answers.extend(one.last_answers);
    }
    Ok(all)
}

async fn call_until(mut client: Client, workload: Workload, first: usize, until: Instant) -> Driven {
    let mut driven = Driven::default();
    let body = Bytes::from_static(workload.body());
    for nth in first.. {
        let before = Instant::now();
        if before >= until {
            break;
        }
        match client.post_json(&workload.path(nth), body.clone()).await {
            Ok((status, answer)) if status.is_success() && workload.is_answer(&answer) => {
                driven.latencies.note(before.elapsed());
                if workload.messages() > 0 {
                    driven.last_answers = vec![answer];
                }
            }
            Ok(_) => driven.errors += 1,
            Err(_) => {
                // The connection is gone; a server that is gone shows as few calls and many errors.
                driven.errors += 1;
                break;
            }
        }
    }
    driven
}

/// Waits until the last messages of all callers have been taken.
pub async fn drain(ingress: SocketAddr, last_answers: &[Bytes]) -> anyhow::Result<()> {
    if last_answers.is_empty() {
        return Ok(());
    }
    let mut client = Client::connect(ingress).await?;
    for answer in last_answers {
        let id: String = serde_json::from_slice(answer).context("the id of a message")?;
        await_message(&mut client, &id).await?;
    }
    Ok(())
}

async fn await_message(client: &mut Client, id: &str) -> anyhow::Result<()> {
    let path = format!("/restate/invocation/{id}/attach");
    let since = Instant::now();
    loop {
        let (status, answer) = client.get(&path).await?;
        if status.is_success() {
            return Ok(());
        }
        // The caller knows the id before the message has reached the partition of its invocation.
        if status != StatusCode::NOT_FOUND || since.elapsed() > DELIVERY_MAX {
            bail!("the message {id} is answered {status}: {}", String::from_utf8_lossy(&answer));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
