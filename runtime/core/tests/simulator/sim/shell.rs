//! The shell of the simulation: what effects do.

use super::session::{Session, Tell};
use super::table::live;
use super::world::World;
use abide_core::command::Command;
use abide_core::effect::{AttemptStart, Effect};
use abide_core::ids::{Attempt, InvocationId, PartitionId};
use abide_core::rows::{Row, RowKey};

impl World {
    pub fn run_all(&mut self, partition: usize, effects: Vec<Effect>) {
        for effect in effects {
            self.run(partition, effect);
        }
    }

    fn run(&mut self, partition: usize, effect: Effect) {
        let from = PartitionId(partition as u16);
        let durable = &self.partitions[partition].durable;
        match effect {
            Effect::Then(command) => unreachable!("handled in its transaction: {command:?}"),
            Effect::StartAttempt(start) => self.start(partition, start),
            Effect::StopAttempt { invocation, attempt } => self.tell(invocation, attempt, Tell::Stop),
            Effect::Deliver { invocation, attempt, settled } => {
                self.tell(invocation, attempt, Tell::Settled(settled));
            }
            Effect::HoldRun { invocation, attempt, op, retry_at } => {
                self.tell(invocation, attempt, Tell::Hold { op, retry_at });
            }
            Effect::AllowRuns { invocation, attempt, until } => {
                self.tell(invocation, attempt, Tell::AllowRuns { until });
            }
            Effect::ArmTimer(timer) => {
                self.partitions[partition].timers.insert(timer);
            }
            Effect::Notice { ticket, notice } => self.outside.is_noticed(ticket, notice),
            Effect::Reply { invocation, answer } => self.outside.is_replied(invocation, &answer),
            Effect::Transmit { to, sequence, message } => {
                let stored = durable.get(&RowKey::Outbox(to, sequence));
                assert_eq!(stored, Some(&Row::Outbox(message.clone())), "sent before it is durable");
                self.packets.push((to, Command::Receive { from, sequence, message }));
            }
            Effect::Acknowledge { to, sequence } => {
                let applied = super::table::counter(durable, &RowKey::InboxMark(to));
                assert!(applied >= sequence, "acknowledged before it is durable");
                self.packets.push((to, Command::Acknowledged { by: from, sequence }));
            }
        }
    }

    fn start(&mut self, partition: usize, mut start: AttemptStart) {
        let (id, attempt) = (start.invocation, start.attempt);
        let earlier = self.attempts.insert(id, attempt);
        assert!(earlier.is_none_or(|earlier| earlier < attempt), "{id} has attempt {attempt} again");
        if let Some(other) = self.sessions.get(&id) {
            assert!(other.is_told_to_stop(), "two attempts of {id} run at once");
        }
        let table = &self.partitions[partition].latest;
        let stored = || match table.get(&RowKey::Input(id)) {
            Some(Row::Input(input)) => Some(input.clone()),
            _ => None,
        };
        let Some(input) = start.input.take().or_else(stored) else {
            let is_over = live(table, id).and_then(|row| row.running_attempt()) != Some(attempt);
            assert!(is_over, "the input of {id} is missing");
            return;
        };
        let seed = self.rng.number();
        let life = self.partitions[partition].births.get(&id).copied().unwrap_or_default();
        self.sessions.insert(id, Session::new(start, &input.body, seed, life));
    }

    fn tell(&mut self, id: InvocationId, attempt: Attempt, tell: Tell) {
        if let Some(session) = self.sessions.get_mut(&id).filter(|session| session.attempt == attempt) {
            session.mailbox.push_back(tell);
        }
    }
}
