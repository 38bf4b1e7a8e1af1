//! `sys_invocation` and its two parts: what Restate splits into what is durable and what runs is one
//! record here, so the three differ in their columns alone.

mod walk;

use super::{Column, Row, Rows, Table, Ty, column};
use crate::engine::StatusFilter;
use crate::sql::cell::Cell;
use crate::sql::plan::{Access, Accesses, Wanted};
use crate::sql::source::{Fault, Source};
use crate::time::friendly;
use crate::words::{handler_ty, pause_words, service_ty, status_word};
use abide_core::entry::Answer;
use abide_core::ids::InvocationId;
use abide_core::invocation::{AttemptFailure, InvocationRow, Origin, Phase, WaitSet};
use abide_core::manifest::{HandlerMode, ServiceKind};
use abide_core::rows::RowKey;
use abide_core::time::Timestamp;
use std::sync::LazyLock;
pub use walk::Item;

const ACCESSES: Accesses = Accesses {
    by: &[Access { equal: &["id"], rows: 1 }, Access { equal: &["status"], rows: 100_000 }],
    time: Some("created_at"),
};

pub struct Invocations;

impl Table for Invocations {
    type Row = Item;
    const NAME: &'static str = "sys_invocation";
    const ABOUT: &'static str = "Invocations, live and completed ones.";
    const KEY: &'static [&'static str] = &["id"];
    const ACCESSES: Accesses = ACCESSES;

    fn columns() -> &'static [Column<Item>] {
        COLUMNS
    }

    fn scan(source: &Source, wanted: &Wanted) -> Result<Rows<Item>, Fault> {
        walk::scan(source, wanted)
    }
}

pub struct InvocationStatuses;

impl Table for InvocationStatuses {
    type Row = Item;
    const NAME: &'static str = "sys_invocation_status";
    const ABOUT: &'static str = "The part of sys_invocation that says what became of it.";
    const KEY: &'static [&'static str] = &["id"];
    const ACCESSES: Accesses = ACCESSES;

    fn columns() -> &'static [Column<Item>] {
        static PART: LazyLock<Vec<Column<Item>>> = LazyLock::new(|| part(|name| !STATE_ONLY.contains(&name)));
        &PART
    }

    fn scan(source: &Source, wanted: &Wanted) -> Result<Rows<Item>, Fault> {
        walk::scan(source, wanted)
    }
}

pub struct InvocationStates;

impl Table for InvocationStates {
    type Row = Item;
    const NAME: &'static str = "sys_invocation_state";
    const ABOUT: &'static str = "The part of sys_invocation about the attempts of live invocations.";
    const KEY: &'static [&'static str] = &["id"];
    const ACCESSES: Accesses = Accesses { by: &[Access { equal: &["id"], rows: 1 }], time: None };

    fn columns() -> &'static [Column<Item>] {
        static PART: LazyLock<Vec<Column<Item>>> = LazyLock::new(|| {
            part(|name| STATE_ONLY.contains(&name) || ["id", "partition_key"].contains(&name))
        });
        &PART
    }

    fn scan(source: &Source, wanted: &Wanted) -> Result<Rows<Item>, Fault> {
        walk::scan_live(source, wanted)
    }
}

/// Columns about attempts.
const STATE_ONLY: &[&str] = &[
    "in_flight",
    "attempts",
    "retry_count",
    "next_retry_at",
    "last_attempt_deployment_id",
    "last_failure",
    "last_failure_at",
    "last_failure_related_command_index",
    "last_failure_related_command_name",
    "last_failure_related_command_type",
    "failures",
];

fn part(is_in: impl Fn(&str) -> bool) -> Vec<Column<Item>> {
    COLUMNS.iter().filter(|column| is_in(column.name)).copied().collect()
}

static COLUMNS: &[Column<Item>] = &[
    column("id", Ty::Text, "Its id.", |it| Ok(it.row.id.to_string().into())),
    column("partition_key", Ty::Text, "What decides about its partition, a number of 64 bits.", |it| {
        Ok(it.row.id.partition_key.to_string().into())
    }),
    column(
        "status",
        Ty::Text,
        "scheduled, pending, running, suspended, backing-off, paused or completed.",
        |it| Ok(status_word(StatusFilter::of(&it.row.record()?.phase)).into()),
    ),
    column("completion_result", Ty::Text, "success or failure, once it is completed.", |it| {
        Ok(match it.row.record()?.phase {
            Phase::Completed { is_failure, .. } => (if is_failure { "failure" } else { "success" }).into(),
            _ => Cell::Null,
        })
    }),
    column("completion_failure", Ty::Text, "Why it failed: [code] message.", completion_failure),
    column("target", Ty::Text, "What it runs: Service/handler or Service/key/handler.", |it| {
        Ok(it.row.record()?.target.to_string().into())
    }),
    column("target_service_name", Ty::Text, "The service.", |it| {
        Ok((&it.row.record()?.target.service).into())
    }),
    column("target_service_key", Ty::Text, "The key of the object or workflow.", |it| {
        Ok(it.row.record()?.target.key.as_deref().into())
    }),
    column("target_handler_name", Ty::Text, "The handler.", |it| {
        Ok((&it.row.record()?.target.handler).into())
    }),
    column("target_service_ty", Ty::Text, "Service, VirtualObject or Workflow.", |it| {
        Ok(types(&it)?.map(|(kind, _)| service_ty(kind)).into())
    }),
    column("target_handler_ty", Ty::Text, "Exclusive, Shared or Workflow; NULL for plain services.", |it| {
        Ok(types(&it)?.and_then(|(kind, mode)| handler_ty(kind, mode)).into())
    }),
    column("idempotency_key", Ty::Text, "Given by whoever asked first.", |it| {
        Ok(it.row.record()?.idempotency_key.as_deref().into())
    }),
    column("invoked_by", Ty::Text, "ingress, service or restart_as_new.", |it| {
        Ok(match it.row.record()?.origin {
            Origin::Ingress => "ingress",
            Origin::Call { .. } | Origin::Send { .. } => "service",
            Origin::Restart { .. } => "restart_as_new",
        }
        .into())
    }),
    column("restarted_from", Ty::Text, "The invocation that it repeats.", |it| {
        Ok(match it.row.record()?.origin {
            Origin::Restart { of } => of.to_string().into(),
            Origin::Ingress | Origin::Call { .. } | Origin::Send { .. } => Cell::Null,
        })
    }),
    column("invoked_by_id", Ty::Text, "The invocation that asked for it.", |it| {
        Ok(caller(&it)?.map(|id| id.to_string()).into())
    }),
    column("call_depth", Ty::Integer, "How many calls, one above the other, wait for its answer.", |it| {
        Ok(it.row.record()?.depth.into())
    }),
    column("invoked_by_service_name", Ty::Text, "The service that asked for it.", |it| {
        Ok(calling(&it)?.map(|row| row.target.service).into())
    }),
    column("invoked_by_target", Ty::Text, "What the invocation that asked for it runs.", |it| {
        Ok(calling(&it)?.map(|row| row.target.to_string()).into())
    }),
    column("pinned_deployment_id", Ty::Text, "The code it runs on, from its first attempt on.", |it| {
        Ok(it.row.record()?.deployment.as_ref().map(|id| id.as_str()).into())
    }),
    column("journal_size", Ty::Integer, "Entries and outcomes in its journal.", |it| {
        let row = it.row.record()?;
        Ok((u64::from(row.entries_len) + u64::from(row.outcomes_len)).into())
    }),
    column("journal_commands_size", Ty::Integer, "Entries in its journal: what its code asked for.", |it| {
        Ok(it.row.record()?.entries_len.into())
    }),
    column("created_at", Ty::Time, "When it was asked for.", |it| Ok(it.row.created_at()?.into())),
    column("modified_at", Ty::Time, "When its record changed last.", |it| {
        Ok(it.row.record()?.modified_at.into())
    }),
    column("inboxed_at", Ty::Time, "Since when it waits for the key of its object.", |it| {
        let row = it.row.record()?;
        Ok(matches!(row.phase, Phase::Queued { .. }).then_some(row.modified_at).into())
    }),
    column("scheduled_start_at", Ty::Time, "When it will begin, while it is scheduled.", |it| {
        Ok(match it.row.record()?.phase {
            Phase::Scheduled { at } => at.into(),
            _ => Cell::Null,
        })
    }),
    column("running_at", Ty::Time, "When its first attempt began.", |it| {
        Ok(it.row.record()?.begun_at.into())
    }),
    column("cancelled_at", Ty::Time, "When it was cancelled.", |it| {
        Ok(it.row.record()?.cancelled.map(|cancelled| cancelled.at).into())
    }),
    column("completed_at", Ty::Time, "When it ended.", |it| Ok(completed_at(it.row.record()?).into())),
    column("kept_until", Ty::Time, "Until when the answer of a completed one is kept.", |it| {
        Ok(it.row.record()?.kept_until().into())
    }),
    column("completion_retention", Ty::Text, "How long its answer is kept after its end.", |it| {
        Ok(pinned(&it)?.map(|row| friendly(completion_retention_ms(row))).into())
    }),
    column("journal_retention", Ty::Text, "How long its journal is kept after its end.", |it| {
        Ok(pinned(&it)?.map(|row| friendly(row.retention.journal_ms)).into())
    }),
    column("holds_key", Ty::Boolean, "It has the key of its object, so that others wait.", |it| {
        Ok(it.row.record()?.holds_key.into())
    }),
    column(
        "suspended_waiting_for_completions",
        Ty::Json,
        "The operations it waits for, while it is suspended.",
        |it| {
            Ok(match &it.row.record()?.phase {
                Phase::Suspended { waiting_on: WaitSet::Ops(ops) } => Cell::json(ops),
                _ => Cell::Null,
            })
        },
    ),
    column(
        "pause_reason",
        Ty::Text,
        "attempts-exhausted, journal-mismatch, limit-reached or by-person.",
        |it| Ok(pause(&it)?.map(|(kind, _)| kind).into()),
    ),
    column("pause_message", Ty::Text, "Why it is paused, in a sentence.", |it| {
        Ok(pause(&it)?.map(|(_, message)| message).into())
    }),
    column("in_flight", Ty::Boolean, "An attempt of it runs now.", |it| {
        Ok(matches!(it.row.record()?.phase, Phase::Running { .. }).into())
    }),
    column("attempts", Ty::Integer, "How many attempts there were.", |it| {
        Ok(it.row.record()?.tries().into())
    }),
    column("retry_count", Ty::Integer, "Failed attempts since its journal last grew.", |it| {
        Ok(it.row.record()?.failures.into())
    }),
    column("next_retry_at", Ty::Time, "When it, or one of its run blocks, is tried again.", |it| {
        Ok(next_retry_at(it.row.record()?).into())
    }),
    column("last_attempt_deployment_id", Ty::Text, "The code of its last attempt.", |it| {
        Ok(it.row.record()?.deployment.as_ref().map(|id| id.as_str()).into())
    }),
    column("last_failure", Ty::Text, "What its last failed attempt said.", |it| {
        Ok(last_failure(&it)?.map(|failure| failure.message.as_str()).into())
    }),
    column("last_failure_at", Ty::Time, "When its last failed attempt failed.", |it| {
        Ok(last_failure(&it)?.map(|failure| failure.at).into())
    }),
    column(
        "last_failure_related_command_index",
        Ty::Integer,
        "The run block that failed, by its operation.",
        |it| Ok(last_failure(&it)?.and_then(|failure| failure.op).into()),
    ),
    column("last_failure_related_command_name", Ty::Text, "The name of that run block.", |it| {
        let Some(op) = last_failure(&it)?.and_then(|failure| failure.op) else { return Ok(Cell::Null) };
        let key = RowKey::Entry(it.row.id, op);
        let entry: Option<abide_core::entry::EntryRow> =
            it.source.get(it.source.reader.owner(it.row.id), &key)?;
        Ok(entry.and_then(|row| row.entry.name()).into())
    }),
    column("last_failure_related_command_type", Ty::Text, "Run, where a run block failed.", |it| {
        Ok(last_failure(&it)?.and_then(|failure| failure.op).map(|_| "Run").into())
    }),
    column(
        "failures",
        Ty::Json,
        "The last failed attempts, the newest last: attempt, at, message, op.",
        |it| Ok(Cell::json(&it.row.record()?.last_failures.iter().map(shown_failure).collect::<Vec<_>>())),
    ),
];

/// Returns kind and mode: as pinned, or as its service is offered now.
fn types(it: &Row<'_, Item>) -> Result<Option<(ServiceKind, HandlerMode)>, Fault> {
    let row = it.row.record()?;
    if row.deployment.is_some() {
        return Ok(Some((row.kind, row.mode)));
    }
    let offered = it.source.deployments.service(&row.target.service);
    Ok(offered.and_then(|service| Some((service.kind, service.manifest.handler(&row.target.handler)?.mode))))
}

fn caller(it: &Row<'_, Item>) -> Result<Option<InvocationId>, Fault> {
    Ok(match &it.row.record()?.origin {
        Origin::Ingress | Origin::Restart { .. } => None,
        Origin::Call { caller, .. } | Origin::Send { caller, .. } => Some(*caller),
    })
}

fn calling(it: &Row<'_, Item>) -> Result<Option<InvocationRow>, Fault> {
    let Some(caller) = caller(it)? else { return Ok(None) };
    Ok(it.source.invocation(caller)?.map(|(_, row)| row))
}

fn completion_failure<'a>(it: Row<'a, Item>) -> Result<Cell<'a>, Fault> {
    let row = it.row.record()?;
    if !matches!(row.phase, Phase::Completed { is_failure: true, .. }) {
        return Ok(Cell::Null);
    }
    let answer = it.source.get(it.source.reader.owner(it.row.id), &RowKey::Answer(it.row.id))?;
    Ok(match answer {
        Some(Answer::Failure(failure)) => failure.to_string().into(),
        Some(Answer::Value(_)) | None => Cell::Null,
    })
}

pub(super) fn completed_at(row: &InvocationRow) -> Option<Timestamp> {
    match row.phase {
        Phase::Completed { at, .. } => Some(at),
        _ => None,
    }
}

/// Returns the record once its deployment is pinned: before, it does not know its options.
fn pinned<'a>(it: &Row<'a, Item>) -> Result<Option<&'a InvocationRow>, Fault> {
    let row = it.row.record()?;
    Ok(row.deployment.is_some().then_some(row))
}

/// Returns how long the answer would be kept, or is.
fn completion_retention_ms(row: &InvocationRow) -> u64 {
    let ended = Phase::Completed { at: Timestamp(0), is_failure: false };
    let ended = InvocationRow { phase: ended, ..row.clone() };
    ended.kept_until().map_or(0, |until| until.0)
}

fn pause(it: &Row<'_, Item>) -> Result<Option<(&'static str, String)>, Fault> {
    Ok(match &it.row.record()?.phase {
        Phase::Paused { reason } => Some(pause_words(reason)),
        _ => None,
    })
}

fn next_retry_at(row: &InvocationRow) -> Option<Timestamp> {
    match &row.phase {
        Phase::BackingOff { until, .. } => Some(*until),
        Phase::Running { .. } => row.run_tries.values().map(|tries| tries.retry_at).min(),
        _ => None,
    }
}

fn last_failure<'a>(it: &Row<'a, Item>) -> Result<Option<&'a AttemptFailure>, Fault> {
    Ok(it.row.record()?.last_failures.last())
}

pub(super) fn shown_failure(failure: &AttemptFailure) -> serde_json::Value {
    let mut shown = serde_json::json!({
        "attempt": failure.attempt, "at": crate::time::rfc3339(failure.at), "message": failure.message,
    });
    if let Some(op) = failure.op {
        shown["op"] = op.into();
    }
    shown
}
