//! The state of a virtual object or workflow: one row per value.
//!
//! Who may write, and that there is an object at all, is checked before an entry is asked; what does
//! not fit here is no more than ignored.

use super::{Asked, LimitReached};
use crate::command::ReadAhead;
use crate::effect::Effect;
use crate::entry::Outcome;
use crate::invocation::InvocationRow;
use crate::limits::{STATE_NAMES_MAX, STATE_NAMES_READ};
use crate::rows::{NamesOf, Row, RowKey, Rows};
use crate::steps::settle;
use crate::target::ObjectKey;
use bytes::Bytes;
use std::collections::BTreeSet;

/// Bytes of the keys that one entry deletes: a step is one batch of the store.
const CLEARED_BYTES_MAX: usize = 4 << 20;

pub fn get(asked: Asked<'_>, rows: &mut Rows, name: &str, effects: &mut Vec<Effect>) {
    let value = asked.object.and_then(|object| rows.state(object, name)).cloned();
    asked.settle(rows, value.map_or(Outcome::Empty, Outcome::Value), effects);
}

/// The same, for a guest that has heard already what its attempt has read. Returns false when that is not what the guest
/// would be told now.
pub fn heard(
    asked: Asked<'_>,
    rows: &mut Rows,
    name: &str,
    read: ReadAhead,
    effects: &mut Vec<Effect>,
) -> bool {
    let value = asked.object.and_then(|object| rows.state(object, name));
    let is_the_same = match &read.outcome {
        Outcome::Value(known) => value == Some(known),
        Outcome::Empty => value.is_none(),
        Outcome::Failure(_) | Outcome::Names(_) => false,
    };
    let order = rows.invocation(asked.id).map(|row| row.outcomes_len);
    if is_the_same && order == Some(read.heard.order) {
        return settle::write(asked.place, read.heard.at, rows, asked.id, asked.op, read.outcome).is_some();
    }
    get(asked, rows, name, effects);
    false
}

/// Puts a value, or clears it.
pub fn set(asked: Asked<'_>, rows: &mut Rows, name: String, value: Option<Bytes>) {
    let may_write = rows.invocation(asked.id).is_some_and(InvocationRow::may_write_state);
    if let Some(object) = asked.object.filter(|_| may_write) {
        rows.set(RowKey::State(object.clone(), name), value.map(Row::State));
    }
}

pub fn clear_all(asked: Asked<'_>, rows: &mut Rows) -> Result<(), LimitReached> {
    let may_write = rows.invocation(asked.id).is_some_and(InvocationRow::may_write_state);
    let Some(object) = asked.object.filter(|_| may_write) else { return Ok(()) };
    let names = names(rows, object)?;
    let bytes: usize = names.iter().map(|name| object.bytes() + name.len()).sum();
    if bytes > CLEARED_BYTES_MAX {
        let text = format!("the names in the state of {object} are too long to be cleared at once");
        return Err(LimitReached(text));
    }
    for name in names {
        rows.delete(RowKey::State(object.clone(), name));
    }
    Ok(())
}

pub fn keys(asked: Asked<'_>, rows: &mut Rows, effects: &mut Vec<Effect>) -> Result<(), LimitReached> {
    let names = asked.object.map_or(Ok(BTreeSet::new()), |object| names(rows, object))?;
    asked.settle(rows, Outcome::Names(names.into_iter().collect()), effects);
    Ok(())
}

fn names(rows: &Rows, object: &ObjectKey) -> Result<BTreeSet<String>, LimitReached> {
    let of = NamesOf::State(object.clone());
    let names = rows.names(&of);
    // Of very many only a part is read: without those that this step has cleared, it may look like all.
    if names.len() > STATE_NAMES_MAX || rows.names_stored(&of) >= STATE_NAMES_READ {
        let text = format!("the state of {object} has more than {STATE_NAMES_MAX} values (STATE_NAMES_MAX)");
        return Err(LimitReached(text));
    }
    Ok(names)
}
