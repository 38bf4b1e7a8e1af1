//! `sys_timer`: what will happen when its time comes.

use super::{Column, NO_ACCESS, Rows, Table, Ty, column};
use crate::sql::cell::Cell;
use crate::sql::plan::{Accesses, Wanted};
use crate::sql::source::{Fault, Source};
use abide_core::command::{Timer, TimerKind};
use abide_store::keys::{self, Tag};

pub struct Timers;

impl Table for Timers {
    type Row = Timer;
    const NAME: &'static str = "sys_timer";
    const ABOUT: &'static str = "Timers that are not due: delayed begins, retries, sleeps and purges.";
    const KEY: &'static [&'static str] = &["due_at", "invocation_id", "kind", "number"];
    const ACCESSES: Accesses = NO_ACCESS;

    fn columns() -> &'static [Column<Timer>] {
        COLUMNS
    }

    fn scan(source: &Source, _: &Wanted) -> Result<Rows<Timer>, Fault> {
        let source = source.clone();
        let partitions = source.reader.partitions();
        let pairs = partitions.flat_map(move |partition| source.walk(keys::all(partition.0, Tag::Timer)));
        Ok(Box::new(pairs.map(|pair| {
            let timer = keys::decode_timer(&pair?.0);
            timer.ok_or_else(|| Fault::Read("a span of timers holds another key".to_owned()))
        })))
    }
}

static COLUMNS: &[Column<Timer>] = &[
    column("due_at", Ty::Time, "When it is due.", |it| Ok(it.row.at.into())),
    column("invocation_id", Ty::Text, "The invocation.", |it| Ok(it.row.invocation.to_string().into())),
    column(
        "kind",
        Ty::Text,
        "begin, retry, sleep, purge-journal, purge or purge-unclaimed-promises.",
        |it| {
            Ok(match it.row.kind {
                TimerKind::Begin => "begin",
                TimerKind::Retry { .. } => "retry",
                TimerKind::Sleep { .. } => "sleep",
                TimerKind::PurgeJournal => "purge-journal",
                TimerKind::PurgeUnclaimed => "purge-unclaimed-promises",
                TimerKind::Purge => "purge",
            }
            .into())
        },
    ),
    column("number", Ty::Integer, "The operation of a sleep, the attempt of a retry, else 0.", |it| {
        Ok(match it.row.kind {
            TimerKind::Sleep { op } => op.into(),
            TimerKind::Retry { attempt } => attempt.into(),
            TimerKind::Begin | TimerKind::PurgeJournal | TimerKind::Purge | TimerKind::PurgeUnclaimed => {
                Cell::Integer(0)
            }
        })
    }),
];
