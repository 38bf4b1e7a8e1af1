//! The sandbox: outside run blocks a guest sees journal time and seeded randomness, inside real ones.

use super::output::{Output, Stream};
use crate::clock::{Clock, SystemClock};
use abide_core::ids::OpId;
use abide_core::time::Timestamp;
use rand::{Rng, SeedableRng, TryRng};
use rand_chacha::ChaCha12Rng;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx};

/// Random bytes a guest may ask for in one call.
const RANDOM_BYTES_MAX: u64 = 1 << 20;

/// What clocks and randomness look at: whether a run block is being polled, and journal time.
#[derive(Debug, Default)]
pub struct Scope {
    in_run: AtomicBool,
    /// The operation of that block.
    run_op: AtomicU32,
    journal_ms: AtomicU64,
}

impl Scope {
    pub fn new(begun_at: Timestamp) -> Arc<Self> {
        Arc::new(Self { journal_ms: AtomicU64::new(begun_at.0), ..Self::default() })
    }

    pub fn enter_run(&self, op: OpId) {
        self.run_op.store(op, Ordering::Relaxed);
        self.in_run.store(true, Ordering::Relaxed);
    }

    pub fn exit_run(&self) {
        self.in_run.store(false, Ordering::Relaxed);
    }

    /// Returns the operation of the run block that is being polled, or was last.
    pub fn run_op(&self) -> OpId {
        self.run_op.load(Ordering::Relaxed)
    }

    pub fn is_in_run(&self) -> bool {
        self.in_run.load(Ordering::Relaxed)
    }

    /// Journal time goes on to the moment of an outcome that is delivered; never back.
    pub fn advance(&self, at: Timestamp) {
        self.journal_ms.fetch_max(at.0, Ordering::Relaxed);
    }

    pub fn now_ms(&self) -> u64 {
        if self.is_in_run() { SystemClock.now().0 } else { self.journal_ms.load(Ordering::Relaxed) }
    }
}

/// Builds what a guest sees of the world: no files, no sockets, no arguments.
pub fn build(scope: &Arc<Scope>, seed: u64, env: &BTreeMap<String, String>, output: &Arc<Output>) -> WasiCtx {
    let random = |stream| SwitchRng::new(scope.clone(), seed, stream);
    let mut builder = WasiCtx::builder();
    builder
        .wall_clock(WallClock(scope.clone()))
        .monotonic_clock(MonotonicClock(scope.clone()))
        .secure_random(random(0))
        .insecure_random(random(1))
        .insecure_random_seed(u128::from(seed) << 64 | u128::from(seed.rotate_left(32)))
        .max_random_size(RANDOM_BYTES_MAX)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .stdout(output.writer(Stream::Stdout))
        .stderr(output.writer(Stream::Stderr));
    for (name, value) in env {
        builder.env(name, value);
    }
    builder.build()
}

struct WallClock(Arc<Scope>);

impl HostWallClock for WallClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.now_ms())
    }
}

struct MonotonicClock(Arc<Scope>);

impl HostMonotonicClock for MonotonicClock {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    fn now(&self) -> u64 {
        self.0.now_ms().saturating_mul(1_000_000)
    }
}

/// Seeded outside run blocks, real inside. Real numbers leave the seeded stream where it is.
struct SwitchRng {
    scope: Arc<Scope>,
    seeded: ChaCha12Rng,
}

impl SwitchRng {
    fn new(scope: Arc<Scope>, seed: u64, stream: u64) -> Self {
        let mut seeded = ChaCha12Rng::seed_from_u64(seed);
        seeded.set_stream(stream);
        Self { scope, seeded }
    }
}

impl TryRng for SwitchRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(if self.scope.is_in_run() { rand::rng().next_u32() } else { self.seeded.next_u32() })
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(if self.scope.is_in_run() { rand::rng().next_u64() } else { self.seeded.next_u64() })
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        if self.scope.is_in_run() {
            rand::rng().fill_bytes(bytes);
        } else {
            self.seeded.fill_bytes(bytes);
        }
        Ok(())
    }
}
