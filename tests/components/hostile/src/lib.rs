//! A guest that calls the host with whatever values it is told, past all that the SDK sees to.

#[cfg(target_family = "wasm")]
mod imports;
#[cfg(target_family = "wasm")]
mod program;

/// Natively there is no host.
#[cfg(not(target_family = "wasm"))]
mod program {
    pub fn run(_program: &[u8]) -> u64 {
        0
    }
}

use abide_sdk::prelude::*;

pub struct Hostile;

/// A workflow, as only that may ask for state and for promises.
#[workflow(retry(initial = "1ms", max_attempts = 2, on_max_attempts = "kill"))]
impl Hostile {
    /// Makes the calls that the bytes say, and returns how many came back.
    async fn run(_ctx: &WorkflowContext, program: Vec<u8>) -> HandlerResult<u64> {
        Ok(program::run(&program))
    }
}
