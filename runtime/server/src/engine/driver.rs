//! The driver of a partition: it owns the partition's rows and is their only writer.
//!
//! Invariant: a step's writes are committed before any of its effects happens; effects that the
//! outside can notice wait at the gate until the commit is durable.

use super::counting::{Counting, Sums};
use super::gate::{self, Held};
use super::inboxes::work;
use super::known::Known;
use super::recovery::Unacknowledged;
use super::shell::Shell;
use super::tally::Tally;
use super::timers::{Most, Timers};
use super::txn::{Txn, TxnError};
use super::{Fault, Parts, recovery};
use crate::clock::Clock;
use crate::faults::{self, Site};
use abide_core::command::Command;
use abide_core::effect::{Effect, Gate};
use abide_core::ids::PartitionId;
use abide_core::step::{Place, step};
use abide_core::time::Timestamp;
use abide_store::{Fence, Sequence, Store};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Commands of one turn at most, and timers besides.
const BATCH_MAX: usize = 256;
/// How soon timers that are due are looked at again while the executor has no room.
const ROOM_LOOK_MS: u64 = 5;
/// While there is no room, each look lets so many timers of running invocations go on: a sleeper does not wait until the
/// last of very many messages has begun.
const TIMERS_BESIDE_OTHERS: usize = 4;
/// So many instead once [`GOING_ON_MANY`] attempts wait to go on already. And so many delayed invocations begin at each look.
const TIMERS_WITHOUT_ROOM: usize = 1;
/// Attempts that wait to go on with an invocation, from which on timers add hardly any to them.
const GOING_ON_MANY: usize = 1_000;
/// Attempts that wait for their start beyond which no timer goes on: they are in memory.
const STARTS_WAITING_MAX: usize = 200_000;

pub struct Driver {
    place: Place,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    fence: Fence,
    inbox: mpsc::UnboundedReceiver<Command>,
    timers: Timers,
    /// When timers go on again if there is no room then.
    without_room_at: Timestamp,
    known: Known,
    tally: Tally,
    counting: Counting,
    shell: Shell,
    gate: mpsc::UnboundedSender<Held>,
    fault: Fault,
    /// The last batch of this partition.
    sequence: Sequence,
    is_ending: bool,
}

impl Driver {
    /// Takes the partition and reads what it has to go on with; returns also what it has to send again.
    pub fn open(
        partition: PartitionId,
        parts: &Parts,
        inbox: mpsc::UnboundedReceiver<Command>,
        shell: Shell,
        fault: Fault,
        sums: &Sums,
    ) -> Result<(Self, Unacknowledged), abide_store::Error> {
        let store = parts.store.clone();
        let fence = store.acquire(partition.0)?;
        let timers = Timers::load(&*store, partition)?;
        let now = parts.clock.now();
        let mut counting = Counting::begin(sums, partition, now);
        recovery::submit_lost(&*store, partition, &shell.inboxes, &mut counting)?;
        let tally = Tally::new(parts, partition);
        let gate = gate::open(shell.clone(), store.clone(), &fault);
        let again = recovery::unacknowledged(&*store, partition)?;
        let waiting: usize = again.values().map(VecDeque::len).sum();
        tally.partition.outbox_changes(i64::try_from(waiting).unwrap_or(i64::MAX));
        let place = Place { now, partition, partitions: parts.partitions };
        let clock = parts.clock.clone();
        let known = Known::default();
        let driver = Self {
            place,
            store,
            clock,
            fence,
            inbox,
            timers,
            without_room_at: Timestamp(0),
            known,
            tally,
            counting,
            shell,
            gate,
            fault,
            sequence: 0,
            is_ending: false,
        };
        Ok((driver, again))
    }

    /// Works until it is told to end or the store fails.
    pub async fn run(mut self, mut end: watch::Receiver<bool>) {
        let mut stopped = self.fault.subscribe();
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            let due_at = self.next_due_at();
            tokio::select! {
                biased;
                _ = stopped.wait_for(Option::is_some) => return,
                _ = end.wait_for(|is_over| *is_over) => return self.end(),
                () = wait_for(&*self.clock, due_at) => {}
                taken = self.inbox.recv_many(&mut batch, BATCH_MAX) => if taken == 0 {
                    return;
                },
                () = tokio::task::yield_now(), if self.counting.is_behind() => {}
            }
            let turn = self.turn(&mut batch).and_then(|()| self.counting.go_on(&*self.store));
            self.tally.partition.turn_ends(self.timers.next_at());
            if let Err(error) = turn {
                self.fault.raise(&error.to_string());
                return;
            }
        }
    }

    /// Commits what came in until now: outcomes of run blocks, ends of attempts. Nobody hears of it any more.
    fn end(mut self) {
        self.is_ending = true;
        let mut batch = Vec::with_capacity(BATCH_MAX);
        for _ in 0..self.inbox.len().div_ceil(BATCH_MAX) {
            if let Err(error) = self.turn(&mut batch) {
                return self.fault.raise(&error.to_string());
            }
        }
    }

    /// Returns when to look at the timers again: when the next is due, or soon when it has to wait.
    fn next_due_at(&self) -> Option<Timestamp> {
        let (due_at, now) = (self.timers.next_at()?, self.place.now);
        if due_at > now || self.shell.executor.has_room() {
            return Some(due_at);
        }
        Some(self.clock.now().plus_millis(ROOM_LOOK_MS))
    }

    /// Applies the commands at hand and the timers that are due, mostly in one transaction.
    fn turn(&mut self, batch: &mut Vec<Command>) -> Result<(), TxnError> {
        // Time never runs backwards for the core, whatever the machine's clock does.
        self.place.now = self.place.now.max(self.clock.now());
        // What was asked does not wait until the last of many timers is done.
        while batch.len() < BATCH_MAX
            && let Ok(command) = self.inbox.try_recv()
        {
            batch.push(command);
        }
        let taken = batch.iter().map(work).sum();
        self.tally.partition.turn_begins(self.place.now, self.inbox.len());
        if !self.is_ending && self.timers.next_at().is_some_and(|at| at <= self.place.now) {
            let most = self.timers_at_once();
            let due = self.timers.take_due(&*self.store, self.place.now, most)?;
            batch.extend(due.into_iter().map(Command::TimerDue));
        }
        if batch.is_empty() {
            return Ok(());
        }
        let mut commands = batch.drain(..);
        while commands.len() > 0 {
            let mut txn = Txn::new(&*self.store, self.place.partition, &mut self.known);
            let mut effects = Vec::with_capacity(2 * commands.len());
            while !txn.is_full()
                && let Some(command) = commands.next()
            {
                let mut watchers = Watchers { tally: &mut self.tally, counting: &mut self.counting };
                apply(self.place, &mut txn, &mut watchers, command, &mut effects)?;
            }
            if let Some(batch) = txn.into_batch(self.fence) {
                // Whoever waits for it sits at the gate, which pushes.
                self.sequence = faults::between(Site::Commit, || self.store.commit_quietly(batch))?;
            }
            self.release(effects);
        }
        self.shell.inboxes.applied(self.place.partition, taken);
        self.shell.executor.drivers_go_on();
        Ok(())
    }

    /// Returns how many timers may go on now.
    fn timers_at_once(&mut self) -> Most {
        let (now, executor) = (self.place.now, &self.shell.executor);
        if executor.has_room() {
            return Most { begins: BATCH_MAX, others: BATCH_MAX };
        }
        if now < self.without_room_at || executor.waiting() >= STARTS_WAITING_MAX {
            return Most { begins: 0, others: 0 };
        }
        self.without_room_at = now.plus_millis(ROOM_LOOK_MS);
        let few_go_on = executor.waiting_to_go_on() < GOING_ON_MANY;
        let others = if few_go_on { TIMERS_BESIDE_OTHERS } else { TIMERS_WITHOUT_ROOM };
        Most { begins: TIMERS_WITHOUT_ROOM, others }
    }

    /// Runs the effects that may happen now and holds the others.
    fn release(&mut self, effects: Vec<Effect>) {
        if self.is_ending {
            return;
        }
        let mut held = Held::new(self.sequence);
        for effect in effects {
            match effect.gate() {
                Gate::Durable => held.add(effect),
                Gate::Open => {
                    if let Some(timer) = self.shell.run(effect) {
                        self.timers.arm(timer);
                    }
                }
            }
        }
        if !held.is_empty() {
            let _ = self.gate.send(held);
        }
    }
}

/// Those who look at every step and change nothing.
struct Watchers<'a> {
    tally: &'a mut Tally,
    counting: &'a mut Counting,
}

/// Applies a command and its follow-ups, before the next command.
fn apply(
    place: Place,
    txn: &mut Txn<'_>,
    watchers: &mut Watchers<'_>,
    command: Command,
    effects: &mut Vec<Effect>,
) -> Result<(), TxnError> {
    let mut pending = VecDeque::from([command]);
    while let Some(command) = pending.pop_front() {
        let mut rows = txn.load(command.reads())?;
        let about = watchers.tally.before(&command, place.now, &rows);
        let before = Counting::before(&rows);
        for effect in step(place, &mut rows, command) {
            watchers.tally.effect(&effect, place.now);
            match effect {
                Effect::Then(next) => pending.push_back(next),
                other => effects.push(other),
            }
        }
        let writes = rows.into_writes();
        watchers.tally.after(about, place.now, &writes, txn.store());
        watchers.counting.after(&before, &writes, place.now, |id| txn.answer(id))?;
        txn.stage(writes);
    }
    Ok(())
}

async fn wait_for(clock: &dyn Clock, at: Option<Timestamp>) {
    match at {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}
