//! Guest hosting: components become attempts in wasmtime, and never see the store.

mod artifacts;
mod attempt;
mod background;
mod bindings;
mod budget;
mod check;
mod claims;
mod compiler;
mod components;
mod crowd;
mod discover;
mod engine;
mod execution;
mod executor;
mod guest;
mod host;
mod inspect;
mod linker;
mod outbound;
mod output;
mod sandbox;
mod session;
mod slots;
mod start;
mod threads;
mod turns;

pub use artifacts::ArtifactError;
pub use check::{Checked, Recorded, Verdict, check};
pub use compiler::{ARGUMENT as COMPILER_ARGUMENT, Compiler, serve as serve_as_compiler};
pub use components::{Components, ExamineError, Examined, HeldFiles, Loaded};
pub use engine::{EngineBuildError, WasmEngine};
pub use executor::{Catalog, ExecutorParts, WasmExecutor};
pub use inspect::{Invalid, WIT_VERSION};
pub use session::Beyond;

/// What guests may use. Every limit has a default and names itself when it is hit.
#[derive(Clone, Debug)]
pub struct GuestLimits {
    /// Bytes of all memories of one instance together.
    pub memory_bytes_max: usize,
    /// Milliseconds of computing between two waits; a run-away loop ends here.
    pub cpu_ms_max: u64,
    /// Attempts in memory at once, of one service seven eighths at most where there are eight or more; further ones wait until
    /// others end or are suspended.
    pub attempts_max: u32,
    /// Invocations of one service that wait for their first start, before what calls it has to wait as well.
    pub waiting_max: usize,
    /// How long an attempt that only waits stays in memory.
    pub suspend_after_ms: u64,
    /// Bytes of one value a guest hands over: a result, an input, a value of the state.
    pub value_bytes_max: usize,
    /// Bytes of log an attempt may write; what follows is dropped, and said so once.
    pub log_bytes_max: usize,
}

impl Default for GuestLimits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 128 << 20,
            cpu_ms_max: 10_000,
            attempts_max: 8_000,
            waiting_max: 100_000,
            suspend_after_ms: 1_000,
            value_bytes_max: abide_core::limits::VALUE_BYTES_MAX,
            log_bytes_max: 1 << 20,
        }
    }
}
