//! What an invocation that waits takes in memory.

use super::Stage;
use super::contender::Contender;
use crate::sleepers::submit::{self, Plan};
use serde::Serialize;
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 64;
/// None of them wakes up meanwhile.
const SLEEP: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone, Debug, Serialize)]
pub struct Waiting {
    pub contender: &'static str,
    pub invocations: usize,
    /// From the last submission until the look at the memory.
    pub waited_seconds: f64,
    /// Of all processes.
    pub rss_before_bytes: u64,
    pub rss_peak_bytes: u64,
    pub rss_waiting_bytes: u64,
}

impl Waiting {
    pub fn bytes_per_invocation(&self) -> f64 {
        self.rss_waiting_bytes.saturating_sub(self.rss_before_bytes) as f64 / self.invocations.max(1) as f64
    }
}

pub async fn run(stage: &Stage<'_>, contender: &Contender) -> anyhow::Result<Waiting> {
    let (server, _) = contender.fresh(&stage.data(contender), stage.component).await?;
    let mut plan = Plan {
        count: stage.plan.waiting.div_ceil(10),
        connections: CONNECTIONS,
        has_steps: true,
        first_wake_up: Instant::now(),
        spread: Duration::ZERO,
    };
    // Some that come and go: what is allocated once is not counted for those that wait.
    submit::run(server.ingress, &plan).await?;
    server.rest().await;
    let processes = server.processes();
    let rss_before_bytes = processes.usage().rss_bytes;
    processes.reset_peak();
    (plan.count, plan.first_wake_up) = (stage.plan.waiting, Instant::now() + SLEEP);
    submit::run(server.ingress, &plan).await?;
    let submitted = Instant::now();
    tokio::time::sleep(stage.plan.waited).await;
    server.rest().await;
    let waiting = Waiting {
        contender: contender.name(),
        invocations: plan.count,
        waited_seconds: submitted.elapsed().as_secs_f64(),
        rss_before_bytes,
        rss_peak_bytes: processes.peak_rss_bytes(),
        rss_waiting_bytes: processes.usage().rss_bytes,
    };
    eprintln!("{}: {:.0} bytes per waiting invocation", waiting.contender, waiting.bytes_per_invocation());
    server.kill()?;
    Ok(waiting)
}
