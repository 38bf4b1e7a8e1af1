//! Durable handlers in ordinary async Rust.

// A native build has no HTTP, so nothing waits for I/O there.
#![cfg_attr(not(target_family = "wasm"), allow(dead_code))]

extern crate self as abide_sdk;

mod bindings;
pub mod collections;
mod context;
mod entry;
mod error;
mod executor;
#[cfg(test)]
mod fake_host;
mod host;
pub mod http;
mod logging;
mod payload;
pub mod prelude;
mod random;
mod reactor;
#[doc(hidden)]
pub mod registry;
mod retry;
mod run;
#[cfg(test)]
mod scenarios;
mod scope;
mod sleep;

pub use abide_sdk_macros::{data, service};
pub use context::Context;
pub use error::{HandlerError, HandlerResult, RetryableError, TerminalError};
pub use payload::{Bytes, Input, Output, Text};
pub use random::Random;
pub use retry::RetryPolicy;
pub use run::Run;
pub use sleep::Sleep;

pub use futures_util as futures;
pub use rand_traits as rand;
pub use {schemars, serde, serde_json, uuid};
