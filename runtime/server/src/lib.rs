//! The server of Abide: the engine around the pure core, guest hosting, and HTTP.

#![deny(unsafe_code)]

pub mod access;
pub mod audit;
pub mod backup;
mod base64;
pub mod clock;
mod config;
pub mod deploy;
pub mod engine;
mod faults;
pub mod http;
pub mod logs;
pub mod metrics;
mod server;
pub mod sql;
mod time;
pub mod tls;
pub mod traces;
pub mod upgrade;
pub mod wasm;
mod words;

pub use config::{
    AdminConfig, Config, DoorLimits, IngressConfig, PARTITIONS_DEFAULT, PARTITIONS_MAX, ShownSetting,
    VALUE_BYTES_MAX,
};
pub use server::{NoToken, Reloader, Server, start};
