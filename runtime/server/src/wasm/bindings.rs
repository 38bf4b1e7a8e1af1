//! The Rust side of our WIT package, generated.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "service",
    imports: {
        "abide:runtime/events.next-event": async | trappable,
        "abide:runtime/io.next-event-or-io": async | trappable,
        // What asks for something to be recorded may have to wait until that is done.
        "abide:runtime/awakeable": async | trappable,
        "abide:runtime/call": async | trappable,
        "abide:runtime/invocations": async | trappable,
        "abide:runtime/promise": async | trappable,
        "abide:runtime/run.run-failed": async | trappable,
        "abide:runtime/run.run-finish": async | trappable,
        "abide:runtime/run.run-start": async | trappable,
        "abide:runtime/signal": async | trappable,
        "abide:runtime/sleep": async | trappable,
        "abide:runtime/state": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    // What a guest is called with is not copied before it is written into its memory.
    ownership: Borrowing { duplicate_if_necessary: true },
    with: { "wasi:io": wasmtime_wasi::p2::bindings::io },
});
