//! Invocations come, end and are forgotten, very many of them: the server must not grow.

mod mix;

use crate::folder::Sizes;
use crate::options::{Options, Soak};
use crate::process;
use crate::report::{self, mega};
use crate::sample::Sampler;
use crate::server::{Binary, Contents, Server};
use crate::stretch::{self, Part, Plan, Stretch};
use anyhow::bail;
use bytes::Bytes;
use comfy_table::Table;
use mix::Mix;
use serde::Serialize;
use std::time::{Duration, Instant};

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
    pub first_quarter: Part,
    pub last_quarter: Part,
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

pub async fn run(
    options: &Options,
    wanted: &Soak,
    binary: &Binary,
    component: &Bytes,
) -> anyhow::Result<Soaked> {
    let load1 = process::load1();
    let server = Server::fresh(binary, &options.data(), component).await?;
    let (folder_before, rss_before_bytes) = (server.folder().sizes(), server.process().usage().rss_bytes);
    let (started, sampler) = (Instant::now(), Sampler::start(&server));
    let plan = Plan { count: wanted.count, every: wanted.every, connections: wanted.connections };
    let stretches = stretch::run(&server, &sampler, Mix, plan).await?;
    let seconds = started.elapsed().as_secs_f64();
    let purged_seconds = await_purge(&server).await?;
    server.rest().await;
    let (folder_after, rss_after_bytes) = (server.folder().sizes(), server.process().usage().rss_bytes);
    sampler.stop();
    server.stop().await?;
    let left = binary.examine(&options.data())?;
    let (first_quarter, last_quarter) = Part::quarters(&stretches);
    Ok(Soaked {
        calls: wanted.count,
        invocations: stretches.last().map_or(0, |stretch| stretch.invocations),
        seconds,
        first_quarter,
        last_quarter,
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

impl Soaked {
    pub fn tables(&self) -> Vec<Table> {
        let verdict = Part::verdict(&self.first_quarter, &self.last_quarter);
        let head = ["", "first quarter", "last quarter", "last / first"];
        vec![report::rows("soak", self.rows()), report::filled(&head, verdict)]
    }

    /// Returns the rows of the table of the whole.
    fn rows(&self) -> Vec<(&'static str, String)> {
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
