//! What is stored of guest logs: chunks of lines in the order of time, and where those of an invocation are.

use abide_core::ids::{Attempt, InvocationId};
use abide_core::time::Timestamp;
use abide_store::codec::Record;
use serde::{Deserialize, Serialize};

/// How much a line matters to whoever wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// Through what a line came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    Log,
    Stdout,
    Stderr,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub at: Timestamp,
    pub attempt: Attempt,
    pub level: Level,
    pub source: Source,
    pub message: String,
}

impl Line {
    /// What a line counts apart from its text.
    const OVERHEAD: usize = 32;

    /// Returns about how many bytes the line takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.message.len() + Self::OVERHEAD
    }
}

/// Lines of one invocation that were stored together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkRow {
    pub invocation: InvocationId,
    pub lines: Vec<Line>,
}

/// Where a chunk stands among the lines of its invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceRow {
    /// The number of its first line, counted from the first line the invocation ever wrote.
    pub first: u64,
    pub lines: u32,
    /// About the bytes of its lines.
    pub bytes: u32,
}

impl PlaceRow {
    /// Returns the number of the line after its last.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first + u64::from(self.lines)
    }
}

/// What all logs come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotalsRow {
    /// About the bytes of all lines that are stored.
    pub bytes: u64,
    /// The number of the next chunk.
    pub next_chunk: u64,
}

impl Record for ChunkRow {}
impl Record for PlaceRow {}
impl Record for TotalsRow {}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_store::codec;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn rows_have_their_golden_bytes_and_read_back() {
        let line = Line {
            at: Timestamp(5),
            attempt: 2,
            level: Level::Warn,
            source: Source::Stderr,
            message: "no".into(),
        };
        let chunk = ChunkRow { invocation: InvocationId { unique: 1, partition_key: 2 }, lines: vec![line] };
        let bytes = codec::encode(&chunk);
        assert_eq!(hex(&bytes), "010102010502030202 6e6f".replace(' ', ""));
        assert_eq!(codec::decode::<ChunkRow>(b"key", &bytes).unwrap(), chunk);
        assert_eq!(hex(&codec::encode(&PlaceRow { first: 300, lines: 3, bytes: 4 })), "01ac020304");
        assert_eq!(hex(&codec::encode(&TotalsRow { bytes: 1, next_chunk: 2 })), "010102");
    }
}
