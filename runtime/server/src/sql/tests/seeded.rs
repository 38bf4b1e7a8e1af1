//! A store with invocations, journals and states, and what is read of it.

use super::{ask, patient, show};
use crate::config::Config;
use crate::engine::address;
use crate::http::tests::world::{PARTITIONS, World};
use abide_core::entry::{Answer, Entry, EntryRow, Failure, Outcome, OutcomeRow};
use abide_core::ids::{InvocationId, PartitionId};
use abide_core::invocation::{AttemptFailure, InputRow, InvocationRow, Origin, PauseReason, Phase};
use abide_core::rows::{Row, RowKey};
use abide_core::target::{ObjectKey, Target};
use abide_core::time::Timestamp;
use abide_store::{Batch, MemoryStore, Op, Store, codec, keys};
use bytes::Bytes;
use std::collections::HashMap;

/// Rows of all partitions, written before the engine takes them.
#[derive(Default)]
pub struct Seeds {
    ops: HashMap<u16, Vec<Op>>,
}

impl Seeds {
    pub fn put(&mut self, partition: PartitionId, row_key: &RowKey, row: &Row) {
        let op = Op::Put { key: keys::encode(partition, row_key), value: codec::encode_row(row) };
        self.ops.entry(partition.0).or_default().push(op);
    }

    pub fn invocation(&mut self, id: InvocationId, row: InvocationRow) {
        let partition = id.partition(PARTITIONS);
        let is_completed = matches!(row.phase, Phase::Completed { .. });
        let row_key = if is_completed { RowKey::Completed(id) } else { RowKey::Invocation(id) };
        if id.is_computed() {
            self.put(partition, &RowKey::Created(row.created_at, id), &Row::Created);
        }
        self.put(partition, &row_key, &Row::Invocation(Box::new(row)));
    }

    /// A journal with run blocks that all came to this.
    pub fn journal(&mut self, id: InvocationId, outcomes: &[Outcome]) {
        let partition = id.partition(PARTITIONS);
        let input = InputRow { headers: Vec::new(), body: Bytes::from_static(b"{}") };
        self.put(partition, &RowKey::Input(id), &Row::Input(input));
        for (op, outcome) in (0..).zip(outcomes) {
            let entry = Entry::Run { name: format!("step-{op}"), retry: None };
            let entry = EntryRow { at: Timestamp(10), outcomes_before: op, entry };
            self.put(partition, &RowKey::Entry(id, op), &Row::Entry(entry));
            let outcome = OutcomeRow { order: op, at: Timestamp(11), outcome: outcome.clone() };
            self.put(partition, &RowKey::Outcome(id, op), &Row::Outcome(outcome));
        }
    }

    pub fn state(&mut self, service: &str, key: &str, name: &str, value: &[u8]) {
        let object = ObjectKey { service: service.into(), key: key.into() };
        let partition = PartitionId::of(address::partition_key(&object), PARTITIONS);
        let row = Row::State(Bytes::copy_from_slice(value));
        self.put(partition, &RowKey::State(object, name.into()), &row);
    }

    pub fn start(self) -> World {
        let store = MemoryStore::new();
        for (partition, ops) in self.ops {
            let fence = store.acquire(partition).unwrap();
            store.commit(Batch { fence, ops }).unwrap();
        }
        World::on(store, &Config::default())
    }
}

pub fn record(handler: &str, at: u64, phase: Phase) -> InvocationRow {
    let target = Target { service: "Probe".into(), key: None, handler: handler.into() };
    InvocationRow { phase, ..InvocationRow::new(target, Origin::Ingress, Timestamp(at)) }
}

pub fn ended(at: u64) -> Phase {
    Phase::Completed { at: Timestamp(at + 5), is_failure: false }
}

fn paused() -> Phase {
    Phase::Paused { reason: PauseReason::AttemptsExhausted }
}

#[tokio::test]
async fn a_failing_invocation_with_the_last_item_of_its_journal() {
    let mut seeds = Seeds::default();
    for n in 0..20 {
        let id = InvocationId::new(Timestamp(1_000 + n), n.into(), n);
        let mut row = record("wait", 1_000 + n, if n == 7 { paused() } else { ended(1_000) });
        if n == 7 {
            let message = "Netflix is down".to_owned();
            row.last_failures = vec![AttemptFailure { attempt: 3, at: Timestamp(9), message, op: Some(2) }];
            row.last_failures[0].op = Some(1);
        }
        seeds.invocation(id, row);
        seeds.journal(id, &[Outcome::Empty, Outcome::Value(Bytes::from_static(b"1"))]);
    }
    let world = seeds.start();
    let query = r#"SELECT i.target, i.last_failure, i.last_failure_related_command_name, i.pause_reason, j."index", j.entry_type, j.name
        FROM sys_invocation i JOIN sys_journal j ON j.id = i.id
        WHERE i.status IN ('backing-off', 'paused')
          AND j."index" = (SELECT max("index") FROM sys_journal WHERE id = i.id)"#;
    assert_eq!(
        show(&patient(&world), query).await,
        r#""Probe/wait" "Netflix is down" "step-1" "attempts-exhausted" 4 "Notification: Run" "step-1""#
    );
    let events = "SELECT event_type, event_json FROM sys_journal_events ORDER BY event_index";
    let events = ask(&patient(&world), events).await.unwrap();
    assert_eq!(events[0][0], "TransientError");
    assert!(events[0][1].as_str().unwrap().contains("Netflix is down"), "{events:?}");
    assert_eq!(events[1][0], "Paused");
    // All journals in one walk, and one after the other.
    let all = r#"SELECT count(*), count(DISTINCT id), sum(entry_type = 'Command: Run') FROM sys_journal"#;
    assert_eq!(show(&patient(&world), all).await, "100 20 40");
    let each = "SELECT sum((SELECT count(*) FROM sys_journal j WHERE j.id = i.id)) FROM sys_invocation i";
    assert_eq!(show(&patient(&world), each).await, "100");
}

#[tokio::test]
async fn outcomes_that_are_too_much_to_keep_are_read_again() {
    let mut seeds = Seeds::default();
    let id = InvocationId::new(Timestamp(1), 1, 1);
    seeds.invocation(id, record("wait", 1, ended(1)));
    let large = Outcome::Value(Bytes::from(vec![b'x'; 3 << 20]));
    seeds.journal(id, &[large.clone(), large.clone(), large]);
    let world = seeds.start();
    // A payload that is too long is not shown, its length is.
    let query =
        "SELECT entry_type, raw IS NULL, raw_length FROM sys_journal WHERE entry_type LIKE 'Notification%'";
    let line = format!("\"Notification: Run\" 1 {}", 3 << 20);
    assert_eq!(show(&patient(&world), query).await, [line.as_str(); 3].join("\n"));
}

#[tokio::test]
async fn state_is_read_by_object_by_service_and_whole() {
    let mut seeds = Seeds::default();
    for key in ["a", "b", "c\0d", "", "ä"] {
        seeds.state("Cart", key, "items", br#"{"n":2}"#);
        seeds.state("Cart", key, "bytes", &[0xff, 0]);
    }
    seeds.state("Cartoon", "a", "items", b"7");
    seeds.state("Cart", "big", "v", &vec![b'x'; 300 << 10]);
    let world = seeds.start();
    let sql = &patient(&world);
    for (query, expected) in [
        (
            "SELECT key, value_utf8 FROM state WHERE service_name = 'Cart' AND service_key = 'a'",
            "\"bytes\" null\n\"items\" \"{\\\"n\\\":2}\"",
        ),
        ("SELECT value FROM state WHERE service_key = 'b' AND key = 'bytes'", "\"/wA=\""),
        ("SELECT count(*), count(DISTINCT service_key) FROM state WHERE service_name = 'Cart'", "11 6"),
        ("SELECT service_key FROM state WHERE service_name = 'Cartoon'", "\"a\""),
        ("SELECT count(*) FROM state", "12"),
        (
            "SELECT sum(json_extract(value_utf8, '$.n')) FROM state WHERE key = 'items' AND service_name = 'Cart'",
            "10",
        ),
        (
            "SELECT value IS NULL, value_utf8 IS NULL, value_length FROM state WHERE service_key = 'big'",
            "1 1 307200",
        ),
        ("SELECT count(*) FROM state WHERE service_key = NULL", "0"),
        ("SELECT count(*) FROM state WHERE service_name = 'cart' COLLATE NOCASE", "11"),
        ("SELECT count(*) FROM state WHERE service_key IN ('a', 'b', 'zzz')", "5"),
        (
            "SELECT count(*) FROM state WHERE (service_name = 'Cart' AND service_key = 'a') OR (service_name = 'Cart' AND service_key = 'b') OR service_name = 'Cartoon'",
            "5",
        ),
        (
            "SELECT count(*) FROM state a LEFT JOIN state b ON b.service_name = a.service_name AND b.service_key = a.service_key AND b.key = 'items'",
            "12",
        ),
    ] {
        assert_eq!(show(sql, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn a_number_means_all_texts_of_it() {
    let mut seeds = Seeds::default();
    for key in ["7", "007", "8"] {
        seeds.state("Cart", key, "items", b"1");
    }
    let world = seeds.start();
    for (condition, expected) in [
        ("service_key = CAST('7' AS INTEGER)", "\"007\"\n\"7\""),
        ("service_name = 'Cart' AND service_key = CAST('7' AS INTEGER)", "\"007\"\n\"7\""),
        // SQLite makes a text of a number that stands alone.
        ("service_name = 'Cart' AND service_key = 7", "\"7\""),
    ] {
        let query = format!("SELECT service_key FROM state WHERE {condition} ORDER BY service_key");
        assert_eq!(show(&patient(&world), &query).await, expected, "{condition}");
    }
}

#[tokio::test]
async fn every_column_of_every_table_can_be_read() {
    let mut seeds = Seeds::default();
    let id = InvocationId::new(Timestamp(1), 1, 1);
    let failed = Phase::Completed { at: Timestamp(2), is_failure: true };
    seeds.invocation(id, record("wait", 1, failed));
    seeds.journal(id, &[Outcome::Failure(Failure::new(500, "no"))]);
    let answer = Answer::Failure(Failure::new(500, "no"));
    seeds.put(id.partition(PARTITIONS), &RowKey::Answer(id), &Row::Answer(answer));
    seeds.state("Cart", "a", "items", b"1");
    let world = seeds.start();
    let tables = ask(&patient(&world), "SELECT name FROM sys_tables").await.unwrap();
    assert!(tables.len() > 10);
    for table in tables {
        let table = table[0].as_str().unwrap();
        let described = format!("SELECT name FROM sys_columns WHERE table_name = '{table}'");
        let columns = ask(&patient(&world), &described).await.unwrap();
        let declared = format!("SELECT name FROM pragma_table_info('{table}')");
        assert_eq!(columns, ask(&patient(&world), &declared).await.unwrap(), "{table}");
        for row in ask(&patient(&world), &format!("SELECT * FROM {table}")).await.unwrap() {
            assert_eq!(row.len(), columns.len(), "{table}");
        }
    }
    let failure = "SELECT s.completion_failure FROM sys_invocation_status s JOIN sys_invocation USING (id)";
    assert!(ask(&patient(&world), failure).await.unwrap()[0][0] == "[500] no");
}
