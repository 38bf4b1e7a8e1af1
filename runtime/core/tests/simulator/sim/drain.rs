//! How a simulation comes to its end: nothing fails any more, and everything that was begun has to
//! come to its end too. Who waits for each other is helped from outside.

use super::Report;
use super::partition::Partition;
use super::table::{Table, all_live};
use super::waits;
use super::world::World;
use abide_core::command::{Command, Resume};
use abide_core::ids::InvocationId;
use abide_core::invocation::Phase;
use abide_core::rows::RowKey;

/// Rounds after which a healed world that is not at rest never will be.
const ROUNDS_MAX: u32 = 200_000;

impl World {
    /// Nothing fails any more: everything that was begun has to come to its end, and in the end
    /// nothing is kept any more.
    pub fn heal_and_drain(&mut self) {
        self.is_healed = true;
        self.ghosts.clear();
        for _ in 0..ROUNDS_MAX {
            if !self.drain_a_round() && self.is_at_rest() {
                return;
            }
        }
        let phases = |partition: &Partition| {
            all_live(&partition.latest)
                .map(|(id, row)| format!("{id}: {:?}\n", row.phase))
                .collect::<String>()
        };
        let live: String = self.partitions.iter().map(phases).collect();
        panic!("the world does not come to rest: {live}{} packets", self.packets.len());
    }

    /// Lets everything go on once; says whether there was anything to do.
    fn drain_a_round(&mut self) -> bool {
        let mut was_busy = !self.packets.is_empty() || !self.sessions.is_empty();
        while !self.packets.is_empty() {
            self.deliver_a_packet();
        }
        for partition in 0..self.partitions.len() {
            while !self.partitions[partition].inbox.is_empty() {
                self.drive(partition);
                was_busy = true;
            }
            while !self.partitions[partition].commits.is_empty() {
                self.make_durable(partition);
            }
        }
        let guests: Vec<InvocationId> = self.sessions.keys().copied().collect();
        guests.into_iter().for_each(|id| self.go_on(id));
        let due =
            self.partitions.iter().filter_map(|partition| partition.timers.first()).map(|timer| timer.at);
        if let Some(at) = due.min() {
            // Time goes on even while guests are busy: some of them wait for it.
            self.now = if was_busy { self.now.plus_millis(1) } else { self.now.max(at) };
            self.fire_timers();
            was_busy = true;
        }
        was_busy
    }

    /// Heals what waits for somebody; says whether nothing does.
    fn is_at_rest(&mut self) -> bool {
        let mut is_at_rest = true;
        for partition in 0..self.partitions.len() {
            let durable = &self.partitions[partition].durable;
            let has = |is_meant: fn(&RowKey) -> bool| durable.keys().any(is_meant);
            assert!(!has(|key| matches!(key, RowKey::Timer(_))), "a timer was forgotten");
            if has(|key| matches!(key, RowKey::Outbox(..))) {
                is_at_rest = false;
                self.retransmit(partition);
            }
        }
        if !is_at_rest {
            return false;
        }
        waits::check(self);
        let all = self.partitions.iter().flat_map(|partition| all_live(&partition.latest));
        let all: Vec<_> = all.map(|(id, row)| (id, matches!(row.phase, Phase::Paused { .. }))).collect();
        let paused: Vec<_> = all.iter().filter(|(_, is_paused)| *is_paused).map(|(id, _)| *id).collect();
        for invocation in &paused {
            let ticket = self.outside.ticket(None);
            let resume = Resume { invocation: *invocation, deployment: None, ticket };
            self.inbox(*invocation, Command::Resume(resume));
        }
        if paused.is_empty() && !all.is_empty() {
            let (stuck, _) = all[self.rng.index(all.len())];
            self.help(stuck);
        }
        all.is_empty()
    }

    /// Somebody outside helps an invocation that waits for ever.
    fn help(&mut self, id: InvocationId) {
        let open = waits::open_operations(self.table_of(id), id);
        let Some((op, entry)) = open.into_iter().next_back() else {
            // It waits for the key of its object, or for nothing that can be told from outside.
            self.coverage.count("move help-cancel");
            return self.cancel(id);
        };
        match entry {
            abide_core::entry::Entry::Awakeable { .. } => {
                self.coverage.count("move help-complete");
                self.complete_op(id, op);
            }
            abide_core::entry::Entry::ReceiveSignal { name } => {
                self.coverage.count("move help-signal");
                self.signal(id, name);
            }
            _ => self.end(id),
        }
    }

    /// Cancels an invocation, or kills it when that was of no use.
    fn end(&mut self, id: InvocationId) {
        if super::table::live(self.table_of(id), id).is_some_and(|row| row.cancelled.is_some()) {
            self.coverage.count("move help-kill");
            self.kill(id);
        } else {
            self.coverage.count("move help-cancel");
            self.cancel(id);
        }
    }

    /// Checks that nothing is left but the states of objects, and counters.
    pub fn check_what_is_left(&self) {
        for partition in &self.partitions {
            assert_eq!(partition.latest.len(), partition.durable.len(), "everything is durable");
            for (key, row) in &partition.durable {
                let is_right = match key {
                    RowKey::Service(_) | RowKey::Deployment(_) | RowKey::OutboxHead(_) => true,
                    RowKey::OutboxTail(_) | RowKey::InboxMark(_) | RowKey::AttemptsPurged => true,
                    RowKey::State(object, _) => super::address::workflow_run(object).is_none(),
                    _ => false,
                };
                assert!(is_right, "this is left: {key:?} = {row:?}");
            }
        }
    }

    /// Compares everything with the models and returns what happened.
    pub fn report(mut self) -> Report {
        let tables: Vec<&Table> = self.partitions.iter().map(|partition| &partition.durable).collect();
        self.outside.history.check_at_the_end(&tables);
        let invocations = self.outside.history.invocations;
        Report { coverage: self.coverage, moves: self.moves, invocations }
    }
}
