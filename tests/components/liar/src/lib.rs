//! A guest without an SDK, which tells the host whatever it is told to tell: what it offers by bytes within the component,
//! what became of an invocation by its input.

#[cfg(target_family = "wasm")]
mod exports;
#[cfg(target_family = "wasm")]
mod truth;
