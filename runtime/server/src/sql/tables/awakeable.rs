//! `sys_awakeable`: the awakeables that somebody can still complete.

use super::invocation::{InvocationStates, Item};
use super::{Column, Rows, Table, Ty, column};
use crate::sql::plan::{Access, Accesses, Wanted};
use crate::sql::source::{Fault, Source, decode};
use abide_core::entry::OutcomeRow;
use abide_core::entry::{Entry, EntryRow};
use abide_core::ids::{AwakeableId, CANCEL_OP};
use abide_core::rows::RowKey;
use abide_core::target::Target;
use abide_core::time::Timestamp;
use abide_store::keys::{self, Tag};

pub struct Awakeables;

pub struct Awakeable {
    id: AwakeableId,
    target: Target,
    name: Option<String>,
    since: Timestamp,
}

impl Table for Awakeables {
    type Row = Awakeable;
    const NAME: &'static str = "sys_awakeable";
    const ABOUT: &'static str = "Awakeables of live invocations that nobody has completed.";
    const KEY: &'static [&'static str] = &["id"];
    const ACCESSES: Accesses = Accesses { by: &[Access { equal: &["invocation_id"], rows: 5 }], time: None };

    fn columns() -> &'static [Column<Awakeable>] {
        COLUMNS
    }

    fn scan(source: &Source, wanted: &Wanted) -> Result<Rows<Awakeable>, Fault> {
        let wanted = wanted.renamed("invocation_id", "id");
        let source = source.clone();
        let live = InvocationStates::scan(&source, &wanted)?;
        Ok(Box::new(live.flat_map(move |item| match item.and_then(|item| of_invocation(&source, &item)) {
            Ok(awakeables) => awakeables,
            Err(fault) => Box::new(std::iter::once(Err(fault))),
        })))
    }
}

static COLUMNS: &[Column<Awakeable>] = &[
    column("id", Ty::Text, "For whoever completes it.", |it| Ok(it.row.id.to_string().into())),
    column("name", Ty::Text, "The name its handler gave it.", |it| Ok(it.row.name.as_deref().into())),
    column("invocation_id", Ty::Text, "The invocation that it is of.", |it| {
        Ok(it.row.id.invocation.to_string().into())
    }),
    column("target", Ty::Text, "What that invocation runs.", |it| Ok(it.row.target.to_string().into())),
    column("op", Ty::Integer, "Its operation there.", |it| Ok(it.row.id.op.into())),
    column("created_at", Ty::Time, "When it was made.", |it| Ok(it.row.since.into())),
];

/// Returns the open awakeables of one invocation. Those from before a cancellation have failed, though
/// nobody wrote that down.
fn of_invocation(source: &Source, item: &Item) -> Result<Rows<Awakeable>, Fault> {
    let record = item.record()?;
    if record.entries_len == 0 {
        return Ok(Box::new(std::iter::empty()));
    }
    let (id, target, cancelled) = (item.id, record.target.clone(), record.cancelled);
    let birth = record.birth;
    let partition = source.reader.owner(id);
    let source = source.clone();
    let entries = source.walk(keys::journal(partition, Tag::Entry, id));
    Ok(Box::new(entries.filter_map(move |pair| {
        let open = || -> Result<Option<Awakeable>, Fault> {
            let (key, value) = pair?;
            let row: EntryRow = decode(&key, &value)?;
            let (Entry::Awakeable { name }, Some(op)) = (row.entry, keys::decode_op(&key)) else {
                return Ok(None);
            };
            let has_failed = cancelled.is_some_and(|cancelled| cancelled.is_news_after(row.outcomes_before));
            let outcome = RowKey::Outcome(id, op);
            if op == CANCEL_OP || has_failed || source.get::<OutcomeRow>(partition, &outcome)?.is_some() {
                return Ok(None);
            }
            let id = AwakeableId { invocation: id, op, birth };
            Ok(Some(Awakeable { id, target: target.clone(), name, since: row.at }))
        };
        open().transpose()
    })))
}
