//! The session of one attempt: what the guest asked, what it was told, and whether it can go on.
//!
//! Nothing here waits. `host/events.rs` asks [`Session::next_outcome`] and [`Session::next_run`] what is next
//! for the guest, and when there is nothing, [`Session::rest`] how to wait for it.

mod ahead;
mod child;
mod open;
mod overlay;
mod pace;
mod permit;
mod rest;
mod runs;
#[cfg(test)]
mod tests;

pub use self::child::Wanted;
use self::open::Open;
use self::overlay::Overlay;
use self::permit::Permit;
pub use self::rest::Rest;
use self::runs::{Reported, Runs};
use super::bindings::abide::runtime::types as wit;
use super::executor::Catalog;
use super::output::Output;
use super::sandbox::Scope;
use crate::clock::Clock;
use crate::engine::address;
use crate::engine::executor::Tell;
use crate::engine::{JournalRoom, LoadedJournal};
use crate::metrics::Histogram;
use crate::traces::Trail;
use abide_core::command::{Append, Ask, FailedRun, FinishedRun};
use abide_core::effect::AttemptStart;
use abide_core::entry::{Entry, Outcome, Settled};
use abide_core::ids::{Attempt, AwakeableId, CANCEL_OP, InvocationId, OpId};
use abide_core::invocation::{MismatchReport, WaitSet};
use abide_core::limits;
use abide_core::manifest::ServiceKind;
use abide_core::replay::{Cursor, Deliveries, Replayed};
use abide_core::target::ObjectKey;
use abide_core::time::Timestamp;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;

/// About the bytes after which what the guest did is told to the core, even if it does not wait.
const APPEND_BYTES_MAX: usize = 256 << 10;
/// The same for entries: each may become an invocation in the same batch.
const APPEND_ENTRIES_MAX: usize = 128;
/// The same for what the core does for an entry beside recording it, see [`burden`].
const APPEND_BURDEN_MAX: usize = 64;

/// Why the guest does not go on, other than by a fault of its own.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Halt {
    #[error("the attempt is suspended")]
    Suspended { waiting_on: WaitSet, outcomes_seen: u32 },
    #[error("the attempt waits to try a run block again")]
    AwaitsRetry { waiting_on: WaitSet, outcomes_seen: u32, retry_at: Timestamp },
    #[error("the attempt was stopped")]
    Stopped,
    #[error("the code does not match the journal at operation {}", .0.op)]
    Mismatched(MismatchReport),
    #[error("{0}")]
    PutOff(String),
    /// Only a check ends this way.
    #[error("the guest came to where its journal ends")]
    Recorded(Beyond),
}

/// What a guest does when all that is recorded has been gone through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// It waits for an outcome that is not there yet.
    Waits,
    /// It asks for something new.
    Asks { op: OpId, entry: String },
}

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The invocation goes on.
    Attempt,
    /// What is recorded is gone through, and no further: nothing of it may be noticed.
    Check,
}

/// How far a guest came in its journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Entries it asked for.
    pub asked: OpId,
    /// It went through all that is recorded.
    pub is_whole: bool,
    /// The first entry that it asked for with other bytes than the recorded ones.
    pub other_input: Option<(OpId, String)>,
}

/// What comes next for the guest.
#[derive(Debug)]
pub enum Next {
    Completed(Settled),
    Cancelled,
    Execute(OpId),
}

/// Ends when the core has caught up with a guest.
pub type CatchesUp = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Reads a value of the state of an object.
pub type ReadState = Box<dyn Fn(&ObjectKey, &str) -> Option<Outcome> + Send + Sync>;

/// What the session shares with the rest of the attempt.
pub struct Surroundings {
    pub purpose: Purpose,
    /// Tells the core what the guest did.
    pub append: Box<dyn Fn(Append) + Send + Sync>,
    /// Returns what a guest has to wait for before it tells more, where the core has much to do.
    pub catches_up: Box<dyn Fn() -> Option<CatchesUp> + Send + Sync>,
    pub catalog: Arc<dyn Catalog>,
    /// Says whether so much waits for a service that no more may be asked of it now.
    pub is_crowded: Box<dyn Fn(&str) -> bool + Send + Sync>,
    /// Reads a value of the state as the core would now; None where the core has to be asked.
    pub read_ahead: ReadState,
    pub clock: Arc<dyn Clock>,
    pub scope: Arc<Scope>,
    pub output: Arc<Output>,
    pub suspend_after_ms: u64,
    /// How long closures of run blocks take.
    pub run_blocks: Histogram,
    /// The trace it belongs to, for those it calls.
    pub trail: Option<Trail>,
    /// What the recorded journal takes in memory, until the guest has gone through it.
    pub room: Option<JournalRoom>,
}

pub struct Session {
    invocation: InvocationId,
    attempt: Attempt,
    birth: Attempt,
    /// What the invocation runs on, and what that allows.
    object: Option<ObjectKey>,
    /// What the workflow comes to, where it is one.
    run: Option<InvocationId>,
    permit: Permit,
    around: Surroundings,
    cursor: Cursor,
    deliveries: Deliveries,
    recorded_outcomes: u32,
    /// Operations the guest waits for.
    open: Open,
    /// Operations whose outcome comes with their record, and has not come yet.
    prompt: Open,
    /// Operations whose outcome the core may tell at any time, whether or not the guest still waits for it.
    foreign: Open,
    overlay: Overlay,
    /// Operations below were asked by an earlier invocation: what it knew of the state ends with them.
    entries_kept: OpId,
    /// When each open sleep is over; the same by time, to find the first.
    sleeps: BTreeMap<OpId, Timestamp>,
    wake_ups: BTreeSet<(Timestamp, OpId)>,
    runs: Runs,
    in_run: Option<OpId>,
    /// Length of the journal as far as the core was told.
    appended: OpId,
    entries: Vec<Ask>,
    finished: Vec<FinishedRun>,
    failed: Vec<FailedRun>,
    /// About the bytes of the three.
    unsent_bytes: usize,
    /// What the core does for them beside that.
    unsent_burden: usize,
    /// What the attempt has read itself, and the guest has not heard.
    read_ahead: Option<OpId>,
    /// It told much, or often, and did not wait for anything since.
    runs_ahead: bool,
    /// Messages since it waited that were told although they were not full.
    told_in_passing: u32,
    /// About the bytes by which this attempt made the journal longer.
    grown_bytes: u64,
    /// When each recorded entry was asked, for the wake-up time of sleeps. Those behind are asked now.
    asked_at: Vec<Timestamp>,
    /// The first entry asked with other bytes than the recorded ones.
    other_input: Option<(OpId, String)>,
}

/// Returns how much the core does for an entry, in the transaction that records it. The record of another invocation, with
/// what waits for that, is rewritten: one, for at most 64 KiB. A value is read, which may have `VALUE_BYTES_MAX`: as much as
/// eight of them. All who wait are told, all there is is cleared, or an invocation ends with its calls: as much as a message
/// may ask for.
fn burden(entry: &Entry) -> usize {
    const VALUE: usize = APPEND_BURDEN_MAX / 8;
    match entry {
        // It may have been made before, and have its answer.
        Entry::Call(request) if request.child.is_computed() => VALUE,
        Entry::GetState { .. }
        | Entry::StateKeys
        | Entry::GetPromise { .. }
        | Entry::PeekPromise { .. }
        | Entry::ReceiveSignal { .. }
        | Entry::Attach { .. } => VALUE,
        Entry::CompleteAwakeable { .. } | Entry::SendSignal { .. } => 1,
        Entry::CompletePromise { .. } | Entry::ClearAllState | Entry::Cancel { .. } | Entry::Kill { .. } => {
            APPEND_BURDEN_MAX
        }
        Entry::Run { .. }
        | Entry::Sleep { .. }
        | Entry::Call(_)
        | Entry::Send { .. }
        | Entry::SetState { .. }
        | Entry::ClearState { .. }
        | Entry::Awakeable { .. } => 0,
    }
}

fn run_of(start: &AttemptStart) -> Option<InvocationId> {
    let workflow = start.target.object().filter(|_| start.kind == ServiceKind::Workflow)?;
    Some(address::workflow_run(&workflow))
}

impl Session {
    pub fn new(start: &AttemptStart, journal: LoadedJournal, around: Surroundings) -> Self {
        let asked_at = journal.entries.iter().map(|row| row.at).collect();
        let recorded: Vec<_> = journal.entries.into_iter().map(|row| row.entry).collect();
        let appended = OpId::try_from(recorded.len()).expect("a journal has a limit");
        let recorded_outcomes = u32::try_from(journal.outcomes.len()).expect("a journal has a limit");
        let mut session = Self {
            invocation: start.invocation,
            attempt: start.attempt,
            birth: start.birth,
            object: start.target.object(),
            run: run_of(start),
            permit: Permit { kind: start.kind, mode: start.mode },
            around,
            cursor: Cursor::new(recorded),
            deliveries: Deliveries::of(journal.outcomes),
            recorded_outcomes,
            open: Open::default(),
            prompt: Open::default(),
            foreign: Open::default(),
            overlay: Overlay::default(),
            entries_kept: start.entries_kept,
            sleeps: BTreeMap::new(),
            wake_ups: BTreeSet::new(),
            runs: Runs::new(&start.held),
            in_run: None,
            appended,
            entries: Vec::new(),
            finished: Vec::new(),
            failed: Vec::new(),
            unsent_bytes: 0,
            unsent_burden: 0,
            read_ahead: None,
            runs_ahead: false,
            told_in_passing: 0,
            grown_bytes: 0,
            asked_at,
            other_input: None,
        };
        session.comes_along();
        session
    }

    /// Says whether the guest goes through what an earlier attempt did.
    pub fn is_replaying(&self) -> bool {
        self.cursor.is_replaying() || self.deliveries.handed_out() < self.recorded_outcomes
    }

    /// Returns how far the guest came in its journal.
    pub fn replay(&self) -> Replay {
        let (asked, is_whole) = (self.cursor.asked(), !self.is_replaying());
        Replay { asked, is_whole, other_input: self.other_input.clone() }
    }

    /// The guest came further in its journal. Once it is through, it is heard, and what was recorded is of no more use:
    /// the room of a large journal is for others.
    fn comes_along(&mut self) {
        let is_replaying = self.is_replaying();
        self.around.output.set_silent(is_replaying);
        if !is_replaying && let Some(room) = self.around.room.take() {
            self.cursor.forget_recorded();
            self.deliveries.shrink();
            self.asked_at = Vec::new();
            drop(room);
        }
    }

    // ---- what the guest asks ---------------------------------------------------------------

    /// The guest asks for a durable operation.
    pub fn ask(&mut self, entry: Entry) -> wasmtime::Result<OpId> {
        self.outside_run(entry.kind())?;
        self.permit.check(&entry)?;
        let op = match self.cursor.next(&entry).map_err(Halt::Mismatched)? {
            Replayed::Recorded(op) => {
                self.watch_for_core(op, &entry);
                self.watch(op, &entry);
                op
            }
            Replayed::RecordedWithOtherInput(op) => {
                self.note_other_input(op, &entry);
                let recorded = self.cursor.recorded(op).expect("it was compared just now").clone();
                self.watch_for_core(op, &recorded);
                self.watch(op, &recorded);
                op
            }
            Replayed::Fresh(op) if self.is_check() => {
                return Err(Halt::Recorded(Beyond::Asks { op, entry: entry.to_string() }).into());
            }
            Replayed::Fresh(op) => {
                self.check_crowd(&entry)?;
                let outcomes_before = self.deliveries.handed_out();
                let read = self.reads_itself(op, &entry);
                if read.is_none() {
                    self.watch_for_core(op, &entry);
                    self.unsent_burden += burden(&entry);
                }
                self.watch(op, &entry);
                let ask = Ask { entry, outcomes_before, read };
                let bytes = ask.bytes();
                self.entries.push(ask);
                self.grown_bytes += bytes as u64;
                self.count_unsent(bytes);
                self.check_length(op)?;
                op
            }
        };
        if op + 1 == self.entries_kept {
            self.overlay = Overlay::default();
        }
        self.comes_along();
        Ok(op)
    }

    /// Holds up a guest that asks more of a service than can be begun: its attempt ends, and another follows later.
    /// What is recorded by then stays.
    fn check_crowd(&self, entry: &Entry) -> wasmtime::Result<()> {
        let (Entry::Call(request) | Entry::Send { request, delay_ms: None }) = entry else { return Ok(()) };
        let service = &request.target.service;
        if (self.around.is_crowded)(service) {
            let message = format!(
                "too many invocations of \"{service}\" wait for their start (guests.waiting_max): it goes on \
                 when there is room"
            );
            return Err(Halt::PutOff(message).into());
        }
        Ok(())
    }

    fn is_check(&self) -> bool {
        self.around.purpose == Purpose::Check
    }

    fn note_other_input(&mut self, op: OpId, entry: &Entry) {
        if !self.is_check() {
            tracing::warn!(invocation = %self.invocation, op, %entry, "replay asks with other bytes; the recorded ones count");
        }
        self.other_input.get_or_insert_with(|| (op, entry.to_string()));
    }

    /// Stops a guest that asks for more than a journal holds: the core pauses the invocation once it
    /// hears of that, and what waits here to be told must not grow until then.
    fn check_length(&mut self, op: OpId) -> Result<(), Halt> {
        if op < limits::JOURNAL_ENTRIES_MAX && self.grown_bytes <= limits::JOURNAL_BYTES_MAX {
            return Ok(());
        }
        self.flush();
        Err(Halt::Stopped)
    }

    /// The core will tell what comes of it.
    fn watch_for_core(&mut self, op: OpId, entry: &Entry) {
        if entry.is_prompt() {
            self.prompt.insert(op);
        }
        if entry.is_awaitable() && !matches!(entry, Entry::Run { .. }) {
            self.foreign.insert(op);
        }
    }

    fn watch(&mut self, op: OpId, entry: &Entry) {
        if entry.is_awaitable() {
            self.open.insert(op);
        }
        // In a shared handler others write in between: it asks for each value each time.
        if self.permit.has_state_to_itself() {
            self.overlay.asked(op, entry);
        }
        if let Entry::Run { retry, .. } = entry {
            self.runs.open(op, retry.clone());
        }
        if let Entry::Sleep { duration_ms, .. } = entry {
            let asked_at = self.asked_at.get(op as usize).copied();
            let asked_at = asked_at.unwrap_or_else(|| self.around.clock.now());
            let wake_at = asked_at.plus_millis(*duration_ms);
            self.sleeps.insert(op, wake_at);
            self.wake_ups.insert((wake_at, op));
        }
    }

    /// Returns a value of the state if the attempt knows it; None: it has to be asked.
    pub fn known_state(&self, name: &str) -> wasmtime::Result<Option<Option<Bytes>>> {
        self.outside_run("get-state")?;
        Ok(self.overlay.get(name))
    }

    /// Returns the id under which others know an operation of this invocation.
    pub fn awakeable(&self, op: OpId) -> AwakeableId {
        AwakeableId { invocation: self.invocation, op, birth: self.birth }
    }

    fn outside_run(&self, what: &str) -> wasmtime::Result<()> {
        if self.in_run.is_some() {
            wasmtime::bail!("{what} inside a run block: a run block is one step, do this before or after it");
        }
        Ok(())
    }

    pub fn forget(&mut self, op: OpId) {
        self.open.remove(op);
        if let Some(wake_at) = self.sleeps.remove(&op) {
            self.wake_ups.remove(&(wake_at, op));
        }
        self.runs.close(op);
        self.overlay.forget(op);
    }

    pub fn enter_run(&mut self, op: OpId) -> wasmtime::Result<()> {
        self.outside_run("another run block")?;
        if !self.runs.is_executing(op) {
            wasmtime::bail!("run-enter for operation {op}, which was not asked to execute");
        }
        self.in_run = Some(op);
        self.around.scope.enter_run(op);
        Ok(())
    }

    pub fn exit_run(&mut self) {
        self.in_run = None;
        self.around.scope.exit_run();
    }

    pub fn finish_run(&mut self, op: OpId, outcome: Outcome) -> wasmtime::Result<()> {
        let reported = self.runs.report(op)?;
        self.around.run_blocks.observe(reported.took);
        let bytes = outcome.bytes();
        self.finished.push(FinishedRun::new(op, outcome));
        self.grown_bytes += bytes as u64;
        self.count_unsent(bytes);
        Ok(())
    }

    pub fn fail_run(&mut self, op: OpId, error: wit::Retryable) -> wasmtime::Result<()> {
        let Reported { policy, took } = self.runs.report(op)?;
        self.around.run_blocks.observe(took);
        let wit::Retryable { message, retry_after_ms } = error;
        let message = limits::cut(message, limits::FAILURE_MESSAGE_BYTES_MAX);
        let bytes = message.len();
        self.failed.push(FailedRun { op, message, policy, retry_after_ms });
        self.count_unsent(bytes);
        Ok(())
    }

    /// Returns the time, and how to wait for a later one.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.around.clock.clone()
    }

    // ---- what the guest is told ------------------------------------------------------------

    pub fn hear(&mut self, tell: Tell) {
        match tell {
            Tell::Settled(settled) => self.deliveries.take_in(settled),
            Tell::Hold { op, retry_at } => {
                self.foreign.remove(op);
                self.runs.hold(op, retry_at);
            }
            Tell::AllowRuns { until } => self.runs.allow(until),
            Tell::Stop => unreachable!("the executor ends the attempt instead"),
        }
    }

    /// One message to the core is one part of a batch, and batches have a limit.
    fn count_unsent(&mut self, bytes: usize) {
        self.unsent_bytes += bytes;
        let entries = self.entries.len() + self.finished.len() + self.failed.len();
        let is_large = self.unsent_bytes > APPEND_BYTES_MAX || entries >= APPEND_ENTRIES_MAX;
        if is_large || self.unsent_burden >= APPEND_BURDEN_MAX {
            self.flush();
            self.runs_ahead = true;
        }
    }

    /// Tells the core what the guest did since the last time; says whether there was something.
    pub fn flush(&mut self) -> bool {
        let Some(append) = self.take_unsent() else { return false };
        (self.around.append)(append);
        true
    }

    /// Returns what the guest did since the core was told the last time, to be told now.
    pub fn take_unsent(&mut self) -> Option<Append> {
        (self.unsent_bytes, self.unsent_burden) = (0, 0);
        let unheard = self.finished.iter().filter(|run| run.heard.is_none()).map(|run| run.op);
        unheard.chain(self.failed.iter().map(|run| run.op)).for_each(|op| self.foreign.insert(op));
        if self.entries.is_empty() && self.finished.is_empty() && self.failed.is_empty() {
            return None;
        }
        let append = Append {
            invocation: self.invocation,
            attempt: self.attempt,
            object: self.object.clone(),
            run: self.run,
            first_op: self.appended,
            entries: std::mem::take(&mut self.entries),
            finished: std::mem::take(&mut self.finished),
            failed: std::mem::take(&mut self.failed),
            jitter: rand::random(),
        };
        self.appended += OpId::try_from(append.entries.len()).expect("bounded by the guest's memory");
        Some(append)
    }

    /// Returns the next outcome for the guest, in journal order, if there is one. Nothing else may come
    /// before it.
    pub fn next_outcome(&mut self) -> wasmtime::Result<Option<Next>> {
        self.outside_run("waiting")?;
        while let Some(settled) = self.deliveries.next() {
            if settled.op != CANCEL_OP && settled.op >= self.cursor.asked() {
                self.cursor.finish().map_err(Halt::Mismatched)?;
            }
            self.comes_along();
            if let Some(next) = self.deliver(settled) {
                return Ok(Some(next));
            }
        }
        Ok(None)
    }

    /// Returns the run block that the guest executes next, if there is one. `now` has to be the one of the
    /// [`Session::rest`] that follows, or a run block could be too early for the one and too late for the
    /// other.
    pub fn next_run(&mut self, now: Timestamp) -> Result<Option<Next>, Halt> {
        let Some(op) = self.runs.start_next(now) else { return Ok(None) };
        // The recorded guest had asked for all by then. What does not match is to be noticed before a side effect.
        self.cursor.finish().map_err(Halt::Mismatched)?;
        Ok(Some(Next::Execute(op)))
    }

    /// Takes the next outcome of the journal; None when the guest has no interest in it.
    fn deliver(&mut self, settled: Settled) -> Option<Next> {
        let op = settled.op;
        if op == CANCEL_OP {
            self.around.scope.advance(settled.at);
            return Some(Next::Cancelled);
        }
        self.prompt.remove(op);
        self.foreign.remove(op);
        let is_awaited = self.open.contains(op);
        if is_awaited {
            self.overlay.told(op, &settled.outcome);
        }
        self.forget(op);
        if !is_awaited {
            return None;
        }
        self.around.scope.advance(settled.at);
        Some(Next::Completed(settled))
    }

    /// Checks at the end of the guest that it asked for all its journal holds.
    pub fn finish(&self) -> Result<(), MismatchReport> {
        self.cursor.finish()
    }

    /// The run block being polled, for the report of a crash.
    pub fn running_op(&self) -> Option<OpId> {
        self.in_run
    }
}
