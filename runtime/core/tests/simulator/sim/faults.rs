//! What goes wrong.

use super::table::live;
use super::world::{OLD_MAX, World};
use abide_core::command::{Command, End, Ended};

impl World {
    pub fn drop_a_packet(&mut self) {
        if self.take_a_packet().is_some() {
            self.coverage.count("move drop");
        }
    }

    pub fn repeat_a_packet(&mut self) {
        if let Some(packet) = self.take_a_packet() {
            self.coverage.count("move repeat");
            self.packets.extend([packet.clone(), packet]);
        }
    }

    pub fn retransmit_some(&mut self) {
        self.coverage.count("move retransmit");
        let partition = self.rng.index(self.partitions.len());
        self.retransmit(partition);
    }

    pub fn set_the_clock_back(&mut self) {
        self.coverage.count("move clock-back");
        self.now.0 -= self.rng.below(60);
    }

    /// The shell gives a session up; it may still talk for a while.
    pub fn lose_an_attempt(&mut self) {
        let Some(invocation) = self.some_session() else { return };
        let session = self.sessions.remove(&invocation).expect("it is one of them");
        self.coverage.count("move lose");
        let is_put_off = self.rng.chance(30);
        let end = if is_put_off { End::PutOff { message: "no room".into() } } else { End::Lost };
        let attempt = session.attempt;
        self.inbox(invocation, Command::Ended(Ended { invocation, attempt, end, jitter: 0 }));
        self.ghosts.extend(session.give_up().map(|session| (invocation, session)));
        let too_many = self.ghosts.len().saturating_sub(OLD_MAX);
        self.ghosts.drain(..too_many);
    }

    /// A session that was given up says one thing more, perhaps.
    pub fn let_a_ghost_go_on(&mut self) {
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

    /// A message of an attempt that is over arrives late.
    pub fn say_old_words(&mut self) {
        if self.old_words.is_empty() {
            return;
        }
        let (command, life) = self.old_words[self.rng.index(self.old_words.len())].clone();
        let (id, attempt) = match &command {
            Command::Append(append) => (append.invocation, append.attempt),
            Command::Ended(ended) => (ended.invocation, ended.attempt),
            other => unreachable!("no guest says {other:?}"),
        };
        let partition = &self.partitions[self.partition_of(id)];
        let is_reborn = partition.births.get(&id).is_some_and(|births| *births > life);
        if is_reborn || live(&partition.latest, id).is_none_or(|row| row.attempts > attempt) {
            self.coverage.count(if is_reborn { "move stale-life" } else { "move stale" });
            self.inbox(id, command);
        }
    }

    /// A timer fires once more than it was armed.
    pub fn fire_again(&mut self) {
        if !self.old_timers.is_empty() {
            self.coverage.count("move fire-again");
            let timer = self.old_timers[self.rng.index(self.old_timers.len())];
            self.inbox(timer.invocation, Command::TimerDue(timer));
        }
    }

    pub fn crash_all(&mut self) {
        self.coverage.count("move crash");
        self.crash();
    }

    pub fn crash_some(&mut self) {
        self.coverage.count("move crash-one");
        let partition = self.rng.index(self.partitions.len());
        self.crash_one(partition);
    }
}
