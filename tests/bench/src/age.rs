//! Very many invocations come and end, and all of them are kept: a server with that past has to be as fast
//! as a new one, and has to start as fast.

use crate::calls::Calls;
use crate::client::{self, JSON};
use crate::folder::Sizes;
use crate::load;
use crate::options::{Age, Options};
use crate::process;
use crate::report::{self, mega};
use crate::sample::Sampler;
use crate::server::{Binary, Server};
use crate::start::Start;
use crate::stretch::{self, Part, Plan, Stretch};
use crate::workload::Workload;
use bytes::Bytes;
use comfy_table::Table;
use http::Request;
use http_body_util::Full;
use serde::Serialize;
use std::path::Path;
use std::time::{Duration, Instant};

const WARM_UP: Duration = Duration::from_secs(1);
/// How long what is compared took, if there were enough calls.
const END_SECONDS: f64 = 60.0;
/// Starts of each of the two folders, in turn.
const STARTS: usize = 3;

#[derive(Clone, Debug, Serialize)]
pub struct Aged {
    pub calls: u64,
    /// The handler keeps nothing of a call that was answered.
    pub is_purged: bool,
    pub seconds: f64,
    pub stretches: Vec<Stretch>,
    pub first: Part,
    pub last: Part,
    pub folder_before: Sizes,
    pub folder_after: Sizes,
    /// After each, the server is killed.
    pub starts: Vec<Started>,
    /// Of a server on a folder with nothing but the component.
    pub starts_of_new: Vec<Started>,
    pub load1: f64,
}

/// Calls of which nothing is kept.
#[derive(Clone, Copy)]
struct Forgotten;

impl Calls for Forgotten {
    fn request(self, _nth: u64) -> anyhow::Result<Request<Full<Bytes>>> {
        client::post("/Soak/forget", JSON, Bytes::from_static(b"1"))
    }

    fn is_answer(self, _nth: u64, answer: &[u8]) -> bool {
        answer == b"1"
    }
}

/// A start after a kill.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Started {
    pub start: Start,
    /// From the start until the server had nothing more to do.
    pub cpu_seconds: f64,
    pub rss_bytes: u64,
}

pub async fn run(
    options: &Options,
    wanted: &Age,
    binary: &Binary,
    component: &Bytes,
) -> anyhow::Result<Aged> {
    let load1 = process::load1();
    let (old, new) = (options.data().join("old"), options.data().join("new"));
    Server::fresh(binary, &new, component).await?.kill()?;
    let server = Server::fresh(binary, &old, component).await?;
    load::warm_up(server.ingress, Workload::Greet, WARM_UP).await?;
    let folder_before = server.folder().sizes();
    let (started, sampler) = (Instant::now(), Sampler::start(&server));
    let plan = Plan { count: wanted.count, every: wanted.every, connections: wanted.connections };
    let stretches = match wanted.purged {
        true => stretch::run(&server, &sampler, Forgotten, plan).await?,
        false => stretch::run(&server, &sampler, Workload::Greet, plan).await?,
    };
    let seconds = started.elapsed().as_secs_f64();
    sampler.stop();
    server.kill()?;
    let (mut starts, mut starts_of_new) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        starts.push(start(binary, &old).await?);
        starts_of_new.push(start(binary, &new).await?);
    }
    let (first, last) = Part::ends(&stretches, END_SECONDS);
    Ok(Aged {
        calls: wanted.count,
        is_purged: wanted.purged,
        seconds,
        stretches,
        first,
        last,
        folder_before,
        folder_after: Server::folder_of(&old).sizes(),
        starts,
        starts_of_new,
        load1,
    })
}

/// Starts a server on a folder as it is, lets it rest, and kills it.
async fn start(binary: &Binary, data: &Path) -> anyhow::Result<Started> {
    let (server, start) = Start::of(Server::start(binary, data)).await?;
    eprintln!(
        "killed and started again, {} is healthy after {:.3} s and answers a call after {:.3} s",
        data.display(),
        start.healthy_seconds,
        start.first_call_seconds
    );
    server.rest().await;
    let usage = server.process().usage();
    server.kill()?;
    Ok(Started { start, cpu_seconds: usage.cpu_seconds, rss_bytes: usage.rss_bytes })
}

impl Aged {
    pub fn tables(&self) -> Vec<Table> {
        let verdict = Part::verdict(&self.first, &self.last);
        vec![
            report::rows("age", self.rows()),
            report::filled(&["", "the first ones", "the last ones", "last / first"], verdict),
            report::filled(&["after a kill", "old folder", "new folder"], self.start_rows()),
        ]
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let (before, after) = (&self.folder_before, &self.folder_after);
        let grown = after.total().saturating_sub(before.total()) as f64 / self.calls.max(1) as f64;
        vec![
            ("calls", self.calls.to_string()),
            ("of each is kept", if self.is_purged { "nothing" } else { "everything" }.to_owned()),
            ("calls/s", format!("{:.0}", self.calls as f64 / self.seconds)),
            ("folder before", mega(before.total())),
            ("folder after", mega(after.total())),
            ("of it log, snapshots", format!("{}, {}", mega(after.log_bytes), mega(after.snapshots_bytes))),
            ("of it index, blobs", format!("{}, {}", mega(after.index_bytes), mega(after.blobs_bytes))),
            ("bytes per call", format!("{grown:.0}")),
            ("load", format!("{:.1}", self.load1)),
        ]
    }

    fn start_rows(&self) -> Vec<[String; 3]> {
        let row = |name: &str, value: fn(&Started) -> f64| {
            let told = |starts: &[Started]| {
                let each: Vec<_> = starts.iter().map(|start| format!("{:.2}", value(start))).collect();
                each.join(", ")
            };
            [name.to_owned(), told(&self.starts), told(&self.starts_of_new)]
        };
        vec![
            row("healthy after, s", |started| started.start.healthy_seconds),
            row("a call is answered after, s", |started| started.start.first_call_seconds),
            row("CPU seconds until it rests", |started| started.cpu_seconds),
            row("memory then, MB", |started| started.rss_bytes as f64 / 1e6),
        ]
    }
}
