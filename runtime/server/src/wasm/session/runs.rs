//! The run blocks of an attempt: which may start, which have to wait, and which have reported.

use abide_core::ids::OpId;
use abide_core::retry::RetryPolicy;
use abide_core::time::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Executing,
    /// Its result, or its failure, is on the way to the journal.
    Reported,
}

#[derive(Debug)]
struct RunBlock {
    state: State,
    policy: Option<RetryPolicy>,
    /// When its closure was last asked to be executed.
    started: Option<Instant>,
}

/// What is known of a closure that came to its end.
#[derive(Debug)]
pub struct Reported {
    /// The policy of the block itself.
    pub policy: Option<RetryPolicy>,
    pub took: Duration,
}

/// The run blocks that the guest waits for.
#[derive(Debug)]
pub struct Runs {
    blocks: BTreeMap<OpId, RunBlock>,
    /// Until when those that failed have to wait.
    held: HashMap<OpId, Timestamp>,
    allowed_until: OpId,
}

impl Runs {
    pub fn new(held: &[(OpId, Timestamp)]) -> Self {
        Self { blocks: BTreeMap::new(), held: held.iter().copied().collect(), allowed_until: 0 }
    }

    /// The guest opens a run block.
    pub fn open(&mut self, op: OpId, policy: Option<RetryPolicy>) {
        self.blocks.insert(op, RunBlock { state: State::Waiting, policy, started: None });
    }

    /// The guest does not wait for it any more.
    pub fn close(&mut self, op: OpId) {
        self.blocks.remove(&op);
    }

    pub fn contains(&self, op: OpId) -> bool {
        self.blocks.contains_key(&op)
    }

    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// The block failed, and waits until then.
    pub fn hold(&mut self, op: OpId, retry_at: Timestamp) {
        self.held.insert(op, retry_at);
        if let Some(run) = self.blocks.get_mut(&op) {
            run.state = State::Waiting;
        }
    }

    /// Blocks below `until` are durable.
    pub fn allow(&mut self, until: OpId) {
        self.allowed_until = self.allowed_until.max(until);
    }

    /// Returns a block whose closure has to be executed now, if there is one.
    pub fn start_next(&mut self, now: Timestamp) -> Option<OpId> {
        let may_start = |op: &OpId| *op < self.allowed_until && !self.is_held(*op, now);
        let op = self.waiting().find(may_start)?;
        let run = self.blocks.get_mut(&op)?;
        run.state = State::Executing;
        run.started = Some(Instant::now());
        Some(op)
    }

    pub fn is_executing(&self, op: OpId) -> bool {
        self.blocks.get(&op).is_some_and(|run| run.state == State::Executing)
    }

    /// The closure came to its end.
    pub fn report(&mut self, op: OpId) -> wasmtime::Result<Reported> {
        match self.blocks.get_mut(&op) {
            Some(run) if run.state == State::Executing => {
                run.state = State::Reported;
                let took = run.started.map_or(Duration::ZERO, |started| started.elapsed());
                Ok(Reported { policy: run.policy.clone(), took })
            }
            _ => wasmtime::bail!("a result for operation {op}, which was not asked to execute"),
        }
    }

    /// Says whether the engine will be heard of one of them without anybody's doing.
    pub fn are_under_way(&self, now: Timestamp) -> bool {
        self.blocks.iter().any(|(op, run)| match run.state {
            State::Reported => true,
            State::Waiting => !self.is_held(*op, now),
            State::Executing => false,
        })
    }

    /// Says whether some have not started.
    pub fn are_waiting(&self) -> bool {
        self.waiting().next().is_some()
    }

    /// Returns when the first of the held blocks may start.
    pub fn first_retry(&self) -> Option<Timestamp> {
        self.waiting().filter_map(|op| self.held.get(&op).copied()).min()
    }

    fn waiting(&self) -> impl Iterator<Item = OpId> {
        self.blocks.iter().filter(|(_, run)| run.state == State::Waiting).map(|(op, _)| *op)
    }

    /// Says whether a block that failed has to wait still.
    fn is_held(&self, op: OpId, now: Timestamp) -> bool {
        self.held.get(&op).is_some_and(|retry_at| *retry_at > now)
    }
}
