//! What is stored of virtual objects and workflows besides their state.

use crate::entry::Outcome;
use crate::ids::InvocationId;
use crate::invocation::Listener;
use crate::target::ObjectKey;
use crate::time::Timestamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;

/// Who has the key of an object, and how many wait for it. Each of those has a row of its own, named
/// by its position, so that a long queue costs no more than a short one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyQueueRow {
    pub holder: InvocationId,
    /// Position of the first that waits, if it still does: one that was ended leaves a gap.
    pub head: u64,
    /// Position of the next that comes.
    pub tail: u64,
    /// How many of those in between were ended while they waited.
    pub gone: u64,
}

impl KeyQueueRow {
    /// Returns how many wait.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.tail.saturating_sub(self.head).saturating_sub(self.gone)
    }
}

/// A durable promise of a workflow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromiseRow {
    /// None: it is not completed yet.
    pub outcome: Option<Outcome>,
    pub waiting: Vec<Listener>,
}

/// Promises of a workflow that were completed while it had no run: the run takes them over if it comes,
/// else they go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnclaimedRow {
    pub object: ObjectKey,
    /// They are kept until then.
    pub until: Timestamp,
    /// The timer that is armed, perhaps an earlier one.
    pub looked_at: Timestamp,
    /// While they are forgotten, a part at a time: all up to this name have been looked at.
    pub after: Option<String>,
}

/// Tells one state of an object from another: a digest of all its names and values, so the same state
/// has the same version. For those who look at a state and then change it; it is stored nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StateVersion(u64);

impl StateVersion {
    /// Returns the version of a state, given in the order of the names.
    #[must_use]
    pub fn of<'a>(values: impl IntoIterator<Item = (&'a str, &'a Bytes)>) -> Self {
        let mut hasher = DefaultHasher::new();
        for (name, value) in values {
            (name, value).hash(&mut hasher);
        }
        Self(hasher.finish())
    }
}

/// 16 hexadecimal digits.
impl fmt::Display for StateVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for StateVersion {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(values: &[(&str, &'static str)]) -> StateVersion {
        let values: Vec<_> = values.iter().map(|(name, value)| (*name, Bytes::from(*value))).collect();
        StateVersion::of(values.iter().map(|(name, value)| (*name, value)))
    }

    #[test]
    fn the_same_state_has_the_same_version_and_no_other_has() {
        let states: [&[_]; 6] = [
            &[],
            &[("a", "")],
            &[("a", "b")],
            &[("ab", "")],
            &[("a", "b"), ("c", "")],
            &[("a", "b"), ("", "c")],
        ];
        for (n, left) in states.iter().enumerate() {
            for (m, right) in states.iter().enumerate() {
                assert_eq!(version(left) == version(right), n == m, "{left:?} {right:?}");
            }
        }
    }

    #[test]
    fn a_version_survives_its_text() {
        let version = version(&[("a", "1")]);
        assert_eq!(version.to_string().len(), 16);
        assert_eq!(version.to_string().parse(), Ok(version));
        assert!("x".parse::<StateVersion>().is_err());
    }
}
