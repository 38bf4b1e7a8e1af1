//! Edits of a state, as lines of a script: `edit obj/k seen: a=1 b=2`.

use crate::parse;
use crate::world::World;
use abide_core::command::{Command, EditState};
use abide_core::effect::Effect;
use abide_core::object::StateVersion;
use abide_core::rows::{Row, RowKey};
use abide_core::target::ObjectKey;
use bytes::Bytes;
use std::collections::BTreeMap;

pub fn run(world: &mut World, object: &str, options: &[&str], items: &str) -> Vec<Effect> {
    world.ticket += 1;
    let (object, partition) = object.split_once('@').unwrap_or((object, "0"));
    let (service, key) = object.split_once('/').expect("an object is service/key");
    let object = ObjectKey { service: service.into(), key: key.into() };
    let partition = u16::try_from(parse::number(partition)).unwrap();
    let seen = version(world, partition, &object);
    let run = options.iter().position(|word| *word == "run").map(|at| options[at + 1]);
    let edit = EditState {
        run: run.map(|name| parse::id(world, name)),
        expected: match () {
            () if options.contains(&"seen") => Some(seen),
            () if options.contains(&"unseen") => Some(StateVersion::of([("other", &Bytes::new())])),
            () => None,
        },
        is_forced: options.contains(&"forced"),
        values: items.split_whitespace().flat_map(values).collect(),
        ticket: world.ticket,
        object,
    };
    world.apply(partition, Command::EditState(edit))
}

/// Returns the version of a state as it is stored.
fn version(world: &World, partition: u16, object: &ObjectKey) -> StateVersion {
    let rows = &world.partitions[usize::from(partition)];
    StateVersion::of(rows.iter().filter_map(|(key, row)| match (key, row) {
        (RowKey::State(of, name), Row::State(value)) if of == object => Some((name.as_str(), value)),
        _ => None,
    }))
}

/// Reads `a=1`; `a*500` is as many values, and `a#500` one of as many bytes.
fn values(item: &str) -> BTreeMap<String, Bytes> {
    if let Some((name, value)) = item.split_once('=') {
        return [(name.to_owned(), Bytes::copy_from_slice(value.as_bytes()))].into();
    }
    if let Some((name, bytes)) = item.split_once('#') {
        let bytes = usize::try_from(parse::number(bytes)).unwrap();
        return [(name.to_owned(), vec![b'x'; bytes].into())].into();
    }
    let (name, count) = item.split_once('*').expect("an item is name=value, name*count or name#bytes");
    (0..parse::number(count)).map(|n| (format!("{name}{n}"), Bytes::new())).collect()
}
