//! The WIT imports of a component.

use super::{Answer, Host, Pollable, Request};
use crate::bindings::awakeable::{self, AwakeableHandle};
use crate::bindings::call::{self, CallHandle};
use crate::bindings::events::{self, Event};
use crate::bindings::io::{self, Wakeup};
use crate::bindings::state::{self, Lookup};
use crate::bindings::types::{Failure, OpId, RetryPolicy, Retryable};
use crate::bindings::{invocations, log, promise, run, signal, sleep};

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
    fn run_finish(&self, op: OpId, answer: Answer<'_>) {
        run::run_finish(op, answer);
    }
    fn run_failed(&self, op: OpId, error: &Retryable) {
        run::run_failed(op, error);
    }
    fn sleep(&self, duration_ms: u64, name: Option<&str>) -> OpId {
        sleep::sleep(duration_ms, name)
    }
    fn state_get(&self, name: &str) -> Lookup {
        state::get(name)
    }
    fn state_set(&self, name: &str, value: &[u8]) {
        state::set(name, value);
    }
    fn state_clear(&self, name: &str) {
        state::clear(name);
    }
    fn state_clear_all(&self) {
        state::clear_all();
    }
    fn state_keys(&self) -> OpId {
        state::keys()
    }
    fn call(&self, request: &Request) -> CallHandle {
        let Request { target, input, headers, idempotency_key } = request;
        call::call(target.as_wire(), input, headers, idempotency_key.as_deref())
    }
    fn send(&self, request: &Request, delay_ms: Option<u64>) -> String {
        let Request { target, input, headers, idempotency_key } = request;
        call::send(target.as_wire(), input, headers, idempotency_key.as_deref(), delay_ms)
    }
    fn attach(&self, invocation_id: &str) -> Result<OpId, Failure> {
        invocations::attach(invocation_id)
    }
    fn cancel(&self, invocation_id: &str) -> Result<(), Failure> {
        invocations::cancel(invocation_id)
    }
    fn kill(&self, invocation_id: &str) -> Result<(), Failure> {
        invocations::kill(invocation_id)
    }
    fn awakeable_create(&self, name: Option<&str>) -> AwakeableHandle {
        awakeable::create(name)
    }
    fn awakeable_complete(&self, id: &str, answer: Answer<'_>) -> Result<(), Failure> {
        awakeable::complete(id, answer)
    }
    fn signal_receive(&self, name: &str) -> OpId {
        signal::receive(name)
    }
    fn signal_send(&self, invocation_id: &str, name: &str, answer: Answer<'_>) -> Result<(), Failure> {
        signal::send(invocation_id, name, answer)
    }
    fn promise_get(&self, name: &str) -> OpId {
        promise::get(name)
    }
    fn promise_peek(&self, name: &str) -> OpId {
        promise::peek(name)
    }
    fn promise_complete(&self, name: &str, answer: Answer<'_>) -> OpId {
        promise::complete(name, answer)
    }
    fn log(&self, level: log::Level, target: &str, message: &str, fields: &[log::Field]) {
        log::log(level, target, message, fields);
    }
}

pub(crate) fn with<R>(use_host: impl FnOnce(&dyn Host) -> R) -> R {
    use_host(&Imports)
}
