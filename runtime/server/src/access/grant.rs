//! What a token opens.

use crate::access::token::Digest;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;

/// Letters of the name of a token at most.
pub const NAME_LEN_MAX: usize = 64;
/// Services that a token may be restricted to.
pub const SERVICES_MAX: usize = 100;

/// How far a token reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Everything, on both ports.
    Admin,
    /// Reading, and everything about deployments.
    Deploy,
    /// Reading all there is on the admin port, state and journals included, but no values of environment variables.
    Read,
    /// Calling handlers on the ingress.
    Call,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Admin,
    Deploy,
    Read,
}

impl Scope {
    pub const NAMES: &'static str = "admin, deploy, read or call";

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Scope::Admin => "admin",
            Scope::Deploy => "deploy",
            Scope::Read => "read",
            Scope::Call => "call",
        }
    }

    /// Says whether this opens what the admin port is asked for.
    #[must_use]
    pub fn allows(self, need: Need) -> bool {
        match (self, need) {
            (Scope::Admin, Need::Admin | Need::Deploy | Need::Read)
            | (Scope::Deploy, Need::Deploy | Need::Read)
            | (Scope::Read, Need::Read) => true,
            (Scope::Deploy, Need::Admin)
            | (Scope::Read, Need::Admin | Need::Deploy)
            | (Scope::Call, Need::Admin | Need::Deploy | Need::Read) => false,
        }
    }

    /// Says whether this opens the ingress. Who may upload code may call it; who may only read may not.
    #[must_use]
    pub fn allows_calls(self) -> bool {
        match self {
            Scope::Admin | Scope::Call => true,
            Scope::Deploy | Scope::Read => false,
        }
    }
}

impl FromStr for Scope {
    type Err = BadGrant;

    fn from_str(text: &str) -> Result<Self, BadGrant> {
        [Scope::Admin, Scope::Deploy, Scope::Read, Scope::Call]
            .into_iter()
            .find(|scope| scope.name() == text)
            .ok_or_else(|| BadGrant(format!("the scope is {}", Scope::NAMES)))
    }
}

/// A token without the token: its name, its digest, and what it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub name: String,
    pub digest: Digest,
    pub scope: Scope,
    /// The services it may call; none named means all.
    pub services: Vec<String>,
}

/// Why something is no grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadGrant(pub String);

impl Grant {
    /// Puts a grant together.
    ///
    /// # Errors
    /// Says which part is not as it should be.
    pub fn new(name: &str, digest: Digest, scope: Scope, services: Vec<String>) -> Result<Self, BadGrant> {
        let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_.@".contains(char);
        if name.is_empty() || name.len() > NAME_LEN_MAX || !name.chars().all(is_plain) {
            let message = format!("a name has 1 to {NAME_LEN_MAX} letters, digits or -_.@");
            return Err(BadGrant(message));
        }
        let is_service = |name: &String| !name.is_empty() && !name.contains(['/', ',', ':', '+']);
        if services.len() > SERVICES_MAX || !services.iter().all(is_service) {
            return Err(BadGrant(format!("at most {SERVICES_MAX} names of services are possible")));
        }
        if !services.is_empty() && scope != Scope::Call {
            let message = "only tokens of scope call can be restricted to services".to_owned();
            return Err(BadGrant(message));
        }
        Ok(Self { name: name.to_owned(), digest, scope, services })
    }

    /// Says whether it opens every service of the ingress.
    #[must_use]
    pub fn may_call_all(&self) -> bool {
        self.scope.allows_calls() && self.services.is_empty()
    }

    /// Says whether it opens any.
    #[must_use]
    pub fn may_call_any(&self) -> bool {
        self.scope.allows_calls()
    }

    /// Says whether it opens a service of the ingress.
    #[must_use]
    pub fn may_call(&self, service: &str) -> bool {
        let is_named = self.services.is_empty() || self.services.iter().any(|name| name == service);
        self.scope.allows_calls() && is_named
    }
}

/// One line of text: `NAME:SCOPE:SHA256` and, when it is for some services only, `:SERVICE+SERVICE`.
impl FromStr for Grant {
    type Err = BadGrant;

    fn from_str(text: &str) -> Result<Self, BadGrant> {
        let mut parts = text.split(':');
        let (Some(name), Some(scope), Some(digest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(BadGrant("a token is written NAME:SCOPE:SHA256".to_owned()));
        };
        let services = parts.next().map(|services| services.split('+').map(str::to_owned).collect());
        if parts.next().is_some() {
            return Err(BadGrant("a token is written NAME:SCOPE:SHA256:SERVICE+SERVICE".to_owned()));
        }
        let digest =
            Digest::parse(digest).ok_or_else(|| BadGrant("sha256 has 64 hexadecimal digits".into()))?;
        Self::new(name, digest, scope.parse()?, services.unwrap_or_default())
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.name, self.scope.name(), self.digest)?;
        match self.services.as_slice() {
            [] => Ok(()),
            services => write!(f, ":{}", services.join("+")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_one_line() {
        let digest = Digest::of("t");
        for text in [format!("ops:admin:{digest}"), format!("shop:call:{digest}:Cart+Payments")] {
            assert_eq!(text.parse::<Grant>().unwrap().to_string(), text);
        }
        let cases = [
            ("ops".to_owned(), "NAME:SCOPE:SHA256"),
            (format!("ops:root:{digest}"), "admin, deploy, read or call"),
            ("ops:admin:abcd".to_owned(), "64 hexadecimal digits"),
            (format!("o p:admin:{digest}"), "letters"),
            (format!(":admin:{digest}"), "letters"),
            (format!("ops:admin:{digest}:Cart"), "only tokens of scope call"),
            (format!("ops:call:{digest}:"), "names of services"),
            (format!("ops:call:{digest}:A:B"), "SERVICE+SERVICE"),
        ];
        for (text, complaint) in cases {
            let error = text.parse::<Grant>().unwrap_err().to_string();
            assert!(error.contains(complaint), "{text}: {error}");
        }
    }

    #[test]
    fn what_scopes_open() {
        let opens = |scope: Scope| {
            let needs = [Need::Admin, Need::Deploy, Need::Read].map(|need| scope.allows(need));
            (needs, scope.allows_calls())
        };
        assert_eq!(opens(Scope::Admin), ([true, true, true], true));
        assert_eq!(opens(Scope::Deploy), ([false, true, true], false));
        assert_eq!(opens(Scope::Read), ([false, false, true], false));
        assert_eq!(opens(Scope::Call), ([false, false, false], true));
    }

    #[test]
    fn services_restrict_calls() {
        let grant = |services: &[&str]| {
            let services = services.iter().map(|name| (*name).to_owned()).collect();
            Grant::new("n", Digest::of("t"), Scope::Call, services).unwrap()
        };
        assert!(grant(&[]).may_call_all() && !grant(&["Cart"]).may_call_all());
        assert!(grant(&[]).may_call("Cart"));
        assert!(grant(&["Cart"]).may_call("Cart"));
        assert!(!grant(&["Cart"]).may_call("Carts"));
    }
}
