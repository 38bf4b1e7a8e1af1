//! A person replaces the whole state of an object or workflow.
//!
//! Nobody who may write it is in the middle of something, unless that is to be ignored: what such a
//! handler has read already it does not read again, and what it writes later stands.

use crate::command::{Command, EditState};
use crate::effect::{Effect, Notice};
use crate::invocation::InvocationRow;
use crate::limits::{APART_BYTES, EDITED_BYTES_MAX, STATE_NAMES_MAX, VALUE_BYTES_MAX};
use crate::object::StateVersion;
use crate::rows::{NamesOf, Row, RowKey, Rows};
use std::collections::BTreeSet;

pub fn apply(rows: &mut Rows, edit: EditState, effects: &mut Vec<Effect>) {
    let names = rows.names(&NamesOf::State(edit.object.clone()));
    let notice = if is_held(rows, &edit) && !edit.is_forced {
        Notice::Held
    } else if is_gone(rows, &edit) {
        Notice::Absent
    } else if is_too_much(&edit, &names) {
        Notice::Full
    } else if edit.expected.is_some() {
        // The values have to be read before they can be compared.
        let names = names.into_iter().collect();
        effects.push(Effect::Then(Command::ReplaceState { edit, names }));
        return;
    } else {
        replace(rows, &edit, names);
        Notice::Done
    };
    effects.push(Effect::Notice { ticket: edit.ticket, notice });
}

/// The same, of a state that has to be as somebody saw it; `names` are those of its values.
pub fn replace_as_seen(rows: &mut Rows, edit: EditState, names: Vec<String>, effects: &mut Vec<Effect>) {
    let value = |name| Some((name, rows.state(&edit.object, name)?));
    let version = StateVersion::of(names.iter().filter_map(|name| value(name.as_str())));
    let is_as_seen = edit.expected.is_none_or(|expected| expected == version);
    if is_as_seen {
        replace(rows, &edit, names.into_iter().collect());
    }
    let notice = if is_as_seen { Notice::Done } else { Notice::Changed };
    effects.push(Effect::Notice { ticket: edit.ticket, notice });
}

fn is_held(rows: &Rows, edit: &EditState) -> bool {
    let is_running = edit.run.is_some_and(|run| rows.invocation(run).is_some());
    is_running || rows.key_queue(&edit.object).is_some()
}

/// The state of a workflow is forgotten with its run; without one that has begun nobody would find it.
fn is_gone(rows: &Rows, edit: &EditState) -> bool {
    let has_begun = |row: Option<&InvocationRow>| row.is_some_and(InvocationRow::is_workflow_run);
    edit.run.is_some_and(|run| !has_begun(rows.invocation(run)) && !has_begun(rows.completed(run)))
}

/// A step is one batch of the store; large values are files of their own and count little.
fn is_too_much(edit: &EditState, names: &BTreeSet<String>) -> bool {
    let key = edit.object.bytes();
    let put = edit.values.iter().map(|(name, value)| key + name.len() + value.len().min(APART_BYTES));
    let cleared = names.iter().map(|name| key + name.len());
    edit.values.len() > STATE_NAMES_MAX
        || names.len() > STATE_NAMES_MAX
        || edit.values.values().any(|value| value.len() > VALUE_BYTES_MAX)
        || put.sum::<usize>() > EDITED_BYTES_MAX
        || cleared.sum::<usize>() > EDITED_BYTES_MAX
}

fn replace(rows: &mut Rows, edit: &EditState, names: BTreeSet<String>) {
    for name in names.into_iter().filter(|name| !edit.values.contains_key(name)) {
        rows.delete(RowKey::State(edit.object.clone(), name));
    }
    for (name, value) in &edit.values {
        rows.put(RowKey::State(edit.object.clone(), name.clone()), Row::State(value.clone()));
    }
}
