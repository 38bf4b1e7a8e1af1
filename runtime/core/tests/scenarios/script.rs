//! Runs a script against the core and tells what happened, line by line.
//!
//! | line                          | meaning                                                      |
//! |-------------------------------|--------------------------------------------------------------|
//! | `submit a svc/h [at 500]`     | the outside submits; a name is an invocation, `b@1` one of partition 1 |
//! | `append a: run pay; done 0 ok`| the guest asked for entries, finished (`done`, `bad`) or failed (`retry`) run blocks |
//! | `return a 42`, `fail a 404 no`, `crash a boom [after 50]`, `lost a`, `mismatch a` | an attempt ends |
//! | `suspend a 0,1 seen 2`, `awaits-retry a 0 seen 2` | an attempt waits for these operations, or for `any` |
//! | `advance 100`                 | time passes; timers that are due fire, the earliest first     |
//! | `clock 50`                    | the clock jumps; nothing fires                               |
//! | `fire a sleep 0`              | the shell says that this armed timer is due, early or again   |
//! | `resume a`                    | a person resumes                                             |
//! | `receive 0>1 #1`              | partition 1 gets message 1 of partition 0                    |
//! | `ack 1>0 #1`                  | partition 0 hears that partition 1 has applied up to 1        |
//!
//! `a#1` speaks for attempt 1 instead of the current one, `append a from 0: ...` for another place
//! in the journal. Effects that wait for the disk are printed with a `!`.

use crate::parse;
use crate::print;
use abide_core::command::{Command, Message, Timer};
use abide_core::effect::Effect;
use abide_core::ids::{DeploymentId, InvocationId, PartitionId};
use abide_core::invocation::{InvocationRow, Phase};
use abide_core::manifest::{
    HandlerManifest, HandlerMode, HandlerOptions, Payload, ServiceKind, ServiceManifest, ServiceRow,
};
use abide_core::retry::{OnMaxAttempts, RetryPolicy};
use abide_core::rows::{Row, RowKey, Rows};
use abide_core::step::{Place, step};
use abide_core::time::Timestamp;
use expect_test::Expect;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;

/// Runs the script and compares its story.
pub fn check(script: &str, story: Expect) {
    story.assert_eq(&tell(script));
}

fn tell(script: &str) -> String {
    let mut world = World::new();
    let mut story = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        writeln!(story, "> {line}").unwrap();
        let before = world.phases();
        for effect in parse::run(&mut world, line) {
            let mark = print::mark(&effect);
            writeln!(story, "{mark}{}", print::effect(&world, &effect)).unwrap();
        }
        for (id, phase) in world.phases() {
            if before.get(&id) != Some(&phase) {
                writeln!(story, "  = {}: {phase}", world.name(id)).unwrap();
            }
        }
        assert_eq!(world.idle_timers(), [], "timers nobody waits for, after {line}");
    }
    story
}

/// Two partitions whose writes are durable at once.
pub struct World {
    pub now: Timestamp,
    pub partitions: Vec<BTreeMap<RowKey, Row>>,
    pub names: BTreeMap<InvocationId, String>,
    pub timers: BTreeSet<Timer>,
    pub sent: BTreeMap<(u16, u16, u64), Message>,
}

impl World {
    fn new() -> Self {
        let rows: BTreeMap<_, _> =
            services().into_iter().map(|row| (RowKey::Service(row.0), Row::Service(row.1.into()))).collect();
        Self {
            now: Timestamp(0),
            partitions: vec![rows.clone(), rows],
            names: BTreeMap::new(),
            timers: BTreeSet::new(),
            sent: BTreeMap::new(),
        }
    }

    pub fn name(&self, id: InvocationId) -> &str {
        self.names.get(&id).expect("every id of a script has a name")
    }

    /// Returns the row of an invocation, live or completed.
    pub fn row(&self, id: InvocationId) -> Option<&InvocationRow> {
        let rows = &self.partitions[usize::from(id.partition(2).0)];
        match rows.get(&RowKey::Invocation(id)).or_else(|| rows.get(&RowKey::Completed(id)))? {
            Row::Invocation(row) => Some(row),
            other => panic!("not an invocation: {other:?}"),
        }
    }

    fn phases(&self) -> BTreeMap<InvocationId, String> {
        let row = |id: &InvocationId| Some((*id, print::invocation(self.row(*id)?)));
        self.names.keys().filter_map(row).collect()
    }

    /// Returns the stored timers of invocations that have ended.
    fn idle_timers(&self) -> Vec<Timer> {
        let ended = |timer: &Timer| {
            self.row(timer.invocation).is_none_or(|row| matches!(row.phase, Phase::Completed { .. }))
        };
        let timers = self.partitions.iter().flat_map(BTreeMap::keys).filter_map(|key| match key {
            RowKey::Timer(timer) => Some(*timer),
            _ => None,
        });
        timers.filter(ended).collect()
    }

    /// Applies a command with all its follow-ups, and returns the other effects.
    pub fn apply(&mut self, partition: u16, command: Command) -> Vec<Effect> {
        let place = Place { now: self.now, partition: PartitionId(partition), partitions: 2 };
        let mut queue = VecDeque::from([command]);
        let mut effects = Vec::new();
        while let Some(command) = queue.pop_front() {
            let stored = &mut self.partitions[usize::from(partition)];
            let mut rows = Rows::load(command.reads(), |key| stored.get(key).cloned());
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
            }
            _ => {}
        }
    }
}

/// The services every script can call: `svc` with handlers of different patience.
fn services() -> Vec<(String, ServiceRow)> {
    let handlers = vec![
        handler("h", None, OnMaxAttempts::Pause),
        handler("pauses", Some(2), OnMaxAttempts::Pause),
        handler("kills", Some(2), OnMaxAttempts::Kill),
    ];
    let manifest = ServiceManifest {
        name: "svc".into(),
        kind: ServiceKind::Service,
        handlers,
        docs: None,
        is_private: false,
    };
    let deployment = DeploymentId::from_digest(1);
    vec![("svc".into(), ServiceRow { deployment, revision: 1, manifest })]
}

fn handler(name: &str, max_attempts: Option<u32>, on_max_attempts: OnMaxAttempts) -> HandlerManifest {
    let mut options = HandlerOptions::default();
    options.retry.policy = RetryPolicy {
        initial_interval_ms: 100,
        factor_milli: 2_000,
        max_interval_ms: None,
        max_attempts,
        max_duration_ms: None,
    };
    options.retry.on_max_attempts = on_max_attempts;
    HandlerManifest {
        name: name.into(),
        mode: HandlerMode::Shared,
        input: Payload::default(),
        output: Payload::default(),
        docs: None,
        options,
    }
}
