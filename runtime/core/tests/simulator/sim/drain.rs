//! How a simulation comes to its end: nothing fails any more, and everything that was begun has to
//! come to its end too.

use super::partition::Partition;
use super::table::all_live;
use super::world::World;
use abide_core::command::Command;
use abide_core::ids::InvocationId;
use abide_core::invocation::Phase;
use abide_core::rows::RowKey;

/// Rounds after which a healed world that is not at rest never will be.
const ROUNDS_MAX: u32 = 50_000;

impl World {
    /// Nothing fails any more: everything that was begun has to come to its end.
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
            let live = all_live(&self.partitions[partition].latest);
            let paused = live.map(|(id, row)| (id, matches!(row.phase, Phase::Paused { .. })));
            let paused: Vec<_> = paused.collect();
            for (invocation, is_paused) in paused {
                is_at_rest = false;
                if is_paused {
                    self.inbox(invocation, Command::Resume { invocation });
                }
            }
            let durable = &self.partitions[partition].durable;
            let has = |is_meant: fn(&RowKey) -> bool| durable.keys().any(is_meant);
            assert!(!has(|key| matches!(key, RowKey::Timer(_))), "a timer was forgotten");
            if has(|key| matches!(key, RowKey::Outbox(..))) {
                is_at_rest = false;
                self.retransmit(partition);
            }
        }
        is_at_rest
    }
}
