//! The same load for both: so many calls per second, whether the one before has been answered or not.

use super::Stage;
use super::contender::Contender;
use crate::client::Client;
use crate::latency::{Latencies, Quantiles};
use crate::load;
use crate::pace::Pace;
use crate::process;
use crate::workload::Workload;
use bytes::Bytes;
use serde::Serialize;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 64;

#[derive(Clone, Debug, Serialize)]
pub struct Equal {
    pub contender: &'static str,
    pub round: usize,
    pub workload: &'static str,
    pub wanted_per_second: f64,
    pub answered_per_second: f64,
    /// From when a call should have been made, if its connection was busy then.
    pub latency: Quantiles,
    pub errors: u64,
    pub server_cpus: f64,
    pub load1: f64,
}

pub async fn run(
    stage: &Stage<'_>,
    contender: &Contender,
    workload: Workload,
    per_second: f64,
    round: usize,
) -> anyhow::Result<Equal> {
    let (server, _) = contender.fresh(&stage.data(contender), stage.component).await?;
    let (calls, errors) = load::warm_up(server.ingress, workload, stage.plan.warm_up).await?;
    let load1 = process::load1();
    let (started, cpu_before) = (Instant::now(), server.processes().usage().cpu_seconds);
    let called = call(server.ingress, workload, per_second, stage.plan.per_measurement).await?;
    let took = started.elapsed().as_secs_f64();
    load::drain(server.ingress, &called.last_answers).await?;
    let drained = started.elapsed().as_secs_f64();
    let server_cpus = (server.processes().usage().cpu_seconds - cpu_before) / drained;
    let latency = called.latencies.quantiles();
    if errors + called.errors == 0 {
        load::check_counters(server.ingress, workload, calls + latency.count).await?;
    }
    let equal = Equal {
        contender: contender.name(),
        round,
        workload: workload.name(),
        wanted_per_second: per_second,
        answered_per_second: latency.count as f64 / took,
        latency,
        errors: called.errors,
        server_cpus,
        load1,
    };
    eprintln!(
        "{}: {} at {per_second:.0} calls/s: p99 {:.2} ms",
        equal.contender,
        equal.workload,
        f64::from(latency.p99_us) / 1e3
    );
    server.stop().await?;
    Ok(equal)
}

#[derive(Default)]
struct Called {
    latencies: Latencies,
    errors: u64,
    /// Of each connection, where answers are ids of messages.
    last_answers: Vec<Bytes>,
}

async fn call(
    ingress: SocketAddr,
    workload: Workload,
    per_second: f64,
    time: Duration,
) -> anyhow::Result<Called> {
    let mut clients = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        clients.push(Client::connect(ingress).await?);
    }
    let pace = Pace::from_now(per_second, time);
    let share = |(first, client)| tokio::spawn(call_share(client, workload, pace, first));
    let shares: Vec<_> = clients.into_iter().enumerate().map(share).collect();
    let mut all = Called::default();
    for share in shares {
        let one = share.await?;
        all.latencies.take_in(one.latencies);
        all.errors += one.errors;
        all.last_answers.extend(one.last_answers);
    }
    Ok(all)
}

/// Makes every 64th call. One that should have been made while the connection was busy is late from then
/// on; one that is made late because timers are coarse is not.
async fn call_share(mut client: Client, workload: Workload, pace: Pace, first: usize) -> Called {
    let mut called = Called::default();
    let body = Bytes::from_static(workload.body());
    for nth in (first..pace.calls).step_by(CONNECTIONS) {
        let mut from = pace.due(nth);
        if Instant::now() < from {
            tokio::time::sleep_until(from.into()).await;
            from = Instant::now();
        }
        match client.post_json(&workload.path(nth), body.clone()).await {
            Ok((status, answer)) if status.is_success() && workload.is_answer(&answer) => {
                called.latencies.note(from.elapsed());
                if workload.messages() > 0 {
                    called.last_answers = vec![answer];
                }
            }
            Ok(_) => called.errors += 1,
            Err(_) => {
                called.errors += 1;
                break;
            }
        }
    }
    called
}
