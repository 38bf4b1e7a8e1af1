//! A server is killed while invocations sleep, and started again when all of them are due.

use super::Stage;
use super::contender::Contender;
use crate::process;
use crate::sleepers::submit::{self, Plan};
use crate::sleepers::wake;
use anyhow::bail;
use serde::Serialize;
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 64;
/// Each gives the sleepers twice the time of the one before.
const TRIES: usize = 4;

#[derive(Clone, Debug, Serialize)]
pub struct Resumed {
    pub contender: &'static str,
    pub round: usize,
    pub sleepers: usize,
    pub submitted_per_second: f64,
    /// From the start of the process until it says that it is healthy.
    pub healthy_seconds: f64,
    /// From the start of the process until all of them have ended.
    pub all_ended_seconds: f64,
    pub load1: f64,
}

pub async fn run(stage: &Stage<'_>, contender: &Contender, round: usize) -> anyhow::Result<Resumed> {
    let mut sleep = stage.plan.sleep;
    for _ in 0..TRIES {
        if let Some(resumed) = try_to(stage, contender, round, sleep).await? {
            return Ok(resumed);
        }
        sleep *= 2;
        eprintln!("{} was not at rest when the first sleepers were due; once more", contender.name());
    }
    bail!("the sleepers of {} do not all sleep before the first of them is due", contender.name())
}

/// Returns nothing when some were due before all of them slept.
async fn try_to(
    stage: &Stage<'_>,
    contender: &Contender,
    round: usize,
    sleep: Duration,
) -> anyhow::Result<Option<Resumed>> {
    let (data, load1) = (stage.data(contender), process::load1());
    let (server, _) = contender.fresh(&data, stage.component).await?;
    let plan = Plan {
        count: stage.plan.sleepers,
        connections: CONNECTIONS,
        has_steps: true,
        first_wake_up: Instant::now() + sleep,
        spread: Duration::ZERO,
    };
    let submission = submit::run(server.ingress, &plan).await?;
    server.rest().await;
    if Instant::now() > plan.first_wake_up {
        return Ok(None);
    }
    let handlers = server.kill()?;
    tokio::time::sleep_until(plan.last_wake_up().into()).await;
    let started = Instant::now();
    let server = contender.server(&data, handlers).await?;
    let healthy_seconds = started.elapsed().as_secs_f64();
    let woken = wake::watch(server.ingress, submission.watched).await?;
    let resumed = Resumed {
        contender: contender.name(),
        round,
        sleepers: plan.count,
        submitted_per_second: plan.count as f64 / submission.took.as_secs_f64(),
        healthy_seconds,
        all_ended_seconds: woken.last.saturating_duration_since(started).as_secs_f64(),
        load1,
    };
    eprintln!("{} resumed {} in {:.2} s", resumed.contender, plan.count, resumed.all_ended_seconds);
    server.stop().await?;
    Ok(Some(resumed))
}
