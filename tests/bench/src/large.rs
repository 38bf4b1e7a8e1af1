//! Large inputs and results pass through the server, which must not keep many copies of them.

use crate::client::{self, Client};
use crate::options::{Large, Options};
use crate::process;
use crate::report::{self, mega};
use crate::server::{Binary, Server};
use anyhow::bail;
use bytes::Bytes;
use comfy_table::Table;
use http::HeaderValue;
use serde::Serialize;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const RAW: HeaderValue = HeaderValue::from_static("application/octet-stream");
const MIB: usize = 1 << 20;
/// The server's allocator gives freed memory back after a second or two.
const AFTER: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, Serialize)]
pub struct Passed {
    pub bytes: usize,
    pub phases: Vec<Phase>,
    pub load1: f64,
}

/// Calls of one kind, so many at once.
#[derive(Clone, Debug, Serialize)]
pub struct Phase {
    pub direction: Direction,
    pub calls: usize,
    pub at_once: usize,
    pub seconds: f64,
    /// Before the first large call.
    pub rss_before_bytes: u64,
    pub rss_peak_bytes: u64,
    /// When the server rested, and had time to give back what it does not need.
    pub rss_after_bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    In,
    Out,
    Both,
}

impl Direction {
    const ALL: [Self; 3] = [Self::In, Self::Out, Self::Both];

    fn name(self) -> &'static str {
        match self {
            Self::In => "the input",
            Self::Out => "the result",
            Self::Both => "both",
        }
    }

    /// Returns the path, the body, and the answer.
    fn call(self, large: &Bytes) -> (&'static str, Bytes, Bytes) {
        let size = || Bytes::from(large.len().to_string());
        match self {
            Self::In => ("/Large/take", large.clone(), size()),
            Self::Out => ("/Large/give", size(), large.clone()),
            Self::Both => ("/Large/echo", large.clone(), large.clone()),
        }
    }
}

pub async fn run(
    options: &Options,
    wanted: &Large,
    binary: &Binary,
    component: &Bytes,
) -> anyhow::Result<Passed> {
    let load1 = process::load1();
    Server::fresh(binary, &options.data(), component).await?.kill()?;
    // As the handler fills what it gives.
    let large: Bytes = (0..wanted.mib * MIB).map(|at| (at % 251) as u8).collect();
    let mut phases = Vec::new();
    for direction in Direction::ALL {
        for at_once in [1, wanted.at_once.max(1)] {
            // A server that has just started holds no memory which large values would use unseen.
            let server = Server::start(binary, &options.data()).await?;
            phases.push(phase(&server, direction, &large, wanted.calls, at_once).await?);
            server.stop().await?;
        }
    }
    Ok(Passed { bytes: large.len(), phases, load1 })
}

async fn phase(
    server: &Server,
    direction: Direction,
    large: &Bytes,
    calls: usize,
    at_once: usize,
) -> anyhow::Result<Phase> {
    // What a small call allocates for good is not counted for the large ones.
    call(server.ingress, direction, Bytes::from_static(&[0, 1, 2])).await?;
    server.rest().await;
    let process = server.process();
    let rss_before_bytes = process.usage().rss_bytes;
    process.reset_peak();
    let started = Instant::now();
    for _ in 0..calls {
        let one = |_| tokio::spawn(call(server.ingress, direction, large.clone()));
        let several: Vec<_> = (0..at_once).map(one).collect();
        for one in several {
            one.await??;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let rss_peak_bytes = process.peak_rss_bytes();
    server.rest().await;
    tokio::time::sleep(AFTER).await;
    let phase = Phase {
        direction,
        calls: calls * at_once,
        at_once,
        seconds,
        rss_before_bytes,
        rss_peak_bytes,
        rss_after_bytes: process.usage().rss_bytes,
    };
    eprintln!("{} of {at_once} at once: the server came to {}", direction.name(), mega(rss_peak_bytes));
    Ok(phase)
}

async fn call(ingress: SocketAddr, direction: Direction, large: Bytes) -> anyhow::Result<()> {
    let (path, body, expected) = direction.call(&large);
    let content_type = if direction == Direction::Out { client::JSON } else { RAW };
    let mut client = Client::connect(ingress).await?;
    let (status, answer) = client.send(client::post(path, content_type, body)?).await?;
    if !status.is_success() {
        bail!("{path} answers {status}: {}", String::from_utf8_lossy(&answer[..answer.len().min(200)]));
    }
    if answer != expected {
        bail!("{path} answers something else: {} bytes instead of {}", answer.len(), expected.len());
    }
    Ok(())
}

impl Passed {
    pub fn tables(&self) -> Vec<Table> {
        let head =
            ["large", "calls", "at once", "MB/s", "before", "peak", "grown, times", "per call", "after"];
        let whole =
            vec![("bytes of one value", self.bytes.to_string()), ("load", format!("{:.1}", self.load1))];
        vec![
            report::rows("large values", whole),
            report::filled(&head, self.phases.iter().map(|phase| self.cells(phase))),
        ]
    }

    /// What the server has grown by is told as a multiple of one value.
    fn cells(&self, phase: &Phase) -> [String; 9] {
        let grown = phase.rss_peak_bytes.saturating_sub(phase.rss_before_bytes) as f64;
        let times = grown / self.bytes.max(1) as f64;
        [
            phase.direction.name().to_owned(),
            phase.calls.to_string(),
            phase.at_once.to_string(),
            format!("{:.0}", (phase.calls * self.bytes) as f64 / phase.seconds / 1e6),
            mega(phase.rss_before_bytes),
            mega(phase.rss_peak_bytes),
            format!("{times:.1}"),
            format!("{:.1}", times / phase.at_once as f64),
            mega(phase.rss_after_bytes),
        ]
    }
}
