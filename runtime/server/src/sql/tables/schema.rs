//! `sys_tables` and `sys_columns`: what can be asked.

use super::{Column, NO_ACCESS, Rows, Table, Ty, column, describe_all};
use crate::sql::plan::{Accesses, Wanted};
use crate::sql::source::{Fault, Source};

pub struct Tables;

impl Table for Tables {
    type Row = (&'static str, &'static str);
    const NAME: &'static str = "sys_tables";
    const ABOUT: &'static str = "The tables.";
    const KEY: &'static [&'static str] = &["name"];
    const ACCESSES: Accesses = NO_ACCESS;

    fn columns() -> &'static [Column<Self::Row>] {
        TABLE_COLUMNS
    }

    fn scan(_: &Source, _: &Wanted) -> Result<Rows<Self::Row>, Fault> {
        Ok(Box::new(describe_all().into_iter().map(|table| Ok((table.name, table.about)))))
    }
}

static TABLE_COLUMNS: &[Column<(&str, &str)>] = &[
    column("name", Ty::Text, "Its name.", |it| Ok(it.row.0.into())),
    column("description", Ty::Text, "What its rows are.", |it| Ok(it.row.1.into())),
];

pub struct Columns;

pub struct Described {
    table: &'static str,
    name: &'static str,
    ty: Ty,
    about: &'static str,
}

impl Table for Columns {
    type Row = Described;
    const NAME: &'static str = "sys_columns";
    const ABOUT: &'static str = "The columns of all tables.";
    const KEY: &'static [&'static str] = &["table_name", "name"];
    const ACCESSES: Accesses = NO_ACCESS;

    fn columns() -> &'static [Column<Described>] {
        COLUMN_COLUMNS
    }

    fn scan(_: &Source, _: &Wanted) -> Result<Rows<Described>, Fault> {
        Ok(Box::new(describe_all().into_iter().flat_map(|table| {
            let described = move |(name, ty, about)| Ok(Described { table: table.name, name, ty, about });
            table.columns.into_iter().map(described)
        })))
    }
}

static COLUMN_COLUMNS: &[Column<Described>] = &[
    column("table_name", Ty::Text, "The table.", |it| Ok(it.row.table.into())),
    column("name", Ty::Text, "Its name.", |it| Ok(it.row.name.into())),
    column("type", Ty::Text, "text, integer, boolean, timestamp, json or blob.", |it| {
        Ok(it.row.ty.shown().into())
    }),
    column("description", Ty::Text, "What it holds.", |it| Ok(it.row.about.into())),
];
