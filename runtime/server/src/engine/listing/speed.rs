//! How much lists read on a disk, whatever else is there; and, for people, how long they take with very many:
//! `ABIDE_LIST_ROWS=100000 cargo test -p abide-server --lib listing::speed -- --nocapture`.

use super::*;
use crate::clock::SystemClock;
use crate::engine::summary;
use abide_core::ids::PartitionId;
use abide_core::invocation::{AttemptFailure, Origin, Phase};
use abide_core::rows::{Row, RowKey};
use abide_core::target::Target;
use abide_store::{Batch, DiskStore, Op, Options, Store, codec, keys};

const PARTITIONS: u16 = 4;
const ROWS_DEFAULT: u64 = 3_000;
/// All of them were created within a minute: the worst case of a list that reads by time.
const SPAN_MS: u64 = 60_000;

fn invocation(n: u64, count: u64) -> (InvocationId, InvocationRow) {
    let at = Timestamp(1_700_000_000_000 + n * SPAN_MS / count);
    let id = match n % 10 {
        0 => InvocationId::computed(u128::from(n), n),
        _ => InvocationId::new(at, u128::from(n), n),
    };
    let service = if n.is_multiple_of(1_000) { "Rare" } else { "Checkout" };
    let target = Target { service: service.into(), key: Some(format!("user-{n}")), handler: "run".into() };
    let mut row = InvocationRow::new(target, Origin::Ingress, at);
    let message = "the bank said that it is not open at this time of the day".to_owned();
    row.last_failures = vec![AttemptFailure { attempt: 1, at, message, op: None }];
    if n % 20 != 1 {
        row.phase = Phase::Completed { at, is_failure: false };
    }
    (id, row)
}

fn fill(store: &DiskStore, count: u64) {
    for partition in (0..PARTITIONS).map(PartitionId) {
        let fence = store.acquire(partition.0).unwrap();
        let mut ops = Vec::new();
        for n in (0..count).filter(|n| n % u64::from(PARTITIONS) == u64::from(partition.0)) {
            let (id, row) = invocation(n, count);
            let key = match row.phase {
                Phase::Completed { .. } => RowKey::Completed(id),
                _ => RowKey::Invocation(id),
            };
            let mut put = |key: &RowKey, row: &Row| {
                ops.push(Op::Put { key: keys::encode(partition, key), value: codec::encode_row(row) });
            };
            if id.is_computed() {
                put(&RowKey::Created(row.created_at, id), &Row::Created);
            }
            put(&key, &Row::Invocation(Box::new(row)));
            if ops.len() >= 1_000 {
                store.commit(Batch { fence, ops: std::mem::take(&mut ops) }).unwrap();
            }
        }
        store.commit(Batch { fence, ops }).unwrap();
    }
    let committed = store.stats().committed;
    while *store.durable().borrow() < committed || store.stats().applied < committed {
        std::thread::yield_now();
    }
}

/// Runs something three times, so that the last figures are of a warm cache; returns what it found and read.
fn show(what: &str, mut run: impl FnMut(&Reader<'_>) -> usize, store: &DiskStore) -> (usize, usize) {
    let mut last = (0, 0);
    for _ in 0..3 {
        let reader = Reader::new(store, PARTITIONS, &|_| Ok(false));
        let began_at = SystemClock.now();
        let found = run(&reader);
        let took_ms = SystemClock.now().millis_since(began_at);
        last = (found, reader.rows_read.get());
        println!("{what}: {found} found, {} rows read, {took_ms} ms", last.1);
    }
    last
}

#[test]
fn a_list_reads_little_of_very_many() {
    let count = std::env::var("ABIDE_LIST_ROWS").map_or(ROWS_DEFAULT, |count| count.parse().unwrap());
    let folder = std::env::temp_dir().join(format!("abide-list-speed-{}", std::process::id()));
    let store = DiskStore::open(&folder, Options::default()).unwrap();
    fill(&store, count);
    println!("{count} invocations");
    let budget = || Budget::new(&SystemClock, usize::MAX, 3_600_000);
    let page = |change: &dyn Fn(&mut InvocationQuery)| {
        let mut query = InvocationQuery::newest(InvocationFilter::default(), 50);
        change(&mut query);
        move |reader: &Reader<'_>| list(reader, &query, &budget()).unwrap().invocations.len()
    };
    let all = |reader: &Reader<'_>| {
        let mut found = 0;
        let visit = |_, _| {
            found += 1;
            Ok(())
        };
        each(reader, &InvocationFilter::default(), &budget(), visit).unwrap();
        found
    };
    let rows = usize::try_from(count).unwrap();
    assert_eq!(show("every row of that minute, as lists did before", all, &store), (rows, rows));
    let check = |what: &str, change: &dyn Fn(&mut InvocationQuery)| {
        let (found, read) = show(what, page(change), &store);
        assert!(found == 50 && read < 400, "{what}: {found} found, {read} rows read");
    };
    check("the newest 50", &|_| {});
    check("the oldest 50", &|query| query.order = Order::Ascending);
    check("50 of one in twenty", &|query| query.filter.statuses = vec![StatusFilter::Scheduled]);
    show("the newest 1000", page(&|query| query.limit = 1_000), &store);
    show("50 of one in a thousand", page(&|query| query.filter.services = vec!["Rare".into()]), &store);
    let changed = |reader: &Reader<'_>| {
        let query = InvocationQuery {
            sort: Sort::Modified,
            ..InvocationQuery::newest(InvocationFilter::default(), 50)
        };
        let found = changes(reader, &query, &budget()).unwrap();
        list_changes(reader, &query, &found, &budget()).unwrap().invocations.len()
    };
    show("50 by their last change", changed, &store);
    let summed = |reader: &Reader<'_>| {
        let summary = summary::summarize(reader, &InvocationFilter::default(), 3_600_000, &budget()).unwrap();
        usize::try_from(summary.all.total).unwrap()
    };
    assert_eq!(show("the summary", summed, &store).0, rows);
    store.close().unwrap();
    let _ = std::fs::remove_dir_all(&folder);
}
