//! Closed-loop load: so many callers, each of which waits for its answer before it calls again.

use crate::client::Client;
use crate::latency::{Latencies, Quantiles};
use crate::options::Options;
use crate::process::{self, Usage};
use crate::report::Report;
use crate::server::{Binary, Server};
use crate::workload::Workload;
use anyhow::bail;
use bytes::Bytes;
use serde::Serialize;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const WARM_UP: Duration = Duration::from_secs(1);
/// How long a server rests before its memory counts as what it keeps.
const REST: Duration = Duration::from_secs(1);

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    pub workload: &'static str,
    pub concurrency: usize,
    pub seconds: f64,
    pub calls_per_second: f64,
    pub latency: Quantiles,
    pub errors: u64,
    /// Processors that the server used.
    pub server_cpus: f64,
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

pub async fn run(
    options: &Options,
    binary: &Binary,
    component: &Bytes,
    report: &mut Report,
) -> anyhow::Result<()> {
    for workload in options.workloads() {
        let server = Server::fresh(binary, &options.data(), component).await?;
        call_once(server.ingress, workload).await?;
        drive(server.ingress, workload, 8, WARM_UP).await?;
        for concurrency in &options.concurrency {
            let measured = measure(&server, workload, *concurrency, options.duration()).await?;
            report.load(measured);
        }
        server.stop().await?;
    }
    Ok(())
}

/// Calls once and looks closely at the answer; later on only its status and its length count.
async fn call_once(ingress: SocketAddr, workload: Workload) -> anyhow::Result<()> {
    let mut client = Client::connect(ingress).await?;
    let (status, body) = client.post_json(workload.path(), Bytes::from_static(workload.body())).await?;
    if !status.is_success() || body != workload.answer() {
        bail!("{} answers {status}: {}", workload.path(), String::from_utf8_lossy(&body));
    }
    Ok(())
}

async fn measure(
    server: &Server,
    workload: Workload,
    concurrency: usize,
    time: Duration,
) -> anyhow::Result<Measured> {
    let process = server.process();
    process.reset_peak();
    let load1 = process::load1();
    let (before, log_before) = (process.usage(), server.log_bytes());
    let driven = drive(server.ingress, workload, concurrency, time).await?;
    let after = process.usage();
    let log_bytes = server.log_bytes() - log_before;
    let rss_peak_bytes = process.peak_rss_bytes();
    tokio::time::sleep(REST).await;
    let seconds = driven.took.as_secs_f64();
    let latency = driven.latencies.quantiles();
    let calls = latency.count.max(1) as f64;
    let per_call = |counter: fn(&Usage) -> u64| (counter(&after) - counter(&before)) as f64 / calls;
    Ok(Measured {
        workload: workload.name(),
        concurrency,
        seconds,
        calls_per_second: latency.count as f64 / seconds,
        latency,
        errors: driven.errors,
        server_cpus: (after.cpu_seconds - before.cpu_seconds) / seconds,
        machine_cpus: (after.machine.cpu_seconds - before.machine.cpu_seconds) / seconds,
        rss_peak_bytes,
        rss_after_bytes: process.usage().rss_bytes,
        written_bytes_per_call: per_call(|usage| usage.machine.written_bytes),
        flushes_per_call: per_call(|usage| usage.machine.flushes),
        log_bytes_per_call: log_bytes as f64 / calls,
        load1,
    })
}

#[derive(Default)]
struct Driven {
    latencies: Latencies,
    errors: u64,
    took: Duration,
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
    let started = Instant::now();
    let until = started + time;
    let callers = clients.into_iter().map(|client| tokio::spawn(call_until(client, workload, until)));
    let callers: Vec<_> = callers.collect();
    let mut all = Driven::default();
    for caller in callers {
        let one = caller.await?;
        all.latencies.take_in(one.latencies);
        all.errors += one.errors;
    }
    all.took = started.elapsed();
    Ok(all)
}

async fn call_until(mut client: Client, workload: Workload, until: Instant) -> Driven {
    let mut driven = Driven::default();
    let body = Bytes::from_static(workload.body());
    loop {
        let before = Instant::now();
        if before >= until {
            return driven;
        }
        match client.post_json(workload.path(), body.clone()).await {
            Ok((status, answer)) if status.is_success() && answer == workload.answer() => {
                driven.latencies.note(before.elapsed());
            }
            Ok(_) => driven.errors += 1,
            Err(_) => {
                // The connection is gone; a server that is gone shows as few calls and many errors.
                driven.errors += 1;
                return driven;
            }
        }
    }
}
