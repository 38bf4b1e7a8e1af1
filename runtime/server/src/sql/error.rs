//! What can go wrong with a query.

use super::limits::{SQL_BYTES_MAX, SQL_MEMORY_BYTES_MAX};
use crate::metrics::QueryOutcome;
use serde::Serialize;
use std::time::Duration;

/// A place in the text of a query, for whoever points at the mistake. Lines, columns and characters
/// count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl Position {
    /// Finds the place of a byte.
    pub(super) fn of(text: &str, byte: usize) -> Self {
        let before = &text[..text.floor_char_boundary(byte)];
        let line = before.rfind('\n').map_or(0, |end| end + 1);
        Self { line: before.matches('\n').count() + 1, column: before[line..].chars().count() + 1 }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    #[error("{message}")]
    Bad { message: String, position: Option<Position>, hint: Option<String> },
    #[error("queries only read; {what} is not answered")]
    ReadOnly { what: String },
    #[error("the query worked for longer than {} s, which is the limit (sql.time_max)", .time_max.as_secs_f32())]
    Timeout { time_max: Duration },
    #[error(
        "the query needs more memory than {} MiB, which is what all queries together may take (SQL_MEMORY_BYTES_MAX)",
        SQL_MEMORY_BYTES_MAX >> 20
    )]
    Memory,
    #[error("{queries_max} queries run already, which is the limit (sql.queries_max)")]
    Busy { queries_max: usize },
    #[error("the query has {bytes} bytes, the limit is {SQL_BYTES_MAX} (SQL_BYTES_MAX)")]
    TooLong { bytes: usize },
    /// We broke.
    #[error("the query cannot be answered: {0}")]
    Broken(String),
}

impl SqlError {
    pub(super) fn broken(why: &str) -> Self {
        Self::Broken(why.to_owned())
    }

    /// Returns how a query with this error counts.
    pub(super) fn outcome(&self) -> QueryOutcome {
        match self {
            Self::Bad { .. } | Self::ReadOnly { .. } | Self::TooLong { .. } => QueryOutcome::Refused,
            Self::Timeout { .. } => QueryOutcome::Timeout,
            Self::Memory => QueryOutcome::Memory,
            Self::Busy { .. } => QueryOutcome::Busy,
            Self::Broken(_) => QueryOutcome::Broken,
        }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::Bad { message: message.into(), position: None, hint: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_from_one() {
        let text = "select 1,\n  'ä', idd";
        for (byte, line, column) in [(0, 1, 1), (7, 1, 8), (12, 2, 3), (18, 2, 8), (999, 2, 11)] {
            assert_eq!(Position::of(text, byte.min(text.len())), Position { line, column }, "{byte}");
        }
    }
}
