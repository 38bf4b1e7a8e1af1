//! A connection for one query: an empty database in memory with our tables, and with limits on everything.

use super::answer::{self, Answer};
use super::error::{Position, SqlError};
use super::limits::{
    ARGUMENTS_MAX, COLUMNS_MAX, COMPOUND_MAX, EXPRESSION_DEPTH_MAX, INSTRUCTIONS_MAX, SQL_BYTES_MAX,
    SQL_LENGTH_MAX, SQL_MEMORY_BYTES_MAX, STEPS_PER_LOOK, SqlLimits,
};
use super::source::{Fault, Source};
use super::watch::{Refusal, Watch};
use super::{functions, guard, schema_hint, tables, times};
use rusqlite::config::DbConfig;
use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::limits::Limit;
use rusqlite::{Batch, Connection, Error, ErrorCode, OpenFlags};
use std::sync::Arc;

/// Runs one query.
///
/// # Errors
/// Says what is wrong with the query, or which limit it reached.
pub fn run(source: Source, limits: &SqlLimits, text: &str) -> Result<Answer, SqlError> {
    let watch = source.watch.clone();
    let explain = |error| explain(error, text, &watch, limits);
    let connection = open(&source).map_err(explain)?;
    // One statement after the other: preparing all that follows at once would go as deep as there are.
    let mut batch = Batch::new(&connection, text);
    let Some(mut statement) = batch.next().map_err(explain)? else {
        return Err(hinted("there is no statement", "SELECT * FROM sys_tables lists what can be asked"));
    };
    if batch.next().map_err(explain)?.is_some() {
        return Err(hinted("there is more than one statement", "send one at a time"));
    }
    if !statement.readonly() {
        return Err(SqlError::ReadOnly { what: "a statement that writes".to_owned() });
    }
    answer::collect(&mut statement, limits, &watch).map_err(explain)
}

/// Opens the database and closes everything that is not for reading our tables.
fn open(source: &Source) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_MEMORY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_in_memory_with_flags(flags)?;
    // Of the process, not of this connection; no temporary files, so that everything counts.
    connection.pragma_update(
        None,
        "hard_heap_limit",
        i64::try_from(SQL_MEMORY_BYTES_MAX).unwrap_or(i64::MAX),
    )?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    configure(&connection)?;
    functions::offer_all(&connection, source.now)?;
    connection.create_collation(times::COLLATION, times::compare)?;
    tables::offer_all(&connection, source)?;
    let watch = source.watch.clone();
    connection.progress_handler(STEPS_PER_LOOK, Some(move || watch.is_over()))?;
    // The last: what is above is not allowed to queries.
    connection.authorizer(Some(guard::authorizer(source.watch.clone())))?;
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    let sql_bytes_max = i32::try_from(SQL_BYTES_MAX).unwrap_or(i32::MAX);
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_LENGTH, SQL_LENGTH_MAX),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, sql_bytes_max),
        (Limit::SQLITE_LIMIT_COLUMN, COLUMNS_MAX),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, EXPRESSION_DEPTH_MAX),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, COMPOUND_MAX),
        (Limit::SQLITE_LIMIT_VDBE_OP, INSTRUCTIONS_MAX),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, ARGUMENTS_MAX),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 0),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 0),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        connection.set_limit(limit, value)?;
    }
    for (config, is_on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        // "name" is a column, never a text: a mistyped column is told.
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false),
    ] {
        connection.set_db_config(config, is_on)?;
    }
    Ok(())
}

fn hinted(message: &str, hint: &str) -> SqlError {
    SqlError::Bad { message: message.to_owned(), position: None, hint: Some(hint.to_owned()) }
}

/// Says in our words what SQLite or a table says.
fn explain(error: Error, text: &str, watch: &Arc<Watch>, limits: &SqlLimits) -> SqlError {
    match watch.take_refusal() {
        Some(Refusal::ReadOnly { what }) => return SqlError::ReadOnly { what },
        Some(Refusal::Function { name }) => {
            return SqlError::bad(format!("the function {name} is not answered here"));
        }
        None => {}
    }
    match watch.take_fault() {
        Some(Fault::Read(why)) => return SqlError::Broken(why),
        Some(Fault::Over) | None => {}
    }
    match error {
        Error::SqlInputError { msg, offset, .. } => {
            let position = usize::try_from(offset).ok().map(|byte| Position::of(text, byte));
            let hint = schema_hint::of(&msg, text);
            SqlError::Bad { message: msg, position, hint }
        }
        Error::SqliteFailure(failure, message) => match failure.code {
            ErrorCode::OperationInterrupted => SqlError::Timeout { time_max: limits.time_max },
            ErrorCode::OutOfMemory => SqlError::Memory,
            ErrorCode::TooBig => hinted(
                "a text, a blob or a row has more bytes than 1 MiB, which is the limit (SQL_LENGTH_MAX)",
                "take fewer columns, or a part with substr()",
            ),
            _ => {
                let message = message.unwrap_or_else(|| failure.to_string());
                if let Some(what) = change_of_table(&message) {
                    return SqlError::ReadOnly { what };
                }
                let (hint, position) = (schema_hint::of(&message, text), place_of_table(&message, text));
                SqlError::Bad { message, position, hint }
            }
        },
        Error::UserFunctionError(why) => SqlError::bad(why.to_string()),
        other => SqlError::bad(other.to_string()),
    }
}

/// Finds the table that SQLite says is not there, but not where.
fn place_of_table(message: &str, text: &str) -> Option<Position> {
    let table = message.strip_prefix("no such table: ")?;
    Some(Position::of(text, text.find(table)?))
}

/// Recognises what SQLite says of a change of one of our tables.
fn change_of_table(message: &str) -> Option<String> {
    if let Some(what) = message.strip_prefix("cannot create ") {
        return Some(format!("to create {what}"));
    }
    let (table, _) = message.strip_prefix("table ")?.split_once(" may not be ")?;
    Some(format!("a change of {table}"))
}
