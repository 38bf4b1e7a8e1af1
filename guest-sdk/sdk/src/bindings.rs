//! The Rust side of `wit/`: generated types, imports and the exported interface.
//!
//! Generated here and exported in `entry.rs`, so a service crate contains no WIT at all.

#![allow(missing_docs)]
// Natively nothing is imported.
#![cfg_attr(not(target_family = "wasm"), allow(unused_imports))]

wit_bindgen::generate!({
    path: "../../wit",
    world: "service",
    with: { "wasi:io/poll@0.2.12": wasip2::io::poll },
});

pub use abide::runtime::{
    awakeable, call, events, invocations, io, log, promise, run, signal, sleep, state, types,
};
pub use exports::abide::runtime::guest;
