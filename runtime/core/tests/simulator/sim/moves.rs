//! What can happen next: what the world does by itself, and what goes wrong.

use super::partition::Partition;
use super::program::{ABSENT, KILLS, PATIENT, PAUSES, Program, target};
use super::rng::Rng;
use super::session::{Said, Session, Surroundings};
use super::table::{all_live, completed, live};
use super::world::{OLD_MAX, World};
use abide_core::command::{Command, End, Submission};
use abide_core::ids::InvocationId;
use abide_core::invocation::{InputRow, Origin};

/// Live invocations at which no more are submitted.
const LIVE_MAX: usize = 40;

/// What the world does by itself.
const WORK: &[Move] = &[
    (World::submit, 60),
    (World::drive_some, 400),
    (World::write_some, 300),
    (World::let_a_guest_go_on, 900),
    (World::deliver_a_packet, 200),
    (World::let_time_pass, 60),
    (World::resume_some, 20),
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
        for ((make, _), weight) in WORK.iter().chain(FAULTS).zip(self.weights.clone()) {
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

    fn submit(&mut self) {
        let live: usize = self.partitions.iter().map(|rows| all_live(&rows.latest).count()).sum();
        if live >= LIVE_MAX {
            return;
        }
        let unique = (u128::from(self.rng.number()) << 64) | u128::from(self.rng.number());
        let invocation = InvocationId { unique, partition_key: self.rng.number() };
        let handler = [PATIENT, PATIENT, PATIENT, PAUSES, KILLS, ABSENT][self.rng.index(6)];
        let body = Program::input(self.rng.number(), 0);
        let begin_at = self.rng.chance(20).then(|| self.now.plus_millis(self.rng.below(300)));
        let input = InputRow { headers: Vec::new(), body };
        // Calls are not acknowledged, sends are.
        let is_acknowledged = self.rng.chance(50);
        let (target, origin) = (target(handler), Origin::Ingress);
        let submission = Submission { invocation, target, origin, input, begin_at, is_acknowledged };
        self.outside.submitted.push(submission.clone());
        self.inbox(invocation, Command::Submit(submission));
    }

    fn resubmit(&mut self) {
        if self.outside.submitted.is_empty() {
            return;
        }
        let recent = self.rng.index(self.outside.submitted.len().min(20));
        let submission = self.outside.submitted[self.outside.submitted.len() - 1 - recent].clone();
        self.coverage.count("move resubmit");
        self.inbox(submission.invocation, Command::Submit(submission));
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

    fn let_a_guest_go_on(&mut self) {
        if self.sessions.is_empty() {
            return;
        }
        let place = self.rng.index(self.sessions.len());
        let id = *self.sessions.keys().nth(place).expect("counted above");
        self.go_on(id);
    }

    pub fn go_on(&mut self, id: InvocationId) {
        let session = self.sessions.remove(&id).expect("chosen among the sessions");
        if let Some(session) = self.go_on_with(id, session) {
            self.sessions.insert(id, session);
        }
    }

    /// Lets a session go on; it is returned unless it has ended.
    fn go_on_with(&mut self, id: InvocationId, mut session: Session) -> Option<Session> {
        let partition = &self.partitions[self.partition_of(id)];
        let mut around = Surroundings {
            now: self.now,
            rng: &mut self.rng,
            latest: &partition.latest,
            durable: &partition.durable,
            outside: &mut self.outside,
            is_healed: self.is_healed,
        };
        let attempt = session.attempt;
        let (append, end) = match session.go_on(&mut around) {
            Said::Nothing => (None, None),
            Said::Append(append) => (Some(append), None),
            Said::Ended(append, end) => (append, Some(end)),
            Said::Stopped => return None,
        };
        if let Some(append) = append {
            self.say(id, Command::Append(append));
        }
        match end {
            None => Some(session),
            Some(end) => {
                self.say(id, Command::Ended { invocation: id, attempt, end, jitter: 0 });
                None
            }
        }
    }

    /// A session that was given up says one thing more, perhaps.
    fn let_a_ghost_go_on(&mut self) {
        if self.ghosts.is_empty() {
            return;
        }
        self.coverage.count("move ghost");
        let place = self.rng.index(self.ghosts.len());
        let (id, session) = self.ghosts.swap_remove(place);
        if let Some(session) = self.go_on_with(id, session) {
            self.ghosts.push((id, session));
        }
    }

    /// A timer fires once more than it was armed.
    fn fire_again(&mut self) {
        if !self.old_timers.is_empty() {
            self.coverage.count("move fire-again");
            let timer = self.old_timers[self.rng.index(self.old_timers.len())];
            self.inbox(timer.invocation, Command::TimerDue(timer));
        }
    }

    fn say(&mut self, id: InvocationId, command: Command) {
        self.old_words.push_back(command.clone());
        if self.old_words.len() > OLD_MAX {
            self.old_words.pop_front();
        }
        self.inbox(id, command);
    }

    /// A message of an attempt that is over arrives late.
    fn say_old_words(&mut self) {
        if self.old_words.is_empty() {
            return;
        }
        let command = self.old_words[self.rng.index(self.old_words.len())].clone();
        let (id, attempt) = match &command {
            Command::Append(append) => (append.invocation, append.attempt),
            Command::Ended { invocation, attempt, .. } => (*invocation, *attempt),
            other => unreachable!("no guest says {other:?}"),
        };
        let latest = &self.partitions[self.partition_of(id)].latest;
        let is_stale = match live(latest, id) {
            Some(row) => row.attempts > attempt,
            None => completed(latest, id).is_some(),
        };
        if is_stale {
            self.coverage.count("move stale");
            self.inbox(id, command);
        }
    }

    fn take_a_packet(&mut self) -> Option<(abide_core::ids::PartitionId, Command)> {
        let len = self.packets.len();
        (len > 0).then(|| self.packets.swap_remove(self.rng.index(len)))
    }

    pub fn deliver_a_packet(&mut self) {
        if let Some((to, command)) = self.take_a_packet() {
            self.partitions[usize::from(to.0)].inbox.push_back(command);
        }
    }

    fn drop_a_packet(&mut self) {
        if self.take_a_packet().is_some() {
            self.coverage.count("move drop");
        }
    }

    fn repeat_a_packet(&mut self) {
        if let Some(packet) = self.take_a_packet() {
            self.coverage.count("move repeat");
            self.packets.extend([packet.clone(), packet]);
        }
    }

    fn retransmit_some(&mut self) {
        self.coverage.count("move retransmit");
        let partition = self.rng.index(self.partitions.len());
        self.retransmit(partition);
    }

    fn let_time_pass(&mut self) {
        self.now = self.now.plus_millis(self.rng.below(150));
        self.fire_timers();
    }

    fn set_the_clock_back(&mut self) {
        self.coverage.count("move clock-back");
        self.now.0 -= self.rng.below(60);
    }

    /// A person resumes something, whether it needs it or not.
    fn resume_some(&mut self) {
        let partition = self.rng.index(self.partitions.len());
        let all: Vec<_> = all_live(&self.partitions[partition].latest).map(|(id, _)| id).collect();
        if !all.is_empty() {
            let invocation = all[self.rng.index(all.len())];
            self.inbox(invocation, Command::Resume { invocation });
        }
    }

    /// The shell gives a session up; it may still talk for a while.
    fn lose_an_attempt(&mut self) {
        if self.sessions.is_empty() {
            return;
        }
        let place = self.rng.index(self.sessions.len());
        let invocation = *self.sessions.keys().nth(place).expect("counted above");
        let session = self.sessions.remove(&invocation).expect("found above");
        self.coverage.count("move lose");
        let (attempt, end) = (session.attempt, End::Lost);
        self.inbox(invocation, Command::Ended { invocation, attempt, end, jitter: 0 });
        self.ghosts.extend(session.give_up().map(|session| (invocation, session)));
        let too_many = self.ghosts.len().saturating_sub(OLD_MAX);
        self.ghosts.drain(..too_many);
    }

    fn crash_all(&mut self) {
        self.coverage.count("move crash");
        self.crash();
    }

    fn crash_some(&mut self) {
        self.coverage.count("move crash-one");
        let partition = self.rng.index(self.partitions.len());
        self.crash_one(partition);
    }
}
