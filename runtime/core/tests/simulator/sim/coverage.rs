//! Counts what happened, and what never did. The names come from matches without a rest, so that a
//! new command, effect or phase has to be thought of here.

use super::rng::mix;
use abide_core::command::{Command, End, Message, TimerKind};
use abide_core::effect::Effect;
use abide_core::entry::Entry;
use abide_core::ids::InvocationId;
use abide_core::invocation::{PauseReason, Phase};
use abide_core::rows::Row;
use abide_core::step::Place;
use std::collections::BTreeMap;

/// Everything that has to happen in a simulation that is worth its time.
const WANTED: &[&str] = &[
    "command submit",
    "command append",
    "command ended",
    "command timer-due",
    "command resume",
    "command receive",
    "command acknowledged",
    "command settle",
    "command begin",
    "command post",
    "end returned",
    "end failed",
    "end suspended",
    "end crashed",
    "end awaits-retry",
    "end mismatched",
    "end lost",
    "timer begin",
    "timer retry",
    "timer sleep",
    "message submit",
    "message settle",
    "entry run",
    "entry sleep",
    "entry call",
    "entry send",
    "append finished",
    "append failed",
    "effect then",
    "effect start-attempt",
    "effect stop-attempt",
    "effect deliver",
    "effect hold-run",
    "effect release",
    "effect arm-timer",
    "effect accepted",
    "effect reply",
    "effect transmit",
    "effect acknowledge",
    "phase scheduled",
    "phase running",
    "phase suspended",
    "phase backing-off",
    "phase backing-off-or",
    "phase paused-exhausted",
    "phase paused-mismatch",
    "phase completed",
    "phase completed-failure",
    "move crash",
    "move crash-one",
    "move clock-back",
    "move lose",
    "move stale",
    "move ghost",
    "move fire-again",
    "move drop",
    "move repeat",
    "move retransmit",
    "move resubmit",
];

/// What needs more than a simulation: a journal of a hundred thousand entries. There is a scenario.
const ELSEWHERE: &[&str] = &["phase paused-limit"];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    pub counts: BTreeMap<&'static str, u64>,
    /// A digest of all that happened, in order.
    pub trace: u64,
}

impl Coverage {
    pub fn count(&mut self, name: &'static str) {
        debug_assert!(WANTED.contains(&name) || ELSEWHERE.contains(&name), "{name} is not listed");
        *self.counts.entry(name).or_default() += 1;
    }

    pub fn add(&mut self, other: &Self) {
        for (name, count) in &other.counts {
            *self.counts.entry(name).or_default() += count;
        }
        self.trace = mix(self.trace, other.trace);
    }

    /// Returns what never happened.
    pub fn missing(&self) -> Vec<&'static str> {
        WANTED.iter().filter(|name| !self.counts.contains_key(*name)).copied().collect()
    }

    fn note(&mut self, name: &'static str, id: Option<InvocationId>, number: u64) {
        self.count(name);
        let id = id.map_or(0, |id| id.unique as u64);
        let name = name.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        self.trace = mix(self.trace, mix(mix(name, id), number));
    }

    pub fn see_command(&mut self, place: Place, command: &Command) {
        let now = place.now.0;
        match command {
            Command::Submit(submission) => self.note("command submit", Some(submission.invocation), now),
            Command::Append(append) => {
                self.note("command append", Some(append.invocation), now);
                append.finished.iter().for_each(|_| self.count("append finished"));
                append.failed.iter().for_each(|_| self.count("append failed"));
            }
            Command::Ended { invocation, end, .. } => {
                self.note("command ended", Some(*invocation), now);
                self.count(end_name(end));
            }
            Command::TimerDue(timer) => {
                self.note("command timer-due", Some(timer.invocation), timer.at.0);
                self.count(match timer.kind {
                    TimerKind::Begin => "timer begin",
                    TimerKind::Retry { .. } => "timer retry",
                    TimerKind::Sleep { .. } => "timer sleep",
                });
            }
            Command::Resume { invocation } => self.note("command resume", Some(*invocation), now),
            Command::Receive { sequence, message, .. } => {
                self.note("command receive", Some(message.addressee()), *sequence);
                self.count(match message {
                    Message::Submit(_) => "message submit",
                    Message::Settle { .. } => "message settle",
                });
            }
            Command::Acknowledged { sequence, .. } => self.note("command acknowledged", None, *sequence),
            Command::Settle { invocation, op, .. } => {
                self.note("command settle", Some(*invocation), u64::from(*op));
            }
            Command::Begin { invocation, .. } => self.note("command begin", Some(*invocation), now),
            Command::Post { to, .. } => self.note("command post", None, u64::from(to.0)),
        }
    }

    pub fn see_effect(&mut self, effect: &Effect) {
        match effect {
            Effect::Then(_) => self.note("effect then", None, 0),
            Effect::StartAttempt(start) => {
                self.note("effect start-attempt", Some(start.invocation), u64::from(start.attempt));
            }
            Effect::StopAttempt { invocation, .. } => self.note("effect stop-attempt", Some(*invocation), 0),
            Effect::Deliver { invocation, settled, .. } => {
                self.note("effect deliver", Some(*invocation), u64::from(settled.order));
            }
            Effect::HoldRun { invocation, retry_at, .. } => {
                self.note("effect hold-run", Some(*invocation), retry_at.0);
            }
            Effect::Release { invocation, until, .. } => {
                self.note("effect release", Some(*invocation), u64::from(*until));
            }
            Effect::ArmTimer(timer) => self.note("effect arm-timer", Some(timer.invocation), timer.at.0),
            Effect::Accepted { invocation } => self.note("effect accepted", Some(*invocation), 0),
            Effect::Reply { invocation, .. } => self.note("effect reply", Some(*invocation), 0),
            Effect::Transmit { sequence, .. } => self.note("effect transmit", None, *sequence),
            Effect::Acknowledge { sequence, .. } => self.note("effect acknowledge", None, *sequence),
        }
    }

    pub fn see_write(&mut self, row: Option<&Row>) {
        match row {
            Some(Row::Invocation(row)) => self.count(phase_name(&row.phase)),
            Some(Row::Entry(row)) => self.count(match &row.entry {
                Entry::Run { .. } => "entry run",
                Entry::Sleep { .. } => "entry sleep",
                Entry::Call { .. } => "entry call",
                Entry::Send { .. } => "entry send",
            }),
            _ => {}
        }
    }
}

fn end_name(end: &End) -> &'static str {
    match end {
        End::Returned(_) => "end returned",
        End::Failed(_) => "end failed",
        End::Suspended { .. } => "end suspended",
        End::Crashed { .. } => "end crashed",
        End::AwaitsRetry { .. } => "end awaits-retry",
        End::Mismatched(_) => "end mismatched",
        End::Lost => "end lost",
    }
}

fn phase_name(phase: &Phase) -> &'static str {
    match phase {
        Phase::Scheduled { .. } => "phase scheduled",
        Phase::Running { .. } => "phase running",
        Phase::Suspended { .. } => "phase suspended",
        Phase::BackingOff { waiting_on: None, .. } => "phase backing-off",
        Phase::BackingOff { waiting_on: Some(_), .. } => "phase backing-off-or",
        Phase::Paused { reason: PauseReason::AttemptsExhausted } => "phase paused-exhausted",
        Phase::Paused { reason: PauseReason::JournalMismatch(_) } => "phase paused-mismatch",
        Phase::Paused { reason: PauseReason::LimitReached(_) } => "phase paused-limit",
        Phase::Completed { is_failure: false, .. } => "phase completed",
        Phase::Completed { is_failure: true, .. } => "phase completed-failure",
    }
}
