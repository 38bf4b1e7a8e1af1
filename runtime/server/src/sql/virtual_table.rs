//! Tables as SQLite reaches them. What is called here is called from C: nothing may panic, and messages
//! go by way of the watch, since making one could need memory that SQLite has not.

use super::source::{Fault, Source};
use super::tables::{Row, Rows, Table, Ty};
use super::{plan, times};
use rusqlite::vtab::{
    Context, Filters, IndexInfo, Module, VTab, VTabConnection, VTabCursor, sqlite3_vtab, sqlite3_vtab_cursor,
};
use rusqlite::{Connection, Error, ffi};
use std::borrow::Cow;
use std::ffi::{CStr, CString, c_int};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Offers a table to the queries of a connection.
pub fn offer<T: Table>(connection: &Connection, source: &Source) -> rusqlite::Result<()> {
    connection.create_module(T::NAME, VirtualTable::<T>::MODULE, Some(source.clone()))
}

#[repr(C)]
pub struct VirtualTable<T> {
    /// Has to be the first.
    base: sqlite3_vtab,
    source: Source,
    table: PhantomData<T>,
}

impl<T: Table> VirtualTable<T> {
    const MODULE: &'static Module<'static, Self> = &Module::eponymous_only_module();
}

/// Returns how SQLite is told of a table.
fn declaration<T: Table>() -> String {
    let column = |column: &super::tables::Column<T::Row>| {
        let collate = if column.ty == Ty::Time { times::COLLATE } else { "" };
        format!("{:?} {}{collate}", column.name, column.ty.declared())
    };
    let columns: Vec<String> = T::columns().iter().map(column).collect();
    let key: Vec<String> = T::KEY.iter().map(|name| format!("{name:?}")).collect();
    // Without a number for each row: rows are told apart by their key, where SQLite has to.
    format!("CREATE TABLE x({}, PRIMARY KEY({})) WITHOUT ROWID", columns.join(", "), key.join(", "))
}

// SAFETY: `base` is the first field, and the layout is C's.
#[expect(unsafe_code, reason = "SQLite finds its part at the beginning")]
unsafe impl<T: Table> VTab<'_> for VirtualTable<T> {
    type Aux = Source;
    type Cursor = Cursor<T>;

    fn connect(
        _: &mut VTabConnection,
        source: Option<&Source>,
        _: &[u8],
        _: &[u8],
        _: &[u8],
        _: &[&[u8]],
    ) -> rusqlite::Result<(Cow<'static, CStr>, Self)> {
        let source = source.ok_or(Error::InvalidQuery)?.clone();
        let declaration = CString::new(declaration::<T>())?;
        Ok((declaration.into(), Self { base: sqlite3_vtab::default(), source, table: PhantomData }))
    }

    fn best_index(&self, info: &mut IndexInfo) -> rusqlite::Result<bool> {
        guarded(&self.source, || {
            plan::choose(&T::ACCESSES, T::columns(), info);
            Ok(true)
        })
    }

    fn open(&mut self) -> rusqlite::Result<Cursor<T>> {
        Ok(Cursor {
            base: sqlite3_vtab_cursor::default(),
            source: self.source.clone(),
            rows: None,
            row: None,
        })
    }
}

/// A place in a table.
#[repr(C)]
pub struct Cursor<T: Table> {
    /// Has to be the first.
    base: sqlite3_vtab_cursor,
    source: Source,
    rows: Option<Rows<T::Row>>,
    row: Option<T::Row>,
}

// SAFETY: `base` is the first field, and the layout is C's.
#[expect(unsafe_code, reason = "SQLite finds its part at the beginning")]
unsafe impl<T: Table> VTabCursor for Cursor<T> {
    fn filter(&mut self, number: c_int, _: Option<&str>, values: &Filters<'_>) -> rusqlite::Result<()> {
        let source = self.source.clone();
        guarded(&source, || {
            let wanted = plan::read(&T::ACCESSES, number, values.iter());
            self.row = None;
            self.rows = match wanted.is_nothing {
                true => None,
                false => Some(T::scan(&self.source, &wanted)?),
            };
            self.advance()
        })
    }

    fn next(&mut self) -> rusqlite::Result<()> {
        let source = self.source.clone();
        guarded(&source, || self.advance())
    }

    fn eof(&self) -> bool {
        self.row.is_none()
    }

    fn column(&self, context: &mut Context, index: c_int) -> rusqlite::Result<()> {
        let column = usize::try_from(index).ok().and_then(|index| T::columns().get(index));
        let (Some(column), Some(row)) = (column, &self.row) else { return Ok(()) };
        let cell = guarded(&self.source, || (column.value)(Row { row, source: &self.source }))?;
        context.set_result(cell)
    }

    fn rowid(&self) -> rusqlite::Result<i64> {
        // No table has one.
        Ok(0)
    }
}

impl<T: Table> Cursor<T> {
    fn advance(&mut self) -> Result<(), Fault> {
        self.row = None;
        if let Some(rows) = &mut self.rows {
            self.row = rows.next().transpose()?;
        }
        Ok(())
    }
}

/// Keeps what went wrong for whoever asked, and tells SQLite to stop.
fn guarded<R>(source: &Source, work: impl FnOnce() -> Result<R, Fault>) -> rusqlite::Result<R> {
    let done = catch_unwind(AssertUnwindSafe(work));
    let fault = match done {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(fault)) => fault,
        Err(_) => Fault::Read("a table met a mistake of ours; the log of the server says more".to_owned()),
    };
    let code = match fault {
        Fault::Over => ffi::SQLITE_INTERRUPT,
        Fault::Read(_) => ffi::SQLITE_IOERR,
    };
    source.watch.note_fault(fault);
    Err(Error::SqliteFailure(ffi::Error::new(code), None))
}
