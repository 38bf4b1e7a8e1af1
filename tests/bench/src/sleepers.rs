//! Many invocations sleep; the server is killed and started again; all of them resume.

use crate::client::Client;
use crate::options::{Options, Sleepers};
use crate::process;
use crate::server::{Binary, Server};
use anyhow::{Context, bail};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 64;
/// How long the last of them may take from its acceptance to its sleep.
const SETTLE: Duration = Duration::from_secs(3);
/// Submissions per second that any machine manages.
const SUBMISSIONS_PER_SECOND: usize = 500;

#[derive(Clone, Debug, Serialize)]
pub struct Slept {
    pub count: usize,
    pub sleep_seconds: u64,
    pub submit_seconds: f64,
    pub rss_before_bytes: u64,
    pub rss_asleep_bytes: u64,
    pub rss_bytes_per_sleeper: f64,
    pub disk_bytes_per_sleeper: f64,
    /// From the start of the process until it answers.
    pub restart_seconds: f64,
    pub rss_restarted_bytes: u64,
    /// From the start of the process until all are done; their time had come before.
    pub all_resumed_seconds: f64,
    pub rss_after_bytes: u64,
    pub load1: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    invocation_id: String,
}

pub async fn run(
    options: &Options,
    wanted: &Sleepers,
    binary: &Binary,
    component: &Bytes,
) -> anyhow::Result<Slept> {
    let (data, load1) = (options.data(), process::load1());
    let count = wanted.count;
    let sleep = Duration::from_secs(wanted.sleep.unwrap_or(10 + (count / SUBMISSIONS_PER_SECOND) as u64));
    let server = Server::fresh(binary, &data, component).await?;
    // The first call makes room that later ones use again.
    submit(server.ingress, CONNECTIONS, Duration::ZERO).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (rss_before_bytes, disk_before) = (server.process().usage().rss_bytes, server.disk_bytes());

    let started = Instant::now();
    let ids = submit(server.ingress, count, sleep).await?;
    let (submitted, due) = (started.elapsed(), Instant::now() + sleep);
    if submitted + SETTLE > sleep {
        bail!("submitting took {submitted:?}, longer than they sleep; give them longer with --sleep");
    }
    tokio::time::sleep(SETTLE).await;
    let rss_asleep_bytes = server.process().usage().rss_bytes;
    let disk_bytes = server.disk_bytes().saturating_sub(disk_before);
    server.kill()?;

    tokio::time::sleep_until(due.into()).await;
    let restarted = Instant::now();
    let server = Server::start(binary, &data).await?;
    let restart_seconds = restarted.elapsed().as_secs_f64();
    let rss_restarted_bytes = server.process().usage().rss_bytes;
    await_all(server.ingress, ids).await?;
    let all_resumed_seconds = restarted.elapsed().as_secs_f64();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let rss_after_bytes = server.process().usage().rss_bytes;
    server.stop().await?;
    let per_sleeper = |bytes: u64| bytes as f64 / count.max(1) as f64;
    Ok(Slept {
        count,
        sleep_seconds: sleep.as_secs(),
        submit_seconds: submitted.as_secs_f64(),
        rss_before_bytes,
        rss_asleep_bytes,
        rss_bytes_per_sleeper: per_sleeper(rss_asleep_bytes.saturating_sub(rss_before_bytes)),
        disk_bytes_per_sleeper: per_sleeper(disk_bytes),
        restart_seconds,
        rss_restarted_bytes,
        all_resumed_seconds,
        rss_after_bytes,
        load1,
    })
}

/// Submits sleepers over many connections; returns their ids.
async fn submit(ingress: SocketAddr, count: usize, sleep: Duration) -> anyhow::Result<Vec<String>> {
    let tasks = (0..CONNECTIONS).map(|connection| {
        let share = count / CONNECTIONS + usize::from(connection < count % CONNECTIONS);
        tokio::spawn(submit_share(ingress, share, sleep))
    });
    let tasks: Vec<_> = tasks.collect();
    let mut ids = Vec::with_capacity(count);
    for task in tasks {
        ids.extend(task.await??);
    }
    Ok(ids)
}

async fn submit_share(ingress: SocketAddr, count: usize, sleep: Duration) -> anyhow::Result<Vec<String>> {
    let mut client = Client::connect(ingress).await?;
    let body = Bytes::from(sleep.as_millis().to_string());
    let mut ids = Vec::with_capacity(count);
    for _ in 0..count {
        let (status, answer) = client.post_json("/Sleeper/sleep/send", body.clone()).await?;
        if !status.is_success() {
            bail!("a submission was answered {status}: {}", String::from_utf8_lossy(&answer));
        }
        let accepted: Accepted = serde_json::from_slice(&answer).context("the answer to a submission")?;
        ids.push(accepted.invocation_id);
    }
    Ok(ids)
}

/// Waits until every one of them has its answer.
async fn await_all(ingress: SocketAddr, ids: Vec<String>) -> anyhow::Result<()> {
    let mut shares: Vec<Vec<String>> = vec![Vec::new(); CONNECTIONS];
    for (at, id) in ids.into_iter().enumerate() {
        shares[at % CONNECTIONS].push(id);
    }
    let tasks: Vec<_> = shares.into_iter().map(|ids| tokio::spawn(await_share(ingress, ids))).collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn await_share(ingress: SocketAddr, ids: Vec<String>) -> anyhow::Result<()> {
    let mut client = Client::connect(ingress).await?;
    for id in ids {
        let (status, answer) = client.get(&format!("/restate/invocation/{id}/attach")).await?;
        if !status.is_success() || answer != br#""b""#[..] {
            bail!("{id} is answered {status}: {}", String::from_utf8_lossy(&answer));
        }
    }
    Ok(())
}
