//! The world around the core: partitions, sessions, the network and the clock.

use super::catalogue;
use super::coverage::Coverage;
use super::outside::Outside;
use super::partition::Partition;
use super::rng::Rng;
use super::session::Session;
use super::table::{Table, all_live};
use super::{Plan, moves};
use abide_core::command::{Command, End, Ended, Timer, TimerKind};
use abide_core::ids::{Attempt, InvocationId, PartitionId};
use abide_core::rows::{Row, RowKey};
use abide_core::step::Place;
use abide_core::time::Timestamp;
use std::collections::{BTreeMap, VecDeque};

/// Old words and timers that are kept.
pub const OLD_MAX: usize = 16;
/// Commands of one transaction at most.
const BATCH_MAX: u64 = 4;

pub struct World {
    pub rng: Rng,
    pub now: Timestamp,
    pub partitions: Vec<Partition>,
    pub sessions: BTreeMap<InvocationId, Session>,
    /// Sessions that were given up and still talk.
    pub ghosts: Vec<(InvocationId, Session)>,
    /// The last attempt of each invocation since its partition began.
    pub attempts: BTreeMap<InvocationId, Attempt>,
    /// On their way to a partition.
    pub packets: Vec<(PartitionId, Command)>,
    pub outside: Outside,
    pub coverage: Coverage,
    /// How often each move is made; differs from seed to seed.
    pub weights: Vec<u64>,
    /// What guests said some time ago, to be said again, and in which life.
    pub old_words: VecDeque<(Command, u64)>,
    /// Timers that have fired some time ago, to fire again.
    pub old_timers: VecDeque<Timer>,
    pub is_healed: bool,
    pub moves: u64,
}

impl World {
    pub fn new(plan: Plan) -> Self {
        let mut rng = Rng::new(plan.seed);
        let rows: Table = catalogue::services().into_iter().collect();
        let weights = moves::weights(&mut rng);
        Self {
            rng,
            now: Timestamp(1_000_000),
            partitions: (0..plan.partitions).map(|_| Partition::new(&rows)).collect(),
            sessions: BTreeMap::new(),
            ghosts: Vec::new(),
            attempts: BTreeMap::new(),
            packets: Vec::new(),
            outside: Outside::default(),
            coverage: Coverage::default(),
            weights,
            old_words: VecDeque::new(),
            old_timers: VecDeque::new(),
            is_healed: false,
            moves: 0,
        }
    }

    pub fn partition_of(&self, id: InvocationId) -> usize {
        usize::from(id.partition(self.partitions.len() as u16).0)
    }

    /// Returns the rows of the partition that owns an invocation.
    pub fn table_of(&self, id: InvocationId) -> &Table {
        &self.partitions[self.partition_of(id)].latest
    }

    pub fn inbox(&mut self, id: InvocationId, command: Command) {
        let owner = self.partition_of(id);
        self.partitions[owner].inbox.push_back(command);
    }

    /// The driver of a partition takes a batch of commands.
    pub fn drive(&mut self, partition: usize) {
        let partitions = self.partitions.len() as u16;
        let place = Place { now: self.now, partition: PartitionId(partition as u16), partitions };
        let commands = 1 + self.rng.below(BATCH_MAX) as usize;
        let effects = self.partitions[partition].transact(place, commands, &mut self.coverage);
        self.run_all(partition, effects);
    }

    /// The disk of a partition has written its oldest commit.
    pub fn make_durable(&mut self, partition: usize) {
        let effects = self.partitions[partition].make_durable(&mut self.outside.history);
        self.run_all(partition, effects);
    }

    /// The timers that are due tell their drivers.
    pub fn fire_timers(&mut self) {
        for partition in &mut self.partitions {
            let nobody = InvocationId { unique: 0, partition_key: 0 };
            let later = Timer { at: self.now.plus_millis(1), invocation: nobody, kind: TimerKind::Begin };
            let later = partition.timers.split_off(&later);
            let due = std::mem::replace(&mut partition.timers, later);
            self.old_timers.extend(&due);
            partition.inbox.extend(due.into_iter().map(Command::TimerDue));
        }
        let too_many = self.old_timers.len().saturating_sub(OLD_MAX);
        self.old_timers.drain(..too_many);
    }

    /// The process ends and begins again with what is durable.
    pub fn crash(&mut self) {
        self.packets.clear();
        (0..self.partitions.len()).for_each(|partition| self.crash_one(partition));
    }

    /// As `crash`, for the process of one partition.
    pub fn crash_one(&mut self, partition: usize) {
        let end = if self.rng.chance(25) { End::Stopped } else { End::Lost };
        self.old_words.clear();
        self.old_timers.clear();
        self.partitions[partition].crash();
        let owners = self.partitions.len() as u16;
        let is_elsewhere = |id: &InvocationId| usize::from(id.partition(owners).0) != partition;
        self.sessions.retain(|id, _| is_elsewhere(id));
        self.attempts.retain(|id, _| is_elsewhere(id));
        self.ghosts.retain(|(id, _)| is_elsewhere(id));
        self.recover(partition, &end);
    }

    fn recover(&mut self, partition: usize, end: &End) {
        let recovered = &mut self.partitions[partition];
        assert_eq!(recovered.latest.len(), recovered.durable.len());
        for (invocation, row) in all_live(&recovered.durable) {
            if let Some(attempt) = row.running_attempt() {
                let end = end.clone();
                recovered.inbox.push_back(Command::Ended(Ended { invocation, attempt, end, jitter: 0 }));
            }
        }
        let timers = recovered.durable.keys().filter_map(|key| match key {
            RowKey::Timer(timer) => Some(*timer),
            _ => None,
        });
        recovered.timers.extend(timers);
        self.retransmit(partition);
    }

    /// Sends again what is not acknowledged, as far as it is durable.
    pub fn retransmit(&mut self, partition: usize) {
        let from = PartitionId(partition as u16);
        for (key, row) in &self.partitions[partition].durable {
            if let (RowKey::Outbox(to, sequence), Row::Outbox(message)) = (key, row) {
                let (sequence, message) = (*sequence, message.clone());
                self.packets.push((*to, Command::Receive { from, sequence, message }));
            }
        }
    }
}
