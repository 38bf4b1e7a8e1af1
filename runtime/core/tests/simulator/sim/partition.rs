//! One partition: its rows as they are, its rows as the disk has them, and the commits in between.

use super::coverage::Coverage;
use super::rules;
use super::table::{self, Table};
use abide_core::command::{Command, Timer};
use abide_core::effect::{Effect, Gate};
use abide_core::rows::{Row, RowKey, Rows};
use abide_core::step::{Place, step};
use std::collections::{BTreeSet, VecDeque};

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
}

/// A transaction, and what may happen once it is durable.
pub struct Commit {
    writes: Vec<(RowKey, Option<Row>)>,
    effects: Vec<Effect>,
}

impl Partition {
    pub fn new(rows: &Table) -> Self {
        Self { latest: rows.clone(), durable: rows.clone(), ..Self::default() }
    }

    /// Steps through up to `commands` commands in one transaction and returns the open effects.
    pub fn transact(&mut self, place: Place, commands: usize, coverage: &mut Coverage) -> Vec<Effect> {
        let mut commit = Commit { writes: Vec::new(), effects: Vec::new() };
        let mut open = Vec::new();
        for _ in 0..commands {
            let Some(command) = self.inbox.pop_front() else { break };
            let first_write = commit.writes.len();
            let is_resumed = matches!(command, Command::Resume { .. });
            let mut pending = VecDeque::from([command]);
            while let Some(command) = pending.pop_front() {
                coverage.see_command(place, &command);
                let mut rows = Rows::load(command.reads(), |key| self.latest.get(key).cloned());
                let effects = step(place, &mut rows, command);
                let before = commit.writes.len();
                commit.writes.extend(rows.into_writes());
                self.stage(&commit.writes[before..], is_resumed, coverage);
                for effect in effects {
                    coverage.see_effect(&effect);
                    match (effect.gate(), effect) {
                        (_, Effect::Then(next)) => pending.push_back(next),
                        (Gate::Open, effect) => open.push(effect),
                        (Gate::Durable, effect) => commit.effects.push(effect),
                    }
                }
            }
            for (key, _) in &commit.writes[first_write..] {
                rules::check_rest(&self.latest, key);
            }
        }
        // A transaction without writes is a commit too: what it tells waits for those before it.
        self.commits.push_back(commit);
        open
    }

    fn stage(&mut self, writes: &[(RowKey, Option<Row>)], is_resumed: bool, coverage: &mut Coverage) {
        for (key, row) in writes {
            rules::check_write(&self.latest, key, row.as_ref(), is_resumed);
            coverage.see_write(row.as_ref());
        }
        for (key, row) in writes {
            table::put(&mut self.latest, key.clone(), row.clone());
        }
        for (key, _) in writes {
            rules::check_lengths(&self.latest, key);
        }
    }

    /// Makes the oldest commit durable and returns what may happen now.
    pub fn make_durable(&mut self) -> Vec<Effect> {
        let Some(commit) = self.commits.pop_front() else { return Vec::new() };
        for (key, row) in commit.writes {
            table::put(&mut self.durable, key, row);
        }
        commit.effects
    }

    /// The process ends: only what is durable is left.
    pub fn crash(&mut self) {
        for commit in std::mem::take(&mut self.commits) {
            for (key, _) in commit.writes {
                let row = self.durable.get(&key).cloned();
                table::put(&mut self.latest, key, row);
            }
        }
        self.inbox.clear();
        self.timers.clear();
    }
}
