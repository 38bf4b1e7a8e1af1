//! Commits of Abide that share a sync, by its own count.

use super::Stage;
use super::contender::Contender;
use super::plan::{GROUP_CONCURRENCY, GROUP_WORKLOADS};
use crate::client::Client;
use crate::latency::Quantiles;
use crate::load;
use crate::server::Server;
use anyhow::bail;
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
    let (status, text) = Client::connect(server.admin).await?.get("/metrics").await?;
    if !status.is_success() {
        bail!("the metrics of the server are answered {status}");
    }
    let text = String::from_utf8_lossy(&text);
    let of = |name| value(&text, name);
    Ok(Counted {
        syncs: of("abide_store_sync_duration_seconds_count")?,
        commits: of("abide_store_commits_total")?,
        log_bytes: of("abide_store_log_written_bytes_total")?,
    })
}

/// Returns the value of a metric that has no labels.
fn value(text: &str, name: &str) -> anyhow::Result<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let Some(value) = line.and_then(|rest| rest.split(' ').next()?.parse().ok()) else {
        bail!("the server does not tell {name}");
    };
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_found_by_their_whole_name() {
        let text = "# HELP a A.\na_total 7\na_total_more 9\na 1.5 123\n";
        assert_eq!(value(text, "a").ok(), Some(1.5));
        assert_eq!(value(text, "a_total").ok(), Some(7.0));
        assert!(value(text, "b").is_err());
    }
}
