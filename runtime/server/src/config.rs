//! How a server is set up: plain values, whoever read them.

use crate::http::limits::{
    CONNECTIONS_MAX, HEADER_READ_TIMEOUT, INGRESS_BODY_BYTES_MAX, SHUTDOWN_PATIENCE, STREAMS_MAX,
};
use crate::wasm::GuestLimits;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use utoipa::ToSchema;

/// Bytes of one value at most: larger ones do not fit into a journal.
pub const VALUE_BYTES_MAX: usize = abide_core::limits::VALUE_BYTES_MAX;
/// Partitions of a new data folder.
pub const PARTITIONS_DEFAULT: u16 = 4;
pub const PARTITIONS_MAX: u16 = 1_024;

/// How a server is set up.
#[derive(Clone)]
pub struct Config {
    pub data: PathBuf,
    /// None: as the data folder says, [`PARTITIONS_DEFAULT`] for a new one.
    pub partitions: Option<u16>,
    pub ingress: IngressConfig,
    pub admin: AdminConfig,
    pub guests: GuestLimits,
    pub http: DoorLimits,
    pub store: abide_store::Options,
    /// What the admin port shows of all this.
    pub shown: Vec<ShownSetting>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("./abide-data"),
            partitions: None,
            ingress: IngressConfig::default(),
            admin: AdminConfig::default(),
            guests: GuestLimits::default(),
            http: DoorLimits::default(),
            store: abide_store::Options::default(),
            shown: Vec::new(),
        }
    }
}

/// The port where handlers are called.
#[derive(Clone)]
pub struct IngressConfig {
    pub listen: SocketAddr,
    pub body_bytes_max: usize,
}

impl Default for IngressConfig {
    fn default() -> Self {
        Self { listen: loopback(8080), body_bytes_max: INGRESS_BODY_BYTES_MAX }
    }
}

/// The port where the server is administered.
#[derive(Clone)]
pub struct AdminConfig {
    pub listen: SocketAddr,
    /// When set, calls have to carry it.
    pub token: Option<String>,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self { listen: loopback(9070), token: None }
    }
}

/// Limits of both ports.
#[derive(Clone, Debug)]
pub struct DoorLimits {
    pub connections_max: usize,
    pub streams_max: u32,
    pub header_timeout: Duration,
    pub stop_patience: Duration,
}

impl Default for DoorLimits {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_MAX,
            streams_max: STREAMS_MAX,
            header_timeout: HEADER_READ_TIMEOUT,
            stop_patience: SHUTDOWN_PATIENCE,
        }
    }
}

/// A setting as the admin port shows it. Secrets are hidden already.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ShownSetting {
    pub key: String,
    pub value: serde_json::Value,
    /// default, file, env or flag.
    pub source: String,
    /// The line of the file, the variable or the flag.
    pub origin: String,
    pub description: String,
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
