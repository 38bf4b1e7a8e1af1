//! Somebody looks for an invocation.
//!
//! Nothing changes. Who was told an id by a handler that has just sent the invocation, or can compute it, may come before
//! its owner knows of it; this comes behind.

use crate::command::Ticket;
use crate::effect::{Effect, Notice};
use crate::ids::InvocationId;
use crate::rows::{RowKey, Rows};

pub fn apply(rows: &Rows, id: InvocationId, ticket: Ticket, effects: &mut Vec<Effect>) {
    let notice = if rows.contains(&RowKey::Invocation(id)) {
        Notice::Done
    } else if rows.contains(&RowKey::Completed(id)) {
        Notice::Completed
    } else {
        Notice::Absent
    };
    effects.push(Effect::Notice { ticket, notice });
}
