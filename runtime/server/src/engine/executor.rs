//! The executor runs attempts for the engine. Wasm implements it; tests bring a fake.

use abide_core::effect::AttemptStart;
use abide_core::entry::Settled;
use abide_core::ids::{Attempt, InvocationId, OpId};
use abide_core::time::Timestamp;

/// Something a running attempt has to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tell {
    /// An operation has its outcome.
    Settled(Settled),
    /// This run block failed and waits until then.
    Hold { op: OpId, retry_at: Timestamp },
    /// Run blocks below `until` may start: they are durable.
    AllowRuns { until: OpId },
    /// Stop at once; nothing more of it counts.
    Stop,
}

/// Runs attempts. What they do comes back as commands for the partition of the invocation; every
/// such command carries the attempt, so that a late one is ignored.
pub trait Executor: Send + Sync + 'static {
    /// Starts an attempt and returns; an older attempt of the same invocation is stopped.
    fn start(&self, start: AttemptStart);
    /// Tells the attempt something; one that is over does not hear it.
    fn tell(&self, invocation: InvocationId, attempt: Attempt, tell: Tell);
    /// Says whether attempts that are not urgent may be started. While there is no room only a few timers go on: a
    /// million sleepers that wake at once must be in nobody's way.
    fn has_room(&self) -> bool {
        true
    }
    /// Returns how many attempts wait for their start, or for a large journal, or for room for theirs.
    fn waiting(&self) -> usize {
        0
    }
    /// Returns how many attempts wait for their start and go on with an invocation.
    fn waiting_to_go_on(&self) -> usize {
        0
    }
    /// Returns how many attempts of a service do.
    fn waiting_of(&self, _service: &str) -> usize {
        0
    }
    /// The drivers have caught up a little: attempts that are held back because of them may start.
    fn drivers_go_on(&self) {}
    /// Suspends the attempts that only wait, at once.
    fn suspend_idle(&self) {}
    /// Returns how many attempts there are.
    fn in_memory(&self) -> usize {
        0
    }
    /// Starts nothing any more, and ends what there is: the drivers are gone, or come to nothing any more.
    fn close(&self) {}
}
