//! What is called, and what has to come back.

use clap::ValueEnum;
use std::borrow::Cow;

/// Keys of the counters that are called in turn.
pub const KEYS: usize = 1000;
/// Has no factor in common with the number of keys, so that all of them come, far from their neighbours.
const KEY_STEP: usize = 7919;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// An empty handler: no durable step.
    Greet,
    /// Three run blocks, one after the other.
    Steps3,
    /// Ten run blocks, one after the other.
    Steps10,
    /// An object reads, adds and writes; all callers use one key.
    CounterHot,
    /// The same on 1000 keys in turn.
    #[value(name = "counter-1000")]
    Counter1000,
    /// A service calls a service that calls a service.
    Chain3,
    /// A handler sends a hundred messages to an empty handler.
    Fanout100,
}

impl Workload {
    pub const ALL: [Self; 7] = [
        Self::Greet,
        Self::Steps3,
        Self::Steps10,
        Self::CounterHot,
        Self::Counter1000,
        Self::Chain3,
        Self::Fanout100,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Greet => "greet",
            Self::Steps3 => "steps3",
            Self::Steps10 => "steps10",
            Self::CounterHot => "counter-hot",
            Self::Counter1000 => "counter-1000",
            Self::Chain3 => "chain3",
            Self::Fanout100 => "fanout100",
        }
    }

    /// Returns the path of a caller's nth call.
    pub fn path(self, nth: usize) -> Cow<'static, str> {
        match self {
            Self::Greet => "/Greeter/greet".into(),
            Self::Steps3 => "/Steps/three".into(),
            Self::Steps10 => "/Steps/ten".into(),
            Self::CounterHot => "/Counter/hot/add".into(),
            Self::Counter1000 => format!("/Counter/k{}/add", nth.wrapping_mul(KEY_STEP) % KEYS).into(),
            Self::Chain3 => "/ChainA/call".into(),
            Self::Fanout100 => "/Fanout/hundred".into(),
        }
    }

    pub fn body(self) -> &'static [u8] {
        match self {
            Self::Greet => br#""bench""#,
            Self::Steps3 | Self::Steps10 | Self::Fanout100 => b"{}",
            Self::CounterHot | Self::Counter1000 => b"1",
            Self::Chain3 => br#""x""#,
        }
    }

    pub fn is_answer(self, answer: &[u8]) -> bool {
        match self {
            Self::Greet => answer == br#""Hello bench!""#,
            Self::Steps3 => answer == b"3",
            Self::Steps10 => answer == b"45",
            Self::CounterHot | Self::Counter1000 => serde_json::from_slice::<u64>(answer).is_ok(),
            Self::Chain3 => answer == br#""xABC""#,
            // The id of the last message.
            Self::Fanout100 => answer.starts_with(br#""inv_"#),
        }
    }

    /// Returns the paths of the counters that together have counted every call.
    pub fn counters(self) -> Vec<String> {
        match self {
            Self::CounterHot => vec!["/Counter/hot/get".to_owned()],
            Self::Counter1000 => (0..KEYS).map(|key| format!("/Counter/k{key}/get")).collect(),
            Self::Greet | Self::Steps3 | Self::Steps10 | Self::Chain3 | Self::Fanout100 => Vec::new(),
        }
    }

    /// Returns how many messages one call sends.
    pub fn messages(self) -> usize {
        match self {
            Self::Fanout100 => 100,
            Self::Greet | Self::Steps3 | Self::Steps10 => 0,
            Self::CounterHot | Self::Counter1000 | Self::Chain3 => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_key_comes_in_its_turn() {
        let paths: BTreeSet<_> = (5..5 + KEYS).map(|nth| Workload::Counter1000.path(nth)).collect();
        assert_eq!(paths.len(), KEYS);
    }
}
