//! Limits of a query, each with its reason.

use std::time::Duration;

/// How long a query may work. The time in which others keep it from working does not count: its thread
/// gives way to all others.
pub const SQL_TIME_MAX: Duration = Duration::from_secs(10);
/// How many times as long it may take by the clock: somebody waits for it, and holds a turn.
pub const SQL_CLOCK_TIMES: u32 = 6;
/// How long a query waits for its turn while others run.
pub const SQL_PATIENCE: Duration = Duration::from_secs(10);
/// Queries that run at a time; more wait.
pub const SQL_QUERIES_MAX: usize = 4;
/// Rows of an answer; it says when there were more.
pub const SQL_ROWS_MAX: usize = 10_000;
/// Bytes of the rows of an answer; it says when there were more.
pub const SQL_ANSWER_BYTES_MAX: usize = 16 << 20;
/// Bytes of the text of a query.
pub const SQL_BYTES_MAX: usize = 64 << 10;
/// Bytes of a payload that a column shows. A longer one is NULL, and the column of its length tells.
pub const SQL_VALUE_BYTES_MAX: usize = 256 << 10;
/// Bytes of a text, of a blob and of a row on the way to the answer: more than a whole row of payloads.
/// Small, because some functions look at a text once per character of another.
pub const SQL_LENGTH_MAX: i32 = 1 << 20;
/// Bytes of memory that all queries together take, for sorting and grouping.
pub const SQL_MEMORY_BYTES_MAX: u64 = 128 << 20;
/// Steps of SQLite's machine between two looks at the clock.
pub const STEPS_PER_LOOK: i32 = 1_000;
/// Bytes of a pattern of LIKE and GLOB.
pub const PATTERN_BYTES_MAX: usize = 200;
/// How deep an expression may be nested.
pub const EXPRESSION_DEPTH_MAX: i32 = 100;
/// Selects put together by UNION and the like.
pub const COMPOUND_MAX: i32 = 50;
/// Columns of an answer, of a table and of a sort.
pub const COLUMNS_MAX: i32 = 500;
/// Arguments of a function.
pub const ARGUMENTS_MAX: i32 = 100;
/// Instructions of a compiled query.
pub const INSTRUCTIONS_MAX: i32 = 100_000;
/// Stack of the thread of a query.
pub const STACK_BYTES: usize = 8 << 20;
/// How far the threads of queries stand back behind the others.
pub const NICENESS: i32 = 5;

/// The limits that may differ from server to server.
#[derive(Clone, Debug)]
pub struct SqlLimits {
    pub time_max: Duration,
    pub patience: Duration,
    pub queries_max: usize,
    pub rows_max: usize,
    pub answer_bytes_max: usize,
}

impl Default for SqlLimits {
    fn default() -> Self {
        Self {
            time_max: SQL_TIME_MAX,
            patience: SQL_PATIENCE,
            queries_max: SQL_QUERIES_MAX,
            rows_max: SQL_ROWS_MAX,
            answer_bytes_max: SQL_ANSWER_BYTES_MAX,
        }
    }
}
