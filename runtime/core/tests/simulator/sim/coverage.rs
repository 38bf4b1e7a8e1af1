//! Counts what happened, and what never did. The names come from matches without a rest, so that a
//! new command, effect or phase has to be thought of here.

use super::rng::mix;
use abide_core::command::{Append, Command, End, Expected, HowToEnd, Message, Settle, Timer, TimerKind};
use abide_core::effect::{Effect, Notice, Refusal};
use abide_core::entry::{Entry, Outcome};
use abide_core::ids::{CANCEL_OP, InvocationId, OpId};
use abide_core::invocation::{InvocationRow, PauseReason, Phase};
use abide_core::limits::{OPEN_SLEEPS_KEPT, PURGED_AT_ONCE};
use abide_core::rows::{Row, RowKey};
use abide_core::step::Place;
use std::collections::BTreeMap;

/// Everything that has to happen in a simulation that is worth its time.
const WANTED: &[&str] = &[
    "command submit",
    "command append",
    "command ended",
    "command timer-due",
    "command pause",
    "command resume",
    "command repin",
    "command restart",
    "command look",
    "command purge-journal",
    "command cancel",
    "command kill",
    "command purge",
    "command complete-awakeable",
    "command signal",
    "command edit-state",
    "command replace-state",
    "command receive",
    "command acknowledged",
    "command settle",
    "command admit",
    "command begin",
    "command release",
    "command grant",
    "command attach",
    "command detach",
    "command notify",
    "command spread",
    "command take-signal",
    "command purge-object",
    "command purge-promise",
    "command tell",
    "command stop-listening",
    "command keep-promises",
    "command purge-unclaimed",
    "command forget-promise",
    "command purge-rest",
    "command post",
    "end returned",
    "end failed",
    "end suspended",
    "end crashed",
    "end awaits-retry",
    "end mismatched",
    "end lost",
    "end stopped",
    "end put-off",
    "timer begin",
    "timer retry",
    "timer sleep",
    "timer purge-journal",
    "timer purge",
    "timer purge-unclaimed",
    "message submit",
    "message answer",
    "message attach",
    "message detach",
    "message end-cancel",
    "message end-kill",
    "message complete-awakeable",
    "message signal",
    "settle sleep",
    "settle answer",
    "settle signal",
    "settle promise",
    "entry run",
    "entry sleep",
    "entry call",
    "entry send",
    "entry attach",
    "entry cancel",
    "entry kill",
    "entry get-state",
    "entry set-state",
    "entry clear-state",
    "entry clear-all-state",
    "entry state-keys",
    "entry awakeable",
    "entry complete-awakeable",
    "entry receive-signal",
    "entry send-signal",
    "entry get-promise",
    "entry peek-promise",
    "entry complete-promise",
    "append finished",
    "append heard",
    "append read-ahead",
    "seen overtaken",
    "seen misread",
    "append failed",
    "effect then",
    "effect start-attempt",
    "effect stop-attempt",
    "effect deliver",
    "effect hold-run",
    "effect allow-runs",
    "effect arm-timer",
    "effect notice",
    "effect reply",
    "effect transmit",
    "effect acknowledge",
    "notice done",
    "notice known",
    "notice absent",
    "notice completed",
    "notice unfit",
    "notice refused-unknown-deployment",
    "notice refused-not-offered",
    "notice refused-other-kind",
    "notice refused-went-on",
    "notice changed",
    "notice held",
    "notice refused-workflow-run",
    "notice refused-journal-purged",
    "notice refused-beyond-end",
    "notice refused-open",
    "phase scheduled",
    "phase queued",
    "phase running",
    "phase suspended",
    "phase backing-off",
    "phase backing-off-or",
    "phase paused-exhausted",
    "phase paused-mismatch",
    "phase paused-by-person",
    "phase completed",
    "phase completed-failure",
    "outcome empty",
    "outcome value",
    "outcome failure",
    "outcome names",
    "outcome cancelled",
    "move cancel",
    "move kill",
    "move purge",
    "move restart",
    "move put-off",
    "move complete-awakeable",
    "move crash",
    "move crash-one",
    "move clock-back",
    "move lose",
    "move stale",
    "move stale-life",
    "move ghost",
    "move fire-again",
    "move drop",
    "move repeat",
    "move retransmit",
    "move resubmit",
    "move help-complete",
    "move help-signal",
    "move help-cancel",
    "move help-kill",
    "seen reborn",
    "seen restarted-in-the-middle",
    "seen awakeable-completed",
    "seen awakeable-of-other-life",
    "seen many-calls",
    "seen too-deep",
    "seen many-sleeps",
    "seen long-journal",
];

/// What needs more than a simulation: a journal, or a mailbox, of very many, or rare luck. There are
/// scenarios.
const ELSEWHERE: &[&str] = &[
    "phase paused-limit",
    "notice full",
    "notice refused-too-long",
    "notice refused-cancelled",
    "notice refused-overfull",
    "message tell",
    "message release",
];

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

    pub fn count_if(&mut self, is_so: bool, name: &'static str) {
        if is_so {
            self.count(name);
        }
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

    fn see_append(&mut self, append: &Append, now: u64) {
        self.note("command append", Some(append.invocation), now);
        for finished in &append.finished {
            self.count("append finished");
            self.count_if(finished.heard.is_some(), "append heard");
        }
        append.failed.iter().for_each(|_| self.count("append failed"));
        append.entries.iter().for_each(|ask| self.count_if(ask.read.is_some(), "append read-ahead"));
    }

    pub fn see_command(&mut self, place: Place, command: &Command) {
        let now = place.now.0;
        match command {
            Command::Submit(submission) => self.note("command submit", Some(submission.invocation), now),
            Command::Append(append) => self.see_append(append, now),
            Command::Ended(ended) => {
                self.note("command ended", Some(ended.invocation), now);
                self.count(end_name(&ended.end));
            }
            Command::TimerDue(timer) => self.see_timer(timer),
            Command::Pause { invocation, .. } => self.note("command pause", Some(*invocation), now),
            Command::Resume(resume) => self.note("command resume", Some(resume.invocation), now),
            Command::Repin(repin) => self.note("command repin", Some(repin.invocation), now),
            Command::Restart(restart) => {
                self.note("command restart", Some(restart.of), u64::from(restart.entries_kept));
            }
            Command::Look { invocation, .. } => self.note("command look", Some(*invocation), now),
            Command::PurgeJournal { invocation, .. } => {
                self.note("command purge-journal", Some(*invocation), now);
            }
            Command::Cancel(request) => self.note("command cancel", Some(request.invocation), now),
            Command::Kill(request) => self.note("command kill", Some(request.invocation), now),
            Command::Purge { invocation, .. } => self.note("command purge", Some(*invocation), now),
            Command::CompleteAwakeable { awakeable, .. } => {
                let op = u64::from(awakeable.op);
                self.note("command complete-awakeable", Some(awakeable.invocation), op);
            }
            Command::Signal(signal) => self.note("command signal", Some(signal.invocation), now),
            Command::EditState(edit) => self.note("command edit-state", edit.run, edit.ticket),
            Command::ReplaceState { edit, .. } => self.note("command replace-state", edit.run, edit.ticket),
            Command::Receive { sequence, message, .. } => {
                self.note("command receive", Some(message.addressee()), *sequence);
                self.count(message_name(message));
            }
            Command::Acknowledged { sequence, .. } => self.note("command acknowledged", None, *sequence),
            Command::Settle(settle) => self.see_settle(settle),
            Command::Admit { invocation, .. } => self.note("command admit", Some(*invocation), now),
            Command::Begin { invocation, .. } => self.note("command begin", Some(*invocation), now),
            Command::Release(release) => self.note("command release", Some(release.invocation), now),
            Command::Grant { position, .. } => self.note("command grant", None, *position),
            Command::Attach { invocation, listener } => {
                self.note("command attach", Some(*invocation), u64::from(listener.op));
            }
            Command::Detach { invocation, listener } => {
                self.note("command detach", Some(*invocation), u64::from(listener.op));
            }
            Command::Notify { invocation, .. } => self.note("command notify", Some(*invocation), now),
            Command::Spread(spread) => {
                self.note("command spread", Some(spread.invocation), u64::from(spread.from));
                self.count("seen many-calls");
            }
            Command::TakeSignal { invocation, number, .. } => {
                self.note("command take-signal", Some(*invocation), *number);
            }
            Command::PurgeObject { invocation, .. } => {
                self.note("command purge-object", Some(*invocation), now);
            }
            Command::PurgePromise { .. } => self.note("command purge-promise", None, now),
            Command::Tell(tell) => self.note("command tell", Some(tell.invocation), now),
            Command::StopListening { listener, .. } => {
                self.note("command stop-listening", Some(listener.caller), now);
            }
            Command::KeepPromises { run, .. } => self.note("command keep-promises", Some(*run), now),
            Command::PurgeUnclaimed { run, .. } => self.note("command purge-unclaimed", Some(*run), now),
            Command::ForgetPromise { .. } => self.note("command forget-promise", None, now),
            Command::PurgeRest { invocation } => self.note("command purge-rest", Some(*invocation), now),
            Command::Post { to, .. } => self.note("command post", None, u64::from(to.0)),
        }
    }

    fn see_timer(&mut self, timer: &Timer) {
        self.note("command timer-due", Some(timer.invocation), timer.at.0);
        if matches!(timer.kind, TimerKind::Sleep { op } if op as usize > OPEN_SLEEPS_KEPT) {
            self.count("seen many-sleeps");
        }
        self.count(match timer.kind {
            TimerKind::Begin => "timer begin",
            TimerKind::Retry { .. } => "timer retry",
            TimerKind::Sleep { .. } => "timer sleep",
            TimerKind::PurgeJournal => "timer purge-journal",
            TimerKind::Purge => "timer purge",
            TimerKind::PurgeUnclaimed => "timer purge-unclaimed",
        });
    }

    fn see_settle(&mut self, settle: &Settle) {
        self.note("command settle", Some(settle.invocation), u64::from(settle.op));
        self.count(match settle.expected {
            Expected::Sleep { .. } => "settle sleep",
            Expected::Answer { .. } => "settle answer",
            Expected::Awakeable => unreachable!("settled by the command itself"),
            Expected::Signal { .. } => "settle signal",
            Expected::Promise { .. } => "settle promise",
        });
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
            Effect::AllowRuns { invocation, until, .. } => {
                self.note("effect allow-runs", Some(*invocation), u64::from(*until));
            }
            Effect::ArmTimer(timer) => self.note("effect arm-timer", Some(timer.invocation), timer.at.0),
            Effect::Notice { ticket, notice } => {
                self.note("effect notice", None, *ticket);
                self.count(notice_name(*notice));
            }
            Effect::Reply { invocation, .. } => self.note("effect reply", Some(*invocation), 0),
            Effect::Transmit { sequence, .. } => self.note("effect transmit", None, *sequence),
            Effect::Acknowledge { sequence, .. } => self.note("effect acknowledge", None, *sequence),
        }
    }

    pub fn see_write(&mut self, key: &RowKey, row: Option<&Row>) {
        match (key, row) {
            (_, Some(Row::Invocation(row))) => self.see_invocation(row),
            (_, Some(Row::Entry(row))) => self.count(entry_name(&row.entry)),
            (RowKey::Outcome(_, op), Some(Row::Outcome(row))) => self.see_outcome(*op, &row.outcome),
            _ => {}
        }
    }

    fn see_outcome(&mut self, op: OpId, outcome: &Outcome) {
        self.count(match outcome {
            _ if op == CANCEL_OP => "outcome cancelled",
            Outcome::Empty => "outcome empty",
            Outcome::Value(_) => "outcome value",
            Outcome::Failure(_) => "outcome failure",
            Outcome::Names(_) => "outcome names",
        });
        let is_too_deep = matches!(outcome, Outcome::Failure(failure) if failure.code == 508);
        self.count_if(is_too_deep, "seen too-deep");
    }

    fn see_invocation(&mut self, row: &InvocationRow) {
        self.count(phase_name(&row.phase));
        if matches!(row.phase, Phase::Completed { .. }) && row.entries_len > PURGED_AT_ONCE {
            self.count("seen long-journal");
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
        End::Stopped => "end stopped",
        End::PutOff { .. } => "end put-off",
    }
}

fn phase_name(phase: &Phase) -> &'static str {
    match phase {
        Phase::Scheduled { .. } => "phase scheduled",
        Phase::Queued { .. } => "phase queued",
        Phase::Running { .. } => "phase running",
        Phase::Suspended { .. } => "phase suspended",
        Phase::BackingOff { waiting_on: None, .. } => "phase backing-off",
        Phase::BackingOff { waiting_on: Some(_), .. } => "phase backing-off-or",
        Phase::Paused { reason: PauseReason::AttemptsExhausted } => "phase paused-exhausted",
        Phase::Paused { reason: PauseReason::JournalMismatch(_) } => "phase paused-mismatch",
        Phase::Paused { reason: PauseReason::LimitReached(_) } => "phase paused-limit",
        Phase::Paused { reason: PauseReason::ByPerson } => "phase paused-by-person",
        Phase::Completed { is_failure: false, .. } => "phase completed",
        Phase::Completed { is_failure: true, .. } => "phase completed-failure",
    }
}

fn entry_name(entry: &Entry) -> &'static str {
    match entry {
        Entry::Run { .. } => "entry run",
        Entry::Sleep { .. } => "entry sleep",
        Entry::Call(_) => "entry call",
        Entry::Send { .. } => "entry send",
        Entry::Attach { .. } => "entry attach",
        Entry::Cancel { .. } => "entry cancel",
        Entry::Kill { .. } => "entry kill",
        Entry::GetState { .. } => "entry get-state",
        Entry::SetState { .. } => "entry set-state",
        Entry::ClearState { .. } => "entry clear-state",
        Entry::ClearAllState => "entry clear-all-state",
        Entry::StateKeys => "entry state-keys",
        Entry::Awakeable { .. } => "entry awakeable",
        Entry::CompleteAwakeable { .. } => "entry complete-awakeable",
        Entry::ReceiveSignal { .. } => "entry receive-signal",
        Entry::SendSignal { .. } => "entry send-signal",
        Entry::GetPromise { .. } => "entry get-promise",
        Entry::PeekPromise { .. } => "entry peek-promise",
        Entry::CompletePromise { .. } => "entry complete-promise",
    }
}

fn message_name(message: &Message) -> &'static str {
    match message {
        Message::Submit(_) => "message submit",
        Message::Answer { .. } => "message answer",
        Message::Attach { .. } => "message attach",
        Message::Detach { .. } => "message detach",
        Message::End { how: HowToEnd::Cancel, .. } => "message end-cancel",
        Message::End { how: HowToEnd::Kill, .. } => "message end-kill",
        Message::CompleteAwakeable { .. } => "message complete-awakeable",
        Message::Signal { .. } => "message signal",
        Message::Tell(_) => "message tell",
        Message::Release { .. } => "message release",
    }
}

fn notice_name(notice: Notice) -> &'static str {
    match notice {
        Notice::Done => "notice done",
        Notice::Known => "notice known",
        Notice::Absent => "notice absent",
        Notice::Completed => "notice completed",
        Notice::Unfit => "notice unfit",
        Notice::Full => "notice full",
        Notice::Refused(Refusal::UnknownDeployment) => "notice refused-unknown-deployment",
        Notice::Refused(Refusal::NotOffered) => "notice refused-not-offered",
        Notice::Refused(Refusal::OtherKind) => "notice refused-other-kind",
        Notice::Refused(Refusal::WentOn) => "notice refused-went-on",
        Notice::Changed => "notice changed",
        Notice::Held => "notice held",
        Notice::Refused(Refusal::WorkflowRun) => "notice refused-workflow-run",
        Notice::Refused(Refusal::JournalPurged) => "notice refused-journal-purged",
        Notice::Refused(Refusal::BeyondEnd) => "notice refused-beyond-end",
        Notice::Refused(Refusal::TooLong) => "notice refused-too-long",
        Notice::Refused(Refusal::Open(_)) => "notice refused-open",
        Notice::Refused(Refusal::Cancelled) => "notice refused-cancelled",
        Notice::Refused(Refusal::Overfull) => "notice refused-overfull",
    }
}
