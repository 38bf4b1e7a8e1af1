//! One partition: its rows as they are, its rows as the disk has them, and the commits in between.

use super::coverage::Coverage;
use super::history::History;
use super::steps;
use super::table::{self, Table};
use super::writes::{self, Cause};
use super::{invocations, objects};
use abide_core::command::{Command, Timer};
use abide_core::effect::{Effect, Gate};
use abide_core::ids::{CANCEL_OP, InvocationId};
use abide_core::rows::{Row, RowKey, Rows};
use abide_core::step::{Place, step};
use abide_core::target::ObjectKey;
use abide_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

#[derive(Default)]
pub struct Partition {
    /// What the driver steps on: all commits, durable or not.
    pub latest: Table,
    /// What is left after a crash.
    pub durable: Table,
    /// Commits that are not durable yet, the oldest first.
    pub commits: VecDeque<Commit>,
    pub inbox: VecDeque<Command>,
    pub timers: BTreeSet<Timer>,
    /// How often each invocation has begun a life here, in commits that were lost too.
    pub births: BTreeMap<InvocationId, u64>,
}

/// A transaction, and what may happen once it is durable.
pub struct Commit {
    steps: Vec<Step>,
    effects: Vec<Effect>,
}

/// A command, a follow-up or not, and what it changed.
pub struct Step {
    pub now: Timestamp,
    pub command: Command,
    /// In the order of their keys.
    pub writes: Vec<(RowKey, Option<Row>)>,
}

impl Step {
    pub fn write(&self, key: &RowKey) -> Option<&Row> {
        let place = self.writes.binary_search_by(|(written, _)| written.cmp(key)).ok()?;
        self.writes[place].1.as_ref()
    }
}

/// Whom a command has touched.
#[derive(Default)]
struct Touched {
    invocations: BTreeSet<InvocationId>,
    cancelled: BTreeSet<InvocationId>,
    objects: BTreeSet<ObjectKey>,
}

impl Partition {
    pub fn new(rows: &Table) -> Self {
        Self { latest: rows.clone(), durable: rows.clone(), ..Self::default() }
    }

    /// Steps through up to `commands` commands in one transaction and returns the open effects.
    pub fn transact(&mut self, place: Place, commands: usize, coverage: &mut Coverage) -> Vec<Effect> {
        let mut commit = Commit { steps: Vec::new(), effects: Vec::new() };
        let mut open = Vec::new();
        for _ in 0..commands {
            let Some(command) = self.inbox.pop_front() else { break };
            for effect in self.apply(place, command, &mut commit.steps, coverage) {
                match effect.gate() {
                    Gate::Open => open.push(effect),
                    Gate::Durable => commit.effects.push(effect),
                }
            }
        }
        // A transaction without writes is a commit too: what it tells waits for those before it.
        self.commits.push_back(commit);
        open
    }

    /// Applies a command and its follow-ups.
    fn apply(
        &mut self,
        place: Place,
        command: Command,
        steps: &mut Vec<Step>,
        coverage: &mut Coverage,
    ) -> Vec<Effect> {
        let is_resumed = matches!(command, Command::Resume(_));
        let is_purged = matches!(command, Command::Purge { .. } | Command::PurgeJournal { .. });
        let mut touched = Touched::default();
        let mut effects = Vec::new();
        let mut pending = VecDeque::from([command]);
        while let Some(command) = pending.pop_front() {
            coverage.see_command(place, &command);
            let mut rows = Rows::load(command.reads(), |key| table::get(&self.latest, key));
            let followed = step(place, &mut rows, command.clone());
            let step = Step { now: place.now, command, writes: rows.into_writes() };
            let cause = Cause { command: &step.command, now: place.now, is_resumed, is_purged };
            step.writes.iter().for_each(|(key, row)| {
                writes::check(&self.latest, key, row.as_ref(), &cause);
                coverage.see_write(key, row.as_ref());
                touched.add(key, row.as_ref());
            });
            steps::check(&self.latest, &step, &followed);
            if let Command::CompleteAwakeable { awakeable, .. } = &step.command {
                let is_other = table::live(&self.latest, awakeable.invocation)
                    .is_some_and(|row| row.birth != awakeable.birth);
                coverage.count_if(!step.writes.is_empty(), "seen awakeable-completed");
                coverage.count_if(is_other, "seen awakeable-of-other-life");
            }
            if let Command::Restart(restart) = &step.command {
                let is_in_the_middle = restart.entries_kept > 0 && !step.writes.is_empty();
                coverage.count_if(is_in_the_middle, "seen restarted-in-the-middle");
            }
            if let Command::Append(append) = &step.command {
                let starts = followed.iter().any(|effect| matches!(effect, Effect::StartAttempt(_)));
                coverage.count_if(starts && !append.finished.is_empty(), "seen overtaken");
                let has_read = append.entries.iter().any(|ask| ask.read.is_some());
                coverage.count_if(starts && has_read, "seen misread");
            }
            self.stage(&step.writes, coverage);
            steps.push(step);
            for effect in followed {
                coverage.see_effect(&effect);
                match effect {
                    Effect::Then(next) => pending.push_back(next),
                    other => effects.push(other),
                }
            }
        }
        touched.invocations.iter().for_each(|id| invocations::check(&self.latest, *id));
        touched.cancelled.iter().for_each(|id| invocations::check_cancelled(&self.latest, *id));
        touched.objects.iter().for_each(|object| objects::check(&self.latest, object));
        effects
    }

    fn stage(&mut self, writes: &[(RowKey, Option<Row>)], coverage: &mut Coverage) {
        for (key, row) in writes {
            if let (RowKey::Invocation(id), Some(_)) = (key, row)
                && !self.latest.contains_key(key)
            {
                let births = self.births.entry(*id).or_default();
                *births += 1;
                if *births > 1 {
                    coverage.count("seen reborn");
                }
            }
            table::put(&mut self.latest, key.clone(), row.clone());
        }
    }

    /// Makes the oldest commit durable and returns what may happen now.
    pub fn make_durable(&mut self, history: &mut History) -> Vec<Effect> {
        let Some(commit) = self.commits.pop_front() else { return Vec::new() };
        for step in commit.steps {
            history.observe(&self.durable, &step);
            for (key, row) in step.writes {
                table::put(&mut self.durable, key, row);
            }
        }
        commit.effects
    }

    /// The process ends: only what is durable is left.
    pub fn crash(&mut self) {
        for step in std::mem::take(&mut self.commits).into_iter().flat_map(|commit| commit.steps) {
            for (key, _) in step.writes {
                let row = self.durable.get(&key).cloned();
                table::put(&mut self.latest, key, row);
            }
        }
        self.inbox.clear();
        self.timers.clear();
    }
}

impl Touched {
    fn add(&mut self, key: &RowKey, row: Option<&Row>) {
        match key {
            RowKey::Invocation(id)
            | RowKey::Completed(id)
            | RowKey::Input(id)
            | RowKey::Answer(id)
            | RowKey::Entry(id, _)
            | RowKey::Listeners(id)
            | RowKey::Mailbox(id)
            | RowKey::Signal(id, _)
            | RowKey::Created(_, id) => _ = self.invocations.insert(*id),
            RowKey::Outcome(id, op) => {
                self.invocations.insert(*id);
                self.cancelled.extend((*op == CANCEL_OP).then_some(*id));
            }
            RowKey::Timer(timer) => _ = self.invocations.insert(timer.invocation),
            RowKey::Unclaimed(run) => _ = self.invocations.insert(*run),
            RowKey::KeyQueue(object) => {
                self.objects.insert(object.clone());
                if let Some(Row::KeyQueue(queue)) = row {
                    self.invocations.insert(queue.holder);
                }
            }
            RowKey::KeyWaiter(object, _) | RowKey::State(object, _) | RowKey::Promise(object, _) => {
                self.objects.insert(object.clone());
            }
            RowKey::Outbox(..)
            | RowKey::OutboxHead(_)
            | RowKey::OutboxTail(_)
            | RowKey::InboxMark(_)
            | RowKey::AttemptsPurged
            | RowKey::Service(_)
            | RowKey::Deployment(_)
            | RowKey::Names(_) => {}
        }
    }
}
