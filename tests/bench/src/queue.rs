//! Very many calls wait for the key of one object. When it becomes free, the last ones have to be taken as
//! fast as the first ones.

use crate::calls::{self, Calls};
use crate::client::{self, Client, JSON};
use crate::latency::Quantiles;
use crate::load;
use crate::options::{Options, Queue};
use crate::process;
use crate::report::{self, mega, millis};
use crate::server::{Binary, Server};
use crate::signal;
use crate::workload::Workload;
use anyhow::{Context, bail};
use bytes::Bytes;
use comfy_table::Table;
use http::Request;
use http_body_util::Full;
use serde::Serialize;
use std::time::{Duration, Instant};

const HOLD: &str = "/Counter/queue/hold/send";
const GET: &str = "/Counter/queue/get";
/// Between two looks at the counter.
const LOOK: Duration = Duration::from_millis(5);
/// How long the counter may stand still.
const STALL_MAX: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, Serialize)]
pub struct Drained {
    pub count: u64,
    pub submitted_per_second: f64,
    pub submission: Quantiles,
    /// From the release of the key until the last call had been executed.
    pub seconds: f64,
    pub first_quarter_per_second: f64,
    pub last_quarter_per_second: f64,
    /// One key in a closed loop, before the queue and after it.
    pub closed_loop_per_second: [f64; 2],
    pub server_cpu_us_per_call: f64,
    pub rss_before_bytes: u64,
    pub rss_queued_bytes: u64,
    pub load1: f64,
}

/// Calls that only join the queue.
#[derive(Clone, Copy)]
struct Joins;

impl Calls for Joins {
    fn request(self, _nth: u64) -> anyhow::Result<Request<Full<Bytes>>> {
        client::post("/Counter/queue/add/send", JSON, Bytes::from_static(b"1"))
    }

    fn is_answer(self, _nth: u64, answer: &[u8]) -> bool {
        !answer.is_empty()
    }
}

/// How far the counter was, and when.
#[derive(Clone, Copy, Debug)]
struct Look {
    seconds: f64,
    count: u64,
}

pub async fn run(
    options: &Options,
    wanted: &Queue,
    binary: &Binary,
    component: &Bytes,
) -> anyhow::Result<Drained> {
    let load1 = process::load1();
    let server = Server::fresh(binary, &options.data(), component).await?;
    let before = closed_loop(&server, wanted, options).await?;
    server.rest().await;
    let rss_before_bytes = server.process().usage().rss_bytes;
    let mut client = Client::connect(server.ingress).await?;
    let holder = client.send_one_way(HOLD, Bytes::from_static(b"{}")).await?;
    let started = Instant::now();
    let submission = calls::make(server.ingress, Joins, 0..wanted.count, wanted.connections).await?;
    let submitted_per_second = wanted.count as f64 / started.elapsed().as_secs_f64();
    eprintln!("{} wait for the key; {submitted_per_second:.0} came per second", wanted.count);
    server.rest().await;
    if client.get_as::<u64>(GET).await? != 0 {
        bail!("some were executed while another one held the key");
    }
    let usage = server.process().usage();
    let looks = drain(&server, &mut client, &holder, wanted.count).await?;
    let cpu_seconds = server.process().usage().cpu_seconds - usage.cpu_seconds;
    let after = closed_loop(&server, wanted, options).await?;
    server.stop().await?;
    Ok(Drained {
        count: wanted.count,
        submitted_per_second,
        submission: submission.quantiles(),
        seconds: looks.last().map_or(0.0, |look| look.seconds),
        first_quarter_per_second: rate(&looks, 0, wanted.count / 4),
        last_quarter_per_second: rate(&looks, wanted.count - wanted.count / 4, wanted.count),
        closed_loop_per_second: [before, after],
        server_cpu_us_per_call: cpu_seconds * 1e6 / wanted.count.max(1) as f64,
        rss_before_bytes,
        rss_queued_bytes: usage.rss_bytes,
        load1,
    })
}

/// Calls one key in a closed loop; returns the calls per second.
async fn closed_loop(server: &Server, wanted: &Queue, options: &Options) -> anyhow::Result<f64> {
    let workload = Workload::CounterHot;
    load::call_once(server.ingress, workload).await?;
    let measured = load::measure(server, workload, wanted.connections, options.duration()).await?;
    if measured.errors > 0 {
        bail!("{} calls of the closed loop failed", measured.errors);
    }
    eprintln!("in a closed loop: {:.0} calls/s", measured.calls_per_second);
    Ok(measured.calls_per_second)
}

/// Frees the key, and looks at the counter until all have been counted.
async fn drain(server: &Server, client: &mut Client, holder: &str, count: u64) -> anyhow::Result<Vec<Look>> {
    let started = Instant::now();
    signal::send(server.admin, holder).await?;
    let mut looks = vec![Look { seconds: 0.0, count: 0 }];
    let mut moved = started;
    loop {
        let counted = client.get_as::<u64>(GET).await?;
        let last = looks.last().context("there is a first look")?.count;
        if counted > last {
            moved = Instant::now();
            looks.push(Look { seconds: started.elapsed().as_secs_f64(), count: counted });
        }
        if counted == count {
            return Ok(looks);
        }
        if counted > count || moved.elapsed() > STALL_MAX {
            bail!("of {count} that waited, the counter says {counted}");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Returns how many per second were counted between two counts.
fn rate(looks: &[Look], from: u64, until: u64) -> f64 {
    let took = moment(looks, until) - moment(looks, from);
    if took > 0.0 { (until - from) as f64 / took } else { 0.0 }
}

/// Returns when the counter came to a count, by the looks before and after that.
fn moment(looks: &[Look], count: u64) -> f64 {
    let at = looks.partition_point(|look| look.count < count);
    let Some(after) = looks.get(at) else { return 0.0 };
    let Some(before) = at.checked_sub(1).map(|at| looks[at]) else { return after.seconds };
    let part = (count - before.count) as f64 / (after.count - before.count) as f64;
    before.seconds + (after.seconds - before.seconds) * part
}

impl Drained {
    pub fn tables(&self) -> Vec<Table> {
        vec![report::rows("queue", self.rows())]
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let [before, after] = self.closed_loop_per_second;
        let closed_loop = f64::midpoint(before, after);
        let times = |one: f64, other: f64| {
            if other > 0.0 { format!("{:.2}", one / other) } else { String::new() }
        };
        let (first, last) = (self.first_quarter_per_second, self.last_quarter_per_second);
        vec![
            ("calls that waited", self.count.to_string()),
            ("they came per second", format!("{:.0}", self.submitted_per_second)),
            ("p99 of a submission, ms", millis(self.submission.p99_us)),
            ("server before", mega(self.rss_before_bytes)),
            ("server while they wait", mega(self.rss_queued_bytes)),
            ("all executed after", format!("{:.2} s", self.seconds)),
            ("per second, first quarter", format!("{first:.0}")),
            ("per second, last quarter", format!("{last:.0}")),
            ("last / first", times(last, first)),
            ("closed loop before, after, per second", format!("{before:.0}, {after:.0}")),
            ("last / closed loop", times(last, closed_loop)),
            ("CPU us/call", format!("{:.0}", self.server_cpu_us_per_call)),
            ("load", format!("{:.1}", self.load1)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_between_two_counts() {
        let look = |seconds: f64, count| Look { seconds, count };
        let looks = [look(0.0, 0), look(1.0, 100), look(2.0, 400), look(4.0, 500)];
        assert_eq!(rate(&looks, 0, 100), 100.0);
        assert_eq!(rate(&looks, 100, 250), 300.0);
        assert_eq!(rate(&looks, 400, 500), 50.0);
        assert_eq!(rate(&looks, 0, 0), 0.0);
    }
}
