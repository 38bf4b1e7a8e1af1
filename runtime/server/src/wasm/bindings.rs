//! The Rust side of our WIT package, generated.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "service",
    imports: {
        "abide:runtime/events.next-event": async | trappable,
        "abide:runtime/io.next-event-or-io": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    // What a guest is called with is not copied before it is written into its memory.
    ownership: Borrowing { duplicate_if_necessary: true },
    with: { "wasi:io": wasmtime_wasi::p2::bindings::io },
});
