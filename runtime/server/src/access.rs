//! Who may come in: the tokens that are known, those of the configuration and those made while running.

pub mod grant;
mod logins;
pub mod token;

use crate::clock::Clock;
use crate::deploy::{Deployments, UploadError};
use abide_core::time::Timestamp;
use abide_store::codec::TokenRow;
use abide_store::keys::{self, Tag};
use abide_store::{META_PARTITION, Op, Store, View, codec, pairs};
use grant::{BadGrant, Grant, Scope};
pub use logins::FAILURES_MAX;
use logins::FailedLogins;
use parking_lot::RwLock;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use token::Digest;
use tokio::sync::Mutex;

/// Tokens that are made while running, at most.
pub const STORED_MAX: usize = 1_000;
/// The name of the token that the operator chose as a text.
pub const CHOSEN_NAME: &str = "admin.token";

/// A token that is known, and since when; None when the configuration brought it.
#[derive(Clone, Debug)]
pub struct Known {
    pub grant: Arc<Grant>,
    pub created_at: Option<Timestamp>,
}

/// What became of a request's token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// It brought none.
    Missing,
    Known(Arc<Grant>),
    Wrong,
    /// Too many wrong ones came from the same address.
    Blocked,
}

/// Why a token is not made or revoked.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error(transparent)]
    Bad(#[from] BadGrant),
    #[error("there is a token '{0}' already")]
    Exists(String),
    #[error("there are {STORED_MAX} tokens already, which is the limit (STORED_MAX)")]
    TooMany,
    #[error("there is no token '{0}'")]
    Unknown(String),
    #[error("the token '{0}' comes from the configuration")]
    Configured(String),
    #[error(transparent)]
    Store(#[from] UploadError),
}

/// The tokens of a server.
pub struct Access {
    clock: Arc<dyn Clock>,
    /// Its writer also writes the tokens: both are records of the server as a whole.
    deployments: Deployments,
    configured: RwLock<Arc<[Known]>>,
    stored: RwLock<Arc<[Known]>>,
    logins: FailedLogins,
    /// One change at a time.
    changing: Mutex<()>,
}

impl Access {
    /// Loads the tokens that were made while running.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn open(
        store: &dyn Store,
        deployments: Deployments,
        clock: Arc<dyn Clock>,
        configured: Vec<Grant>,
    ) -> anyhow::Result<Self> {
        let mut stored = Vec::new();
        for pair in pairs(store, View::Latest, keys::all(META_PARTITION, Tag::Token)) {
            let (key, value) = pair?;
            let row: TokenRow = codec::decode(&key, &value)?;
            let grant = Grant::new(&row.name, Digest(row.sha256), row.scope.parse()?, row.services)?;
            stored.push(Known { grant: Arc::new(grant), created_at: Some(row.created_at) });
        }
        Ok(Self {
            clock,
            deployments,
            configured: RwLock::new(known(configured)),
            stored: RwLock::new(stored.into()),
            logins: FailedLogins::default(),
            changing: Mutex::default(),
        })
    }

    /// Puts the tokens of a configuration that was read again in the place of the old ones.
    pub fn reconfigure(&self, configured: Vec<Grant>) {
        *self.configured.write() = known(configured);
    }

    /// Says whether there is a token that opens everything.
    pub fn has_admin(&self) -> bool {
        self.list().iter().any(|known| known.grant.scope == Scope::Admin)
    }

    /// Returns the tokens, those of the configuration first.
    pub fn list(&self) -> Vec<Known> {
        let (configured, stored) = (self.configured.read().clone(), self.stored.read().clone());
        configured.iter().chain(stored.iter()).cloned().collect()
    }

    /// Looks at the token of a request.
    ///
    /// A generated token cannot be guessed, so it is always looked at: an attacker must not be able to
    /// lock its owner out. One that a person chose may be weak, so an address that sent many wrong ones
    /// has to wait.
    pub fn login(&self, token: Option<&str>, from: Option<IpAddr>) -> Login {
        let Some(token) = token else { return Login::Missing };
        let (from, now) = (from.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), self.clock.now());
        let is_blocked = self.logins.is_blocked(from, now);
        if is_blocked && !token::is_generated(token) {
            return Login::Blocked;
        }
        if let Some(grant) = self.find(Digest::of(token)) {
            return Login::Known(grant);
        }
        if is_blocked {
            return Login::Blocked;
        }
        let failures = self.logins.count(from, now);
        // The first one is worth a line, and so is the last; those between say nothing new.
        if failures == 1 || failures == FAILURES_MAX {
            tracing::warn!(target: "abide::audit", %from, failures, "a wrong token");
        }
        Login::Wrong
    }

    fn find(&self, digest: Digest) -> Option<Arc<Grant>> {
        let among = |grants: &[Known]| {
            grants.iter().find(|known| known.grant.digest == digest).map(|known| known.grant.clone())
        };
        among(&self.configured.read()).or_else(|| among(&self.stored.read()))
    }

    /// Makes a token and returns it, the only time that anybody sees it. It is good once this returns,
    /// and survives a crash from then on.
    ///
    /// # Errors
    /// Name, scope and services do not fit, or the store failed.
    pub async fn create(
        &self,
        name: &str,
        scope: Scope,
        services: Vec<String>,
    ) -> Result<String, TokenError> {
        let token = token::generate();
        let grant = Grant::new(name, Digest::of(&token), scope, services)?;
        let _changing = self.changing.lock().await;
        if self.list().iter().any(|known| known.grant.name == name) {
            return Err(TokenError::Exists(name.to_owned()));
        }
        let stored = self.stored.read().clone();
        if stored.len() >= STORED_MAX {
            return Err(TokenError::TooMany);
        }
        let created_at = self.clock.now();
        let row = TokenRow {
            name: name.to_owned(),
            sha256: grant.digest.0,
            scope: scope.name().to_owned(),
            services: grant.services.clone(),
            created_at,
        };
        let key = keys::token(name);
        self.deployments.commit(vec![Op::Put { key, value: codec::encode(&row) }]).await?;
        let new = Known { grant: Arc::new(grant), created_at: Some(created_at) };
        *self.stored.write() = stored.iter().cloned().chain([new]).collect();
        Ok(token)
    }

    /// Makes a token useless, from now on and for good.
    ///
    /// # Errors
    /// There is none of this name, or it is not kept here, or the store failed.
    pub async fn revoke(&self, name: &str) -> Result<(), TokenError> {
        let _changing = self.changing.lock().await;
        let stored = self.stored.read().clone();
        if !stored.iter().any(|known| known.grant.name == name) {
            let is_configured = self.configured.read().iter().any(|known| known.grant.name == name);
            let name = name.to_owned();
            return Err(if is_configured { TokenError::Configured(name) } else { TokenError::Unknown(name) });
        }
        // First useless, then gone from the disk: when the disk fails, the server stops anyway.
        *self.stored.write() = stored.iter().filter(|known| known.grant.name != name).cloned().collect();
        self.deployments.commit(vec![Op::Delete { key: keys::token(name) }]).await?;
        Ok(())
    }
}

fn known(grants: Vec<Grant>) -> Arc<[Known]> {
    grants.into_iter().map(|grant| Known { grant: Arc::new(grant), created_at: None }).collect()
}
