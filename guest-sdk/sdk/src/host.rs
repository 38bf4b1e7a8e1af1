//! The runtime as the SDK sees it: a trait, so that tests can play its part.
//!
//! In a component the WIT imports are behind it. A native build has none: unless a test installs a
//! fake, every operation panics with an explanation.

use crate::bindings::events::Event;
use crate::bindings::io::Wakeup;
use crate::bindings::log;
use crate::bindings::types::{Failure, OpId, RetryPolicy, Retryable};

/// Something of WASI that becomes ready, for example a part of an HTTP response.
#[cfg(target_family = "wasm")]
pub(crate) type Pollable = wasip2::io::poll::Pollable;

/// Stands in for a WASI pollable in native tests.
#[cfg(not(target_family = "wasm"))]
#[derive(Debug)]
pub(crate) struct Pollable(pub(crate) u32);

/// Every import of the world `service`, one method each.
pub(crate) trait Host {
    fn next_event(&self) -> Event;
    fn next_event_or_io(&self, pollables: &[&Pollable]) -> Wakeup;
    fn forget(&self, op: OpId);
    fn run_start(&self, name: &str, retry: Option<RetryPolicy>) -> OpId;
    fn run_enter(&self, op: OpId);
    fn run_exit(&self);
    fn run_finish(&self, op: OpId, result: Result<&[u8], &Failure>);
    fn run_failed(&self, op: OpId, error: &Retryable);
    fn sleep(&self, duration_ms: u64, name: Option<&str>) -> OpId;
    fn log(&self, level: log::Level, target: &str, message: &str, fields: &[log::Field]);
}

#[cfg(target_family = "wasm")]
mod imports {
    //! The WIT imports.

    use super::*;
    use crate::bindings::{events, io, run, sleep};

    struct Imports;

    impl Host for Imports {
        fn next_event(&self) -> Event {
            events::next_event()
        }
        fn next_event_or_io(&self, pollables: &[&Pollable]) -> Wakeup {
            io::next_event_or_io(pollables)
        }
        fn forget(&self, op: OpId) {
            events::forget(op);
        }
        fn run_start(&self, name: &str, retry: Option<RetryPolicy>) -> OpId {
            run::run_start(name, retry)
        }
        fn run_enter(&self, op: OpId) {
            run::run_enter(op);
        }
        fn run_exit(&self) {
            run::run_exit();
        }
        fn run_finish(&self, op: OpId, result: Result<&[u8], &Failure>) {
            run::run_finish(op, result);
        }
        fn run_failed(&self, op: OpId, error: &Retryable) {
            run::run_failed(op, error);
        }
        fn sleep(&self, duration_ms: u64, name: Option<&str>) -> OpId {
            sleep::sleep(duration_ms, name)
        }
        fn log(&self, level: log::Level, target: &str, message: &str, fields: &[log::Field]) {
            log::log(level, target, message, fields);
        }
    }

    pub(crate) fn with<R>(use_host: impl FnOnce(&dyn Host) -> R) -> R {
        use_host(&Imports)
    }
}

#[cfg(not(target_family = "wasm"))]
mod imports {
    //! The host that a native test installed in its thread.

    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    thread_local! {
        static INSTALLED: RefCell<Option<Rc<dyn Host>>> = const { RefCell::new(None) };
    }

    /// Makes `host` answer this thread's operations.
    #[cfg(test)]
    pub(crate) fn install(host: Rc<dyn Host>) {
        INSTALLED.set(Some(host));
    }

    pub(crate) fn with<R>(use_host: impl FnOnce(&dyn Host) -> R) -> R {
        let host = INSTALLED.with_borrow(Clone::clone);
        let host = host.expect("durable operations work only in a component that the Abide runtime runs");
        use_host(&*host)
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
pub(crate) use imports::install;
pub(crate) use imports::with;
