//! Server binaries side by side. All of them run, and each is called for a fraction of a second, in turn, again and again:
//! what disturbs the machine for longer disturbs all of them, and what disturbs one slice is one of many.

use crate::load::{self, Measured};
use crate::options::{self, Options};
use crate::report::{self, millis};
use crate::server::{Binary, Server};
use crate::spread::Spread;
use crate::workload::Workload;
use bytes::Bytes;
use comfy_table::Table;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

const WARM_UP: Duration = Duration::from_secs(1);
/// What a slice leaves to do is not to be done in the next one's.
const PAUSE: Duration = Duration::from_millis(25);

/// What came of it.
#[derive(Serialize)]
pub struct Beside {
    binaries: Vec<PathBuf>,
    cells: Vec<Cell>,
}

/// One workload with so many callers.
#[derive(Serialize)]
struct Cell {
    workload: &'static str,
    concurrency: usize,
    /// Of each binary, in the order of their turns.
    slices: Vec<Vec<Measured>>,
}

pub async fn run(
    options: &Options,
    wanted: &options::Beside,
    first: &Binary,
    component: &Bytes,
) -> anyhow::Result<Beside> {
    let mut binaries = vec![first.path.clone()];
    binaries.extend(wanted.others.iter().cloned());
    let mut servers = Vec::new();
    for (nth, path) in binaries.iter().enumerate() {
        let binary = Binary::at(path.clone(), options)?;
        let data = options.data().join(nth.to_string());
        servers.push(Server::fresh(&binary, &data, component).await?);
    }
    let mut cells = Vec::new();
    for workload in wanted.workloads() {
        for server in &servers {
            load::warm_up(server.ingress, workload, WARM_UP).await?;
        }
        for concurrency in &wanted.concurrency {
            cells.push(measure(wanted, &servers, workload, *concurrency).await?);
        }
    }
    for server in servers {
        server.stop().await?;
    }
    Ok(Beside { binaries, cells })
}

async fn measure(
    wanted: &options::Beside,
    servers: &[Server],
    workload: Workload,
    concurrency: usize,
) -> anyhow::Result<Cell> {
    let mut slices = vec![Vec::new(); servers.len()];
    for turn in 0..wanted.slices {
        for nth in 0..servers.len() {
            // Who was first is last in the next turn.
            let at = (turn + nth) % servers.len();
            let slice = Duration::from_millis(wanted.millis);
            slices[at].push(load::measure(&servers[at], workload, concurrency, slice).await?);
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(Cell { workload: workload.name(), concurrency, slices })
}

impl Beside {
    pub fn tables(&self) -> Vec<Table> {
        let names = (1..)
            .zip(&self.binaries)
            .map(|(nth, path): (u32, _)| [nth.to_string(), path.display().to_string()]);
        let head =
            ["side by side", "callers", "", "calls/s", "p50 ms", "CPU us/call", "times calls/s", "times CPU"];
        let rows = self.cells.iter().flat_map(|cell| (0..cell.slices.len()).map(|nth| cell.cells(nth)));
        vec![report::filled(&["", "binary"], names), report::filled(&head, rows)]
    }
}

impl Cell {
    /// Ratios are of slices of one turn, to those of the first binary.
    fn cells(&self, nth: usize) -> [String; 8] {
        let of = |value: fn(&Measured) -> f64| Spread::of(self.slices[nth].iter().map(value));
        let times = |value: fn(&Measured) -> f64| {
            let turns = self.slices[nth].iter().zip(&self.slices[0]);
            Spread::of(turns.map(|(one, first)| value(one) / value(first)))
        };
        let told = |spread: Option<Spread>, digits| {
            spread.map_or("-".to_owned(), |spread| format!("{:.digits$}", spread.median))
        };
        let p50 = of(|one| f64::from(one.latency.p50_us)).map_or(0, |spread| spread.median as u32);
        [
            self.workload.to_owned(),
            self.concurrency.to_string(),
            (nth + 1).to_string(),
            told(of(Measured::done_per_second), 0),
            millis(p50),
            told(of(|one| one.server_cpu_us_per_call), 0),
            told(times(Measured::done_per_second), 3),
            told(times(|one| one.server_cpu_us_per_call), 3),
        ]
    }
}
