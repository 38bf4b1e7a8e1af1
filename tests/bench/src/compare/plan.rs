//! How much is measured: in about three minutes, or in about an hour.

use crate::options::Compare;
use crate::workload::Workload;
use serde::Serialize;
use std::time::Duration;

#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// How often each of them has its turn.
    pub rounds: usize,
    pub per_measurement: Duration,
    pub warm_up: Duration,
    /// How long a server that has just started rests before its memory counts.
    pub settle: Duration,
    #[serde(skip)]
    pub workloads: Vec<Workload>,
    pub concurrency: Vec<usize>,
    /// Each workload has a server of its own, on an empty folder.
    pub is_apart: bool,
    /// Sleep while the server is killed.
    pub sleepers: usize,
    /// From their submission until they are due.
    pub sleep: Duration,
    pub sleeper_rounds: usize,
    /// Wait while memory is looked at.
    pub waiting: usize,
    /// How long they have waited then. Restate keeps a waiting invocation in its processes for a minute.
    pub waited: Duration,
    /// Calls until the folder is looked at.
    #[serde(skip)]
    pub footprints: Vec<(Workload, usize)>,
    #[serde(skip)]
    pub equal_loads: Vec<Workload>,
    pub equal_rounds: usize,
}

/// Callers of Abide alone: enough to see commits share a sync.
pub const GROUP_CONCURRENCY: [usize; 4] = [1, 10, 64, 256];
pub const GROUP_WORKLOADS: [Workload; 2] = [Workload::Greet, Workload::Steps3];

impl Plan {
    pub fn new(wanted: &Compare) -> Self {
        let mut plan = if wanted.quick { Self::quick() } else { Self::full() };
        if let Some(rounds) = wanted.rounds {
            plan.rounds = rounds.max(1);
        }
        if let Some(seconds) = wanted.seconds {
            plan.per_measurement = Duration::from_secs_f64(seconds.clamp(0.1, 3600.0));
        }
        if !wanted.workload.is_empty() {
            plan.workloads.clone_from(&wanted.workload);
        }
        if !wanted.concurrency.is_empty() {
            plan.concurrency.clone_from(&wanted.concurrency);
        }
        if wanted.load_only {
            plan = Self { sleeper_rounds: 0, waiting: 0, footprints: vec![], equal_rounds: 0, ..plan };
        }
        plan
    }

    fn full() -> Self {
        Self {
            rounds: 5,
            per_measurement: Duration::from_secs(5),
            warm_up: Duration::from_secs(2),
            settle: Duration::from_secs(5),
            workloads: Workload::ALL.to_vec(),
            concurrency: vec![1, 10, 64],
            is_apart: true,
            sleepers: 1000,
            sleep: Duration::from_secs(20),
            sleeper_rounds: 5,
            waiting: 10_000,
            waited: Duration::from_secs(75),
            footprints: vec![(Workload::Greet, 50_000), (Workload::Steps10, 10_000)],
            equal_loads: Workload::ALL.to_vec(),
            equal_rounds: 3,
        }
    }

    fn quick() -> Self {
        Self {
            rounds: 2,
            per_measurement: Duration::from_millis(800),
            warm_up: Duration::from_millis(400),
            settle: Duration::from_secs(1),
            is_apart: false,
            sleep: Duration::from_secs(10),
            sleeper_rounds: 1,
            waiting: 1000,
            waited: Duration::from_secs(3),
            footprints: vec![(Workload::Greet, 20_000)],
            equal_loads: vec![Workload::Greet],
            equal_rounds: 1,
            ..Self::full()
        }
    }

    /// Returns the workloads that share a server.
    pub fn groups(&self) -> Vec<Vec<Workload>> {
        let size = if self.is_apart { 1 } else { self.workloads.len().max(1) };
        self.workloads.chunks(size).map(<[Workload]>::to_vec).collect()
    }
}
