//! What a tenant does that takes all it can get.

use crate::client::{self, JSON};
use bytes::Bytes;
use clap::ValueEnum;
use http::Request;
use http_body_util::Full;
use serde::Serialize;

/// Large enough to become a file of its own in the store.
const LARGE_BYTES: usize = 4 << 20;
const LARGE_COUNT: usize = 16;
const SMALL_BYTES: usize = 100;
const SMALL_COUNT: usize = 60_000;
/// Calls of the host that make no sense, as bytes.
const PROGRAM_BYTES: usize = 512;
/// More than as many objects are called by each other as a chain of calls may be deep.
const BALLS_APART: u64 = 1_000;

/// One kind of misbehaviour: handlers of tests/components/misbehaving and hostile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Computes without end.
    EndlessLoop,
    /// The same within a run block.
    SpinInRun,
    /// Every call makes two more, and waits for them.
    CallBomb,
    /// Every message sends two more.
    MessageFlood,
    /// Ever more values in the state of objects.
    StateGrowth,
    /// Ever more run blocks in one journal.
    JournalGrowth,
    /// Ever more awakeables in one journal.
    Awakeables,
    /// Objects that call each other without end.
    Recursion,
    /// Ever more memory.
    MemoryGrowth,
    /// Large results of run blocks.
    LargeValues,
    /// Calls of the host with values that make no sense.
    HostCalls,
}

impl Kind {
    pub const ALL: [Self; 11] = [
        Self::EndlessLoop,
        Self::SpinInRun,
        Self::CallBomb,
        Self::MessageFlood,
        Self::StateGrowth,
        Self::JournalGrowth,
        Self::Awakeables,
        Self::Recursion,
        Self::MemoryGrowth,
        Self::LargeValues,
        Self::HostCalls,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::EndlessLoop => "an endless loop",
            Self::SpinInRun => "an endless loop in a run block",
            Self::CallBomb => "a fork bomb of calls",
            Self::MessageFlood => "a flood of messages",
            Self::StateGrowth => "state that grows",
            Self::JournalGrowth => "a journal that grows",
            Self::Awakeables => "awakeables",
            Self::Recursion => "recursion between objects",
            Self::MemoryGrowth => "memory that grows",
            Self::LargeValues => "large values",
            Self::HostCalls => "senseless calls of the host",
        }
    }

    /// Returns how many of it there are at once.
    pub fn at_once(self) -> u64 {
        match self {
            Self::EndlessLoop | Self::SpinInRun => 8,
            // It multiplies by itself.
            Self::CallBomb | Self::MessageFlood => 1,
            Self::StateGrowth | Self::Awakeables | Self::LargeValues => 2,
            Self::JournalGrowth | Self::Recursion | Self::MemoryGrowth | Self::HostCalls => 4,
        }
    }

    /// Says whether it goes on by itself for ever, so that nobody has to begin it again.
    pub fn is_endless(self) -> bool {
        match self {
            Self::CallBomb | Self::MessageFlood => true,
            Self::EndlessLoop | Self::SpinInRun | Self::StateGrowth | Self::JournalGrowth => false,
            Self::Awakeables | Self::Recursion | Self::MemoryGrowth => false,
            Self::LargeValues | Self::HostCalls => false,
        }
    }

    pub fn service(self) -> &'static str {
        match self {
            Self::EndlessLoop | Self::SpinInRun | Self::JournalGrowth => "Misbehaving",
            Self::Awakeables | Self::MemoryGrowth => "Misbehaving",
            Self::CallBomb | Self::MessageFlood => "Multiplying",
            Self::StateGrowth | Self::LargeValues => "Hoard",
            Self::Recursion => "Ping",
            Self::HostCalls => "Hostile",
        }
    }

    /// Returns the path of the nth one; each has an object or workflow of its own.
    fn path(self, nth: u64) -> String {
        let service = self.service();
        match self {
            Self::EndlessLoop => format!("/{service}/endlessLoop"),
            Self::SpinInRun => format!("/{service}/endlessLoopInRun"),
            Self::CallBomb => format!("/{service}/calls"),
            Self::MessageFlood => format!("/{service}/sends"),
            Self::StateGrowth => format!("/{service}/{nth}/state"),
            Self::JournalGrowth => format!("/{service}/endlessJournal"),
            Self::Awakeables => format!("/{service}/endlessAwakeables"),
            Self::Recursion => format!("/{service}/{}/hit", nth * BALLS_APART),
            Self::MemoryGrowth => format!("/{service}/endlessAllocation"),
            Self::LargeValues => format!("/{service}/{nth}/journal"),
            Self::HostCalls => format!("/{service}/{nth}/run"),
        }
    }

    /// Returns the input of the nth one; none: its handler takes nothing.
    fn body(self, nth: u64) -> Option<String> {
        match self {
            Self::StateGrowth => Some(format!(r#"{{"n":{SMALL_COUNT},"bytes":{SMALL_BYTES}}}"#)),
            Self::LargeValues => Some(format!(r#"{{"n":{LARGE_COUNT},"bytes":{LARGE_BYTES}}}"#)),
            Self::Recursion => Some((nth * BALLS_APART).to_string()),
            Self::HostCalls => Some(serde_json::json!(program(nth)).to_string()),
            Self::EndlessLoop | Self::SpinInRun | Self::CallBomb | Self::MessageFlood => None,
            Self::JournalGrowth | Self::Awakeables | Self::MemoryGrowth => None,
        }
    }

    /// Returns the call that begins the nth one.
    pub fn call(self, nth: u64) -> anyhow::Result<Request<Full<Bytes>>> {
        self.request(nth, "")
    }

    /// Returns the message that begins the nth one.
    pub fn message(self, nth: u64) -> anyhow::Result<Request<Full<Bytes>>> {
        self.request(nth, "/send")
    }

    fn request(self, nth: u64, end: &str) -> anyhow::Result<Request<Full<Bytes>>> {
        let path = self.path(nth) + end;
        match self.body(nth) {
            Some(body) => client::post(&path, JSON, body.into()),
            None => Ok(Request::post(path).body(Full::default())?),
        }
    }
}

/// Returns bytes that are always the same and look like none.
fn program(nth: u64) -> Vec<u8> {
    let mut state = nth.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let byte = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..PROGRAM_BYTES).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn all_kinds_are_listed_and_can_be_asked_for() {
        assert_eq!(Kind::value_variants(), Kind::ALL);
        for kind in Kind::ALL {
            let (call, message) = (kind.call(3).expect("a request"), kind.message(3).expect("a request"));
            assert!(call.uri().path().starts_with(&format!("/{}/", kind.service())), "{kind:?}");
            assert_eq!(message.uri().path(), format!("{}/send", call.uri().path()));
        }
    }

    #[test]
    fn programs_differ() {
        let programs: BTreeSet<_> = (0..100).map(program).collect();
        assert_eq!(programs.len(), 100);
        assert!(programs.iter().all(|program| program.len() == PROGRAM_BYTES));
    }
}
