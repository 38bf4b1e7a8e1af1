//! The world around the core: partitions, sessions, the network, the clock, and the shell that runs
//! effects.

use super::coverage::Coverage;
use super::outside::Outside;
use super::partition::Partition;
use super::program::{KILLS, PATIENT, PAUSES, SERVICE, quick_policy};
use super::rng::Rng;
use super::session::{Session, Tell};
use super::table::{Table, all_live};
use super::{Plan, model};
use abide_core::command::{Command, End, Timer};
use abide_core::effect::{AttemptStart, Effect};
use abide_core::ids::{Attempt, DeploymentId, InvocationId, PartitionId};
use abide_core::manifest::{
    HandlerManifest, HandlerMode, HandlerOptions, Payload, ServiceKind, ServiceManifest, ServiceRow,
};
use abide_core::retry::{HandlerRetry, OnMaxAttempts, RetryPolicy};
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
    /// On their way to a partition.
    pub packets: Vec<(PartitionId, Command)>,
    pub outside: Outside,
    pub coverage: Coverage,
    /// How often each move is made; differs from seed to seed.
    pub weights: Vec<u64>,
    /// What guests said some time ago, to be said again.
    pub old_words: VecDeque<Command>,
    /// Timers that have fired some time ago, to fire again.
    pub old_timers: VecDeque<Timer>,
    pub is_healed: bool,
    pub moves: u64,
}

impl World {
    pub fn new(plan: Plan) -> Self {
        let mut rng = Rng::new(plan.seed);
        let rows = Table::from([(RowKey::Service(SERVICE.into()), Row::Service(service().into()))]);
        let weights = super::moves::weights(&mut rng);
        Self {
            rng,
            now: Timestamp(1_000_000),
            partitions: (0..plan.partitions).map(|_| Partition::new(&rows)).collect(),
            sessions: BTreeMap::new(),
            ghosts: Vec::new(),
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
        let effects = self.partitions[partition].make_durable();
        self.run_all(partition, effects);
    }

    fn run_all(&mut self, partition: usize, effects: Vec<Effect>) {
        for effect in effects {
            self.run(partition, effect);
        }
    }

    fn run(&mut self, partition: usize, effect: Effect) {
        let from = PartitionId(partition as u16);
        let durable = &self.partitions[partition].durable;
        match effect {
            Effect::Then(command) => unreachable!("handled in its transaction: {command:?}"),
            Effect::StartAttempt(start) => self.start(partition, start),
            Effect::StopAttempt { invocation, attempt } => self.tell(invocation, attempt, Tell::Stop),
            Effect::Deliver { invocation, attempt, settled } => {
                self.tell(invocation, attempt, Tell::Settled(settled));
            }
            Effect::HoldRun { invocation, attempt, op, retry_at } => {
                self.tell(invocation, attempt, Tell::Hold { op, retry_at });
            }
            Effect::Release { invocation, attempt, until } => {
                self.tell(invocation, attempt, Tell::Release { until });
            }
            Effect::ArmTimer(timer) => {
                self.partitions[partition].timers.insert(timer);
            }
            Effect::Accepted { invocation } => self.outside.is_accepted(durable, invocation),
            Effect::Reply { invocation, answer } => self.outside.is_replied(durable, invocation, answer),
            Effect::Transmit { to, sequence, message } => {
                let stored = durable.get(&RowKey::Outbox(to, sequence));
                assert_eq!(stored, Some(&Row::Outbox(message.clone())), "sent before it is durable");
                self.packets.push((to, Command::Receive { from, sequence, message }));
            }
            Effect::Acknowledge { to, sequence } => {
                let applied = super::table::counter(durable, &RowKey::InboxMark(to));
                assert!(applied >= sequence, "acknowledged before it is durable");
                self.packets.push((to, Command::Acknowledged { by: from, sequence }));
            }
        }
    }

    fn start(&mut self, partition: usize, mut start: AttemptStart) {
        let id = start.invocation;
        if let Some(other) = self.sessions.get(&id) {
            assert!(other.is_told_to_stop(), "two attempts of {id} run at once");
        }
        let input = match start.input.take() {
            Some(input) => input,
            None => match self.partitions[partition].latest.get(&RowKey::Input(id)) {
                Some(Row::Input(input)) => input.clone(),
                other => panic!("the input of {id} is missing: {other:?}"),
            },
        };
        let seed = self.rng.number();
        self.sessions.insert(id, Session::new(start, &input.body, seed));
    }

    fn tell(&mut self, id: InvocationId, attempt: Attempt, tell: Tell) {
        if let Some(session) = self.sessions.get_mut(&id).filter(|session| session.attempt == attempt) {
            session.mailbox.push_back(tell);
        }
    }

    /// The timers that are due tell their drivers.
    pub fn fire_timers(&mut self) {
        for partition in &mut self.partitions {
            let nobody = InvocationId { unique: 0, partition_key: 0 };
            let kind = abide_core::command::TimerKind::Begin;
            let later = Timer { at: self.now.plus_millis(1), invocation: nobody, kind };
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
        self.old_words.clear();
        self.old_timers.clear();
        self.partitions[partition].crash();
        let owners = self.partitions.len() as u16;
        self.sessions.retain(|id, _| usize::from(id.partition(owners).0) != partition);
        self.ghosts.retain(|(id, _)| usize::from(id.partition(owners).0) != partition);
        self.recover(partition);
        let tables: Vec<&Table> = self.partitions.iter().map(|partition| &partition.durable).collect();
        self.outside.check(&tables);
    }

    fn recover(&mut self, partition: usize) {
        let recovered = &mut self.partitions[partition];
        assert_eq!(recovered.latest.len(), recovered.durable.len());
        for (invocation, row) in all_live(&recovered.durable) {
            if let Some(attempt) = row.running_attempt() {
                let end = End::Lost;
                recovered.inbox.push_back(Command::Ended { invocation, attempt, end, jitter: 0 });
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

    /// Compares everything with the model and returns what happened.
    pub fn check_at_the_end(self) -> super::Report {
        let tables: Vec<&Table> = self.partitions.iter().map(|partition| &partition.durable).collect();
        self.outside.check(&tables);
        let invocations = model::check(&tables, &self.outside);
        super::Report { coverage: self.coverage, moves: self.moves, invocations }
    }
}

/// The service of the simulation, with handlers of different patience.
fn service() -> ServiceRow {
    let handlers = vec![
        handler(PATIENT, None, OnMaxAttempts::Pause),
        handler(PAUSES, Some(2), OnMaxAttempts::Pause),
        handler(KILLS, Some(3), OnMaxAttempts::Kill),
    ];
    let (name, kind) = (SERVICE.to_owned(), ServiceKind::Service);
    let manifest = ServiceManifest { name, kind, handlers, docs: None, is_private: false };
    ServiceRow { deployment: DeploymentId::from_digest(1), revision: 1, manifest }
}

fn handler(name: &str, max_attempts: Option<u32>, on_max_attempts: OnMaxAttempts) -> HandlerManifest {
    let retry = HandlerRetry { policy: RetryPolicy { max_attempts, ..quick_policy() }, on_max_attempts };
    HandlerManifest {
        name: name.into(),
        mode: HandlerMode::Shared,
        input: Payload::default(),
        output: Payload::default(),
        docs: None,
        options: HandlerOptions { retry, is_private: false },
    }
}
