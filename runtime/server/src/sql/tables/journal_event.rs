//! `sys_journal_events`: what an invocation went through that is not in its journal, as far as it is kept.

use super::invocation::{Invocations, Item, shown_failure};
use super::{Column, Rows, Table, Ty, column};
use crate::sql::cell::Cell;
use crate::sql::plan::{Access, Accesses, Wanted};
use crate::sql::source::{Fault, Source};
use crate::words::pause_words;
use abide_core::ids::InvocationId;
use abide_core::invocation::{InvocationRow, Phase, WaitSet};
use abide_core::time::Timestamp;
use serde_json::json;

pub struct JournalEvents;

pub struct Event {
    id: InvocationId,
    index: usize,
    at: Timestamp,
    ty: &'static str,
    json: serde_json::Value,
}

impl Table for JournalEvents {
    type Row = Event;
    const NAME: &'static str = "sys_journal_events";
    const ABOUT: &'static str =
        "What an invocation went through besides its journal: its last failed attempts, and why it rests.";
    const KEY: &'static [&'static str] = &["id", "event_index"];
    const ACCESSES: Accesses = Accesses { by: &[Access { equal: &["id"], rows: 5 }], time: None };

    fn columns() -> &'static [Column<Event>] {
        COLUMNS
    }

    fn scan(source: &Source, wanted: &Wanted) -> Result<Rows<Event>, Fault> {
        let events =
            |item: Result<Item, Fault>| match item.and_then(|item| Ok(events(item.id, item.record()?))) {
                Ok(events) => events.into_iter().map(Ok).collect::<Vec<_>>(),
                Err(fault) => vec![Err(fault)],
            };
        Ok(Box::new(Invocations::scan(source, wanted)?.flat_map(events)))
    }
}

static COLUMNS: &[Column<Event>] = &[
    column("id", Ty::Text, "The invocation.", |it| Ok(it.row.id.to_string().into())),
    column("event_index", Ty::Integer, "Its place among those that are kept.", |it| {
        Ok(Cell::count(it.row.index))
    }),
    column("appended_at", Ty::Time, "When it happened.", |it| Ok(it.row.at.into())),
    column("event_type", Ty::Text, "TransientError, Paused or Suspended.", |it| Ok(it.row.ty.into())),
    column("event_json", Ty::Text, "What is known of it, as JSON.", |it| Ok(it.row.json.to_string().into())),
];

fn events(id: InvocationId, row: &InvocationRow) -> Vec<Event> {
    let failures =
        row.last_failures.iter().map(|failure| (failure.at, "TransientError", shown_failure(failure)));
    let now = match &row.phase {
        Phase::Paused { reason } => {
            let (kind, message) = pause_words(reason);
            Some((row.modified_at, "Paused", json!({ "reason": kind, "message": message })))
        }
        Phase::Suspended { waiting_on: WaitSet::Ops(ops) } => {
            Some((row.modified_at, "Suspended", json!({ "waiting_for": ops })))
        }
        Phase::Suspended { waiting_on: WaitSet::Any } => Some((row.modified_at, "Suspended", json!({}))),
        Phase::Scheduled { .. }
        | Phase::Queued { .. }
        | Phase::Running { .. }
        | Phase::BackingOff { .. }
        | Phase::Completed { .. } => None,
    };
    let all = failures.chain(now).enumerate();
    all.map(|(index, (at, ty, json))| Event { id, index, at, ty, json }).collect()
}
