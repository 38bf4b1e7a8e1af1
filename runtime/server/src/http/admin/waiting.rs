//! What an invocation waits for: each thing with its operation, and with what is needed to help.
//!
//! A suspended invocation has said what wakes it. Of one that runs nobody knows what it waits for at
//! the moment, so everything is shown that has no outcome yet.

use crate::engine::{EngineError, EngineHandle};
use crate::http::admin::objects::InvocationRef;
use crate::http::limits::{WAITING_LISTED_MAX, WAITING_SHOWN_MAX};
use crate::time;
use abide_core::entry::{Entry, EntryRow};
use abide_core::ids::{Attempt, AwakeableId, InvocationId, OpId};
use abide_core::invocation::{InvocationRow, Phase, WaitSet};
use serde::Serialize;
use utoipa::ToSchema;

/// What an invocation waits for, as far as it is shown.
#[derive(Default)]
pub struct Waiting {
    pub shown: Vec<WaitingView>,
    pub total: usize,
}

#[derive(Serialize, ToSchema)]
pub struct WaitingView {
    /// Absent for the key of an object, which comes before any operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    op: Option<OpId>,
    since: String,
    #[serde(flatten)]
    what: What,
}

#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum What {
    Run {
        name: String,
    },
    Sleep {
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        until: String,
    },
    Call(InvocationRef),
    Attach(InvocationRef),
    Awakeable {
        /// For whoever will complete it.
        id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    Signal {
        name: String,
    },
    Promise {
        name: String,
    },
    /// The key of its object.
    Key {
        object: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        holder: Option<InvocationRef>,
        /// How many came before it and wait, too; at most.
        ahead: u64,
    },
}

/// Returns all that an invocation waits for. Reads the end of the journal where the record does not tell.
///
/// # Errors
/// The store cannot be read.
pub fn all(engine: &EngineHandle, id: InvocationId, row: &InvocationRow) -> Result<Waiting, EngineError> {
    match awaited(row) {
        Awaited::Nothing => Ok(Waiting::default()),
        Awaited::Key { position } => key(engine, row, position),
        Awaited::Operations(ops) => operations(engine, (id, row.birth), ops, WAITING_SHOWN_MAX),
        Awaited::Unknown => {
            let open = engine.open_operations(id, row)?;
            let total = open.operations.len();
            let shown = open.operations.iter().take(WAITING_SHOWN_MAX);
            let own = |op| AwakeableId { invocation: id, op, birth: row.birth };
            let shown =
                shown.map(|(op, entry)| view(engine, own(*op), entry)).collect::<Result<Vec<_>, _>>()?;
            let shown: Vec<_> = shown.into_iter().flatten().collect();
            // What is not looked at may hold one more.
            let total = total.max(shown.len() + usize::from(open.is_cut));
            Ok(Waiting { shown, total })
        }
    }
}

/// Returns the first things that an invocation waits for, as far as its record tells.
///
/// # Errors
/// The store cannot be read.
pub fn some(engine: &EngineHandle, id: InvocationId, row: &InvocationRow) -> Result<Waiting, EngineError> {
    match awaited(row) {
        Awaited::Nothing | Awaited::Unknown => Ok(Waiting::default()),
        Awaited::Key { position } => key(engine, row, position),
        Awaited::Operations(ops) => operations(engine, (id, row.birth), ops, WAITING_LISTED_MAX),
    }
}

enum Awaited<'a> {
    Nothing,
    Key {
        position: u64,
    },
    Operations(&'a [OpId]),
    /// The journal tells.
    Unknown,
}

fn awaited(row: &InvocationRow) -> Awaited<'_> {
    match &row.phase {
        Phase::Queued { position } => Awaited::Key { position: *position },
        Phase::Suspended { waiting_on } | Phase::BackingOff { waiting_on: Some(waiting_on), .. } => {
            match waiting_on {
                WaitSet::Ops(ops) => Awaited::Operations(ops),
                WaitSet::Any => Awaited::Unknown,
            }
        }
        Phase::Running { .. } => Awaited::Unknown,
        Phase::Scheduled { .. }
        | Phase::BackingOff { waiting_on: None, .. }
        | Phase::Paused { .. }
        | Phase::Completed { .. } => Awaited::Nothing,
    }
}

fn key(engine: &EngineHandle, row: &InvocationRow, position: u64) -> Result<Waiting, EngineError> {
    let Some(object) = row.target.object() else { return Ok(Waiting::default()) };
    let queue = engine.key_queue(&object)?;
    let what = What::Key {
        object: object.to_string(),
        holder: queue.as_ref().map(|queue| other(engine, queue.holder)).transpose()?,
        ahead: queue.map_or(0, |queue| position.saturating_sub(queue.head)),
    };
    // Nothing changes the record while it is queued.
    let shown = vec![WaitingView { op: None, since: time::rfc3339(row.modified_at), what }];
    Ok(Waiting { shown, total: 1 })
}

fn operations(
    engine: &EngineHandle,
    (id, birth): (InvocationId, Attempt),
    ops: &[OpId],
    shown_max: usize,
) -> Result<Waiting, EngineError> {
    let mut shown = Vec::new();
    for op in ops.iter().take(shown_max) {
        if let Some(entry) = engine.entry(id, *op)? {
            shown.extend(view(engine, AwakeableId { invocation: id, op: *op, birth }, &entry)?);
        }
    }
    Ok(Waiting { shown, total: ops.len() })
}

/// Views an open operation; `own` names it, and is the id it has if it is an awakeable.
fn view(engine: &EngineHandle, own: AwakeableId, row: &EntryRow) -> Result<Option<WaitingView>, EngineError> {
    let what = match &row.entry {
        Entry::Run { name, .. } => What::Run { name: name.clone() },
        Entry::Sleep { duration_ms, name } => {
            What::Sleep { name: name.clone(), until: time::rfc3339(row.at.plus_millis(*duration_ms)) }
        }
        Entry::Call(request) => {
            let callee = other(engine, request.child)?;
            What::Call(InvocationRef { target: Some(request.target.to_string()), ..callee })
        }
        Entry::Attach { invocation } => What::Attach(other(engine, *invocation)?),
        Entry::Awakeable { name } => What::Awakeable { id: own.to_string(), name: name.clone() },
        Entry::ReceiveSignal { name } => What::Signal { name: name.clone() },
        Entry::GetPromise { name } => What::Promise { name: name.clone() },
        // They have their outcome at once, or never get one.
        Entry::Send { .. }
        | Entry::Cancel { .. }
        | Entry::Kill { .. }
        | Entry::GetState { .. }
        | Entry::SetState { .. }
        | Entry::ClearState { .. }
        | Entry::ClearAllState
        | Entry::StateKeys
        | Entry::CompleteAwakeable { .. }
        | Entry::SendSignal { .. }
        | Entry::PeekPromise { .. }
        | Entry::CompletePromise { .. } => return Ok(None),
    };
    Ok(Some(WaitingView { op: Some(own.op), since: time::rfc3339(row.at), what }))
}

fn other(engine: &EngineHandle, id: InvocationId) -> Result<InvocationRef, EngineError> {
    // The view of what is waited for has a `since` of its own, beside this.
    Ok(InvocationRef { since: None, ..InvocationRef::of(engine, id)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn what_is_waited_for_in_json() {
        let show = |what| {
            let view = WaitingView { op: Some(3), since: "then".into(), what };
            serde_json::to_string(&view).unwrap()
        };
        let other = |target: Option<&str>| InvocationRef {
            invocation_id: "inv_1".into(),
            target: target.map(str::to_owned),
            status: target.map(|_| "suspended"),
            since: None,
        };
        assert_eq!(
            show(What::Awakeable { id: "sign_1".into(), name: Some("approval".into()) }),
            r#"{"op":3,"since":"then","kind":"awakeable","id":"sign_1","name":"approval"}"#
        );
        assert_eq!(
            show(What::Call(other(Some("S/k/h")))),
            r#"{"op":3,"since":"then","kind":"call","invocation_id":"inv_1","target":"S/k/h","status":"suspended"}"#
        );
        assert_eq!(
            show(What::Key { object: "S/k".into(), holder: Some(other(None)), ahead: 2 }),
            r#"{"op":3,"since":"then","kind":"key","object":"S/k","holder":{"invocation_id":"inv_1"},"ahead":2}"#
        );
    }
}
