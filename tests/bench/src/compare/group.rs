//! Commits of Abide that share a sync, by its own count.

use super::Stage;
use super::contender::Contender;
use super::plan::{GROUP_CONCURRENCY, GROUP_WORKLOADS};
use crate::latency::Quantiles;
use crate::load;
use crate::metrics::Metrics;
use crate::server::Server;
use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub struct Group {
    pub contender: &'static str,
    pub workload: &'static str,
    pub concurrency: usize,
    pub calls_per_second: f64,
    pub latency: Quantiles,
    pub syncs_per_call: f64,
    pub commits_per_sync: f64,
    pub log_bytes_per_call: f64,
    pub server_cpu_us_per_call: f64,
    pub client_cpus: f64,
    pub load1: f64,
}

#[derive(Clone, Copy)]
struct Counted {
    syncs: f64,
    commits: f64,
    log_bytes: f64,
}

pub async fn run(stage: &Stage<'_>, contender: &Contender) -> anyhow::Result<Vec<Group>> {
    let (server, _) = contender.fresh(&stage.data(contender), stage.component).await?;
    let mut groups = Vec::new();
    for workload in GROUP_WORKLOADS {
        load::warm_up(server.ingress, workload, stage.plan.warm_up).await?;
        for concurrency in GROUP_CONCURRENCY {
            let before = count(&server).await?;
            let cell = load::measure(&server, workload, concurrency, stage.plan.per_measurement).await?;
            let after = count(&server).await?;
            let (calls, syncs) = (cell.latency.count.max(1) as f64, after.syncs - before.syncs);
            groups.push(Group {
                contender: contender.name(),
                workload: cell.workload,
                concurrency,
                calls_per_second: cell.calls_per_second,
                latency: cell.latency,
                syncs_per_call: syncs / calls,
                commits_per_sync: (after.commits - before.commits) / syncs.max(1.0),
                log_bytes_per_call: (after.log_bytes - before.log_bytes) / calls,
                server_cpu_us_per_call: cell.server_cpu_us_per_call,
                client_cpus: cell.client_cpus,
                load1: cell.load1,
            });
        }
    }
    server.stop().await?;
    Ok(groups)
}

async fn count(server: &Server) -> anyhow::Result<Counted> {
    let metrics = Metrics::of(server).await?;
    Ok(Counted {
        syncs: metrics.sum("abide_store_sync_duration_seconds_count")?,
        commits: metrics.sum("abide_store_commits_total")?,
        log_bytes: metrics.sum("abide_store_log_written_bytes_total")?,
    })
}
