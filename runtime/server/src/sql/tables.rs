//! The tables: their columns with what each means, and how their rows are read.

mod awakeable;
mod deployment;
mod handler;
mod invocation;
mod journal;
mod journal_event;
mod keyed;
mod promise;
mod schema;
mod service;
mod state;
mod timer;

use super::cell::Cell;
use super::plan::{Accesses, Wanted};
use super::source::{Fault, Source};
use super::virtual_table::offer;
use rusqlite::Connection;

/// Rows of a table, one after the other.
pub type Rows<R> = Box<dyn Iterator<Item = Result<R, Fault>>>;

/// A table: read when it is asked for, never kept.
pub trait Table: 'static {
    type Row;
    const NAME: &'static str;
    /// What a row is, in a sentence.
    const ABOUT: &'static str;
    /// The columns that tell every row from all others.
    const KEY: &'static [&'static str];
    const ACCESSES: Accesses;

    fn columns() -> &'static [Column<Self::Row>];

    /// Reads the rows that are wanted; more is no harm.
    ///
    /// # Errors
    /// The store cannot be read, or the query has to stop.
    fn scan(source: &Source, wanted: &Wanted) -> Result<Rows<Self::Row>, Fault>;
}

/// Without a way to read less than all of it.
pub const NO_ACCESS: Accesses = Accesses { by: &[], time: None };

/// A row with what its columns may look up elsewhere.
pub struct Row<'a, R> {
    pub row: &'a R,
    pub source: &'a Source,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    Text,
    Integer,
    Boolean,
    /// RFC 3339 in UTC with milliseconds.
    Time,
    /// A list or an object, as text for the functions for JSON and as JSON in the answer.
    Json,
    Blob,
}

impl Ty {
    /// Returns the type in the words of SQLite: how values are compared follows from it.
    pub const fn declared(self) -> &'static str {
        match self {
            Self::Text | Self::Time => "TEXT",
            Self::Integer => "INTEGER",
            Self::Boolean => BOOLEAN,
            Self::Json => JSON,
            Self::Blob => "BLOB",
        }
    }

    /// Returns the type in words for people.
    pub const fn shown(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Time => "timestamp",
            Self::Json => "json",
            Self::Blob => "blob",
        }
    }
}

/// Columns declared so are written as JSON has them.
pub const BOOLEAN: &str = "BOOLEAN";
pub const JSON: &str = "JSON TEXT";

type Value<R> = for<'a> fn(Row<'a, R>) -> Result<Cell<'a>, Fault>;

/// A column.
pub struct Column<R> {
    pub name: &'static str,
    pub ty: Ty,
    pub about: &'static str,
    pub value: Value<R>,
}

impl<R> Clone for Column<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Column<R> {}

const fn column<R>(name: &'static str, ty: Ty, about: &'static str, value: Value<R>) -> Column<R> {
    Column { name, ty, about, value }
}

/// What is told of a table by `sys_tables` and `sys_columns`.
pub struct Described {
    pub name: &'static str,
    pub about: &'static str,
    pub columns: Vec<(&'static str, Ty, &'static str)>,
}

fn described<T: Table>() -> Described {
    let columns = T::columns().iter().map(|column| (column.name, column.ty, column.about));
    Described { name: T::NAME, about: T::ABOUT, columns: columns.collect() }
}

/// Makes one list of what has to be done for every table.
macro_rules! tables {
    ($($table:ty),* $(,)?) => {
        /// Offers all tables to the queries of a connection.
        pub fn offer_all(connection: &Connection, source: &Source) -> rusqlite::Result<()> {
            $(offer::<$table>(connection, source)?;)*
            Ok(())
        }

        /// Describes all tables.
        pub fn describe_all() -> Vec<Described> {
            vec![$(described::<$table>()),*]
        }
    };
}

tables!(
    invocation::Invocations,
    invocation::InvocationStatuses,
    invocation::InvocationStates,
    journal::JournalItems,
    journal_event::JournalEvents,
    state::StateValues,
    keyed::Inbox,
    keyed::KeyedServiceStatuses,
    promise::Promises,
    awakeable::Awakeables,
    timer::Timers,
    service::Services,
    handler::Handlers,
    deployment::Deployments,
    schema::Tables,
    schema::Columns,
);
