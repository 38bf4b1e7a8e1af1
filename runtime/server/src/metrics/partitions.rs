//! What the driver of each partition says about itself: stored once per turn, read when somebody asks.

use abide_core::ids::PartitionId;
use abide_core::time::Timestamp;
use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Stands for "no time".
const NEVER: u64 = u64::MAX;

/// The words of one driver.
#[derive(Debug)]
pub struct Partition {
    inbox: AtomicU64,
    outbox: AtomicI64,
    /// When the turn began that is not over yet.
    turn_began_at: AtomicU64,
    /// When the timer is due that is next.
    timer_at: AtomicU64,
}

impl Default for Partition {
    fn default() -> Self {
        let (turn_began_at, timer_at) = (AtomicU64::new(NEVER), AtomicU64::new(NEVER));
        Self { inbox: AtomicU64::new(0), outbox: AtomicI64::new(0), turn_began_at, timer_at }
    }
}

impl Partition {
    /// A turn begins; so many commands are left for the ones after it.
    pub fn turn_begins(&self, now: Timestamp, inbox: usize) {
        self.inbox.store(inbox as u64, Ordering::Relaxed);
        self.turn_began_at.store(now.0, Ordering::Relaxed);
    }

    /// The turn is over; the next timer is due then.
    pub fn turn_ends(&self, timer_at: Option<Timestamp>) {
        self.turn_began_at.store(NEVER, Ordering::Relaxed);
        self.timer_at.store(timer_at.map_or(NEVER, |at| at.0), Ordering::Relaxed);
    }

    /// Messages were put into the outbox, or taken out of it.
    pub fn outbox_changes(&self, by: i64) {
        self.outbox.fetch_add(by, Ordering::Relaxed);
    }

    /// Returns how many commands waited when the last turn began.
    pub fn inbox(&self) -> u64 {
        self.inbox.load(Ordering::Relaxed)
    }

    /// Returns how many messages other partitions have not acknowledged.
    pub fn outbox(&self) -> i64 {
        self.outbox.load(Ordering::Relaxed)
    }

    /// Returns how long the present turn has taken so far; 0 between turns.
    pub fn turn_ms(&self, now: Timestamp) -> u64 {
        since(&self.turn_began_at, now)
    }

    /// Returns by how much the next timer is late.
    pub fn timer_lag_ms(&self, now: Timestamp) -> u64 {
        since(&self.timer_at, now)
    }
}

fn since(at: &AtomicU64, now: Timestamp) -> u64 {
    now.millis_since(Timestamp(at.load(Ordering::Relaxed)))
}

/// All partitions, in order.
#[derive(Debug, Default)]
pub struct Partitions {
    all: RwLock<Vec<Arc<Partition>>>,
}

impl Partitions {
    /// Returns where the driver of a partition writes.
    pub fn of(&self, partition: PartitionId) -> Arc<Partition> {
        let mut all = self.all.write();
        let index = usize::from(partition.0);
        if all.len() <= index {
            all.resize_with(index + 1, Arc::default);
        }
        all[index].clone()
    }

    #[must_use]
    pub fn all(&self) -> Vec<Arc<Partition>> {
        self.all.read().clone()
    }

    /// Returns the partition whose driver has been at one turn the longest, and for how long.
    #[must_use]
    pub fn slowest(&self, now: Timestamp) -> Option<(usize, u64)> {
        let turns =
            self.all.read().iter().map(|partition| partition.turn_ms(now)).enumerate().collect::<Vec<_>>();
        turns.into_iter().max_by_key(|(_, turn_ms)| *turn_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_that_does_not_end_is_seen() {
        let partitions = Partitions::default();
        let (first, second) = (partitions.of(PartitionId(0)), partitions.of(PartitionId(1)));
        first.turn_begins(Timestamp(10), 3);
        second.turn_begins(Timestamp(20), 0);
        first.turn_ends(Some(Timestamp(25)));
        assert_eq!(partitions.slowest(Timestamp(30)), Some((1, 10)));
        assert_eq!((first.timer_lag_ms(Timestamp(30)), second.timer_lag_ms(Timestamp(30))), (5, 0));
        second.turn_ends(None);
        assert_eq!(partitions.slowest(Timestamp(30)).map(|(_, turn_ms)| turn_ms), Some(0));
    }
}
