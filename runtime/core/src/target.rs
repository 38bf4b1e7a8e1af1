//! What an invocation runs: a service, a key where the service is keyed, and a handler.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A handler of a service, and the key of the object or workflow it runs on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    pub service: String,
    /// None for a plain service. Any text is a key, the empty one too.
    pub key: Option<String>,
    pub handler: String,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{}/{key}/{}", self.service, self.handler),
            None => write!(f, "{}/{}", self.service, self.handler),
        }
    }
}

impl Target {
    /// Returns the object or workflow this runs on; None for a plain service.
    #[must_use]
    pub fn object(&self) -> Option<ObjectKey> {
        let key = self.key.clone()?;
        Some(ObjectKey { service: self.service.clone(), key })
    }
}

/// A virtual object or a workflow: what has a state, and belongs to one partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectKey {
    pub service: String,
    pub key: String,
}

impl ObjectKey {
    /// Returns the bytes of service and key together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.service.len() + self.key.len()
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.service, self.key)
    }
}
