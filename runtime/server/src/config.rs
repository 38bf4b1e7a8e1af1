//! How a server is set up: plain values, whoever read them.

use crate::access::CHOSEN_NAME;
use crate::access::grant::{Grant, Scope};
use crate::access::token::Digest;
use crate::audit::AuditConfig;
use crate::engine::LoadLimits;
use crate::http::BodyLimits;
use crate::http::limits::{
    ANSWER_STALL_TIMEOUT, BODY_STALL_TIMEOUT, CONNECTIONS_MAX, GONE_LOOK_INTERVAL, HANDSHAKE_TIMEOUT,
    HEADER_READ_TIMEOUT, INGRESS_BODY_BYTES_MAX, SHUTDOWN_PATIENCE, STREAMS_MAX,
};
use crate::logs::LogLimits;
use crate::sql::SqlLimits;
use crate::tls::TlsFiles;
use crate::traces::TraceConfig;
use crate::wasm::{Compiler, GuestLimits};
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
    pub load: LoadLimits,
    pub admin: AdminConfig,
    pub guests: GuestLimits,
    /// Where uploads are compiled.
    pub compiler: Compiler,
    pub http: DoorLimits,
    pub audit: AuditConfig,
    pub sql: SqlLimits,
    pub store: abide_store::Options,
    pub logs: LogLimits,
    pub traces: TraceConfig,
    /// What the admin port shows of all this.
    pub shown: Vec<ShownSetting>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("./abide-data"),
            partitions: None,
            ingress: IngressConfig::default(),
            load: LoadLimits::default(),
            admin: AdminConfig::default(),
            guests: GuestLimits::default(),
            compiler: Compiler::default(),
            http: DoorLimits::default(),
            audit: AuditConfig::default(),
            sql: SqlLimits::default(),
            store: abide_store::Options::default(),
            logs: LogLimits::default(),
            traces: TraceConfig::default(),
            shown: Vec::new(),
        }
    }
}

/// The port where handlers are called.
#[derive(Clone)]
pub struct IngressConfig {
    pub listen: SocketAddr,
    pub tls: TlsFiles,
    pub body_bytes_max: usize,
    pub body_timeout: Duration,
    /// Calls need a token, but for services that are named as open.
    pub require_token: bool,
    /// Calls of these services need a token in any case.
    pub require_token_for: Vec<String>,
    pub no_token_for: Vec<String>,
    /// Names of this port besides those of loopback; `*` for all.
    pub allowed_hosts: Vec<String>,
    /// Origins whose pages may call; `*` for all.
    pub cors_origins: Vec<String>,
}

impl IngressConfig {
    /// Returns how large and how slow the body of a call may be.
    #[must_use]
    pub fn body_limits(&self) -> BodyLimits {
        BodyLimits { bytes_max: self.body_bytes_max, timeout: self.body_timeout }
    }
}

impl Default for IngressConfig {
    fn default() -> Self {
        Self {
            listen: loopback(8080),
            tls: TlsFiles::default(),
            body_bytes_max: INGRESS_BODY_BYTES_MAX,
            body_timeout: BODY_STALL_TIMEOUT,
            require_token: false,
            require_token_for: Vec::new(),
            no_token_for: Vec::new(),
            allowed_hosts: Vec::new(),
            cors_origins: Vec::new(),
        }
    }
}

/// The port where the server is administered.
#[derive(Clone)]
pub struct AdminConfig {
    pub listen: SocketAddr,
    pub tls: TlsFiles,
    /// A token that somebody chose; it opens everything.
    pub token: Option<String>,
    pub tokens: Vec<Grant>,
    /// The token of the process around the server. That there is one does not mean that others need one.
    pub own: Option<Grant>,
    /// Also on loopback; elsewhere a token is needed in any case.
    pub require_token: bool,
    /// Names of this port besides those of loopback; `*` for all.
    pub allowed_hosts: Vec<String>,
}

impl AdminConfig {
    /// Says whether requests need a token: off loopback, and on it when somebody cares for tokens.
    #[must_use]
    pub fn needs_token(&self) -> bool {
        self.require_token || self.has_tokens() || !self.listen.ip().is_loopback()
    }

    /// Says whether somebody cares for tokens.
    #[must_use]
    pub fn has_tokens(&self) -> bool {
        self.token.is_some() || !self.tokens.is_empty()
    }

    /// Returns what all the tokens of the configuration open.
    #[must_use]
    pub fn grants(&self) -> Vec<Grant> {
        let chosen = self.token.as_deref().map(|token| Grant {
            name: CHOSEN_NAME.to_owned(),
            digest: Digest::of(token),
            scope: Scope::Admin,
            services: Vec::new(),
        });
        self.tokens.iter().cloned().chain(chosen).chain(self.own.clone()).collect()
    }
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            listen: loopback(9070),
            tls: TlsFiles::default(),
            token: None,
            tokens: Vec::new(),
            own: None,
            require_token: false,
            allowed_hosts: Vec::new(),
        }
    }
}

/// Limits of both ports.
#[derive(Clone, Debug)]
pub struct DoorLimits {
    pub connections_max: usize,
    pub streams_max: u32,
    pub header_timeout: Duration,
    pub handshake_timeout: Duration,
    pub answer_timeout: Duration,
    pub stop_patience: Duration,
    /// Between two looks whether the client of an open request is gone.
    pub look_interval: Duration,
}

impl Default for DoorLimits {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_MAX,
            streams_max: STREAMS_MAX,
            header_timeout: HEADER_READ_TIMEOUT,
            handshake_timeout: HANDSHAKE_TIMEOUT,
            answer_timeout: ANSWER_STALL_TIMEOUT,
            stop_patience: SHUTDOWN_PATIENCE,
            look_interval: GONE_LOOK_INTERVAL,
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
