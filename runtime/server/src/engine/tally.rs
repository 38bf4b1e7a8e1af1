//! The tally of a driver: what a step changed, as numbers.
//!
//! It looks at a command and its rows before the step, and at what the step wrote; the core does not know
//! of it. Additions without a lock, nothing else: it runs for each command.

use super::{Load, Parts, telling};
use crate::logs::GuestLogs;
use crate::metrics::{Handler, Metrics, NOT_DEPLOYED, Partition, Result};
use crate::traces::Traces;
use abide_core::command::{Command, Ended};
use abide_core::effect::Effect;
use abide_core::ids::{InvocationId, PartitionId};
use abide_core::invocation::{InvocationRow, Origin, Phase};
use abide_core::manifest::ServiceRow;
use abide_core::rows::{Row, RowKey, Rows};
use abide_core::target::Target;
use abide_core::time::Timestamp;
use abide_store::{Store, View, codec, keys};
use std::collections::HashMap;
use std::sync::Arc;

/// What a step was about, as far as its rows do not tell afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    Submit(InvocationId),
    /// The first attempt of an invocation that was to begin at this time.
    FirstAttempt {
        invocation: InvocationId,
        due_at: Timestamp,
    },
    Cancel,
    Kill,
    Other,
}

impl About {
    /// Returns how an invocation ended, in a step that was about this.
    pub fn result(self, row: &InvocationRow) -> Result {
        let is_failure = matches!(row.phase, Phase::Completed { is_failure: true, .. });
        match self {
            Self::Kill => Result::Killed,
            // One that had not begun ends with the cancellation: there is nothing to undo.
            Self::Cancel => Result::Cancelled,
            Self::Submit(_) | Self::FirstAttempt { .. } | Self::Other => match (is_failure, row.cancelled) {
                (false, _) => Result::Success,
                (true, Some(_)) => Result::Cancelled,
                (true, None) => Result::Failure,
            },
        }
    }
}

pub struct Tally {
    metrics: Arc<Metrics>,
    load: Arc<Load>,
    logs: GuestLogs,
    traces: Traces,
    pub partition: Arc<Partition>,
    /// The counters of the handlers that came by, by service.
    known: HashMap<String, HashMap<String, Arc<Handler>>>,
    not_deployed: Arc<Handler>,
}

impl Tally {
    pub fn new(parts: &Parts, partition: PartitionId) -> Self {
        let Parts { metrics, load, logs, traces, .. } = parts;
        let (metrics, load) = (metrics.clone(), load.clone());
        let (logs, traces) = (logs.clone(), traces.clone());
        let not_deployed = metrics.engine.handlers.of(NOT_DEPLOYED, NOT_DEPLOYED);
        let partition = metrics.engine.partitions.of(partition);
        Self { metrics, load, logs, traces, partition, known: HashMap::new(), not_deployed }
    }

    /// Looks at a command before its step.
    pub fn before(&self, command: &Command, now: Timestamp, rows: &Rows) -> About {
        if self.traces.is_on() {
            telling::command(&self.traces, now, command, rows);
        }
        match command {
            Command::Submit(submission) => {
                if submission.origin == Origin::Ingress {
                    self.load.taken(submission.input.body.len());
                }
                About::Submit(submission.invocation)
            }
            Command::Restart(restart) => About::Submit(restart.invocation),
            Command::Cancel(_) => About::Cancel,
            Command::Kill(_) => About::Kill,
            Command::Begin { invocation, .. } => {
                rows.find_invocation(*invocation).map_or(About::Other, |row| self.begins(*invocation, row))
            }
            Command::Ended(Ended { invocation, attempt, end, .. }) => {
                let row = rows.find_invocation(*invocation);
                if row.is_some_and(|row| row.running_attempt() == Some(*attempt)) {
                    self.metrics.engine.ended(end).inc();
                }
                About::Other
            }
            _ => About::Other,
        }
    }

    fn begins(&self, invocation: InvocationId, row: &InvocationRow) -> About {
        if matches!(row.phase, Phase::BackingOff { waiting_on: None, .. }) {
            self.metrics.engine.handler_retries.inc();
        }
        match row.phase {
            Phase::Scheduled { at } => About::FirstAttempt { invocation, due_at: at },
            Phase::Queued { .. } => About::FirstAttempt { invocation, due_at: row.modified_at },
            _ => About::Other,
        }
    }

    /// Looks at an effect of the step.
    pub fn effect(&self, effect: &Effect, now: Timestamp) {
        if self.traces.is_on() {
            telling::effect(&self.traces, now, effect);
        }
        match effect {
            Effect::StartAttempt(_) => _ = self.metrics.engine.attempts_started.inc(),
            Effect::HoldRun { .. } => _ = self.metrics.engine.run_retries.inc(),
            _ => {}
        }
    }

    /// Looks at what the step wrote, in the order of the keys.
    pub fn after(
        &mut self,
        about: About,
        now: Timestamp,
        writes: &[(RowKey, Option<Row>)],
        store: &dyn Store,
    ) {
        if self.traces.is_on() {
            telling::writes(&self.traces, now, about, writes);
        }
        let mut sums = Sums::default();
        let mut is_over = false;
        for (key, row) in writes {
            match (key, row) {
                (RowKey::Invocation(id), Some(Row::Invocation(row))) => {
                    self.lives(about, *id, row, now, store);
                }
                (RowKey::Invocation(_), None) => is_over = true,
                // Its record as a live one comes first, and went away in the same step.
                (RowKey::Completed(_), Some(Row::Invocation(row))) if is_over => {
                    self.completes(about, row, now, store);
                }
                // The input goes with the journal.
                (RowKey::Input(id), None) => self.logs.forget(*id),
                (RowKey::Completed(_), None) => _ = self.metrics.engine.purged.inc(),
                (RowKey::Entry(..), Some(Row::Entry(row))) => {
                    sums.entries += 1;
                    sums.entry_bytes += row.entry.bytes() as u64;
                }
                (RowKey::Outcome(..), Some(Row::Outcome(row))) => {
                    sums.outcomes += 1;
                    sums.outcome_bytes += row.outcome.bytes() as u64;
                }
                (RowKey::KeyQueue(key), Some(Row::KeyQueue(queue))) => self.load.queue_is(key, Some(queue)),
                (RowKey::KeyQueue(key), None) => self.load.queue_is(key, None),
                (RowKey::Outbox(..), Some(_)) => sums.outbox += 1,
                (RowKey::Outbox(..), None) => sums.outbox -= 1,
                _ => {}
            }
        }
        self.add(&sums);
    }

    fn add(&self, sums: &Sums) {
        let engine = &self.metrics.engine;
        if sums.entries > 0 {
            engine.entries.inc_by(sums.entries);
            engine.entry_bytes.inc_by(sums.entry_bytes);
        }
        if sums.outcomes > 0 {
            engine.outcomes.inc_by(sums.outcomes);
            engine.outcome_bytes.inc_by(sums.outcome_bytes);
        }
        if sums.outbox != 0 {
            self.partition.outbox_changes(sums.outbox);
        }
    }

    fn lives(
        &mut self,
        about: About,
        id: InvocationId,
        row: &InvocationRow,
        now: Timestamp,
        store: &dyn Store,
    ) {
        match about {
            About::Submit(submitted) if submitted == id => {
                self.handler(&row.target, false, store).accepted.inc();
            }
            About::FirstAttempt { invocation, due_at } if invocation == id => {
                let waited = now.millis_since(due_at);
                self.handler(&row.target, true, store).queued.observe_millis(waited);
            }
            About::Submit(_) | About::FirstAttempt { .. } | About::Cancel | About::Kill | About::Other => {}
        }
    }

    fn completes(&mut self, about: About, row: &InvocationRow, now: Timestamp, store: &dyn Store) {
        let result = about.result(row);
        let handler = self.handler(&row.target, row.deployment.is_some(), store);
        handler.completed(result).inc();
        handler.duration.observe_millis(now.millis_since(row.created_at));
        // With the journal of another it has also taken over when that began.
        if let Some(begun_at) = row.begun_at.filter(|_| row.entries_kept == 0) {
            handler.execution.observe_millis(now.millis_since(begun_at));
        }
    }

    /// Returns the counters of a handler. Callers may name what does not exist, so it is looked up once.
    fn handler(&mut self, target: &Target, is_pinned: bool, store: &dyn Store) -> &Handler {
        let Target { service, handler, .. } = target;
        // Not `entry`: it would need a copy of the names each time.
        if self.known.get(service).is_none_or(|handlers| !handlers.contains_key(handler)) {
            if !is_pinned && !is_deployed(store, target) {
                return &self.not_deployed;
            }
            let counters = self.metrics.engine.handlers.of(service, handler);
            self.known.entry(service.clone()).or_default().insert(handler.clone(), counters);
        }
        &self.known[service][handler]
    }
}

fn is_deployed(store: &dyn Store, target: &Target) -> bool {
    let key = keys::service(&target.service);
    let Ok(Some(value)) = store.get(View::Latest, &key) else { return false };
    let row = codec::decode::<ServiceRow>(&key, &value);
    row.is_ok_and(|row| row.manifest.handler(&target.handler).is_some())
}

#[derive(Default)]
struct Sums {
    entries: u64,
    entry_bytes: u64,
    outcomes: u64,
    outcome_bytes: u64,
    outbox: i64,
}
