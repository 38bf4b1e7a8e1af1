//! How many bytes of journals all attempts have in memory together, and who waits until there is room for its own.
//!
//! A journal takes its room before it is read, and gives it back when its guest has gone through it: from then on the attempt
//! has nothing of it, however long it goes on. Invariant: who has room needs no more of it to come there, or to end, so
//! that nobody waits for ever. A service has half of the room at most, and no journal needs more, so a slow replay does not
//! keep all others out.

use super::lines::{Lines, Places};
use super::load::JOURNALS_BYTES_MAX;
use abide_core::effect::AttemptStart;
use abide_core::limits::{JOURNAL_BYTES_BEGUN_MAX, JOURNAL_ENTRIES_MAX};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// A journal up to this size is not counted: of those, all the attempts that may be in memory have half a gibibyte.
const SMALL_JOURNAL_BYTES: u64 = 64 << 10;

/// What an entry takes in memory beside its names and values, and what an outcome does: the length of a journal, as the core
/// counts it, has little of that.
const ENTRY_OVERHEAD: u64 = 256;
const OUTCOME_OVERHEAD: u64 = 96;

/// What the largest journal takes: each entry has its outcome, and a cancellation is one more. A half has room for it: one
/// that needs more would wait for a service that has the other half, and all others behind it.
const LARGEST_BYTES: u64 = in_memory(JOURNAL_BYTES_BEGUN_MAX, JOURNAL_ENTRIES_MAX, JOURNAL_ENTRIES_MAX + 1);
const _: () = assert!(LARGEST_BYTES <= JOURNALS_BYTES_MAX as u64 / 2);

/// Returns about how many bytes the journal of an attempt takes in memory.
pub fn bytes_in_memory(start: &AttemptStart) -> u64 {
    in_memory(start.journal_bytes, start.entries_len, start.outcomes_len)
}

const fn in_memory(bytes: u64, entries_len: u32, outcomes_len: u32) -> u64 {
    bytes + entries_len as u64 * ENTRY_OVERHEAD + outcomes_len as u64 * OUTCOME_OVERHEAD
}

/// The room for all journals, by the byte.
pub struct JournalRooms {
    bytes_max: u32,
    room: Arc<Lines>,
    /// Those that wait for it: services in turn, the next attempt of each.
    waiting: Arc<Lines>,
}

/// The room of one journal, until this is dropped.
pub type JournalRoom = Places;

impl JournalRooms {
    pub fn new(bytes_max: u32) -> Self {
        let room = Lines::new(bytes_max as usize, share(bytes_max) as usize);
        Self { bytes_max, room, waiting: Lines::new(Semaphore::MAX_PERMITS, 1) }
    }

    /// Waits for room for a journal of a service. None: it is small, and takes none. One that is larger than what a service
    /// may have takes all of that.
    pub async fn room(&self, service: &str, bytes: u64) -> Option<JournalRoom> {
        if bytes <= SMALL_JOURNAL_BYTES {
            return None;
        }
        let _waits = self.waiting.place(service).await;
        let share = share(self.bytes_max);
        let bytes = u32::try_from(bytes).map_or(share, |bytes| bytes.min(share));
        Some(self.room.places(service, bytes).await)
    }

    /// Returns how many attempts wait for room.
    pub fn waiting(&self) -> usize {
        self.waiting.standing()
    }

    /// Returns how many attempts of a service do.
    pub fn waiting_of(&self, service: &str) -> usize {
        self.waiting.standing_of(service)
    }

    #[cfg(test)]
    pub fn bytes_left(&self) -> usize {
        self.room.left()
    }
}

/// Returns how much of the room a service may have.
fn share(bytes_max: u32) -> u32 {
    bytes_max / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::entry::{EntryRow, Settled};
    use abide_core::time::Timestamp;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    const UNIT: u64 = SMALL_JOURNAL_BYTES + 1;

    fn rooms(units: u64) -> JournalRooms {
        JournalRooms::new(u32::try_from(units * UNIT).unwrap())
    }

    fn poll<T>(waits: Pin<&mut impl Future<Output = T>>) -> Option<T> {
        match waits.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        }
    }

    #[test]
    fn what_is_counted_of_an_item_is_no_less_than_it_takes() {
        // Beside each entry stands when it was asked.
        assert!(ENTRY_OVERHEAD as usize >= size_of::<EntryRow>() + size_of::<Timestamp>());
        assert!(OUTCOME_OVERHEAD as usize >= size_of::<Settled>());
    }

    #[tokio::test]
    async fn a_journal_that_does_not_fit_waits_until_others_give_room_back() {
        let rooms = rooms(4);
        let first = rooms.room("A", 2 * UNIT).await;
        let _second = rooms.room("B", UNIT).await;
        let mut waits = pin!(rooms.room("C", 2 * UNIT));
        assert!(poll(waits.as_mut()).is_none());
        assert_eq!((rooms.waiting(), rooms.waiting_of("C"), rooms.waiting_of("A")), (1, 1, 0));
        drop(first);
        let third = poll(waits.as_mut()).expect("there is room now");
        assert!(third.is_some());
        assert_eq!((rooms.waiting(), rooms.bytes_left() as u64), (0, UNIT));
    }

    #[tokio::test]
    async fn small_journals_take_no_room_and_wait_for_none() {
        let rooms = rooms(2);
        let _all = [rooms.room("A", UNIT).await, rooms.room("B", UNIT).await];
        assert_eq!(rooms.bytes_left(), 0);
        assert!(poll(pin!(rooms.room("A", SMALL_JOURNAL_BYTES))).expect("it does not wait").is_none());
    }

    #[tokio::test]
    async fn one_that_is_larger_than_a_share_is_let_through_and_alone_of_its_service() {
        let rooms = rooms(4);
        let _half = rooms.room("A", 2 * UNIT).await;
        let huge = poll(pin!(rooms.room("B", 3 * UNIT))).expect("a half is free");
        assert_eq!(rooms.bytes_left(), 0);
        let mut other = pin!(rooms.room("B", u64::MAX));
        assert!(poll(other.as_mut()).is_none());
        drop(huge);
        assert!(poll(other.as_mut()).is_some());
    }

    #[tokio::test]
    async fn a_service_has_half_at_most_and_is_in_nobodys_way_while_it_waits_for_more() {
        let rooms = rooms(4);
        let _half = [rooms.room("Greedy", UNIT).await, rooms.room("Greedy", UNIT).await];
        let mut third = pin!(rooms.room("Greedy", UNIT));
        let mut fourth = pin!(rooms.room("Greedy", UNIT));
        assert!(poll(third.as_mut()).is_none() && poll(fourth.as_mut()).is_none());
        assert!(poll(pin!(rooms.room("Modest", 2 * UNIT))).is_some());
    }

    #[tokio::test]
    async fn who_comes_last_is_behind_one_of_each_service() {
        let rooms = rooms(4);
        let all = [rooms.room("Huge", 2 * UNIT).await, rooms.room("Slow", 2 * UNIT).await];
        let mut greedy = pin!(rooms.room("Greedy", UNIT));
        let mut behind = pin!(rooms.room("Greedy", UNIT));
        let mut modest = pin!(rooms.room("Modest", 2 * UNIT));
        for waits in [&mut greedy, &mut behind] {
            assert!(poll(waits.as_mut()).is_none());
        }
        assert!(poll(modest.as_mut()).is_none());
        drop(all);
        let _greedy = poll(greedy.as_mut()).expect("it was the first");
        assert!(poll(modest.as_mut()).is_some());
    }

    #[tokio::test]
    async fn who_goes_away_while_it_waits_leaves_nothing_behind() {
        let rooms = rooms(2);
        let first = [rooms.room("A", UNIT).await, rooms.room("B", UNIT).await];
        {
            let mut of_same = pin!(rooms.room("A", UNIT));
            let mut of_other = pin!(rooms.room("C", UNIT));
            assert!(poll(of_same.as_mut()).is_none() && poll(of_other.as_mut()).is_none());
            assert_eq!(rooms.waiting(), 2);
        }
        drop(first);
        assert_eq!((rooms.waiting(), rooms.bytes_left() as u64), (0, 2 * UNIT));
        assert_eq!(rooms.room.services(), 0);
    }
}
