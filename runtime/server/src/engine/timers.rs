//! Timers of one partition: the next few in memory, all of them in the store.

use abide_core::command::{Timer, TimerKind};
use abide_core::ids::PartitionId;
use abide_core::time::Timestamp;
use abide_store::{Store, View, keys};
use std::collections::{BTreeSet, VecDeque};

/// Timers held in memory at most; later ones are read when their time comes near.
const WINDOW_MAX: usize = 10_000;
/// Delayed invocations that are due and have to wait, of which so many are kept out of the way of other timers.
const LATE_BEGINS_MAX: usize = 250_000;

/// The window of timers that are due next. A timer beyond `horizon` is only in the store.
pub struct Timers {
    partition: PartitionId,
    window: BTreeSet<Timer>,
    /// None: the window holds every timer there is.
    horizon: Option<Timestamp>,
    /// Delayed invocations that were due, and had to wait.
    late_begins: VecDeque<Timer>,
}

/// How many timers may go on.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    /// Delayed invocations that begin: a service may have asked for a million of the same minute.
    pub begins: usize,
    pub others: usize,
}

impl Timers {
    /// Reads the timers that are due next.
    pub fn load(store: &dyn Store, partition: PartitionId) -> Result<Self, abide_store::Error> {
        let (window, late_begins) = (BTreeSet::new(), VecDeque::new());
        let mut timers = Self { partition, window, horizon: Some(Timestamp(0)), late_begins };
        timers.refill(store)?;
        Ok(timers)
    }

    /// Takes in a timer that was just recorded.
    pub fn arm(&mut self, timer: Timer) {
        if self.horizon.is_some_and(|horizon| timer.at >= horizon) {
            return;
        }
        self.window.insert(timer);
        if self.window.len() > 2 * WINDOW_MAX {
            self.shrink();
        }
    }

    /// Forgets the later half; it stays in the store.
    fn shrink(&mut self) {
        let Some(middle) = self.window.iter().nth(WINDOW_MAX).map(|timer| timer.at) else { return };
        let first = self.window.first().map(|timer| timer.at);
        // A window cannot end inside a moment; if the first half is one moment, it is kept whole.
        let horizon = if first == Some(middle) { middle.plus_millis(1) } else { middle };
        self.window.retain(|timer| timer.at < horizon);
        self.horizon = Some(horizon);
    }

    /// Returns when to look again, None when nothing is due ever.
    pub fn next_at(&self) -> Option<Timestamp> {
        let first = self.late_begins.front().or(self.window.first());
        first.map(|timer| timer.at).or(self.horizon)
    }

    /// Takes out timers that are due, in their order but for delayed invocations, which others overtake when they have to
    /// wait.
    pub fn take_due(
        &mut self,
        store: &dyn Store,
        now: Timestamp,
        most: Most,
    ) -> Result<Vec<Timer>, abide_store::Error> {
        let Most { mut begins, mut others } = most;
        let late = begins.min(self.late_begins.len());
        let mut due: Vec<_> = self.late_begins.drain(..late).collect();
        begins -= late;
        while begins + others > 0 {
            if self.window.is_empty() && self.horizon.is_some_and(|horizon| horizon <= now) {
                self.refill(store)?;
            }
            let Some(timer) = self.window.first().copied().filter(|timer| timer.at <= now) else { break };
            let is_begin = timer.kind == TimerKind::Begin;
            let left = if is_begin { &mut begins } else { &mut others };
            if *left > 0 {
                *left -= 1;
                due.push(timer);
            } else if is_begin && self.late_begins.len() < LATE_BEGINS_MAX {
                self.late_begins.push_back(timer);
            } else {
                break;
            }
            self.window.pop_first();
        }
        Ok(due)
    }

    fn refill(&mut self, store: &dyn Store) -> Result<(), abide_store::Error> {
        let Some(horizon) = self.horizon else { return Ok(()) };
        let (mut start, end) = keys::timers(self.partition, horizon);
        self.horizon = None;
        loop {
            let page = store.scan(View::Latest, &start, &end, WINDOW_MAX)?;
            let is_last = page.len() < WINDOW_MAX;
            if let Some((key, _)) = page.last() {
                start = keys::after(key);
            }
            self.window.extend(page.iter().filter_map(|(key, _)| keys::decode_timer(key)));
            if is_last {
                return Ok(());
            }
            let last = self.window.last().map_or(Timestamp(0), |timer| timer.at);
            let first = self.window.first().map_or(Timestamp(0), |timer| timer.at);
            // The last moment may go on in the next page, so it is left there, unless it is all.
            if last > first {
                self.window.retain(|timer| timer.at < last);
                self.horizon = Some(last);
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::command::TimerKind;
    use abide_core::ids::InvocationId;
    use abide_core::rows::RowKey;
    use abide_store::{Batch, MemoryStore, Op};
    use bytes::Bytes;

    const P: PartitionId = PartitionId(0);

    fn timer(at: u64, unique: u128) -> Timer {
        let invocation = InvocationId { unique, partition_key: 0 };
        Timer { at: Timestamp(at), invocation, kind: TimerKind::Sleep { op: 0 } }
    }

    fn put(store: &MemoryStore, timers: &[Timer]) {
        let fence = store.acquire(0).unwrap();
        let ops = timers.iter().map(|timer| Op::Put {
            key: keys::encode(P, &RowKey::Timer(*timer)),
            value: Bytes::from_static(&[1]),
        });
        store.commit(Batch { fence, ops: ops.collect() }).unwrap();
    }

    fn drain(store: &MemoryStore, timers: &mut Timers) -> Vec<Timer> {
        let mut seen = Vec::new();
        while let Some(at) = timers.next_at() {
            seen.extend(timers.take_due(store, at, Most { begins: 500, others: 1_000 }).unwrap());
        }
        seen
    }

    #[test]
    fn others_overtake_delayed_invocations_that_have_to_wait() {
        let store = MemoryStore::new();
        let begin = |at| Timer { kind: TimerKind::Begin, ..timer(at, u128::from(at)) };
        let mut all: Vec<_> = (0..25_000).map(begin).collect();
        all.extend([timer(10, 1), timer(24_990, 2), timer(24_995, 3)]);
        put(&store, &all);
        let mut timers = Timers::load(&store, P).unwrap();
        let now = Timestamp(25_000);
        let none = timers.take_due(&store, now, Most { begins: 0, others: 0 }).unwrap();
        let few = timers.take_due(&store, now, Most { begins: 1, others: 2 }).unwrap();
        assert_eq!((none, few), (vec![], vec![begin(0), timer(10, 1), timer(24_990, 2)]));
        assert_eq!(timers.next_at(), Some(Timestamp(1)));
        let few = timers.take_due(&store, now, Most { begins: 2, others: 2 }).unwrap();
        assert_eq!(few, [begin(1), begin(2), timer(24_995, 3)]);
        let rest = drain(&store, &mut timers);
        assert_eq!(rest, (3..25_000).map(begin).collect::<Vec<_>>());
    }

    #[test]
    fn every_stored_timer_comes_out_once_and_in_order() {
        for moments in [1, 7, 50_000] {
            let store = MemoryStore::new();
            let all: Vec<_> = (0..25_000).map(|n| timer(n % moments, u128::from(n))).collect();
            put(&store, &all);
            let mut timers = Timers::load(&store, P).unwrap();
            let seen = drain(&store, &mut timers);
            let expected: BTreeSet<_> = all.into_iter().collect();
            assert_eq!(seen, expected.into_iter().collect::<Vec<_>>(), "{moments} moments");
        }
    }

    #[test]
    fn timers_armed_while_running_come_out_too() {
        let store = MemoryStore::new();
        let mut timers = Timers::load(&store, P).unwrap();
        let all: Vec<_> = (0..45_000).rev().map(|n| timer(n, 0)).collect();
        put(&store, &all);
        all.iter().for_each(|timer| timers.arm(*timer));
        assert!(timers.window.len() <= 2 * WINDOW_MAX);
        assert_eq!(drain(&store, &mut timers).len(), all.len());
    }
}
