//! The executor of wasm guests: one task per attempt, and a bounded number of them in memory.

use super::attempt;
use super::components::Components;
use crate::clock::Clock;
use crate::engine::executor::{Executor, Tell};
use crate::engine::{Inboxes, JournalReader};
use crate::logs::GuestLogs;
use crate::metrics::Metrics;
use abide_core::effect::AttemptStart;
use abide_core::ids::{Attempt, InvocationId};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// Attempts that may be on their way to their first wait, or first run block, at once. More would only
/// take memory: after a restart thousands begin in the same moment.
const STARTS_MAX: usize = 256;
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
    pub slots: Slots,
    running: Mutex<HashMap<InvocationId, Running>>,
}

struct Running {
    attempt: Attempt,
    tell: mpsc::UnboundedSender<Tell>,
    /// Goes with this record; then the attempt ends, whatever its guest is doing.
    _alive: oneshot::Sender<()>,
}

/// Room for attempts in memory. Who waits for room makes the longest idle attempt give up its own.
pub struct Slots {
    waiting: Arc<Waiting>,
    free: Arc<Semaphore>,
    starts: Arc<Semaphore>,
    pub pressure: Arc<Notify>,
}

impl Slots {
    fn new(attempts_max: u32) -> Self {
        let free = Arc::new(Semaphore::new(attempts_max as usize));
        let starts = Arc::new(Semaphore::new(STARTS_MAX));
        Self { waiting: Arc::default(), free, starts, pressure: Arc::new(Notify::new()) }
    }

    /// Waits for a place among those that start, then for room in memory. The first is given back
    /// early, see [`super::guest::Link`], the second with the attempt.
    pub async fn take(&self) -> (OwnedSemaphorePermit, OwnedSemaphorePermit) {
        let start = self.starts.clone().acquire_owned().await.expect("the semaphore is never closed");
        if let Ok(slot) = self.free.clone().try_acquire_owned() {
            return (start, slot);
        }
        // Who waits for room must not keep others from starting what will make room.
        drop(start);
        self.pressure.notify_one();
        let slot = self.free.clone().acquire_owned().await.expect("the semaphore is never closed");
        let start = self.starts.clone().acquire_owned().await.expect("the semaphore is never closed");
        (start, slot)
    }
}

/// How many attempts wait for their start, and the bytes of their inputs.
#[derive(Default)]
struct Waiting {
    attempts: AtomicUsize,
    input_bytes: AtomicUsize,
}

/// One attempt that waits, with its input or without.
pub struct Waits {
    waiting: Arc<Waiting>,
    input_bytes: usize,
}

impl Waits {
    /// Counts the attempt in. An input for which there is no room is left to the store.
    fn of(waiting: &Arc<Waiting>, start: &mut AttemptStart) -> Self {
        let bytes = start.input.as_ref().map_or(0, |input| input.body.len());
        let has_room = waiting.input_bytes.load(Ordering::Relaxed) + bytes <= INPUTS_WAITING_BYTES_MAX;
        if !has_room {
            start.input = None;
        }
        let input_bytes = if has_room { bytes } else { 0 };
        waiting.attempts.fetch_add(1, Ordering::Relaxed);
        waiting.input_bytes.fetch_add(input_bytes, Ordering::Relaxed);
        Self { waiting: waiting.clone(), input_bytes }
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.waiting.attempts.fetch_sub(1, Ordering::Relaxed);
        self.waiting.input_bytes.fetch_sub(self.input_bytes, Ordering::Relaxed);
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
    #[must_use]
    pub fn new(parts: ExecutorParts) -> Self {
        let attempts_max = parts.components.engine().attempts_max();
        parts.metrics.guests.slots.set(attempts_max.into());
        let (slots, running) = (Slots::new(attempts_max), Mutex::default());
        Self { shared: Arc::new(Shared { parts, slots, running }) }
    }
}

impl Executor for WasmExecutor {
    fn start(&self, mut start: AttemptStart) {
        let waits = Waits::of(&self.shared.slots.waiting, &mut start);
        let (tell, told) = mpsc::unbounded_channel();
        let (alive, stopped) = oneshot::channel();
        let running = Running { attempt: start.attempt, tell, _alive: alive };
        // The record of an older attempt, if any, goes, and the attempt with it.
        self.shared.running.lock().insert(start.invocation, running);
        tokio::spawn(attempt::run(self.shared.clone(), start, waits, told, stopped));
    }

    fn tell(&self, invocation: InvocationId, attempt: Attempt, tell: Tell) {
        if tell == Tell::Stop {
            self.shared.forget(invocation, attempt);
            return;
        }
        let running = self.shared.running.lock();
        if let Some(running) = running.get(&invocation).filter(|running| running.attempt == attempt) {
            let _ = running.tell.send(tell);
        }
    }

    fn has_room(&self) -> bool {
        self.waiting() < WAITING_MAX
    }

    fn waiting(&self) -> usize {
        self.shared.slots.waiting.attempts.load(Ordering::Relaxed)
    }

    fn suspend_idle(&self) {
        self.shared.slots.pressure.notify_waiters();
    }

    fn in_memory(&self) -> usize {
        self.shared.running.lock().len()
    }
}

impl Shared {
    /// Forgets an attempt that is over, or ends it; a newer one keeps its place.
    pub fn forget(&self, invocation: InvocationId, attempt: Attempt) {
        let mut running = self.running.lock();
        if running.get(&invocation).is_some_and(|running| running.attempt == attempt) {
            running.remove(&invocation);
        }
    }
}
