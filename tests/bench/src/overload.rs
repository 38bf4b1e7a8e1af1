//! Several times more comes than can be done, from clients that do not wait: how much of it is accepted, how the rest is
//! told, and how soon all is as before.
//!
//! Messages, not calls: a call stays open until its handler has ended, so those that a client has open would be all that
//! wait, and the server would never meet its limit. A message is answered when it is durable, and its handler is still
//! to come.

mod flood;
mod line;

use crate::client::Client;
use crate::latency::Quantiles;
use crate::load;
use crate::meanwhile;
use crate::metrics::Metrics;
use crate::options::{Options, Overload};
use crate::pace::Pace;
use crate::process::{self, Process};
use crate::report::{self, mega, millis};
use crate::server::{Binary, Server};
use crate::workload::Workload;
use anyhow::{Context, bail};
use bytes::Bytes;
use comfy_table::Table;
use flood::{Flood, Told};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use std::time::{Duration, Instant};

const WORKLOAD: Workload = Workload::Greet;
const WARM_UP: Duration = Duration::from_secs(1);
const CAPACITY_CALLERS: usize = 64;
const CAPACITY_TIME: Duration = Duration::from_secs(5);
/// How long somebody calls on a server that does nothing else, and the pause after each call.
const QUIET: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(1);
/// Of the p99 of a quiet server: a call that takes no longer is one as before.
const BACK_TIMES: u32 = 2;
/// So many calls as before, one after the other, are no chance.
const BACK_CALLS: usize = 20;
const BACK_MAX: Duration = Duration::from_secs(120);
/// Open files of this program besides connections that are offered.
const OTHER_FILES: usize = 64;
/// Between two looks at what has ended.
const LOOK: Duration = Duration::from_millis(100);
/// How long nothing may end while something is open.
const STALL_MAX: Duration = Duration::from_secs(60);
const ENDED: &str = "abide_invocations_completed_total";

#[derive(Clone, Debug, Serialize)]
pub struct Overloaded {
    pub times: f64,
    /// Of callers that each wait for their answer.
    pub capacity_per_second: f64,
    pub quiet: Quantiles,
    pub pressed: Pressed,
    /// From the end of the load until all that was accepted had ended; looked at when calls were as before.
    pub ended_seconds: f64,
    pub rss_before_bytes: u64,
    pub rss_peak_bytes: u64,
    /// When all had ended, and the server rested.
    pub rss_after_bytes: u64,
    pub load1: f64,
}

/// What came of the load itself.
#[derive(Clone, Debug, Serialize)]
pub struct Pressed {
    pub wanted_per_second: f64,
    pub seconds: f64,
    pub begun: u64,
    /// All connections were in use.
    pub unconnected: u64,
    /// The benchmark was too slow.
    pub late: u64,
    /// From when a request was begun.
    pub accepted: Quantiles,
    pub refused: Quantiles,
    pub refused_429: u64,
    pub refused_503: u64,
    pub with_retry_after: u64,
    pub other: u64,
    pub lost: u64,
    /// By the server's own count, while there was load.
    pub finished_per_second: f64,
    pub connections_opened: u64,
    pub in_flight_most: usize,
    pub server_cpus: f64,
    pub client_cpus: f64,
    pub back: Back,
}

/// When calls of a closed loop were as before.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Back {
    /// From the end of the load; none: not within the time there is for it.
    pub seconds: Option<f64>,
    /// That were answered until then.
    pub calls: u64,
    /// That were told to come back later.
    pub refused: u64,
    /// That had no answer.
    pub lost: u64,
}

pub async fn run(
    options: &Options,
    wanted: &Overload,
    binary: &Binary,
    component: &Bytes,
) -> anyhow::Result<Overloaded> {
    let load1 = process::load1();
    let server = Server::fresh(binary, &options.data(), component).await?;
    let capacity_per_second = capacity(&server).await?;
    server.rest().await;
    let calls = meanwhile::Calls::start(server.ingress, PAUSE);
    tokio::time::sleep(QUIET).await;
    let quiet = calls.stop().await?.quantiles();
    server.rest().await;
    let before = ended(&server).await?;
    let rss_before_bytes = server.process().usage().rss_bytes;
    server.process().reset_peak();
    let (pressed, since) = press(&server, wanted, capacity_per_second, quiet, before).await?;
    let ended_seconds = await_end(&server, &pressed, before, since).await?;
    let rss_peak_bytes = server.process().peak_rss_bytes();
    server.rest().await;
    let rss_after_bytes = server.process().usage().rss_bytes;
    // Something that was done twice shows when all is quiet.
    check_end(&pressed, ended(&server).await? - before)?;
    server.stop().await?;
    Ok(Overloaded {
        times: wanted.times,
        capacity_per_second,
        quiet,
        pressed,
        ended_seconds,
        rss_before_bytes,
        rss_peak_bytes,
        rss_after_bytes,
        load1,
    })
}

/// Returns how many calls per second a closed loop makes.
async fn capacity(server: &Server) -> anyhow::Result<f64> {
    load::warm_up(server.ingress, WORKLOAD, WARM_UP).await?;
    let measured = load::measure(server, WORKLOAD, CAPACITY_CALLERS, CAPACITY_TIME).await?;
    if measured.errors > 0 {
        bail!(
            "{} calls of the closed loop failed; server.log in the data folder may say why",
            measured.errors
        );
    }
    eprintln!("in a closed loop: {:.0} calls/s", measured.calls_per_second);
    Ok(measured.calls_per_second)
}

/// Offers the load, and calls once it is over; returns what came of it, and when it was over.
async fn press(
    server: &Server,
    wanted: &Overload,
    capacity_per_second: f64,
    quiet: Quantiles,
    ended_before: u64,
) -> anyhow::Result<(Pressed, Instant)> {
    let flood = Flood::new(server.ingress, request(server), in_flight_max(wanted));
    let cpu_seconds = || (server.process().usage().cpu_seconds, Process::own().usage().cpu_seconds);
    let (server_before, client_before) = cpu_seconds();
    let wanted_per_second = capacity_per_second * wanted.times;
    eprintln!("{wanted_per_second:.0} messages/s for {} s", wanted.seconds);
    let pace = Pace::from_now(wanted_per_second, Duration::from_secs(wanted.seconds.max(1)));
    flood.offer(pace).await;
    let since = Instant::now();
    let seconds = (since - pace.start).as_secs_f64();
    let (server_after, client_after) = cpu_seconds();
    let finished = async {
        let ended = ended(server).await?;
        anyhow::Ok((ended - ended_before) as f64 / pace.start.elapsed().as_secs_f64())
    };
    let (finished_per_second, back, told) =
        tokio::join!(finished, calls_until_back(server, quiet, since), flood.finish());
    let Told { begun, unconnected, late, refused_429, refused_503, with_retry_after, other, lost, .. } = told;
    let pressed = Pressed {
        wanted_per_second,
        seconds,
        begun,
        unconnected,
        late,
        accepted: told.accepted.quantiles(),
        refused: told.refused.quantiles(),
        refused_429,
        refused_503,
        with_retry_after,
        other,
        lost,
        finished_per_second: finished_per_second?,
        connections_opened: told.connections_opened,
        in_flight_most: told.in_flight_most,
        server_cpus: (server_after - server_before) / seconds,
        client_cpus: (client_after - client_before) / seconds,
        back: back?,
    };
    Ok((pressed, since))
}

/// Returns a message of the empty handler as it goes over the connection.
fn request(server: &Server) -> Bytes {
    let (path, body) = (WORKLOAD.path(0), WORKLOAD.body());
    let head = format!(
        "POST {path}/send HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        server.ingress,
        body.len()
    );
    [head.as_bytes(), body].concat().into()
}

/// Returns how many requests may be in flight: as many as wanted, if this program may open so many files.
fn in_flight_max(wanted: &Overload) -> usize {
    let room = process::raise_open_files().saturating_sub(OTHER_FILES).max(1);
    if room < wanted.in_flight {
        eprintln!("no more than {room} in flight: open files are limited (ulimit -n)");
    }
    wanted.in_flight.clamp(1, room)
}

/// Calls one after the other until several in a row take no longer than on a quiet server, or little more.
async fn calls_until_back(server: &Server, quiet: Quantiles, since: Instant) -> anyhow::Result<Back> {
    let as_before = Duration::from_micros(u64::from(quiet.p99_us)) * BACK_TIMES;
    let mut client = Client::connect(server.ingress).await?;
    let mut back = Back { seconds: None, calls: 0, refused: 0, lost: 0 };
    let (mut in_a_row, mut first) = (0, since);
    while since.elapsed() < BACK_MAX {
        let before = Instant::now();
        let asked = client.post_json(&WORKLOAD.path(0), Bytes::from_static(WORKLOAD.body())).await;
        let took = before.elapsed();
        let is_answered = back.note(&asked)?;
        if asked.is_err() {
            client = Client::connect(server.ingress).await?;
        }
        if in_a_row == 0 {
            first = before;
        }
        let is_as_before = is_answered && took <= as_before;
        in_a_row = if is_as_before { in_a_row + 1 } else { 0 };
        if in_a_row == BACK_CALLS {
            back.seconds = Some((first - since).as_secs_f64());
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(back)
}

impl Back {
    /// Counts a call; returns whether its handler answered it.
    fn note(&mut self, asked: &anyhow::Result<(StatusCode, Bytes)>) -> anyhow::Result<bool> {
        match asked {
            Ok((status, _)) if status.is_success() => {
                self.calls += 1;
                return Ok(true);
            }
            Ok((status, _)) if matches!(status.as_u16(), 429 | 503) => self.refused += 1,
            Ok((status, answer)) => {
                bail!("a call after the load is answered {status}: {}", String::from_utf8_lossy(answer));
            }
            Err(_) => self.lost += 1,
        }
        Ok(false)
    }
}

/// Returns how many invocations have ended since the server was started.
async fn ended(server: &Server) -> anyhow::Result<u64> {
    Ok(Metrics::of(server).await?.sum(ENDED)? as u64)
}

/// Returns how many invocations have not ended.
async fn open(server: &Server) -> anyhow::Result<u64> {
    let mut admin = Client::connect(server.admin).await?;
    let summary: Value = admin.get_as("/invocations/summary").await?;
    let number = |pointer| summary.pointer(pointer).and_then(Value::as_u64);
    let (total, completed) = (number("/total"), number("/by_status/completed"));
    let open = total.zip(completed).map(|(total, completed)| total.saturating_sub(completed));
    open.context("the summary of the server does not count invocations")
}

/// Waits until all that was accepted has ended; returns when that was, from the end of the load.
async fn await_end(server: &Server, pressed: &Pressed, before: u64, since: Instant) -> anyhow::Result<f64> {
    let (accepted, mut last, mut moved) = (pressed.invocations(), 0, Instant::now());
    loop {
        let (ended, open) = (ended(server).await? - before, open(server).await?);
        if ended >= accepted && open == 0 {
            return Ok(since.elapsed().as_secs_f64());
        }
        if ended > last {
            (last, moved) = (ended, Instant::now());
        }
        if moved.elapsed() > STALL_MAX {
            bail!(
                "{accepted} were accepted, {ended} have ended, and {open} are open since {STALL_MAX:?}; \
                 server.log in the data folder may say why"
            );
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What ended has to be what was accepted; a request without a clear answer may be either.
fn check_end(pressed: &Pressed, ended: u64) -> anyhow::Result<()> {
    let (accepted, unclear) = (pressed.invocations(), pressed.unclear());
    if !(accepted..=accepted + unclear).contains(&ended) {
        bail!(
            "{accepted} were accepted, {unclear} have no clear answer, and {ended} have ended; \
             the data folder is left as it is: look with abide doctor and at its server.log"
        );
    }
    Ok(())
}

impl Pressed {
    /// Returns how many invocations were accepted, those of calls afterwards included.
    fn invocations(&self) -> u64 {
        self.accepted.count as u64 + self.back.calls
    }

    /// Returns how many requests may have been accepted or not.
    fn unclear(&self) -> u64 {
        self.lost + self.other + self.back.lost
    }
}

impl Overloaded {
    pub fn tables(&self) -> Vec<Table> {
        let whole = ["what became of it", "", "/s", "times capacity", "p50 ms", "p99 ms", "max ms"];
        vec![report::rows("overload", self.rows()), report::filled(&whole, self.rates())]
    }

    /// Returns what was offered, and what became of it.
    fn rates(&self) -> Vec<[String; 7]> {
        let pressed = &self.pressed;
        let row = |name: &str, count: f64, latency: Option<&Quantiles>| {
            let per_second = count / pressed.seconds;
            let millis = |of: fn(&Quantiles) -> u32| latency.map_or(String::new(), |all| millis(of(all)));
            [
                name.to_owned(),
                format!("{count:.0}"),
                format!("{per_second:.0}"),
                format!("{:.2}", per_second / self.capacity_per_second),
                millis(|all| all.p50_us),
                millis(|all| all.p99_us),
                millis(|all| all.max_us),
            ]
        };
        let refused = (pressed.refused_429 + pressed.refused_503) as f64;
        vec![
            row("offered", pressed.begun as f64, None),
            row("not begun: all connections in use", pressed.unconnected as f64, None),
            row("not begun: the client was late", pressed.late as f64, None),
            row("accepted", pressed.accepted.count as f64, Some(&pressed.accepted)),
            row("refused, 429 and 503", refused, Some(&pressed.refused)),
            row("of them with retry-after", pressed.with_retry_after as f64, None),
            row("answered otherwise", pressed.other as f64, None),
            row("without an answer", pressed.lost as f64, None),
            row("finished meanwhile", pressed.finished_per_second * pressed.seconds, None),
        ]
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let pressed = &self.pressed;
        let back = pressed.back.seconds;
        let back = back.map_or(format!("not within {BACK_MAX:?}"), |seconds| format!("{seconds:.2} s"));
        vec![
            ("capacity: closed loop of 64 callers, /s", format!("{:.0}", self.capacity_per_second)),
            ("wanted, times that", format!("{:.1}", self.times)),
            ("wanted, messages/s", format!("{:.0}", pressed.wanted_per_second)),
            ("for", format!("{:.1} s", pressed.seconds)),
            ("refused with 429, with 503", format!("{}, {}", pressed.refused_429, pressed.refused_503)),
            ("connections opened", pressed.connections_opened.to_string()),
            ("in flight, most", pressed.in_flight_most.to_string()),
            ("CPUs of server, client", format!("{:.2}, {:.2}", pressed.server_cpus, pressed.client_cpus)),
            ("server before", mega(self.rss_before_bytes)),
            ("server, peak", mega(self.rss_peak_bytes)),
            ("server after", mega(self.rss_after_bytes)),
            (
                "a quiet call, p50, p99, ms",
                format!("{}, {}", millis(self.quiet.p50_us), millis(self.quiet.p99_us)),
            ),
            ("calls are within twice that p99 after", back),
            ("of calls until then refused", pressed.back.refused.to_string()),
            ("all that was accepted had ended within", format!("{:.2} s", self.ended_seconds)),
            ("load", format!("{:.1}", self.load1)),
        ]
    }
}
