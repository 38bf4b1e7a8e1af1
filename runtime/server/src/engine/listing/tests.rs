//! Lists against what sorting everything gives, and how much they read.

use super::*;
use crate::clock::SystemClock;
use abide_core::entry::{Answer, Failure};
use abide_core::ids::{DeploymentId, PartitionId};
use abide_core::invocation::{AttemptFailure, Origin, PauseReason, Phase};
use abide_core::rows::{Row, RowKey};
use abide_core::target::Target;
use abide_store::{Batch, MemoryStore, Op, Store, codec, keys};

const PARTITIONS: u16 = 3;
const DAY_MS: u64 = 86_400_000;

fn in_no_circle(_: InvocationId) -> Result<bool, EngineError> {
    Ok(false)
}

fn reader(store: &MemoryStore) -> Reader<'_> {
    Reader::new(store, PARTITIONS, &in_no_circle)
}

fn budget() -> Budget<'static> {
    Budget::new(&SystemClock, usize::MAX, 3_600_000)
}

/// Any random numbers, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn row(service: &str, created_at: Timestamp) -> InvocationRow {
    let target = Target { service: service.into(), key: None, handler: "run".into() };
    InvocationRow::new(target, Origin::Ingress, created_at)
}

/// Stores an invocation where its phase says it is.
fn put(store: &MemoryStore, id: InvocationId, row: InvocationRow) {
    let partition = id.partition(PARTITIONS);
    let mut ops = Vec::new();
    let mut put = |key: RowKey, row: Row| {
        ops.push(Op::Put { key: keys::encode(partition, &key), value: codec::encode_row(&row) });
    };
    if id.is_computed() {
        put(RowKey::Created(row.created_at, id), Row::Created);
    }
    let key = match row.phase {
        Phase::Completed { .. } => RowKey::Completed(id),
        _ => RowKey::Invocation(id),
    };
    put(key, Row::Invocation(Box::new(row)));
    let fence = store.acquire(partition.0).unwrap();
    store.commit(Batch { fence, ops }).unwrap();
}

fn put_answer(store: &MemoryStore, id: InvocationId, answer: Answer) {
    let partition = id.partition(PARTITIONS);
    let key = keys::encode(partition, &RowKey::Answer(id));
    let fence = store.acquire(partition.0).unwrap();
    let value = codec::encode_row(&Row::Answer(answer));
    store.commit(Batch { fence, ops: vec![Op::Put { key, value }] }).unwrap();
}

fn completed(at: u64) -> Phase {
    Phase::Completed { at: Timestamp(at), is_failure: false }
}

/// Stores invocations at these times; every third is completed, every second is of service "b".
fn store(times: &[u64]) -> MemoryStore {
    let store = MemoryStore::new();
    for (n, at) in (0..).zip(times) {
        let id = InvocationId::new(Timestamp(*at), u128::from(n), n);
        let mut row = row(if n % 2 == 0 { "a" } else { "b" }, Timestamp(*at));
        if n % 3 == 0 {
            row.phase = completed(*at);
        }
        put(&store, id, row);
    }
    store
}

fn newest(limit: usize) -> InvocationQuery {
    InvocationQuery::newest(InvocationFilter::default(), limit)
}

fn page(store: &MemoryStore, query: &InvocationQuery) -> Page {
    let reader = reader(store);
    match query.sort {
        Sort::Created => list(&reader, query, &budget()).unwrap(),
        Sort::Modified => {
            let found = changes(&reader, query, &budget()).unwrap();
            list_changes(&reader, query, &found, &budget()).unwrap()
        }
    }
}

/// Returns all pages of a list, one behind the other.
fn all(store: &MemoryStore, query: &InvocationQuery) -> Vec<InvocationId> {
    let mut query = query.clone();
    let mut seen = Vec::new();
    loop {
        let page = page(store, &query);
        seen.extend(page.invocations.iter().map(|(id, _)| *id));
        query.after = page.next;
        if query.after.is_none() {
            return seen;
        }
    }
}

fn times(store: &MemoryStore, query: &InvocationQuery) -> Vec<u64> {
    let reader = reader(store);
    let at = |id| created_at(id, &reader.row(id).unwrap().unwrap()).0;
    all(store, query).into_iter().map(at).collect()
}

#[test]
fn pages_go_back_in_time_without_a_gap() {
    let store = store(&[1, 2, DAY_MS, DAY_MS + 1, 30 * DAY_MS, 30 * DAY_MS + 5, 30 * DAY_MS + 6]);
    let mut expected = vec![30 * DAY_MS + 6, 30 * DAY_MS + 5, 30 * DAY_MS, DAY_MS + 1, DAY_MS, 2, 1];
    for limit in 1..9 {
        assert_eq!(times(&store, &newest(limit)), expected);
    }
    expected.reverse();
    let oldest = InvocationQuery { order: Order::Ascending, ..newest(2) };
    assert_eq!(times(&store, &oldest), expected);
}

#[test]
fn computed_ids_have_their_place_in_time() {
    let store = store(&[10, 20, 30]);
    for (digest, at) in [(7, 15), (1, 25), (9, 25)] {
        put(&store, InvocationId::computed(digest, 0), row("c", Timestamp(at)));
    }
    for limit in 1..8 {
        assert_eq!(times(&store, &newest(limit)), [30, 25, 25, 20, 15, 10]);
        let oldest = InvocationQuery { order: Order::Ascending, ..newest(limit) };
        assert_eq!(times(&store, &oldest), [10, 15, 20, 25, 25, 30]);
    }
}

#[test]
fn a_page_reads_about_as_many_rows_as_it_shows() {
    let store = MemoryStore::new();
    for n in 0..20_000u64 {
        // All of the same minute, half of them completed.
        let (id, at) = (InvocationId::new(Timestamp(n), 1, n), Timestamp(n));
        let mut row = row("a", at);
        if n % 2 == 0 {
            row.phase = completed(n);
        }
        put(&store, id, row);
    }
    let read = page(&store, &newest(50)).rows_read;
    assert!(read <= 300, "{read} rows for a page of 50");
    let read = page(&store, &newest(1_000)).rows_read;
    assert!(read <= 3_500, "{read} rows for a page of 1000");
}

#[test]
fn live_ones_are_found_among_many_that_have_ended() {
    let store = MemoryStore::new();
    for n in 0..3_000u64 {
        let id = match n % 2 {
            0 => InvocationId::new(Timestamp(n), 1, n),
            _ => InvocationId::computed(u128::from(n), n),
        };
        let mut row = row("a", Timestamp(n));
        if n % 1_000 > 1 {
            row.phase = completed(n);
        }
        put(&store, id, row);
    }
    let mut query = newest(10);
    query.filter.statuses = vec![StatusFilter::Scheduled];
    assert_eq!(times(&store, &query), [2_001, 2_000, 1_001, 1_000, 1, 0]);
    let read = page(&store, &query).rows_read;
    assert!(read < 50, "{read} rows for 6");
    query.filter.statuses = vec![StatusFilter::Completed];
    assert_eq!(times(&store, &query).len(), 2_994);
}

#[test]
fn a_search_that_costs_too_much_goes_on_with_the_next_page() {
    let times: Vec<u64> = (0..2_000).collect();
    let store = store(&times);
    put(&store, InvocationId::new(Timestamp(0), 9, 9), row("rare", Timestamp(0)));
    let mut query = newest(5);
    query.filter.services = vec!["rare".into()];
    let mut pages = 0;
    let found = loop {
        let reader = reader(&store);
        let page = list(&reader, &query, &Budget::new(&SystemClock, 700, 3_600_000)).unwrap();
        assert!(page.rows_read < 2_000, "{}", page.rows_read);
        pages += 1;
        if !page.invocations.is_empty() {
            break page.invocations[0].1.target.service.clone();
        }
        query.after = page.next;
        assert!(query.after.is_some());
    };
    assert_eq!((found.as_str(), pages > 3), ("rare", true));
}

#[test]
fn filters_choose() {
    let store = store(&[1, 2, 3, 4]);
    let ids = |change: &dyn Fn(&mut InvocationFilter)| {
        let mut query = newest(9);
        change(&mut query.filter);
        times(&store, &query)
    };
    let first = InvocationId::new(Timestamp(1), 0, 0);
    assert_eq!(ids(&|filter| filter.services = vec!["b".into()]), [4, 2]);
    assert_eq!(ids(&|filter| filter.services = vec!["b".into(), "a".into()]), [4, 3, 2, 1]);
    assert_eq!(ids(&|filter| filter.handlers = vec!["other".into()]), [0; 0]);
    assert_eq!(ids(&|filter| filter.statuses = vec![StatusFilter::Completed]), [4, 1]);
    assert_eq!(ids(&|filter| filter.completions = vec![Completion::Success]), [4, 1]);
    assert_eq!(ids(&|filter| filter.ids = vec![first, first]), [1]);
    assert_eq!(ids(&|filter| filter.created = Timestamp(2)..Timestamp(4)), [3, 2]);
    assert_eq!(ids(&|filter| filter.modified = Timestamp(3)..Timestamp(u64::MAX)), [4, 3]);
    assert_eq!(ids(&|filter| filter.invoked_by = vec![InvokedBy::Invocation]), [0; 0]);
    assert_eq!(ids(&|filter| filter.idempotency_keys = vec!["k".into()]), [0; 0]);
    assert_eq!(ids(&|filter| filter.is_stuck = Some(true)), [0; 0]);
    assert_eq!(ids(&|filter| filter.is_stuck = Some(false)), [4, 3, 2, 1]);
    assert_eq!(ids(&|filter| filter.deployments = vec![DeploymentId::from_digest(1)]), [0; 0]);
}

#[test]
fn what_went_wrong_is_found_by_its_text() {
    let store = MemoryStore::new();
    let id = |n: u64| InvocationId::new(Timestamp(n), 0, n);
    let mut failing = row("a", Timestamp(1));
    let message = "Connection REFUSED by bank".to_owned();
    failing.last_failures = vec![AttemptFailure { attempt: 1, at: Timestamp(1), message, op: None }];
    put(&store, id(1), failing);
    let mut paused = row("a", Timestamp(2));
    paused.phase = Phase::Paused { reason: PauseReason::LimitReached("its journal is Full".into()) };
    put(&store, id(2), paused);
    for (n, failure) in
        [(3, Failure::new(500, "No Money")), (4, Failure::cancelled()), (5, Failure::killed())]
    {
        let mut ended = row("a", Timestamp(n));
        ended.phase = Phase::Completed { at: Timestamp(n), is_failure: true };
        put(&store, id(n), ended);
        put_answer(&store, id(n), Answer::Failure(failure));
    }
    let found = |text: &str| {
        let mut query = newest(9);
        query.filter.text = Some(text.into());
        times(&store, &query)
    };
    assert_eq!(found("refused by"), [1]);
    assert_eq!(found("full"), [2]);
    assert_eq!(found("money"), [3]);
    assert_eq!(found("[409]"), [5, 4]);
    assert_eq!(found("nothing"), [0; 0]);
    let came_to = |completion| {
        let mut query = newest(9);
        query.filter.completions = vec![completion];
        times(&store, &query)
    };
    assert_eq!(came_to(Completion::Failure), [3]);
    assert_eq!(came_to(Completion::Cancelled), [4]);
    assert_eq!(came_to(Completion::Killed), [5]);
    assert_eq!(came_to(Completion::Success), [0; 0]);
}

#[test]
fn only_the_owner_of_an_object_is_asked_for_it() {
    let store = MemoryStore::new();
    for n in 0..300u64 {
        let key = format!("k{}", n % 3);
        let target = Target { service: "Cart".into(), key: Some(key), handler: "add".into() };
        let id = crate::engine::address::fresh(&target, Timestamp(n), 0);
        put(&store, id, InvocationRow::new(target, Origin::Ingress, Timestamp(n)));
    }
    let mut query = newest(200);
    query.filter.services = vec!["Cart".into()];
    query.filter.keys = vec!["k1".into()];
    assert_eq!(query.filter.partitions(PARTITIONS).len(), 1);
    assert_eq!(times(&store, &query), (0..100).rev().map(|n| 3 * n + 1).collect::<Vec<_>>());
}

/// Builds a store with invocations of all sorts, and says what is in it.
fn random_store(dice: &mut Dice) -> (MemoryStore, Vec<(InvocationId, InvocationRow)>) {
    let store = MemoryStore::new();
    let mut rows = Vec::new();
    for n in 0..150u64 {
        let at = Timestamp(dice.roll(60));
        let id = match dice.roll(3) {
            0 => InvocationId::computed(u128::from(n), dice.roll(9)),
            _ => InvocationId::new(at, u128::from(n), dice.roll(9)),
        };
        let mut row = row(if dice.roll(4) == 0 { "a" } else { "b" }, at);
        row.modified_at = at.plus_millis(dice.roll(40));
        row.phase = match dice.roll(4) {
            0 => Phase::Running { attempt: 1 },
            1 => Phase::Scheduled { at },
            _ => completed(row.modified_at.0),
        };
        put(&store, id, row.clone());
        rows.push((id, row));
    }
    (store, rows)
}

#[test]
fn any_list_in_pages_is_what_sorting_everything_gives() {
    for seed in 0..40 {
        let mut dice = Dice(seed);
        let (store, rows) = random_store(&mut dice);
        for _ in 0..10 {
            let mut query = newest(1 + usize::try_from(dice.roll(40)).unwrap());
            query.sort = if dice.roll(2) == 0 { Sort::Created } else { Sort::Modified };
            query.order = if dice.roll(2) == 0 { Order::Ascending } else { Order::Descending };
            if dice.roll(2) == 0 {
                query.filter.services = vec!["a".into()];
            }
            match dice.roll(4) {
                0 => query.filter.statuses = vec![StatusFilter::Running],
                1 => query.filter.statuses = vec![StatusFilter::Completed, StatusFilter::Scheduled],
                _ => {}
            }
            if dice.roll(3) == 0 {
                query.filter.created = Timestamp(dice.roll(30))..Timestamp(30 + dice.roll(30));
            }
            let mut expected: Vec<_> = rows
                .iter()
                .filter(|(id, row)| query.filter.fits_record(*id, row))
                .map(|(id, row)| match query.sort {
                    Sort::Created => (created_at(*id, row), *id),
                    Sort::Modified => (row.modified_at, *id),
                })
                .collect();
            expected.sort_unstable();
            if query.order == Order::Descending {
                expected.reverse();
            }
            let expected: Vec<_> = expected.into_iter().map(|(_, id)| id).collect();
            assert_eq!(all(&store, &query), expected, "seed {seed}: {query:?}");
        }
    }
}

#[test]
fn what_is_looked_at_in_no_order_is_the_same() {
    let (store, rows) = random_store(&mut Dice(3));
    let filter = InvocationFilter { services: vec!["b".into()], ..InvocationFilter::default() };
    let mut seen = Vec::new();
    let is_whole = each(&reader(&store), &filter, &budget(), |id, _| {
        seen.push(id);
        Ok(())
    });
    assert!(is_whole.unwrap());
    let mut expected: Vec<_> =
        rows.iter().filter(|(_, row)| row.target.service == "b").map(|(id, _)| *id).collect();
    seen.sort_unstable();
    expected.sort_unstable();
    assert_eq!(seen, expected);
    let cheap = Budget::new(&SystemClock, 10, 3_600_000);
    assert!(!each(&reader(&store), &filter, &cheap, |_, _| Ok(())).unwrap());
}

#[test]
fn a_list_by_change_says_that_not_all_were_looked_at() {
    let store = store(&[1, 2, 3, 4, 5, 6, 7, 8]);
    let query = InvocationQuery { sort: Sort::Modified, ..newest(20) };
    for (rows, is_truncated) in [(3, true), (1_000, false)] {
        let reader = reader(&store);
        let found = changes(&reader, &query, &Budget::new(&SystemClock, rows, 3_600_000)).unwrap();
        let page = list_changes(&reader, &query, &found, &budget()).unwrap();
        assert_eq!((page.is_truncated, page.next.is_none()), (is_truncated, true), "{rows}");
        assert_eq!(page.invocations.len() < 8, is_truncated, "{rows}");
    }
}

#[test]
fn partitions_without_keys_are_all() {
    let filter = InvocationFilter::default();
    assert_eq!(filter.partitions(2), [PartitionId(0), PartitionId(1)]);
}
