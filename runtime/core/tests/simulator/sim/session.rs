//! The fake session of one attempt. It does what the real one does: it replays, batches entries
//! until the guest blocks, starts run blocks once they may start, hands out outcomes one by one in
//! journal order, and gives the instance back when it waits.

use super::guest::{Halt, Task, Value};
use super::outside::Outside;
use super::program::{RunKind, own_policy, site_name};
use super::rng::Rng;
use super::state::{RunBlock, RunState, State};
use super::table::{self, Table, entries, live, outcomes};
use abide_core::command::{Append, End, FailedRun, FinishedRun};
use abide_core::effect::AttemptStart;
use abide_core::entry::{Entry, Outcome, Settled};
use abide_core::ids::{Attempt, OpId};
use abide_core::invocation::WaitSet;
use abide_core::manifest::{HandlerMode, ServiceKind};
use abide_core::replay::Cursor;
use abide_core::time::Timestamp;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};

/// What the shell tells a session.
pub enum Tell {
    Settled(Settled),
    Hold { op: OpId, retry_at: Timestamp },
    AllowRuns { until: OpId },
    Stop,
}

/// What a session tells the driver.
pub enum Said {
    Nothing,
    Append(Append),
    Ended(Option<Append>, End),
    Stopped,
}

/// What a session can look at while it goes on.
pub struct Surroundings<'a> {
    pub now: Timestamp,
    pub rng: &'a mut Rng,
    pub latest: &'a Table,
    pub durable: &'a Table,
    pub outside: &'a mut Outside,
    /// Nothing fails any more: the simulation comes to its end.
    pub is_healed: bool,
}

pub struct Session {
    pub attempt: Attempt,
    pub mailbox: VecDeque<Tell>,
    /// The life of its invocation, or a later one.
    pub life: u64,
    start: AttemptStart,
    guest: Option<Task>,
    must_poll: bool,
    /// The shell has given it up and does not know that it still talks.
    is_given_up: bool,
    state: State,
}

impl Session {
    pub fn new(start: AttemptStart, input: &Bytes, seed: u64, life: u64) -> Self {
        let state = State::new(&start, input, seed);
        let attempt = start.attempt;
        Self {
            attempt,
            mailbox: VecDeque::new(),
            life,
            start,
            guest: None,
            must_poll: true,
            is_given_up: false,
            state,
        }
    }

    pub fn is_told_to_stop(&self) -> bool {
        self.mailbox.iter().any(|tell| matches!(tell, Tell::Stop))
    }

    /// Nobody listens to this session any more, but it may still talk. None: it has nothing to say.
    pub fn give_up(mut self) -> Option<Self> {
        self.is_given_up = true;
        self.guest.is_some().then_some(self)
    }

    /// Lets the guest or its session do one thing.
    pub fn go_on(&mut self, around: &mut Surroundings<'_>) -> Said {
        self.state.is_healed = around.is_healed;
        self.state.now = around.now;
        if self.guest.is_none() {
            if self.is_told_to_stop() {
                // The journal may be purged, or be that of a later invocation.
                return Said::Stopped;
            }
            if around.is_healed || around.rng.chance(20) {
                self.load(around);
            }
            return Said::Nothing;
        }
        let listens = around.rng.index(self.mailbox.len() + 1);
        let listens = if around.is_healed { self.mailbox.len() } else { listens };
        for _ in 0..listens {
            match self.mailbox.pop_front().expect("counted above") {
                Tell::Settled(settled) => self.state.deliveries.take_in(settled),
                Tell::Hold { op, retry_at } => self.state.hold(op, retry_at),
                Tell::AllowRuns { until } => self.state.allowed_until = self.state.allowed_until.max(until),
                Tell::Stop => return Said::Stopped,
            }
        }
        if self.must_poll {
            self.must_poll = false;
            self.state.sees = self.has_state_to_itself().then(|| state_of(around.latest, &self.start));
            return self.poll(around);
        }
        if around.rng.chance(70) && self.state.hand_out_read() {
            self.must_poll = true;
            return Said::Nothing;
        }
        if self.state.has_asked() {
            // What was asked is told before more is heard: it says how much the guest had heard.
            return self.flush(around).expect("there is something to tell");
        }
        if around.rng.chance(50) {
            self.state.hear_itself();
        }
        match self.state.hand_out() {
            Err(report) => return self.state.ends(End::Mismatched(report)),
            Ok(true) => {
                self.must_poll = true;
                return Said::Nothing;
            }
            Ok(false) => {}
        }
        let mut choices = [Self::flush, Self::finish_a_run, Self::start_a_run];
        choices.rotate_left(around.rng.index(3));
        let did = choices.into_iter().find_map(|choice| choice(self, around));
        did.unwrap_or_else(|| self.rest(around))
    }

    /// Reads the journal, perhaps long after the attempt was started.
    fn load(&mut self, around: &mut Surroundings<'_>) {
        let latest = around.latest;
        let id = self.state.invocation;
        let recorded: Vec<Entry> = entries(latest, id).map(|(_, row)| row.entry.clone()).collect();
        assert_eq!(
            recorded.len() as u32,
            self.start.entries_len,
            "only this attempt writes the journal of {id}"
        );
        let mut settled = outcomes(latest, id);
        assert!(settled.len() as u32 >= self.start.outcomes_len, "outcomes of {id} are missing");
        // The journal is read page by page while outcomes arrive: of the newer ones it has some or none.
        let recorded_outcomes = self.start.outcomes_len;
        settled.retain(|settled| settled.order < recorded_outcomes || around.rng.chance(50));
        self.state.cursor = Cursor::new(recorded);
        settled.into_iter().for_each(|settled| self.state.deliveries.take_in(settled));
        self.guest = Some(Task::new(&self.state.program.root));
    }

    fn poll(&mut self, around: &mut Surroundings<'_>) -> Said {
        let guest = self.guest.as_mut().expect("the journal is loaded");
        match guest.poll(&mut self.state) {
            Ok(None) => Said::Nothing,
            Ok(Some(value)) => match self.state.cursor.finish() {
                Ok(()) => self.state.ends(returned(value)),
                Err(report) => self.state.ends(End::Mismatched(report)),
            },
            Err(Halt::Mismatch(report)) => self.state.ends(End::Mismatched(report)),
            Err(Halt::Trap) => {
                let retry_after_ms = around.rng.chance(30).then(|| around.rng.below(100));
                let end = End::Crashed { message: "trap".into(), op: None, retry_after_ms };
                // What the guest asked since it last blocked is lost with it, or not.
                if around.rng.chance(50) { Said::Ended(None, end) } else { self.state.ends(end) }
            }
        }
    }

    fn has_state_to_itself(&self) -> bool {
        self.start.kind != ServiceKind::Service && self.start.mode == HandlerMode::Exclusive
    }

    fn flush(&mut self, _: &mut Surroundings<'_>) -> Option<Said> {
        self.state.batch().map(Said::Append)
    }

    fn start_a_run(&mut self, around: &mut Surroundings<'_>) -> Option<Said> {
        if self.is_given_up || self.is_told_to_stop() {
            return None;
        }
        let state = &mut self.state;
        let now = around.now;
        let may_start = |(op, run): &(&OpId, &RunBlock)| {
            run.state == RunState::Waiting
                && **op < state.allowed_until
                && state.held.get(op).is_none_or(|retry_at| *retry_at <= now)
        };
        let ready: Vec<OpId> = state.runs.iter().filter(may_start).map(|(op, _)| *op).collect();
        let op = *ready.get(around.rng.index(ready.len().max(1)))?;
        let tries = live(around.latest, state.invocation).and_then(|row| row.run_tries.get(&op));
        assert!(tries.is_none_or(|tries| tries.retry_at <= now), "op {op} is tried again early");
        let run = state.runs.get_mut(&op).expect("found above");
        run.state = RunState::Executing;
        let knew = &state.handed_out[..run.knew];
        around.outside.closure_starts(around.durable, state.invocation, op, &site_name(run.site), knew);
        Some(Said::Nothing)
    }

    fn finish_a_run(&mut self, around: &mut Surroundings<'_>) -> Option<Said> {
        let state = &mut self.state;
        let is_executing = |(_, run): &(&OpId, &RunBlock)| run.state == RunState::Executing;
        let executing: Vec<OpId> = state.runs.iter().filter(is_executing).map(|(op, _)| *op).collect();
        let op = *executing.get(around.rng.index(executing.len().max(1)))?;
        let run = state.runs.get_mut(&op).expect("found above");
        run.state = RunState::Reported;
        let is_flaky = matches!(run.kind, RunKind::Flaky | RunKind::FlakyWithPolicy);
        if is_flaky && !around.is_healed && around.rng.chance(60) {
            let retry_after_ms = around.rng.chance(20).then(|| around.rng.below(300));
            let (message, policy) = ("flaky".into(), own_policy(run.kind));
            state.failed.push(FailedRun { op, message, policy, retry_after_ms });
        } else if run.kind == RunKind::Refuses {
            let failure = state.program.failure(run.site);
            state.finished.push(FinishedRun::new(op, Outcome::Failure(failure)));
        } else {
            let result = around.outside.closure_result(state.invocation, op);
            state.finished.push(FinishedRun::new(op, Outcome::Value(result)));
        }
        Some(Said::Nothing)
    }

    /// Nothing can go on here: the attempt waits, in memory or without its instance.
    fn rest(&mut self, around: &mut Surroundings<'_>) -> Said {
        let state = &mut self.state;
        assert!(!state.open.is_empty(), "{} waits for nothing", state.invocation);
        let now = around.now;
        // A block whose time has come is not held: it starts as soon as it may.
        let is_held = |(op, run): (&OpId, &RunBlock)| {
            run.state == RunState::Waiting && state.held.get(op).is_some_and(|retry_at| *retry_at > now)
        };
        let is_under_way = |run: (&OpId, &RunBlock)| !is_held(run);
        if state.runs.iter().any(is_under_way) || !around.rng.chance(40) {
            return Said::Nothing;
        }
        if let Err(report) = state.cursor.finish() {
            return state.ends(End::Mismatched(report));
        }
        let held = state.runs.iter().filter(|run| is_held(*run)).filter_map(|(op, _)| state.held.get(op));
        let first_retry = held.copied().min();
        let waiting_on = match around.rng.below(8) {
            0 => WaitSet::Any,
            _ => WaitSet::of(state.open.iter().copied().collect()),
        };
        let outcomes_seen = state.deliveries.handed_out();
        let end = match first_retry {
            Some(retry_at) => End::AwaitsRetry { waiting_on, outcomes_seen, retry_at },
            None => End::Suspended { waiting_on, outcomes_seen },
        };
        state.ends(end)
    }
}

/// Returns the state that an attempt works on.
fn state_of(table: &Table, start: &AttemptStart) -> BTreeMap<String, Bytes> {
    let object = start.target.object().expect("a service has no state");
    table::state(table, &object).map(|(name, value)| (name.to_owned(), value.clone())).collect()
}

fn returned(value: Value) -> End {
    match value {
        Ok(value) => End::Returned(Bytes::copy_from_slice(&value.to_le_bytes())),
        Err(failure) => End::Failed(failure),
    }
}
