//! The shell of a partition: effects become calls to the executor, replies and messages.

use super::Inboxes;
use super::executor::{Executor, Tell};
use super::waiters::Waiters;
use crate::faults::{self, Edge, Site};
use abide_core::command::{Command, Timer};
use abide_core::effect::{Effect, Notice};
use abide_core::ids::{Attempt, InvocationId, PartitionId};
use std::sync::Arc;

#[derive(Clone)]
pub struct Shell {
    pub partition: PartitionId,
    pub executor: Arc<dyn Executor>,
    pub waiters: Arc<Waiters>,
    pub inboxes: Inboxes,
}

impl Shell {
    /// Runs an effect whose gate is open. Timers are the driver's: it gets them back.
    pub fn run(&self, effect: Effect) -> Option<Timer> {
        let site = site(&effect);
        faults::reach(site, Edge::Before);
        let timer = self.run_now(effect);
        faults::reach(site, Edge::After);
        timer
    }

    /// Says whether nobody waits for the effect itself: a call that is recorded waits for its answer, which comes
    /// behind.
    pub fn is_in_no_hurry(&self, effect: &Effect) -> bool {
        matches!(effect, Effect::Notice { ticket, notice: Notice::Done } if self.waiters.is_of_call(*ticket))
    }

    fn run_now(&self, effect: Effect) -> Option<Timer> {
        match effect {
            Effect::Then(command) => unreachable!("{command:?} is handled in its transaction"),
            Effect::ArmTimer(timer) => return Some(timer),
            Effect::StartAttempt(start) => self.executor.start(start),
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
            Effect::Notice { ticket, notice } => self.waiters.noticed(ticket, notice),
            Effect::Reply { invocation, answer } => self.waiters.answered(invocation, &answer),
            Effect::Transmit { to, sequence, message } => {
                let from = self.partition;
                self.inboxes.send_to(to, Command::Receive { from, sequence, message });
            }
            Effect::Acknowledge { to, sequence } => {
                let by = self.partition;
                self.inboxes.send_to(to, Command::Acknowledged { by, sequence });
            }
        }
        None
    }

    fn tell(&self, invocation: InvocationId, attempt: Attempt, tell: Tell) {
        self.executor.tell(invocation, attempt, tell);
    }
}

/// Returns the failpoint of an effect.
fn site(effect: &Effect) -> Site {
    match effect {
        Effect::Then(_) => Site::Commit,
        Effect::ArmTimer(_) => Site::ArmTimer,
        Effect::StartAttempt(_) => Site::StartAttempt,
        Effect::StopAttempt { .. } => Site::StopAttempt,
        Effect::Deliver { .. } => Site::Deliver,
        Effect::HoldRun { .. } => Site::HoldRun,
        Effect::AllowRuns { .. } => Site::AllowRuns,
        Effect::Notice { .. } => Site::Notice,
        Effect::Reply { .. } => Site::Reply,
        Effect::Transmit { .. } => Site::Transmit,
        Effect::Acknowledge { .. } => Site::Acknowledge,
    }
}
