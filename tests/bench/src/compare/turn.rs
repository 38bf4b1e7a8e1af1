//! The turn of one of them: start, rest, calls of some workloads, a kill, and a start again.

use super::Stage;
use super::contender::Contender;
use crate::load::{self, Measured};
use crate::start::Start;
use crate::workload::Workload;
use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub struct Turn {
    pub contender: &'static str,
    pub round: usize,
    /// On an empty folder.
    pub start: Start,
    /// Of all processes, after the first call and a rest.
    pub idle_rss_bytes: u64,
    pub cells: Vec<Measured>,
    /// After a kill, on the folder with all that was called.
    pub restart: Start,
}

pub async fn run(
    stage: &Stage<'_>,
    contender: &Contender,
    workloads: &[Workload],
    round: usize,
) -> anyhow::Result<Turn> {
    let data = stage.data(contender);
    let (server, start) = contender.fresh(&data, stage.component).await?;
    tokio::time::sleep(stage.plan.settle).await;
    let idle_rss_bytes = server.processes().usage().rss_bytes;
    let mut cells = Vec::new();
    for workload in workloads {
        let (mut calls, mut errors) = load::warm_up(server.ingress, *workload, stage.plan.warm_up).await?;
        for concurrency in &stage.plan.concurrency {
            let cell = load::measure(&server, *workload, *concurrency, stage.plan.per_measurement).await?;
            (calls, errors) = (calls + cell.latency.count, errors + cell.errors);
            tell(contender, round, &cell);
            cells.push(cell);
        }
        if errors == 0 {
            load::check_counters(server.ingress, *workload, calls).await?;
        }
    }
    let handlers = server.kill()?;
    let (server, restart) = contender.again(&data, handlers).await?;
    server.stop().await?;
    Ok(Turn { contender: contender.name(), round, start, idle_rss_bytes, cells, restart })
}

fn tell(contender: &Contender, round: usize, cell: &Measured) {
    eprintln!(
        "round {}: {:<9} {:<12} {:>3} callers {:>7.0} calls/s, p99 {:.2} ms, load {:.1}",
        round + 1,
        contender.name(),
        cell.workload,
        cell.concurrency,
        cell.calls_per_second,
        f64::from(cell.latency.p99_us) / 1e3,
        cell.load1,
    );
}
