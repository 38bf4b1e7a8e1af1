//! The executor of wasm guests: one task per attempt that runs, and a record per attempt that waits.

use super::attempt;
use super::components::Components;
use super::crowd::Crowd;
use super::slots::{Share, Slots};
use super::turns::{Lane, Next, Of, Turns};
use crate::clock::Clock;
use crate::engine::executor::{Executor, Tell};
use crate::engine::{Inboxes, JournalReader, Loading};
use crate::logs::GuestLogs;
use crate::metrics::Metrics;
use abide_core::command::Command;
use abide_core::effect::AttemptStart;
use abide_core::ids::{Attempt, InvocationId};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

/// Attempts that may be on their way to their first wait, or first run block, at once: so many per processor,
/// and no fewer than the minimum. They compute, so more would only be in each other's way, and in that of
/// whoever has the next turn.
const STARTS_PER_PROCESSOR: usize = 4;
const STARTS_MIN: usize = 16;
/// Attempts that compute for long, for each place: they are in the background, and the place is given to others. With
/// more of them on the way they keep their places, so that not all slots are taken by those who share the processors.
const COMPUTING_PER_PLACE: usize = 16;
/// Attempts that wait for their turn to start, before those that timers would start are held back.
const WAITING_MAX: usize = 1_000;
/// Inputs that attempts keep while they wait for their start, all together; others are read again then.
const INPUTS_WAITING_BYTES_MAX: usize = 16 << 20;

/// Knows what is deployed now.
pub trait Catalog: Send + Sync + 'static {
    /// Says whether the handler runs once per key and is what the workflow comes to.
    fn is_workflow_run(&self, service: &str, handler: &str) -> bool;
}

/// What all attempts share.
pub struct Shared {
    pub parts: ExecutorParts,
    pub loading: Loading,
    state: Mutex<State>,
    /// Where those run that are of a crowd.
    crowd: Crowd,
    /// Attempts that may start at once.
    places: usize,
    /// As many as wait in the state, for those who only want to know that.
    waiting: AtomicUsize,
    /// Those among them that go on with an invocation.
    waiting_to_go_on: AtomicUsize,
    /// Where attempts run. Room is given back on other threads too.
    runtime: Handle,
}

struct State {
    attempts: HashMap<InvocationId, Known>,
    turns: Turns<(InvocationId, Attempt)>,
    free: Free,
    slots: Slots,
    inputs_waiting_bytes: usize,
    is_closed: bool,
}

/// How many more may start, and compute for long without a place.
struct Free {
    places: usize,
    computing: usize,
}

/// An attempt, from its start until it is over.
struct Known {
    attempt: Attempt,
    stage: Stage,
}

enum Stage {
    Waits(Box<Waits>),
    Runs {
        tell: mpsc::UnboundedSender<Tell>,
        /// Goes with this record; then the attempt ends, whatever its guest is doing.
        _alive: oneshot::Sender<()>,
    },
}

/// An attempt that waits for its turn.
struct Waits {
    start: AttemptStart,
    told: Vec<Tell>,
    input_bytes: usize,
}

/// An attempt that was let in: what it begins with, and where it hears from the engine.
pub struct LetIn {
    pub start: AttemptStart,
    pub told: mpsc::UnboundedReceiver<Tell>,
    pub stopped: oneshot::Receiver<()>,
    pub place: Place,
    pub slot: Slot,
    /// It is one of very many: others come first.
    pub is_of_crowd: bool,
}

/// A place among those that start; given back early, see [`super::start`].
pub struct Place {
    shared: Arc<Shared>,
    /// It is one of those that compute for long, and others have the place.
    is_aside: bool,
}

impl Place {
    /// Lets another one have the place, if there is room among those that compute for long.
    pub fn stand_aside(&mut self) {
        if self.is_aside {
            return;
        }
        self.shared.change(|state| {
            if state.free.computing > 0 {
                state.free.computing -= 1;
                state.free.places += 1;
                self.is_aside = true;
            }
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.change(|state| match self.is_aside {
            true => state.free.computing += 1,
            false => state.free.places += 1,
        });
    }
}

/// The room of an attempt in memory.
pub struct Slot {
    shared: Arc<Shared>,
    /// What its service has.
    pub share: Arc<Share>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared.change(|state| state.slots.give_back(&self.share));
    }
}

/// What an executor is made of.
pub struct ExecutorParts {
    pub components: Arc<Components>,
    pub catalog: Arc<dyn Catalog>,
    pub inboxes: Inboxes,
    pub journals: JournalReader,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    pub logs: GuestLogs,
    /// Spans of this server are told.
    pub has_traces: bool,
}

pub struct WasmExecutor {
    shared: Arc<Shared>,
}

impl WasmExecutor {
    /// Builds an executor whose attempts run where this is called.
    ///
    /// # Errors
    /// The system has no threads left.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn new(parts: ExecutorParts) -> io::Result<Self> {
        let crowd = Crowd::start(parts.inboxes.clone())?;
        let attempts_max = parts.components.engine().attempts_max();
        parts.metrics.guests.slots.set(attempts_max.into());
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let places = (STARTS_PER_PROCESSOR * processors).max(STARTS_MIN);
        let state = State {
            attempts: HashMap::new(),
            turns: Turns::default(),
            free: Free { places, computing: COMPUTING_PER_PLACE * places },
            slots: Slots::new(attempts_max as usize),
            inputs_waiting_bytes: 0,
            is_closed: false,
        };
        let shared = Arc::new(Shared {
            loading: Loading::new(parts.journals.clone()),
            parts,
            crowd,
            places,
            state: Mutex::new(state),
            waiting: AtomicUsize::new(0),
            waiting_to_go_on: AtomicUsize::new(0),
            runtime: Handle::current(),
        });
        Ok(Self { shared })
    }
}

impl Executor for WasmExecutor {
    fn start(&self, start: AttemptStart) {
        self.shared.change(|state| state.enter(start));
    }

    fn tell(&self, invocation: InvocationId, attempt: Attempt, tell: Tell) {
        if tell == Tell::Stop {
            self.shared.forget(invocation, attempt);
            return;
        }
        let mut state = self.shared.state.lock();
        match state.attempts.get_mut(&invocation).filter(|known| known.attempt == attempt) {
            Some(Known { stage: Stage::Waits(waits), .. }) => waits.told.push(tell),
            Some(Known { stage: Stage::Runs { tell: sender, .. }, .. }) => _ = sender.send(tell),
            None => {}
        }
    }

    /// Those that wait for room for their journal hold back the callers of their service, not the timers of all.
    fn has_room(&self) -> bool {
        self.shared.waiting.load(Ordering::SeqCst) + self.shared.loading.waiting_to_read() < WAITING_MAX
    }

    /// Those that wait for a large journal have been let in, and given their places back.
    fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::SeqCst) + self.shared.loading.waiting()
    }

    fn waiting_to_go_on(&self) -> usize {
        self.shared.waiting_to_go_on.load(Ordering::SeqCst)
    }

    fn waiting_of(&self, service: &str) -> usize {
        let lane = |is_first_attempt| Lane { service: service.into(), is_first_attempt };
        let for_journals = self.shared.loading.waiting_of(service);
        let state = self.shared.state.lock();
        state.turns.len_of(&lane(true)) + state.turns.len_of(&lane(false)) + for_journals
    }

    fn drivers_go_on(&self) {
        if self.shared.waiting.load(Ordering::SeqCst) > 0 {
            self.shared.change(|_| {});
        }
    }

    fn suspend_idle(&self) {
        self.shared.state.lock().slots.suspend_idle();
    }

    fn in_memory(&self) -> usize {
        self.shared.state.lock().attempts.len()
    }

    fn close(&self) {
        self.shared.change(State::close);
    }
}

impl Shared {
    /// Forgets an attempt that is over, or ends it; a newer one keeps its place.
    pub fn forget(&self, invocation: InvocationId, attempt: Attempt) {
        let mut state = self.state.lock();
        if state.attempts.get(&invocation).is_some_and(|known| known.attempt == attempt) {
            state.remove(invocation);
        }
    }

    /// Hands a command of an attempt to the driver of its invocation.
    pub fn send(&self, invocation: InvocationId, command: Command, is_of_crowd: bool) {
        if is_of_crowd {
            self.crowd.send(invocation, command);
        } else {
            self.parts.inboxes.send(invocation, command);
        }
    }

    /// Says whether so many first attempts of the service wait that its callers have to wait as well.
    pub fn is_crowded(&self, service: &str) -> bool {
        let waiting_max = self.parts.components.limits().waiting_max;
        if self.waiting.load(Ordering::Relaxed) < waiting_max {
            return false;
        }
        let lane = Lane { service: service.into(), is_first_attempt: true };
        self.state.lock().turns.len_of(&lane) >= waiting_max
    }

    /// Changes the state, and starts those that may start now.
    fn change(self: &Arc<Self>, change: impl FnOnce(&mut State)) {
        let let_in = {
            let mut state = self.state.lock();
            change(&mut state);
            let mut let_in = Vec::new();
            loop {
                let are_behind = self.parts.inboxes.are_behind();
                let_in.extend(std::iter::from_fn(|| state.let_in(self, are_behind)));
                self.waiting.store(state.turns.len(), Ordering::SeqCst);
                self.waiting_to_go_on.store(state.turns.len_going_on(), Ordering::SeqCst);
                // A driver that went on just now may not have seen that somebody waits.
                if !are_behind || self.parts.inboxes.are_behind() {
                    break;
                }
            }
            if state.free.places > 0 && state.turns.len() > 0 {
                state.slots.press(state.turns.services());
            }
            let_in
        };
        for let_in in let_in {
            let is_of_crowd = let_in.is_of_crowd;
            let attempt = attempt::run(self.clone(), let_in);
            if is_of_crowd {
                self.crowd.spawn(attempt, self.runtime.clone());
            } else {
                self.runtime.spawn(attempt);
            }
        }
    }
}

impl State {
    /// An attempt comes and waits, and be it for a moment. The record of an older one goes, and that attempt with it.
    fn enter(&mut self, mut start: AttemptStart) {
        self.remove(start.invocation);
        if self.is_closed {
            return;
        }
        let (invocation, attempt) = (start.invocation, start.attempt);
        let lane = Lane { service: start.target.service.clone(), is_first_attempt: start.entries_len == 0 };
        let input_bytes = self.keep_input(&mut start);
        let waits = Box::new(Waits { start, told: Vec::new(), input_bytes });
        self.attempts.insert(invocation, Known { attempt, stage: Stage::Waits(waits) });
        self.turns.join(lane, (invocation, attempt));
    }

    /// Nobody waits any more: each attempt that is dropped together with the runtime gives its room to the next, which would
    /// be dropped within that, and so on.
    fn close(&mut self) {
        self.is_closed = true;
        self.attempts.clear();
        self.turns = Turns::default();
        self.inputs_waiting_bytes = 0;
    }

    /// Counts the input in. One for which there is no room is left to the store.
    fn keep_input(&mut self, start: &mut AttemptStart) -> usize {
        let bytes = start.input.as_ref().map_or(0, |input| input.body.len());
        if self.inputs_waiting_bytes + bytes > INPUTS_WAITING_BYTES_MAX {
            start.input = None;
            return 0;
        }
        self.inputs_waiting_bytes += bytes;
        bytes
    }

    fn remove(&mut self, invocation: InvocationId) {
        if let Some(Known { stage: Stage::Waits(waits), .. }) = self.attempts.remove(&invocation) {
            self.inputs_waiting_bytes -= waits.input_bytes;
        }
    }

    /// Returns who may start now, if there is room for one more. Who was stopped while it waited is passed over.
    ///
    /// A crowd leaves half of the places to others, and starts only while the drivers keep up: its attempts are the
    /// ones that keep them busy. A service that has most of the slots leaves some to others as well.
    fn let_in(&mut self, shared: &Arc<Shared>, are_behind: bool) -> Option<LetIn> {
        while self.free.places > 0 && self.slots.free() > 0 {
            let has_room_for_crowd = self.free.places > shared.places / 2 && !are_behind;
            let of = if has_room_for_crowd { Of::AllLanes } else { Of::LanesWithoutCrowd };
            let next = self.turns.next(of, |service| self.slots.has_room_for(service))?;
            let Next { waits: (invocation, attempt), is_of_crowd } = next;
            let Some(known) = self.attempts.get_mut(&invocation).filter(|known| known.attempt == attempt)
            else {
                continue;
            };
            let (tell, told) = mpsc::unbounded_channel();
            let (alive, stopped) = oneshot::channel();
            let stage =
                std::mem::replace(&mut known.stage, Stage::Runs { tell: tell.clone(), _alive: alive });
            let Stage::Waits(waits) = stage else {
                unreachable!("an attempt waits for one turn");
            };
            let Waits { start, told: told_meanwhile, input_bytes } = *waits;
            told_meanwhile.into_iter().for_each(|told| _ = tell.send(told));
            self.inputs_waiting_bytes -= input_bytes;
            self.free.places -= 1;
            let place = Place { shared: shared.clone(), is_aside: false };
            let slot = Slot { shared: shared.clone(), share: self.slots.take(&start.target.service) };
            return Some(LetIn { start, told, stopped, place, slot, is_of_crowd });
        }
        None
    }
}
