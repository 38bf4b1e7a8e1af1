//! Invocations come, end and are forgotten, very many of them: the server must not grow.

mod mix;
mod sample;

use crate::client::Client;
use crate::folder::Sizes;
use crate::latency::{Latencies, Quantiles};
use crate::options::{Options, Soak};
use crate::process;
use crate::report::mega;
use crate::server::{Binary, Contents, Server};
use anyhow::bail;
use bytes::Bytes;
use mix::Kind;
use sample::{Most, Sampler};
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Lines that a soak prints when nothing else is asked for.
const LINES: u64 = 20;
/// How long the handlers of the soak are kept, and a little more.
const RETENTION: Duration = Duration::from_secs(3);
/// How long the purge may take after that.
const PURGE_MAX: Duration = Duration::from_secs(300);

#[derive(Clone, Debug, Serialize)]
pub struct Soaked {
    pub calls: u64,
    pub invocations: u64,
    pub seconds: f64,
    pub stretches: Vec<Stretch>,
    pub first_quarter: Quarter,
    pub last_quarter: Quarter,
    /// From the last answer until the server lists no invocation at all.
    pub purged_seconds: f64,
    pub folder_before: Sizes,
    pub folder_after: Sizes,
    pub rss_before_bytes: u64,
    pub rss_after_bytes: u64,
    /// What the objects have kept, and a little more.
    pub left: Contents,
    pub load1: f64,
}

/// Some of the calls, one after the other.
#[derive(Clone, Debug, Serialize)]
pub struct Stretch {
    /// Including those before.
    pub invocations: u64,
    pub seconds: f64,
    pub invocations_per_second: f64,
    pub latency: Quantiles,
    pub most: Most,
    pub load1: f64,
}

/// A quarter of all calls.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Quarter {
    pub invocations_per_second: f64,
    pub p99_us: u32,
    pub most: Most,
}

pub async fn run(
    options: &Options,
    wanted: &Soak,
    binary: &Binary,
    component: &Bytes,
) -> anyhow::Result<Soaked> {
    let load1 = process::load1();
    let server = Server::fresh(binary, &options.data(), component).await?;
    let (folder_before, rss_before_bytes) = (server.folder().sizes(), server.process().usage().rss_bytes);
    let every = wanted.every.unwrap_or(wanted.count.div_ceil(LINES)).max(1);
    let (started, sampler) = (Instant::now(), Sampler::start(&server));
    let (mut stretches, mut invocations): (Vec<Stretch>, u64) = (Vec::new(), 0);
    for first in (0..wanted.count).step_by(usize::try_from(every)?) {
        let until = (first + every).min(wanted.count);
        let stretch = soak(&server, &sampler, first..until, wanted.connections, invocations).await?;
        invocations = stretch.invocations;
        tell(&stretch);
        stretches.push(stretch);
    }
    let seconds = started.elapsed().as_secs_f64();
    let purged_seconds = await_purge(&server).await?;
    server.rest().await;
    let (folder_after, rss_after_bytes) = (server.folder().sizes(), server.process().usage().rss_bytes);
    sampler.stop();
    server.stop().await?;
    let left = binary.examine(&options.data())?;
    let quarter = (stretches.len() / 4).max(1);
    Ok(Soaked {
        calls: wanted.count,
        invocations,
        seconds,
        first_quarter: Quarter::of(&stretches[..quarter]),
        last_quarter: Quarter::of(&stretches[stretches.len() - quarter..]),
        stretches,
        purged_seconds,
        folder_before,
        folder_after,
        rss_before_bytes,
        rss_after_bytes,
        left,
        load1,
    })
}

async fn soak(
    server: &Server,
    sampler: &Sampler,
    calls: std::ops::Range<u64>,
    connections: usize,
    invocations_before: u64,
) -> anyhow::Result<Stretch> {
    let load1 = process::load1();
    sampler.take();
    let started = Instant::now();
    let next = Arc::new(AtomicU64::new(calls.start));
    let call = |_| tokio::spawn(call_until(server.ingress, next.clone(), calls.end));
    let callers: Vec<_> = (0..connections.max(1)).map(call).collect();
    let mut latencies = Latencies::default();
    for caller in callers {
        latencies.take_in(caller.await??);
    }
    let seconds = started.elapsed().as_secs_f64();
    let invocations: u64 = calls.map(|nth| Kind::of(nth).invocations()).sum();
    Ok(Stretch {
        invocations: invocations_before + invocations,
        seconds,
        invocations_per_second: invocations as f64 / seconds,
        latency: latencies.quantiles(),
        most: sampler.take(),
        load1,
    })
}

async fn call_until(ingress: SocketAddr, next: Arc<AtomicU64>, end: u64) -> anyhow::Result<Latencies> {
    let (mut client, mut latencies) = (Client::connect(ingress).await?, Latencies::default());
    loop {
        let nth = next.fetch_add(1, Ordering::Relaxed);
        if nth >= end {
            return Ok(latencies);
        }
        let (kind, before) = (Kind::of(nth), Instant::now());
        let (status, answer) = client.send(kind.request(nth)?).await?;
        latencies.note(before.elapsed());
        if !status.is_success() || !kind.is_answer(nth, &answer) {
            let answer = String::from_utf8_lossy(&answer[..answer.len().min(200)]);
            bail!("call {nth}, {kind:?}, is answered {status}: {answer}");
        }
    }
}

/// Waits until nothing is known of any invocation.
async fn await_purge(server: &Server) -> anyhow::Result<f64> {
    let started = Instant::now();
    tokio::time::sleep(RETENTION).await;
    while server.lists_any("").await? {
        if started.elapsed() > PURGE_MAX {
            bail!("{PURGE_MAX:?} after the last call there still are invocations");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(started.elapsed().as_secs_f64())
}

fn tell(stretch: &Stretch) {
    let Sizes { log_bytes, index_bytes, blobs_bytes, snapshots_bytes, .. } = stretch.most.folder;
    eprintln!(
        "{:>9}: {:6.0}/s, p99 {:6.1} ms; log {}, index {}, blobs {}, snapshots {}; memory {}",
        stretch.invocations,
        stretch.invocations_per_second,
        f64::from(stretch.latency.p99_us) / 1e3,
        mega(log_bytes),
        mega(index_bytes),
        mega(blobs_bytes),
        mega(snapshots_bytes),
        mega(stretch.most.rss_bytes),
    );
}

impl Quarter {
    fn of(stretches: &[Stretch]) -> Self {
        let mean = |value: fn(&Stretch) -> f64| {
            stretches.iter().map(value).sum::<f64>() / stretches.len().max(1) as f64
        };
        Self {
            invocations_per_second: mean(|stretch| stretch.invocations_per_second),
            p99_us: mean(|stretch| f64::from(stretch.latency.p99_us)) as u32,
            most: stretches.iter().map(|stretch| stretch.most).reduce(Most::and).unwrap_or_default(),
        }
    }

    fn cells(&self) -> Vec<(&'static str, f64)> {
        let (folder, mega) = (&self.most.folder, |bytes: u64| bytes as f64 / 1e6);
        vec![
            ("invocations/s", self.invocations_per_second),
            ("p99 ms", f64::from(self.p99_us) / 1e3),
            ("folder, most MB", mega(self.most.total_bytes)),
            ("log, most MB", mega(folder.log_bytes)),
            ("index, most MB", mega(folder.index_bytes)),
            ("blobs, most MB", mega(folder.blobs_bytes)),
            ("snapshots, most MB", mega(folder.snapshots_bytes)),
            ("server memory, most MB", mega(self.most.rss_bytes)),
        ]
    }
}

impl Soaked {
    /// Returns the rows of the verdict: a name, the first quarter, the last one, and how they compare.
    pub fn verdict(&self) -> Vec<[String; 4]> {
        let both = self.first_quarter.cells().into_iter().zip(self.last_quarter.cells());
        both.map(|((name, first), (_, last))| {
            let ratio = if first > 0.0 { format!("{:.2}", last / first) } else { String::new() };
            [name.to_owned(), format!("{first:.1}"), format!("{last:.1}"), ratio]
        })
        .collect()
    }

    /// Returns the rows of the table of the whole.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let (before, after) = (&self.folder_before, &self.folder_after);
        vec![
            ("calls, invocations", format!("{}, {}", self.calls, self.invocations)),
            ("invocations/s", format!("{:.0}", self.invocations as f64 / self.seconds)),
            ("until all were forgotten", format!("{:.1} s", self.purged_seconds)),
            ("folder before", mega(before.total())),
            ("folder after", mega(after.total())),
            ("of it log, snapshots", format!("{}, {}", mega(after.log_bytes), mega(after.snapshots_bytes))),
            ("of it index, blobs", format!("{}, {}", mega(after.index_bytes), mega(after.blobs_bytes))),
            ("server before", mega(self.rss_before_bytes)),
            ("server after", mega(self.rss_after_bytes)),
            ("keys, large values left", format!("{}, {}", self.left.keys, self.left.large_values)),
            ("load", format!("{:.1}", self.load1)),
        ]
    }
}
