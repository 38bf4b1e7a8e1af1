//! `sys_journal`: what an invocation asked for and what came of it, in one order.
//!
//! As in Restate the input is item 0, the answer the last one, and an outcome is an item of its own, a
//! notification. `op` says which outcome belongs to which entry.

mod shown;
mod walk;

use super::invocation::completed_at;
use super::{Column, Row, Rows, Table, Ty, column};
use crate::sql::cell::Cell;
use crate::sql::limits::SQL_VALUE_BYTES_MAX;
use crate::sql::plan::{Access, Accesses, Wanted};
use crate::sql::source::{Fault, Source};
use abide_core::entry::Entry;
use abide_core::time::Timestamp;
use walk::{Content, Item};

pub struct JournalItems;

impl Table for JournalItems {
    type Row = Item;
    const NAME: &'static str = "sys_journal";
    const ABOUT: &'static str = "Journals: what handlers asked for, and what came of it.";
    const KEY: &'static [&'static str] = &["id", "index"];
    const ACCESSES: Accesses = Accesses { by: &[Access { equal: &["id"], rows: 20 }], time: None };

    fn columns() -> &'static [Column<Item>] {
        COLUMNS
    }

    fn scan(source: &Source, wanted: &Wanted) -> Result<Rows<Item>, Fault> {
        walk::scan(source, wanted)
    }
}

static COLUMNS: &[Column<Item>] = &[
    column("id", Ty::Text, "The invocation.", |it| Ok(it.row.id.to_string().into())),
    column("partition_key", Ty::Text, "What decides about its partition, a number of 64 bits.", |it| {
        Ok(it.row.id.partition_key.to_string().into())
    }),
    column("index", Ty::Integer, "Its place in the journal: the input is 0.", |it| {
        Ok(Cell::count(it.row.index))
    }),
    column("entry_type", Ty::Text, "Command: Run, Notification: Run and so on.", |it| {
        Ok(shown::entry_type(it.row, it.source)?.into())
    }),
    column("op", Ty::Integer, "The operation: an outcome has the number of its entry.", |it| {
        Ok(it.row.op().into())
    }),
    column("name", Ty::Text, "The name its handler gave it, or what it is about.", |it| {
        Ok(it.row.entry(it.source)?.and_then(Entry::name).into())
    }),
    column("completed", Ty::Boolean, "It has its outcome; NULL where there never is one.", |it| {
        Ok(it.row.is_settled().into())
    }),
    column(
        "invoked_id",
        Ty::Text,
        "The invocation that is called, sent to, waited for, ended or signalled.",
        |it| Ok(it.row.entry(it.source)?.and_then(shown::invoked).map(|id| id.to_string()).into()),
    ),
    column("invoked_target", Ty::Text, "What that invocation runs.", |it| {
        Ok(it.row.entry(it.source)?.and_then(shown::request).map(|request| request.target.to_string()).into())
    }),
    column("sleep_wakeup_at", Ty::Time, "When a sleep ends.", |it| {
        Ok(match &it.row.content {
            Content::Entry { row, .. } => match row.entry {
                Entry::Sleep { duration_ms, .. } => row.at.plus_millis(duration_ms).into(),
                _ => Cell::Null,
            },
            _ => Cell::Null,
        })
    }),
    column("promise_name", Ty::Text, "The promise it is about.", |it| {
        Ok(match it.row.entry(it.source)? {
            Some(
                Entry::GetPromise { name }
                | Entry::PeekPromise { name }
                | Entry::CompletePromise { name, .. },
            ) => name.into(),
            _ => Cell::Null,
        })
    }),
    column("awakeable_id", Ty::Text, "The awakeable it makes or completes.", |it| {
        Ok(match (it.row.entry(it.source)?, it.row.op()) {
            (Some(Entry::Awakeable { .. }), Some(op)) => {
                it.source.awakeable(it.row.id, op)?.map(|id| id.to_string()).into()
            }
            (Some(Entry::CompleteAwakeable { awakeable, .. }), _) => awakeable.to_string().into(),
            _ => Cell::Null,
        })
    }),
    column("result", Ty::Text, "success or failure, of what has come to an end.", |it| {
        Ok(it.row.result().map(|failure| if failure.is_some() { "failure" } else { "success" }).into())
    }),
    column("failure", Ty::Text, "Why it failed: [code] message.", |it| {
        Ok(it.row.result().flatten().map(ToString::to_string).into())
    }),
    column("raw", Ty::Blob, "Its payload, where it is not too long.", |it| {
        Ok(shown::payload(&it.row.content).map_or(Cell::Null, |payload| Cell::payload(payload)))
    }),
    column("raw_utf8", Ty::Text, "Its payload, where it is text and not too long.", |it| {
        Ok(shown::payload(&it.row.content).map_or(Cell::Null, |payload| Cell::payload_text(payload)))
    }),
    column("raw_length", Ty::Integer, "Bytes of its payload.", |it| {
        Ok(shown::payload(&it.row.content).map(|payload| Cell::count(payload.len())).into())
    }),
    column("entry_json", Ty::Text, "All of it as JSON; NULL when that is too long.", |it| {
        let is_short =
            shown::payload(&it.row.content).is_none_or(|payload| payload.len() <= SQL_VALUE_BYTES_MAX);
        Ok(if is_short { Cell::json(&shown::json(it.row, it.source, true)?) } else { Cell::Null })
    }),
    column("entry_lite_json", Ty::Text, "All of it but the payloads, as JSON.", |it| {
        Ok(Cell::json(&shown::json(it.row, it.source, false)?))
    }),
    column("appended_at", Ty::Time, "When it was recorded.", |it| Ok(appended_at(&it)?.into())),
];

fn appended_at(it: &Row<'_, Item>) -> Result<Option<Timestamp>, Fault> {
    let record = || Ok(it.source.invocation(it.row.id)?.map(|(_, row)| row));
    match &it.row.content {
        Content::Entry { row, .. } => Ok(Some(row.at)),
        Content::Outcome { at, .. } => Ok(Some(*at)),
        Content::Input(_) => match it.row.id.created_at() {
            Some(at) => Ok(Some(at)),
            None => record().map(|row| row.map(|row| row.created_at)),
        },
        Content::Answer(_) => record().map(|row| row.as_ref().and_then(completed_at)),
    }
}
