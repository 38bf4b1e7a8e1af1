//! `sys_keyed_service_status` and `sys_inbox`: who has the key of an object, and who waits for it.

use super::state::{OBJECT_ACCESSES, of_objects};
use super::{Column, Rows, Table, Ty, column};
use crate::sql::plan::{Accesses, Wanted};
use crate::sql::source::{Fault, Pair, Source, decode};
use abide_core::ids::InvocationId;
use abide_core::object::KeyQueueRow;
use abide_core::target::ObjectKey;
use abide_store::keys::{self, Tag};

pub struct KeyedServiceStatuses;

impl Table for KeyedServiceStatuses {
    type Row = (ObjectKey, KeyQueueRow);
    const NAME: &'static str = "sys_keyed_service_status";
    const ABOUT: &'static str = "Objects and workflows whose key somebody has.";
    const KEY: &'static [&'static str] = &["service_name", "service_key"];
    const ACCESSES: Accesses = OBJECT_ACCESSES;

    fn columns() -> &'static [Column<Self::Row>] {
        HOLDER_COLUMNS
    }

    fn scan(source: &Source, wanted: &Wanted) -> Result<Rows<Self::Row>, Fault> {
        let holder = |pair: Result<Pair, Fault>| {
            let (key, value) = pair?;
            let (object, _) = keys::decode_object(&key, Tag::KeyQueue).ok_or_else(another_key)?;
            Ok((object, decode(&key, &value)?))
        };
        Ok(Box::new(of_objects(source, wanted, Tag::KeyQueue).map(holder)))
    }
}

static HOLDER_COLUMNS: &[Column<(ObjectKey, KeyQueueRow)>] = &[
    column("service_name", Ty::Text, "The service.", |it| Ok((&it.row.0.service).into())),
    column("service_key", Ty::Text, "The key.", |it| Ok((&it.row.0.key).into())),
    column("invocation_id", Ty::Text, "The invocation that has the key.", |it| {
        Ok(it.row.1.holder.to_string().into())
    }),
    column(
        "waiting_at_most",
        Ty::Integer,
        "How many wait for it; those are counted, too, that were ended before the queue counted who left.",
        |it| Ok(it.row.1.waiting().into()),
    ),
];

pub struct Inbox;

pub struct Waiter {
    object: ObjectKey,
    position: u64,
    id: InvocationId,
}

impl Table for Inbox {
    type Row = Waiter;
    const NAME: &'static str = "sys_inbox";
    const ABOUT: &'static str = "Invocations that wait for the key of their object.";
    const KEY: &'static [&'static str] = &["service_name", "service_key", "sequence_number"];
    const ACCESSES: Accesses = OBJECT_ACCESSES;

    fn columns() -> &'static [Column<Waiter>] {
        WAITER_COLUMNS
    }

    fn scan(source: &Source, wanted: &Wanted) -> Result<Rows<Waiter>, Fault> {
        let waiter = |pair: Result<Pair, Fault>| {
            let (key, value) = pair?;
            let (object, position) = keys::decode_waiter(&key).ok_or_else(another_key)?;
            Ok(Waiter { object, position, id: decode(&key, &value)? })
        };
        Ok(Box::new(of_objects(source, wanted, Tag::KeyWaiter).map(waiter)))
    }
}

static WAITER_COLUMNS: &[Column<Waiter>] = &[
    column("service_name", Ty::Text, "The service.", |it| Ok((&it.row.object.service).into())),
    column("service_key", Ty::Text, "The key.", |it| Ok((&it.row.object.key).into())),
    column("id", Ty::Text, "The invocation that waits.", |it| Ok(it.row.id.to_string().into())),
    column("sequence_number", Ty::Integer, "Its place in the queue: the lowest comes next.", |it| {
        Ok(it.row.position.into())
    }),
    column("created_at", Ty::Time, "When the invocation was asked for.", |it| {
        let at = match it.row.id.created_at() {
            Some(at) => Some(at),
            None => it.source.invocation(it.row.id)?.map(|(_, row)| row.created_at),
        };
        Ok(at.into())
    }),
];

fn another_key() -> Fault {
    Fault::Read("a span of queues holds another key".to_owned())
}
