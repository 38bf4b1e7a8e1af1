//! `state`: the values of virtual objects and workflows.

use super::{Column, Rows, Table, Ty, column};
use crate::sql::cell::Cell;
use crate::sql::plan::{Access, Accesses, Wanted};
use crate::sql::source::{Fault, Pair, Pairs, Source, decode};
use abide_core::target::ObjectKey;
use abide_store::keys::{self, Tag};
use bytes::Bytes;

pub struct StateValues;

pub struct StateValue {
    object: ObjectKey,
    name: String,
    value: Bytes,
}

impl Table for StateValues {
    type Row = StateValue;
    const NAME: &'static str = "state";
    const ABOUT: &'static str = "Values in the state of virtual objects and workflows.";
    const KEY: &'static [&'static str] = &["service_name", "service_key", "key"];
    const ACCESSES: Accesses = OBJECT_ACCESSES;

    fn columns() -> &'static [Column<StateValue>] {
        COLUMNS
    }

    fn scan(source: &Source, wanted: &Wanted) -> Result<Rows<StateValue>, Fault> {
        let value = |pair: Result<Pair, Fault>| {
            let (key, value) = pair?;
            let object = keys::decode_object(&key, Tag::State).map(|(object, _)| object);
            let (Some(object), Some(name)) = (object, keys::decode_name(&key, Tag::State)) else {
                return Err(Fault::Read("a span of state holds another key".to_owned()));
            };
            Ok(StateValue { object, name, value: decode(&key, &value)? })
        };
        Ok(Box::new(of_objects(source, wanted, Tag::State).map(value)))
    }
}

/// What belongs to an object can be read by it, or by its service.
pub const OBJECT_ACCESSES: Accesses = Accesses {
    by: &[
        Access { equal: &["service_name", "service_key"], rows: 10 },
        Access { equal: &["service_name"], rows: 10_000 },
    ],
    time: None,
};

/// Walks over all that belongs to objects: of one, of one service, or of all.
pub fn of_objects(source: &Source, wanted: &Wanted, tag: Tag) -> Pairs {
    let source = source.clone();
    match (wanted.equal("service_name"), wanted.equal("service_key")) {
        (Some(service), Some(key)) => {
            let object = ObjectKey { service: service.to_owned(), key: key.to_owned() };
            let partition = source.reader.owner_of_object(&object);
            Box::new(source.walk(keys::of_object(partition, tag, &object)))
        }
        (Some(service), None) => {
            let service = service.to_owned();
            let partitions = source.reader.partitions();
            Box::new(partitions.flat_map(move |it| source.walk(keys::objects(it.0, tag, &service, "", None))))
        }
        (None, _) => {
            let partitions = source.reader.partitions();
            Box::new(partitions.flat_map(move |it| source.walk(keys::all(it.0, tag))))
        }
    }
}

static COLUMNS: &[Column<StateValue>] = &[
    column("service_name", Ty::Text, "The service of the object.", |it| Ok((&it.row.object.service).into())),
    column("service_key", Ty::Text, "The key of the object.", |it| Ok((&it.row.object.key).into())),
    column("key", Ty::Text, "The name of the value.", |it| Ok((&it.row.name).into())),
    column("key_length", Ty::Integer, "Bytes of its name.", |it| Ok(Cell::count(it.row.name.len()))),
    column("value_utf8", Ty::Text, "The value, where it is text and not too long.", |it| {
        Ok(Cell::payload_text(&it.row.value))
    }),
    column("value", Ty::Blob, "The value, where it is not too long.", |it| Ok(Cell::payload(&it.row.value))),
    column("value_length", Ty::Integer, "Bytes of the value.", |it| Ok(Cell::count(it.row.value.len()))),
];
