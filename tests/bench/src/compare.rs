//! Abide and the real Restate server on this machine, in turn, in one run: the same calls, the same client.

mod contender;
mod equal;
mod footprint;
mod group;
mod machine;
mod packages;
mod plan;
mod restate;
mod results;
mod resume;
mod tables;
mod turn;
mod waiting;

use crate::disk;
use crate::guest;
use crate::options::{Compare, Options};
use bytes::Bytes;
use contender::{Contender, Field};
use plan::Plan;
use results::Results;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const DISK_TIME: Duration = Duration::from_millis(500);
/// Of what the slower one does with ten callers: a load that both can carry.
const EQUAL_PART: f64 = 0.5;

/// What all measurements have in common.
struct Stage<'a> {
    plan: &'a Plan,
    component: &'a Bytes,
    data: PathBuf,
}

impl Stage<'_> {
    /// Returns the folder of one of them.
    fn data(&self, contender: &Contender) -> PathBuf {
        self.data.join(contender.name().to_lowercase().replace(' ', "-"))
    }
}

pub async fn run(options: &Options, wanted: &Compare) -> anyhow::Result<()> {
    let field = Field::find(options, wanted)?;
    if let Some(missing) = &field.missing {
        eprintln!("Restate is not measured: {missing}");
    }
    let component = guest::build(options)?;
    let plan = Plan::new(wanted);
    let stage = Stage { plan: &plan, component: &component, data: options.data() };
    std::fs::create_dir_all(&stage.data)?;
    let mut results = Results::new(&stage, &field);
    let started = Instant::now();
    let measured = measure(&stage, &field.contenders, &mut results).await;
    results.seconds = started.elapsed().as_secs_f64();
    // What was measured before an error is worth something too.
    let text = tables::markdown(&results);
    println!("{text}");
    results.write(&wanted.out(), &text)?;
    if !options.keep {
        let _ = std::fs::remove_dir_all(&stage.data);
    }
    measured
}

async fn measure(stage: &Stage<'_>, contenders: &[Contender], results: &mut Results) -> anyhow::Result<()> {
    for round in 0..stage.plan.rounds {
        for workloads in stage.plan.groups() {
            results.disk.push(disk::measure(&stage.data, DISK_TIME)?);
            for contender in contenders {
                results.turns.push(turn::run(stage, contender, &workloads, round).await?);
            }
        }
    }
    for round in 0..stage.plan.sleeper_rounds {
        for contender in contenders {
            results.resumed.push(resume::run(stage, contender, round).await?);
        }
    }
    at_equal_load(stage, contenders, results).await?;
    for contender in contenders.iter().filter(|_| stage.plan.waiting > 0) {
        results.waiting.push(waiting::run(stage, contender).await?);
    }
    for (workload, calls) in &stage.plan.footprints {
        for contender in contenders {
            results.footprints.push(footprint::run(stage, contender, *workload, *calls).await?);
        }
    }
    for contender in contenders.iter().filter(|one| matches!(one, Contender::Abide { .. })) {
        results.groups.extend(group::run(stage, contender).await?);
    }
    results.disk.push(disk::measure(&stage.data, DISK_TIME)?);
    Ok(())
}

async fn at_equal_load(
    stage: &Stage<'_>,
    contenders: &[Contender],
    results: &mut Results,
) -> anyhow::Result<()> {
    for round in 0..stage.plan.equal_rounds {
        for workload in &stage.plan.equal_loads {
            let Some(slowest) = results.slowest(*workload) else { continue };
            for contender in contenders {
                let load = slowest * EQUAL_PART;
                results.equal.push(equal::run(stage, contender, *workload, load, round).await?);
            }
        }
    }
    Ok(())
}
