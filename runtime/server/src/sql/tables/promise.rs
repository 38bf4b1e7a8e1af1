//! `sys_promise`: the durable promises of workflows.

use super::state::{OBJECT_ACCESSES, of_objects};
use super::{Column, Rows, Table, Ty, column};
use crate::sql::cell::Cell;
use crate::sql::plan::{Accesses, Wanted};
use crate::sql::source::{Fault, Pair, Source, decode};
use abide_core::entry::Outcome;
use abide_core::object::PromiseRow;
use abide_core::target::ObjectKey;
use abide_store::keys::{self, Tag};
use bytes::Bytes;

pub struct Promises;

pub struct Promise {
    object: ObjectKey,
    name: String,
    row: PromiseRow,
}

impl Table for Promises {
    type Row = Promise;
    const NAME: &'static str = "sys_promise";
    const ABOUT: &'static str = "Promises of workflows that were completed, or that somebody waits for.";
    const KEY: &'static [&'static str] = &["service_name", "service_key", "key"];
    const ACCESSES: Accesses = OBJECT_ACCESSES;

    fn columns() -> &'static [Column<Promise>] {
        COLUMNS
    }

    fn scan(source: &Source, wanted: &Wanted) -> Result<Rows<Promise>, Fault> {
        let promise = |pair: Result<Pair, Fault>| {
            let (key, value) = pair?;
            let object = keys::decode_object(&key, Tag::Promise).map(|(object, _)| object);
            let (Some(object), Some(name)) = (object, keys::decode_name(&key, Tag::Promise)) else {
                return Err(Fault::Read("a span of promises holds another key".to_owned()));
            };
            Ok(Promise { object, name, row: decode(&key, &value)? })
        };
        Ok(Box::new(of_objects(source, wanted, Tag::Promise).map(promise)))
    }
}

fn value(promise: &Promise) -> Option<&Bytes> {
    match promise.row.outcome.as_ref()? {
        Outcome::Value(value) => Some(value),
        Outcome::Empty | Outcome::Failure(_) | Outcome::Names(_) => None,
    }
}

static COLUMNS: &[Column<Promise>] = &[
    column("service_name", Ty::Text, "The workflow.", |it| Ok((&it.row.object.service).into())),
    column("service_key", Ty::Text, "The key of the workflow.", |it| Ok((&it.row.object.key).into())),
    column("key", Ty::Text, "The name of the promise.", |it| Ok((&it.row.name).into())),
    column("completed", Ty::Boolean, "It has been completed.", |it| Ok(it.row.row.outcome.is_some().into())),
    column("completion_success_value", Ty::Blob, "What it was resolved with.", |it| {
        Ok(value(it.row).map_or(Cell::Null, |value| Cell::payload(value)))
    }),
    column("completion_success_value_utf8", Ty::Text, "The same, where it is text.", |it| {
        Ok(value(it.row).map_or(Cell::Null, |value| Cell::payload_text(value)))
    }),
    column("completion_failure", Ty::Text, "What it was rejected with: [code] message.", |it| {
        Ok(match &it.row.row.outcome {
            Some(Outcome::Failure(failure)) => failure.to_string().into(),
            Some(Outcome::Empty | Outcome::Value(_) | Outcome::Names(_)) | None => Cell::Null,
        })
    }),
    column("waiting", Ty::Integer, "How many operations wait for it.", |it| {
        Ok(Cell::count(it.row.row.waiting.len()))
    }),
];
