//! A journal becomes very long, is gone through once more by the next attempt, and nobody else notices.

use crate::client::Client;
use crate::latency::{Latencies, Quantiles};
use crate::meanwhile;
use crate::options::{Journal, Options};
use crate::process;
use crate::report::{self, mega, millis};
use crate::server::{Binary, Server};
use crate::signal;
use anyhow::bail;
use bytes::Bytes;
use comfy_table::Table;
use serde::Serialize;
use std::time::{Duration, Instant};

/// What journals are made of, by the name of the handler that makes them.
const KINDS: [&str; 2] = ["runs", "states"];
/// Parts of the longest journal that others are long.
const PARTS: [u32; 3] = [4, 2, 1];
/// Journals of each kind and length that are gone through while nobody else calls.
const REPLAYS: usize = 3;
/// Between two small calls of somebody else.
const PAUSE: Duration = Duration::from_millis(1);
/// How long somebody else calls on a server that does nothing else.
const ALONE: Duration = Duration::from_secs(2);
const GROW_MAX: Duration = Duration::from_secs(600);

#[derive(Clone, Debug, Serialize)]
pub struct Replayed {
    pub entries: u32,
    /// Of a small call, when there are no others.
    pub alone: Quantiles,
    pub grown: Vec<Grown>,
    pub replays: Vec<Replay>,
    /// From the start of the process after the kill until it answers.
    pub restart_seconds: f64,
    pub rss_before_bytes: u64,
    pub rss_grown_peak_bytes: u64,
    pub rss_replayed_peak_bytes: u64,
    pub load1: f64,
}

/// How the longest journal of a kind came to be, and who noticed.
#[derive(Clone, Debug, Serialize)]
pub struct Grown {
    pub kind: &'static str,
    pub seconds: f64,
    /// Of a small call, while it grew.
    pub meanwhile: Quantiles,
    /// Of a small call, while it was gone through.
    pub meanwhile_replayed: Quantiles,
}

/// How long journals of one kind and length took to be gone through.
#[derive(Clone, Debug, Serialize)]
pub struct Replay {
    pub kind: &'static str,
    pub entries: u32,
    /// From the signal until the answer, of each; the shortest first.
    pub millis: Vec<f64>,
    /// That the server used for one.
    pub cpu_millis: f64,
}

impl Replay {
    fn median(&self) -> f64 {
        self.millis.get(self.millis.len() / 2).copied().unwrap_or(0.0)
    }

    fn per_second(&self) -> f64 {
        f64::from(self.entries) * 1e3 / self.median().max(1e-3)
    }

    fn per_cpu_second(&self) -> f64 {
        f64::from(self.entries) * 1e3 / self.cpu_millis.max(1e-3)
    }

    /// Returns how many rows of `sys_journal` an entry is: what a run block came to is one of its own.
    fn listed_per_entry(&self) -> f64 {
        if self.kind == KINDS[0] { 2.0 } else { 1.0 }
    }
}

/// Journals of one kind and length, by the ids of their invocations.
struct Journals {
    kind: &'static str,
    entries: u32,
    ids: Vec<String>,
}

pub async fn run(
    options: &Options,
    wanted: &Journal,
    binary: &Binary,
    component: &Bytes,
) -> anyhow::Result<Replayed> {
    let load1 = process::load1();
    let server = Server::fresh(binary, &options.data(), component).await?;
    let alone = small_calls(&server, tokio::time::sleep(ALONE)).await?.1;
    let rss_before_bytes = server.process().usage().rss_bytes;
    let (mut grown, mut watched, mut journals) = (Vec::new(), Vec::new(), Vec::new());
    for kind in KINDS {
        let started = Instant::now();
        let (id, meanwhile) = small_calls(&server, grow(&server, kind, "watched", wanted.entries)).await?;
        watched.push(id?);
        let seconds = started.elapsed().as_secs_f64();
        eprintln!("{kind}: {} entries in {seconds:.2} s", wanted.entries);
        let (meanwhile, meanwhile_replayed) = (meanwhile.quantiles(), Quantiles::default());
        grown.push(Grown { kind, seconds, meanwhile, meanwhile_replayed });
        for part in PARTS {
            journals.push(grow_several(&server, kind, wanted.entries / part).await?);
        }
    }
    let rss_grown_peak_bytes = server.process().peak_rss_bytes();
    server.kill()?;
    let started = Instant::now();
    let server = Server::start(binary, &options.data()).await?;
    let restart_seconds = started.elapsed().as_secs_f64();
    server.rest().await;
    let mut replays = Vec::new();
    for journals in &journals {
        replays.push(replay_several(&server, journals).await?);
    }
    for (grown, id) in grown.iter_mut().zip(&watched) {
        let (replayed, meanwhile) = small_calls(&server, replay(&server, id)).await?;
        replayed?;
        grown.meanwhile_replayed = meanwhile.quantiles();
    }
    let rss_replayed_peak_bytes = server.process().peak_rss_bytes();
    server.stop().await?;
    Ok(Replayed {
        entries: wanted.entries,
        alone: alone.quantiles(),
        grown,
        replays,
        restart_seconds,
        rss_before_bytes,
        rss_grown_peak_bytes,
        rss_replayed_peak_bytes,
        load1,
    })
}

/// Somebody else makes small calls while something happens; returns what came of it, and how they went.
async fn small_calls<T>(
    server: &Server,
    happening: impl Future<Output = T>,
) -> anyhow::Result<(T, Latencies)> {
    let calls = meanwhile::Calls::start(server.ingress, PAUSE);
    let came = happening.await;
    Ok((came, calls.stop().await?))
}

async fn grow_several(server: &Server, kind: &'static str, entries: u32) -> anyhow::Result<Journals> {
    let mut ids = Vec::new();
    for nth in 0..REPLAYS {
        ids.push(grow(server, kind, &format!("{entries}-{nth}"), entries).await?);
    }
    Ok(Journals { kind, entries, ids })
}

/// Lets a journal grow until all that is left to do is to wait; returns the id of the invocation.
async fn grow(server: &Server, kind: &str, key: &str, entries: u32) -> anyhow::Result<String> {
    let mut client = Client::connect(server.ingress).await?;
    let path = format!("/Journal/{kind}-{key}/{kind}/send");
    let id = client.send_one_way(&path, entries.to_string().into()).await?;
    let started = Instant::now();
    while !server.lists_any(&format!("service=Journal&status=suspended&key={kind}-{key}")).await? {
        if started.elapsed() > GROW_MAX {
            bail!("{id} is not done with {entries} entries after {GROW_MAX:?}");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(id)
}

async fn replay_several(server: &Server, journals: &Journals) -> anyhow::Result<Replay> {
    let (mut millis, cpu_before) = (Vec::new(), server.process().usage().cpu_seconds);
    for id in &journals.ids {
        millis.push(replay(server, id).await?.as_secs_f64() * 1e3);
    }
    let cpu_seconds = server.process().usage().cpu_seconds - cpu_before;
    millis.sort_by(f64::total_cmp);
    let cpu_millis = cpu_seconds * 1e3 / millis.len().max(1) as f64;
    let replay = Replay { kind: journals.kind, entries: journals.entries, millis, cpu_millis };
    eprintln!("{} of {}: {:.1} ms", replay.kind, replay.entries, replay.median());
    Ok(replay)
}

/// Sends the signal that starts the next attempt; returns how long it takes until that has answered.
async fn replay(server: &Server, id: &str) -> anyhow::Result<Duration> {
    let mut client = Client::connect(server.ingress).await?;
    let started = Instant::now();
    signal::send(server.admin, id).await?;
    let (status, answer) = client.get(&format!("/restate/invocation/{id}/attach")).await?;
    if !status.is_success() {
        bail!("{id} is answered {status}: {}", String::from_utf8_lossy(&answer));
    }
    Ok(started.elapsed())
}

impl Replayed {
    pub fn tables(&self) -> Vec<Table> {
        let others = ["a small call, ms", "p50", "p99", "max", "calls"];
        let replays = [
            "replay of",
            "entries",
            "median ms",
            "entries/s",
            "CPU ms",
            "entries/s per core",
            "listed/s per core",
            "CPU us/entry",
        ];
        vec![
            report::rows("journal", self.rows()),
            report::filled(&others, self.rows_of_others()),
            report::filled(&replays, self.replays.iter().map(Replay::cells)),
        ]
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![("entries of the longest", self.entries.to_string())];
        rows.extend(self.grown.iter().map(|grown| {
            let per_second = f64::from(self.entries) / grown.seconds;
            let name = if grown.kind == KINDS[0] { "run blocks" } else { "changes of a state" };
            (name, format!("in {:.2} s, {per_second:.0}/s", grown.seconds))
        }));
        rows.extend([
            ("server before", mega(self.rss_before_bytes)),
            ("server, peak while they grow", mega(self.rss_grown_peak_bytes)),
            ("killed, time until it answers", format!("{:.2} s", self.restart_seconds)),
            ("server, peak while they are replayed", mega(self.rss_replayed_peak_bytes)),
            ("load", format!("{:.1}", self.load1)),
        ]);
        rows
    }

    fn rows_of_others(&self) -> Vec<[String; 5]> {
        let row = |name: String, quantiles: &Quantiles| {
            let Quantiles { p50_us, p99_us, max_us, count, .. } = *quantiles;
            [name, millis(p50_us), millis(p99_us), millis(max_us), count.to_string()]
        };
        let mut rows = vec![row("alone".to_owned(), &self.alone)];
        for grown in &self.grown {
            rows.push(row(format!("while {} are made", grown.kind), &grown.meanwhile));
            rows.push(row(format!("while {} are replayed", grown.kind), &grown.meanwhile_replayed));
        }
        rows
    }
}

impl Replay {
    fn cells(&self) -> [String; 8] {
        [
            self.kind.to_owned(),
            self.entries.to_string(),
            format!("{:.1}", self.median()),
            format!("{:.0}", self.per_second()),
            format!("{:.1}", self.cpu_millis),
            format!("{:.0}", self.per_cpu_second()),
            format!("{:.0}", self.per_cpu_second() * self.listed_per_entry()),
            format!("{:.2}", self.cpu_millis * 1e3 / f64::from(self.entries.max(1))),
        ]
    }
}
