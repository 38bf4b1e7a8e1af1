//! The runtime as the SDK sees it: a trait, so that tests can play its part.
//!
//! In a component the WIT imports are behind it. A native build has none: unless a test installs a
//! fake, every operation panics with an explanation.

#[cfg(target_family = "wasm")]
mod imports;
#[cfg(not(target_family = "wasm"))]
mod installed;

use crate::bindings::awakeable::AwakeableHandle;
use crate::bindings::call::CallHandle;
use crate::bindings::events::Event;
use crate::bindings::io::Wakeup;
use crate::bindings::log;
use crate::bindings::state::Lookup;
use crate::bindings::types::{Failure, Header, OpId, RetryPolicy, Retryable};
use crate::call::Target;

#[cfg(target_family = "wasm")]
pub(crate) use imports::with;
#[cfg(all(test, not(target_family = "wasm")))]
pub(crate) use installed::install;
#[cfg(not(target_family = "wasm"))]
pub(crate) use installed::with;

/// Something of WASI that becomes ready, for example a part of an HTTP response.
#[cfg(target_family = "wasm")]
pub(crate) type Pollable = wasip2::io::poll::Pollable;

/// Stands in for a WASI pollable in native tests.
#[cfg(not(target_family = "wasm"))]
#[derive(Debug)]
pub(crate) struct Pollable(pub(crate) u32);

/// What somebody is told: a value, or that it failed.
pub(crate) type Answer<'a> = Result<&'a [u8], &'a Failure>;

/// What a call or send says to its callee.
pub(crate) struct Request {
    pub(crate) target: Target,
    pub(crate) input: Vec<u8>,
    pub(crate) headers: Vec<Header>,
    pub(crate) idempotency_key: Option<String>,
}

/// Every import of the world `service`, one method each.
pub(crate) trait Host {
    fn next_event(&self) -> Event;
    fn next_event_or_io(&self, pollables: &[&Pollable]) -> Wakeup;
    fn forget(&self, op: OpId);
    fn run_start(&self, name: &str, retry: Option<RetryPolicy>) -> OpId;
    fn run_enter(&self, op: OpId);
    fn run_exit(&self);
    fn run_finish(&self, op: OpId, answer: Answer<'_>);
    fn run_failed(&self, op: OpId, error: &Retryable);
    fn sleep(&self, duration_ms: u64, name: Option<&str>) -> OpId;
    fn state_get(&self, name: &str) -> Lookup;
    fn state_set(&self, name: &str, value: &[u8]);
    fn state_clear(&self, name: &str);
    fn state_clear_all(&self);
    fn state_keys(&self) -> OpId;
    fn call(&self, request: &Request) -> CallHandle;
    fn send(&self, request: &Request, delay_ms: Option<u64>) -> String;
    fn attach(&self, invocation_id: &str) -> Result<OpId, Failure>;
    fn cancel(&self, invocation_id: &str) -> Result<(), Failure>;
    fn kill(&self, invocation_id: &str) -> Result<(), Failure>;
    fn awakeable_create(&self, name: Option<&str>) -> AwakeableHandle;
    fn awakeable_complete(&self, id: &str, answer: Answer<'_>) -> Result<(), Failure>;
    fn signal_receive(&self, name: &str) -> OpId;
    fn signal_send(&self, invocation_id: &str, name: &str, answer: Answer<'_>) -> Result<(), Failure>;
    fn promise_get(&self, name: &str) -> OpId;
    fn promise_peek(&self, name: &str) -> OpId;
    fn promise_complete(&self, name: &str, answer: Answer<'_>) -> OpId;
    fn log(&self, level: log::Level, target: &str, message: &str, fields: &[log::Field]);
}
