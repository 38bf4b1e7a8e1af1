//! Lines of guests: in order, numbered, bounded, and gone with their journal.

use super::*;
use crate::clock::SystemClock;
use abide_core::time::Timestamp;
use abide_store::memory::watched::Watched;
use abide_store::{Batch, MemoryStore, Op};
use bytes::Bytes;
use std::sync::{OnceLock, Weak};

const A: InvocationId = InvocationId { unique: 1, partition_key: 1 };
const B: InvocationId = InvocationId { unique: 2, partition_key: 1 };

struct World {
    store: Arc<MemoryStore>,
    limits: LogLimits,
    counters: LogCounters,
    logs: GuestLogs,
}

impl World {
    fn new(limits: LogLimits) -> Self {
        Self::on(MemoryStore::new(), limits)
    }

    fn on(store: MemoryStore, limits: LogLimits) -> Self {
        let (store, counters) = (Arc::new(store), LogCounters::default());
        let logs = GuestLogs::open(store.clone(), Arc::new(SystemClock), limits, counters.clone()).unwrap();
        Self { store, limits, counters, logs }
    }

    /// Opens the same store again, as the next start does.
    fn restart(&mut self) {
        let store: Arc<dyn Store> = self.store.clone();
        self.logs =
            GuestLogs::open(store, Arc::new(SystemClock), self.limits, self.counters.clone()).unwrap();
    }

    fn write(&self, invocation: InvocationId, messages: impl IntoIterator<Item = String>) {
        let target = Target { service: "S".into(), key: None, handler: "h".into() };
        let target = Arc::new(target);
        for message in messages {
            let (level, source) = (Level::Info, Source::Log);
            let line = Line { at: Timestamp(1), attempt: 1, level, source, message };
            self.logs.record(invocation, &target, line);
        }
    }

    fn numbers(&self, from: u64, to: u64) -> impl Iterator<Item = String> + use<> {
        (from..to).map(|number| number.to_string())
    }

    /// Shows number and text of lines, and of how many, and how many are gone.
    fn read(&self, invocation: InvocationId, from: u64, max: usize) -> (Vec<String>, u64, u64) {
        let part = self.logs.read(invocation, from, max).unwrap();
        let lines = part.lines.iter().map(|(number, line)| format!("{number}={}", line.message));
        (lines.collect(), part.total, part.dropped)
    }

    /// Checks that every line there is has its own number as its text.
    fn check(&self, invocation: InvocationId, total: u64, dropped: u64) {
        let (lines, seen_total, seen_dropped) = self.read(invocation, 0, usize::MAX);
        assert_eq!((seen_total, seen_dropped), (total, dropped));
        assert_eq!(lines, (dropped..total).map(|number| format!("{number}={number}")).collect::<Vec<_>>());
    }

    fn keys(&self) -> usize {
        pairs(&*self.store, View::Latest, (vec![], vec![0xff; 8])).count()
    }
}

#[test]
fn lines_are_numbered_whether_they_are_written_or_wait() {
    let mut world = World::new(LogLimits::default());
    world.write(A, world.numbers(0, 3));
    world.check(A, 3, 0);
    world.logs.flush().unwrap();
    world.check(A, 3, 0);
    world.write(A, world.numbers(3, 5));
    world.check(A, 5, 0);
    assert_eq!(world.read(A, 2, 2).0, ["2=2", "3=3"]);
    assert_eq!(world.read(A, 4, 9).0, ["4=4"]);
    assert_eq!(world.read(A, 9, 9).0, [""; 0]);
    world.logs.flush().unwrap();
    world.restart();
    world.check(A, 5, 0);
    world.write(A, world.numbers(5, 6));
    world.logs.flush().unwrap();
    world.check(A, 6, 0);
    assert_eq!(world.read(B, 0, 9), (vec![], 0, 0));
    assert_eq!(world.counters.written.get(), 6);
}

#[test]
fn many_small_writes_fill_few_chunks() {
    let world = World::new(LogLimits::default());
    for number in 0..500 {
        world.write(A, world.numbers(number, number + 1));
        world.logs.flush().unwrap();
    }
    world.check(A, 500, 0);
    assert!(world.keys() < 10, "{} keys", world.keys());
}

#[test]
fn the_first_lines_of_too_many_go() {
    let limits = LogLimits { lines_per_invocation_max: 1_000, ..LogLimits::default() };
    let world = World::new(limits);
    // More than a chunk, and more than all, at once and bit by bit.
    for (from, to) in [(0, 700), (700, 1_300), (1_300, 4_000), (4_000, 4_010)] {
        world.write(A, world.numbers(from, to));
        world.logs.flush().unwrap();
    }
    let (_, total, dropped) = world.read(A, 0, 0);
    assert_eq!(total, 4_010);
    assert!((total - dropped) <= 1_000 && (total - dropped) > 700, "{dropped} were dropped");
    world.check(A, total, dropped);
    let before = world.keys();
    world.logs.forget(A);
    world.logs.flush().unwrap();
    assert!(before > 3 && world.keys() == 1, "only the sum is left: {}", world.keys());
    assert_eq!(world.logs.bytes(), 0);
}

#[test]
fn the_oldest_of_all_go_when_all_are_too_many() {
    let limits = LogLimits { bytes_max: 100 << 10, ..LogLimits::default() };
    let mut world = World::new(limits);
    for unique in 0..50 {
        let id = InvocationId { unique, partition_key: 0 };
        // About 5 KiB each.
        world.write(id, (0..5).map(|_| "x".repeat(1_000)));
        world.logs.flush().unwrap();
        if unique == 25 {
            world.restart();
        }
        assert!(world.logs.bytes() <= limits.bytes_max);
    }
    let left: Vec<_> = (0..50)
        .filter(|unique| {
            let id = InvocationId { unique: *unique, partition_key: 0 };
            !world.read(id, 0, 1).0.is_empty()
        })
        .collect();
    assert_eq!(left, (50 - left.len() as u128..50).collect::<Vec<_>>(), "the newest are left");
    assert!(left.len() >= 15, "{left:?}");
}

#[test]
fn what_is_forgotten_is_gone_also_before_it_is_written() {
    let world = World::new(LogLimits::default());
    world.write(A, world.numbers(0, 3));
    world.write(B, world.numbers(0, 3));
    world.logs.forget(A);
    assert_eq!(world.read(A, 0, 9), (vec![], 0, 0));
    world.logs.flush().unwrap();
    assert_eq!(world.read(A, 0, 9), (vec![], 0, 0));
    world.check(B, 3, 0);
}

#[test]
fn a_sweep_forgets_those_without_a_journal() {
    let mut world = World::new(LogLimits::default());
    world.write(A, world.numbers(0, 3));
    world.write(B, world.numbers(0, 3));
    world.logs.flush().unwrap();
    world.restart();
    world.logs.sweep(|invocation| Ok(invocation == B)).unwrap();
    world.logs.flush().unwrap();
    assert_eq!(world.read(A, 0, 9), (vec![], 0, 0));
    world.check(B, 3, 0);
}

#[tokio::test]
async fn who_follows_is_woken_by_the_next_line() {
    let world = World::new(LogLimits::default());
    let (all, soon) = (Wanted::default(), Duration::from_secs(20));
    let next = world.logs.last(&all, 10).next;
    let logs = world.logs.clone();
    let following = tokio::spawn(async move { logs.follow(next, &Wanted::default(), 10, soon).await });
    tokio::task::yield_now().await;
    world.write(A, world.numbers(0, 1));
    let news = following.await.unwrap();
    assert_eq!(news.lines.len(), 1);
    let none = world.logs.follow(news.next, &all, 10, Duration::from_millis(1)).await;
    assert_eq!((none.lines.len(), none.next), (0, news.next));
}

#[test]
fn much_is_written_in_several_batches() {
    let world = World::new(LogLimits::default());
    let batches = || *world.store.durable().borrow();
    let before = batches();
    world.write(A, (0..900).map(|_| "x".repeat(1_000)));
    world.logs.flush().unwrap();
    assert!((3..10).contains(&(batches() - before)), "{} batches", batches() - before);
    assert_eq!(world.read(A, 0, 0).1, 900);
}

/// Returns a store in which the lines of A cannot be read.
fn damaged() -> MemoryStore {
    let store = MemoryStore::new();
    let fence = store.acquire(LOG_PARTITION).unwrap();
    let op = Op::Put { key: keys::log_place(A, 1), value: Bytes::from_static(b"\0") };
    store.commit(Batch { fence, ops: vec![op] }).unwrap();
    store
}

#[test]
fn what_cannot_be_written_does_not_keep_the_rest() {
    let mut world = World::on(damaged(), LogLimits::default());
    let others: Vec<_> = (2..12).map(|unique| InvocationId { unique, partition_key: 1 }).collect();
    for id in [A].iter().chain(&others) {
        world.write(*id, world.numbers(0, 3));
    }
    assert!(world.logs.flush().is_err());
    world.restart();
    others.iter().for_each(|id| world.check(*id, 3, 0));
}

#[test]
fn a_damaged_chunk_is_not_in_the_way_of_those_that_follow() {
    let mut world = World::new(LogLimits { bytes_max: 2_000, ..LogLimits::default() });
    world.write(A, world.numbers(0, 10));
    world.logs.flush().unwrap();
    let chunk = keys::log_chunk(0);
    assert!(world.store.get(View::Latest, &chunk).unwrap().is_some());
    let fence = world.store.acquire(LOG_PARTITION).unwrap();
    let op = Op::Put { key: chunk.clone(), value: Bytes::from(vec![0; 500]) };
    world.store.commit(Batch { fence, ops: vec![op] }).unwrap();
    world.restart();
    world.write(B, world.numbers(0, 100));
    world.logs.flush().unwrap();
    assert_eq!(world.store.get(View::Latest, &chunk).unwrap(), None);
}

#[tokio::test]
async fn writing_goes_on_after_an_error() {
    let world = World::on(damaged(), LogLimits::default());
    let writing = tokio::spawn(world.logs.clone().run());
    let pause = Duration::from_millis(5);
    world.write(A, world.numbers(0, 1));
    while !world.logs.inner.pending.lock().lines.is_empty() {
        tokio::time::sleep(pause).await;
    }
    world.write(B, world.numbers(0, 1));
    while pairs(&*world.store, View::Latest, keys::logs_of(B)).count() == 0 {
        assert!(!writing.is_finished());
        tokio::time::sleep(pause).await;
    }
    writing.abort();
}

#[test]
fn nobody_who_logs_waits_for_a_reader_of_the_store() {
    let logs_to_be = Arc::new(OnceLock::<Weak<Inner>>::new());
    let opened = logs_to_be.clone();
    // Whenever the store is asked, somebody may want to log.
    let store = Watched::new(MemoryStore::new(), move |_| {
        let logs = opened.get().and_then(Weak::upgrade);
        let is_free = logs.is_none_or(|inner| inner.pending.try_lock().is_some());
        assert!(is_free, "who logs would wait for the store");
    });
    let (clock, counters) = (Arc::new(SystemClock), LogCounters::default());
    let logs = GuestLogs::open(Arc::new(store), clock, LogLimits::default(), counters).unwrap();
    logs_to_be.set(Arc::downgrade(&logs.inner)).expect("set once");
    let target = Arc::new(Target { service: "S".into(), key: None, handler: "h".into() });
    let (level, source) = (Level::Info, Source::Log);
    logs.record(A, &target, Line { at: Timestamp(1), attempt: 1, level, source, message: "x".into() });
    assert_eq!(logs.read(A, 0, 9).unwrap().lines.len(), 1);
    logs.flush().unwrap();
    assert_eq!(logs.read(A, 0, 9).unwrap().lines.len(), 1);
}
