//! The server of Abide: the engine around the pure core, guest hosting, and HTTP.

pub mod clock;
pub mod deploy;
pub mod engine;
pub mod http;
mod server;
pub mod wasm;

pub use server::{Config, Server, start};
