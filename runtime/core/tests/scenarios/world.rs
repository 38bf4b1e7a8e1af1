//! The world of a script: partitions whose writes are durable at once, and messages between them.

use crate::{print, services};
use abide_core::command::{Command, Message, Ticket, Timer};
use abide_core::effect::Effect;
use abide_core::ids::{DeploymentId, InvocationId, PartitionId};
use abide_core::invocation::InvocationRow;
use abide_core::limits::STATE_NAMES_READ;
use abide_core::manifest::ServiceManifest;
use abide_core::rows::{Row, RowKey, Rows};
use abide_core::step::{Place, step};
use abide_core::target::ObjectKey;
use abide_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub type Phases = BTreeMap<InvocationId, String>;

pub struct World {
    pub now: Timestamp,
    pub partitions: Vec<BTreeMap<RowKey, Row>>,
    pub names: BTreeMap<InvocationId, String>,
    pub timers: BTreeSet<Timer>,
    /// Everything that was transmitted, by sender, receiver and sequence.
    pub sent: BTreeMap<(u16, u16, u64), Message>,
    /// What `exchange` has to bring: a message, or the acknowledgement of one.
    pub under_way: VecDeque<UnderWay>,
    /// Of the last request.
    pub ticket: Ticket,
    /// The owner of an object is that of its invocations.
    owners: BTreeMap<ObjectKey, u64>,
}

#[derive(Clone, Copy)]
pub enum UnderWay {
    Message { from: u16, to: u16, sequence: u64 },
    Acknowledgement { by: u16, to: u16, sequence: u64 },
}

impl World {
    pub fn new(partitions: usize) -> Self {
        let mut world = Self {
            now: Timestamp(0),
            partitions: vec![BTreeMap::new(); partitions],
            names: BTreeMap::new(),
            timers: BTreeSet::new(),
            sent: BTreeMap::new(),
            under_way: VecDeque::new(),
            ticket: 0,
            owners: BTreeMap::new(),
        };
        services::all().into_iter().for_each(|manifest| world.deploy(manifest));
        world
    }

    /// Offers a service to every partition.
    pub fn deploy(&mut self, manifest: ServiceManifest) {
        let key = RowKey::Service(manifest.name.clone());
        let row = Row::Service(services::row(manifest).into());
        for rows in &mut self.partitions {
            rows.insert(key.clone(), row.clone());
        }
    }

    /// Makes a deployment known that nothing new begins on.
    pub fn upload(&mut self, id: DeploymentId, services: Vec<ServiceManifest>) {
        let row = Row::Deployment(services::deployment(services).into());
        for rows in &mut self.partitions {
            rows.insert(RowKey::Deployment(id.clone()), row.clone());
        }
    }

    pub fn undeploy(&mut self, name: &str) {
        for rows in &mut self.partitions {
            rows.remove(&RowKey::Service(name.to_owned()));
        }
    }

    pub fn name(&self, id: InvocationId) -> &str {
        self.names.get(&id).expect("every id of a script has a name")
    }

    pub fn owner(&self, id: InvocationId) -> u16 {
        id.partition(self.partitions.len() as u16).0
    }

    /// Checks that a script has all invocations of an object in one place.
    pub fn assert_owner(&mut self, object: ObjectKey, id: InvocationId) {
        let message = format!("{object} was used in another partition than that of {}", self.name(id));
        let owner = self.owners.entry(object).or_insert(id.partition_key);
        assert_eq!(*owner, id.partition_key, "{message}");
    }

    /// Returns the row of an invocation, live or completed.
    pub fn row(&self, id: InvocationId) -> Option<&InvocationRow> {
        row(&self.partitions[usize::from(self.owner(id))], id)
    }

    pub fn phases(&self) -> Phases {
        let row = |id: &InvocationId| Some((*id, print::invocation(self.row(*id)?)));
        self.names.keys().filter_map(row).collect()
    }

    /// Applies a command with all its follow-ups at the owner of an invocation.
    pub fn apply_at(&mut self, id: InvocationId, command: Command) -> Vec<Effect> {
        self.apply(self.owner(id), command)
    }

    /// Applies a command with all its follow-ups, and returns the other effects.
    pub fn apply(&mut self, partition: u16, command: Command) -> Vec<Effect> {
        let partitions = self.partitions.len() as u16;
        let place = Place { now: self.now, partition: PartitionId(partition), partitions };
        let mut queue = VecDeque::from([command]);
        let mut effects = Vec::new();
        while let Some(command) = queue.pop_front() {
            let stored = &mut self.partitions[usize::from(partition)];
            let mut rows = Rows::load(command.reads(), |key| load(stored, key));
            let stepped = step(place, &mut rows, command);
            for (key, row) in rows.into_writes() {
                match row {
                    Some(row) => stored.insert(key, row),
                    None => stored.remove(&key),
                };
            }
            for effect in stepped {
                match effect {
                    Effect::Then(next) => queue.push_back(next),
                    other => effects.push(other),
                }
            }
        }
        for effect in &effects {
            self.remember(partition, effect);
        }
        effects
    }

    fn remember(&mut self, partition: u16, effect: &Effect) {
        match effect {
            Effect::ArmTimer(timer) => {
                self.timers.insert(*timer);
            }
            Effect::Transmit { to, sequence, message } => {
                self.sent.insert((partition, to.0, *sequence), message.clone());
                let message = UnderWay::Message { from: partition, to: to.0, sequence: *sequence };
                self.under_way.push_back(message);
            }
            Effect::Acknowledge { to, sequence } => {
                let said = UnderWay::Acknowledgement { by: partition, to: to.0, sequence: *sequence };
                self.under_way.push_back(said);
            }
            _ => {}
        }
    }
}

/// Returns the row of an invocation, live or completed, among those of its owner.
pub fn row(rows: &BTreeMap<RowKey, Row>, id: InvocationId) -> Option<&InvocationRow> {
    match rows.get(&RowKey::Invocation(id)).or_else(|| rows.get(&RowKey::Completed(id)))? {
        Row::Invocation(row) => Some(row),
        other => panic!("not an invocation: {other:?}"),
    }
}

fn load(stored: &BTreeMap<RowKey, Row>, key: &RowKey) -> Option<Row> {
    let RowKey::Names(of) = key else { return stored.get(key).cloned() };
    let names = stored.keys().filter_map(|key| key.name_in(of)).take(STATE_NAMES_READ);
    Some(Row::Names(names.map(str::to_owned).collect()))
}
