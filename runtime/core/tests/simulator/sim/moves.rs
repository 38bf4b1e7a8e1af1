//! What can happen next, and what the world does by itself.

use super::partition::Partition;
use super::rng::Rng;
use super::session::{Said, Session, Surroundings};
use super::world::{OLD_MAX, World};
use abide_core::command::{Command, Ended};
use abide_core::ids::InvocationId;
use abide_core::limits::UNCLAIMED_KEPT_MIN_MS;

/// What the world does by itself, and what it is asked.
const WORK: &[Move] = &[
    (World::submit, 60),
    (World::drive_some, 400),
    (World::write_some, 300),
    (World::let_a_guest_go_on, 900),
    (World::deliver_a_packet, 200),
    (World::let_time_pass, 60),
    (World::resume_some, 20),
    (World::pause_some, 4),
    (World::repin_some, 4),
    (World::complete_an_awakeable, 20),
    (World::signal_some, 20),
    (World::cancel_some, 6),
    (World::kill_some, 3),
    (World::purge_some, 10),
    (World::purge_some_journal, 2),
    (World::restart_some, 6),
    (World::put_off_some, 10),
    (World::edit_some_state, 15),
];

/// What goes wrong.
const FAULTS: &[Move] = &[
    (World::resubmit, 5),
    (World::drop_a_packet, 10),
    (World::repeat_a_packet, 10),
    (World::retransmit_some, 5),
    (World::set_the_clock_back, 5),
    (World::lose_an_attempt, 4),
    (World::let_a_ghost_go_on, 20),
    (World::say_old_words, 10),
    (World::fire_again, 5),
    (World::crash_all, 1),
    (World::crash_some, 1),
];

type Move = (fn(&mut World), u64);

/// Returns how often each move is made: some seeds crash a lot, in others the disk is slow.
pub fn weights(rng: &mut Rng) -> Vec<u64> {
    let mut weigh = |moves: &[Move], shares: [u64; 5]| -> Vec<u64> {
        moves.iter().map(|(_, weight)| weight * shares[rng.index(5)]).collect()
    };
    [weigh(WORK, [1, 2, 4, 4, 8]), weigh(FAULTS, [0, 1, 4, 16, 64])].concat()
}

impl World {
    pub fn make_a_move(&mut self) {
        self.moves += 1;
        let mut left = self.rng.below(self.weights.iter().sum());
        for (place, (make, _)) in WORK.iter().chain(FAULTS).enumerate() {
            let weight = self.weights[place];
            if left < weight {
                return make(self);
            }
            left -= weight;
        }
    }

    fn some_partition(&mut self, is_meant: impl Fn(&Partition) -> bool) -> Option<usize> {
        let meant = |place: &usize| is_meant(&self.partitions[*place]);
        let meant: Vec<usize> = (0..self.partitions.len()).filter(meant).collect();
        (!meant.is_empty()).then(|| meant[self.rng.index(meant.len())])
    }

    fn drive_some(&mut self) {
        if let Some(partition) = self.some_partition(|partition| !partition.inbox.is_empty()) {
            self.drive(partition);
        }
    }

    fn write_some(&mut self) {
        if let Some(partition) = self.some_partition(|partition| !partition.commits.is_empty()) {
            let commits = 1 + self.rng.index(self.partitions[partition].commits.len());
            (0..commits).for_each(|_| self.make_durable(partition));
        }
    }

    /// Returns one of the sessions.
    pub fn some_session(&mut self) -> Option<InvocationId> {
        let len = self.sessions.len();
        (len > 0).then(|| *self.sessions.keys().nth(self.rng.index(len)).expect("counted above"))
    }

    fn let_a_guest_go_on(&mut self) {
        if let Some(id) = self.some_session() {
            self.go_on(id);
        }
    }

    pub fn go_on(&mut self, id: InvocationId) {
        let session = self.sessions.remove(&id).expect("chosen among the sessions");
        if let Some(session) = self.go_on_with(id, session) {
            self.sessions.insert(id, session);
        }
    }

    /// Lets a session go on; it is returned unless it has ended.
    pub fn go_on_with(&mut self, id: InvocationId, mut session: Session) -> Option<Session> {
        let partition = &self.partitions[self.partition_of(id)];
        let mut around = Surroundings {
            now: self.now,
            rng: &mut self.rng,
            latest: &partition.latest,
            durable: &partition.durable,
            outside: &mut self.outside,
            is_healed: self.is_healed,
        };
        let (attempt, life) = (session.attempt, session.life);
        let (append, end) = match session.go_on(&mut around) {
            Said::Nothing => (None, None),
            Said::Append(append) => (Some(append), None),
            Said::Ended(append, end) => (append, Some(end)),
            Said::Stopped => return None,
        };
        if let Some(append) = append {
            self.say(id, Command::Append(append), life);
        }
        match end {
            None => Some(session),
            Some(end) => {
                self.say(id, Command::Ended(Ended { invocation: id, attempt, end, jitter: 0 }), life);
                None
            }
        }
    }

    fn say(&mut self, id: InvocationId, command: Command, life: u64) {
        self.old_words.push_back((command.clone(), life));
        if self.old_words.len() > OLD_MAX {
            self.old_words.pop_front();
        }
        self.inbox(id, command);
    }

    pub fn deliver_a_packet(&mut self) {
        if let Some((to, command)) = self.take_a_packet() {
            self.partitions[usize::from(to.0)].inbox.push_back(command);
        }
    }

    pub fn take_a_packet(&mut self) -> Option<(abide_core::ids::PartitionId, Command)> {
        let len = self.packets.len();
        (len > 0).then(|| self.packets.swap_remove(self.rng.index(len)))
    }

    fn let_time_pass(&mut self) {
        // Now and then so long that what waits for the run of a workflow has waited long enough.
        let most_ms = if self.rng.chance(1) { 2 * UNCLAIMED_KEPT_MIN_MS } else { 150 };
        self.now = self.now.plus_millis(self.rng.below(most_ms));
        self.fire_timers();
    }
}
