//! The functions of the host as the canonical ABI has them: numbers, some of which are addresses and lengths.
//!
//! The SDK imports the same functions, so their types are in the component; here nothing is checked.

type Ptr = i32;

#[link(wasm_import_module = "abide:runtime/run@0.1.0")]
unsafe extern "C" {
    // A name, and whether there is a policy: initial, factor, and three options.
    #[link_name = "run-start"]
    pub fn run_start(
        name: Ptr,
        bytes: i32,
        has_retry: i32,
        initial: i64,
        factor: i32,
        has_interval: i32,
        interval: i64,
        has_attempts: i32,
        attempts: i32,
        has_duration: i32,
        duration: i64,
    ) -> i32;
    #[link_name = "run-enter"]
    pub fn run_enter(op: i32);
    #[link_name = "run-exit"]
    pub fn run_exit();
    #[link_name = "run-finish"]
    pub fn run_finish(op: i32, is_err: i32, a: i32, b: i32, c: i32, d: i32, e: i32);
    #[link_name = "run-failed"]
    pub fn run_failed(op: i32, message: Ptr, bytes: i32, has_after: i32, after: i64);
}

#[link(wasm_import_module = "abide:runtime/sleep@0.1.0")]
unsafe extern "C" {
    #[link_name = "sleep"]
    pub fn sleep(ms: i64, has_name: i32, name: Ptr, bytes: i32) -> i32;
}

#[link(wasm_import_module = "abide:runtime/state@0.1.0")]
unsafe extern "C" {
    #[link_name = "get"]
    pub fn state_get(name: Ptr, bytes: i32, out: Ptr);
    #[link_name = "set"]
    pub fn state_set(name: Ptr, bytes: i32, value: Ptr, value_bytes: i32);
    #[link_name = "clear"]
    pub fn state_clear(name: Ptr, bytes: i32);
    #[link_name = "clear-all"]
    pub fn state_clear_all();
    #[link_name = "keys"]
    pub fn state_keys() -> i32;
}

#[link(wasm_import_module = "abide:runtime/call@0.1.0")]
unsafe extern "C" {
    #[link_name = "call"]
    pub fn call(
        service: Ptr,
        service_bytes: i32,
        has_key: i32,
        key: Ptr,
        key_bytes: i32,
        handler: Ptr,
        handler_bytes: i32,
        input: Ptr,
        input_bytes: i32,
        headers: Ptr,
        headers_len: i32,
        has_idempotency: i32,
        idempotency: Ptr,
        idempotency_bytes: i32,
        out: Ptr,
    );
    #[link_name = "send"]
    pub fn send(
        service: Ptr,
        service_bytes: i32,
        has_key: i32,
        key: Ptr,
        key_bytes: i32,
        handler: Ptr,
        handler_bytes: i32,
        input: Ptr,
        input_bytes: i32,
        headers: Ptr,
        headers_len: i32,
        has_idempotency: i32,
        idempotency: Ptr,
        idempotency_bytes: i32,
        has_delay: i32,
        delay: i64,
        out: Ptr,
    );
}

#[link(wasm_import_module = "abide:runtime/invocations@0.1.0")]
unsafe extern "C" {
    #[link_name = "attach"]
    pub fn attach(id: Ptr, bytes: i32, out: Ptr);
    #[link_name = "cancel"]
    pub fn cancel(id: Ptr, bytes: i32, out: Ptr);
    #[link_name = "kill"]
    pub fn kill(id: Ptr, bytes: i32, out: Ptr);
}

#[link(wasm_import_module = "abide:runtime/awakeable@0.1.0")]
unsafe extern "C" {
    #[link_name = "create"]
    pub fn awakeable_create(has_name: i32, name: Ptr, bytes: i32, out: Ptr);
    #[link_name = "complete"]
    pub fn awakeable_complete(
        id: Ptr,
        bytes: i32,
        is_err: i32,
        a: i32,
        b: i32,
        c: i32,
        d: i32,
        e: i32,
        out: Ptr,
    );
}

#[link(wasm_import_module = "abide:runtime/signal@0.1.0")]
unsafe extern "C" {
    #[link_name = "receive"]
    pub fn signal_receive(name: Ptr, bytes: i32) -> i32;
    #[link_name = "send"]
    pub fn signal_send(
        id: Ptr,
        bytes: i32,
        name: Ptr,
        name_bytes: i32,
        is_err: i32,
        a: i32,
        b: i32,
        c: i32,
        d: i32,
        e: i32,
        out: Ptr,
    );
}

#[link(wasm_import_module = "abide:runtime/promise@0.1.0")]
unsafe extern "C" {
    #[link_name = "get"]
    pub fn promise_get(name: Ptr, bytes: i32) -> i32;
    #[link_name = "peek"]
    pub fn promise_peek(name: Ptr, bytes: i32) -> i32;
    #[link_name = "complete"]
    pub fn promise_complete(
        name: Ptr,
        bytes: i32,
        is_err: i32,
        a: i32,
        b: i32,
        c: i32,
        d: i32,
        e: i32,
    ) -> i32;
}

#[link(wasm_import_module = "abide:runtime/log@0.1.0")]
unsafe extern "C" {
    #[link_name = "log"]
    pub fn log(level: i32, target: Ptr, bytes: i32, message: Ptr, message_bytes: i32, fields: Ptr, len: i32);
}

#[link(wasm_import_module = "abide:runtime/events@0.1.0")]
unsafe extern "C" {
    #[link_name = "next-event"]
    pub fn next_event(out: Ptr);
    #[link_name = "forget"]
    pub fn forget(op: i32);
}

#[link(wasm_import_module = "abide:runtime/io@0.1.0")]
unsafe extern "C" {
    #[link_name = "next-event-or-io"]
    pub fn next_event_or_io(pollables: Ptr, len: i32, out: Ptr);
}
