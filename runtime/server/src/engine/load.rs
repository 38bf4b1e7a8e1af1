//! Load: what the server has been asked to do and has not begun, and what is refused because of it.
//!
//! Invariant: only requests of the outside are refused, before anything of them is stored. Messages, timers and the calls
//! of what was accepted never are, but they count while they wait for their start. An invocation that sleeps, waits for
//! an answer or for a key is no load: it takes a record on the disk. What ends or answers something accepted has places
//! and room of its own; who waits for an answer, or reads a large one, takes a place or room while it does, and so
//! does who asks for what may be on its way.

use crate::metrics::RefusedMetrics;
use abide_core::object::KeyQueueRow;
use abide_core::target::ObjectKey;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

/// Submissions that may wait for the disk at once, and so many commands about what was accepted besides.
pub const SUBMISSIONS_MAX: usize = 20_000;
/// Requests for something with a computed id that nobody knows, which may ask its owner at once whether it is on its way.
pub const LOOKS_MAX: usize = 20_000;
/// Calls that may be held open at once, whatever they wait for, and those who attached with them.
pub const CALLS_MAX: usize = 100_000;

/// How long a submission that finds no room waits before it looks once more and is refused. A refusal takes some 50 us of a
/// processor: clients who come again at once would leave little to those who do what was accepted.
pub const ROOM_PAUSE: Duration = Duration::from_secs(1);
/// Submissions that wait so at once. Further ones are refused at once: what a connection has read of their bodies is in
/// memory and not counted.
pub const ROOM_PAUSES_MAX: usize = 4_096;

/// Journals that are read at once for people who look at them, or whose view their clients have not taken yet. Further ones
/// wait.
pub const JOURNAL_LOOKS_MAX: usize = 8;
/// How long one of them waits before it is refused.
pub const JOURNAL_LOOK_WAIT: Duration = Duration::from_secs(10);
/// About the bytes of all journals that attempts have in memory to go through them, the smallest ones apart. Two of the
/// largest fit, as a service has half at most; attempts with more wait until others are through.
pub const JOURNALS_BYTES_MAX: u32 = 1_280 << 20;

/// Bytes of large stored answers that are read for clients and that these have not taken yet.
pub const ANSWERS_BYTES_MAX: usize = 256 << 20;
/// An answer up to this size is small, and not counted: it is about what a connection takes.
pub const SMALL_ANSWER_BYTES: usize = 64 << 10;
/// Answers above this may take half of that room, so that a few that are huge, or are read slowly, do not keep others out.
pub const LARGE_ANSWER_BYTES: usize = 1 << 20;

/// A body up to this size is small. Large ones may take half of the room, so that a few that are huge or slow do not
/// keep the usual call out.
const SMALL_BODY_BYTES: usize = 64 << 10;

/// How much may wait before new requests are told to come back later.
#[derive(Clone, Copy, Debug)]
pub struct LoadLimits {
    /// Invocations of one service that were accepted, or woken, and have not been given to their guest yet.
    pub waiting_max: usize,
    /// Invocations that wait for the key of one object.
    pub key_queue_max: u64,
    /// Bodies of requests, from their first byte until the driver has taken them; as much again for those about what was
    /// accepted: awakeables, signals, states.
    pub bodies_bytes_max: usize,
}

impl Default for LoadLimits {
    fn default() -> Self {
        Self { waiting_max: 10_000, key_queue_max: 100_000, bodies_bytes_max: 256 << 20 }
    }
}

/// Which limit a request met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Overload {
    #[error("more invocations of this service wait for their start than may (ingress.waiting_max)")]
    Waiting,
    #[error("more invocations wait for this key than may (ingress.key_queue_max)")]
    KeyQueue,
    #[error("the bodies of open requests take all the memory they may (ingress.bodies_max)")]
    Bodies,
    #[error("{SUBMISSIONS_MAX} requests wait for the disk (SUBMISSIONS_MAX)")]
    Submissions,
    #[error("{CALLS_MAX} calls and attaches wait for an answer (CALLS_MAX)")]
    Calls,
    #[error("the answers that clients read take all the memory they may (ANSWERS_BYTES_MAX)")]
    Answers,
    #[error("{LOOKS_MAX} requests ask for invocations that are not there, or on their way (LOOKS_MAX)")]
    Looks,
    #[error("{JOURNAL_LOOKS_MAX} journals are looked at, and slowly (JOURNAL_LOOKS_MAX)")]
    JournalLooks,
}

impl Overload {
    /// All of them, in the order of [`Overload::index`].
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::KeyQueue,
        Self::Bodies,
        Self::Submissions,
        Self::Calls,
        Self::Answers,
        Self::Looks,
        Self::JournalLooks,
    ];

    /// Returns the limit's name, as metrics and answers have it.
    #[must_use]
    pub fn limit(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::KeyQueue => "key_queue",
            Self::Bodies => "bodies",
            Self::Submissions => "submissions",
            Self::Calls => "calls",
            Self::Answers => "answers",
            Self::Looks => "looks",
            Self::JournalLooks => "journal_looks",
        }
    }

    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// Returns what whoever is refused can do.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::Waiting | Self::Submissions => {
                "nothing of this request was stored; send it again after the time in retry-after"
            }
            Self::KeyQueue => {
                "one handler at a time runs per key; spread the calls over more keys, or send them again later"
            }
            Self::Bodies => "send it again after the time in retry-after, or a smaller body",
            Self::Calls => "send it instead of calling it, and ask for its output later instead of attaching",
            Self::Answers | Self::Looks | Self::JournalLooks => {
                "ask for it again after the time in retry-after"
            }
        }
    }
}

/// The load of one server. Everybody counts with relaxed additions; a lock is taken for full keys alone.
pub struct Load {
    limits: LoadLimits,
    refused: RefusedMetrics,
    /// Submissions of the outside that no driver has taken yet.
    submitted: AtomicI64,
    /// Their bodies, and those that are being read.
    bodies: AtomicI64,
    /// Bodies of requests about what was accepted: neither keeps the other out.
    bodies_beside: AtomicI64,
    full_keys_count: AtomicUsize,
    full_keys: Mutex<HashSet<ObjectKey>>,
}

impl Load {
    #[must_use]
    pub fn new(limits: LoadLimits, refused: RefusedMetrics) -> Arc<Self> {
        Arc::new(Self {
            limits,
            refused,
            submitted: AtomicI64::new(0),
            bodies: AtomicI64::new(0),
            bodies_beside: AtomicI64::new(0),
            full_keys_count: AtomicUsize::new(0),
            full_keys: Mutex::default(),
        })
    }

    /// Counts a refusal.
    #[must_use]
    pub fn refuse(&self, overload: Overload) -> Overload {
        self.refused.of(overload).inc();
        overload
    }

    /// Says whether one more may come for a service. Only its own attempts that wait for their start count, so that
    /// a busy one keeps no other one's callers out; they are looked up when there are many of all services.
    pub(super) fn has_room(&self, attempts_waiting: usize, of_service: impl FnOnce() -> usize) -> bool {
        let (waiting_max, submitted) = (self.limits.waiting_max, self.submitted());
        submitted + attempts_waiting < waiting_max || submitted + of_service() < waiting_max
    }

    /// As [`Self::is_key_full`], and counts a refusal.
    pub(super) fn check_key(&self, key: impl FnOnce() -> Option<ObjectKey>) -> Result<(), Overload> {
        if self.is_key_full(key) { Err(self.refuse(Overload::KeyQueue)) } else { Ok(()) }
    }

    /// Says whether no more may queue for a key. As long as no key is full, that is one look at a number.
    pub(super) fn is_key_full(&self, key: impl FnOnce() -> Option<ObjectKey>) -> bool {
        self.full_keys_count.load(Ordering::Relaxed) > 0
            && key().is_some_and(|key| self.full_keys.lock().contains(&key))
    }

    /// Returns how many submissions of the outside no driver has taken.
    #[must_use]
    pub fn submitted(&self) -> usize {
        usize::try_from(self.submitted.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Returns the bytes of bodies that are read or wait for a driver.
    #[must_use]
    pub fn bodies_bytes(&self) -> usize {
        let bytes = [&self.bodies, &self.bodies_beside].map(|count| count.load(Ordering::Relaxed));
        usize::try_from(bytes.iter().sum::<i64>()).unwrap_or(0)
    }

    /// A submission of the outside goes to its driver.
    pub(super) fn enters(&self, body_bytes: usize) {
        self.submitted.fetch_add(1, Ordering::Relaxed);
        self.bodies.fetch_add(signed(body_bytes), Ordering::Relaxed);
    }

    /// The driver has taken it.
    pub(super) fn taken(&self, body_bytes: usize) {
        self.submitted.fetch_sub(1, Ordering::Relaxed);
        self.bodies.fetch_sub(signed(body_bytes), Ordering::Relaxed);
    }

    /// The queue of a key is this now; None: it is gone.
    pub(super) fn queue_is(&self, key: &ObjectKey, queue: Option<&KeyQueueRow>) {
        let is_full = queue.is_some_and(|queue| queue.waiting() >= self.limits.key_queue_max);
        if !is_full && self.full_keys_count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut full_keys = self.full_keys.lock();
        match is_full {
            true => _ = full_keys.insert(key.clone()),
            false => _ = full_keys.remove(key),
        }
        self.full_keys_count.store(full_keys.len(), Ordering::Relaxed);
    }
}

/// The room that the body of a request takes while it is read, and until it is stored where it goes with its command.
pub struct Room {
    load: Arc<Load>,
    bytes: usize,
    is_beside: bool,
}

impl Room {
    #[must_use]
    pub fn new(load: Arc<Load>) -> Self {
        Self { load, bytes: 0, is_beside: false }
    }

    /// Returns a room of its own kind, as large as the other: for what is not refused because of new work.
    #[must_use]
    pub fn beside(load: Arc<Load>) -> Self {
        Self { load, bytes: 0, is_beside: true }
    }

    /// Takes more room. The only body there is may always grow, so that none is too large for an idle server.
    ///
    /// # Errors
    /// There is no room.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Overload> {
        let all = usize::try_from(self.count().load(Ordering::Relaxed)).unwrap_or(0);
        let (room, others) = (self.load.limits.bodies_bytes_max, all.saturating_sub(self.bytes));
        let own = self.bytes + bytes;
        let share = if own > SMALL_BODY_BYTES { room / 2 } else { room };
        if others > 0 && others + own > share {
            return Err(self.load.refuse(Overload::Bodies));
        }
        self.count().fetch_add(signed(bytes), Ordering::Relaxed);
        self.bytes += bytes;
        Ok(())
    }

    fn count(&self) -> &AtomicI64 {
        if self.is_beside { &self.load.bodies_beside } else { &self.load.bodies }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.count().fetch_sub(signed(self.bytes), Ordering::Relaxed);
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).expect("no body is that large")
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::ids::InvocationId;
    use prometheus_client::registry::Registry;

    fn load(limits: LoadLimits) -> Arc<Load> {
        Load::new(limits, RefusedMetrics::new(&mut Registry::default()))
    }

    #[test]
    fn there_is_room_until_as_many_of_a_service_wait_as_may() {
        let load = load(LoadLimits { waiting_max: 2, ..LoadLimits::default() });
        let has_room = |waiting, of_service| load.has_room(waiting, || of_service);
        assert!(has_room(1, 1));
        load.enters(10);
        assert!(has_room(0, 0));
        assert!(!has_room(1, 1));
        assert!(has_room(9, 0), "others wait, not those of this service");
        load.taken(10);
        assert_eq!((has_room(1, 1), load.bodies_bytes()), (true, 0));
    }

    #[test]
    fn a_key_is_full_as_long_as_its_queue_is() {
        let load = load(LoadLimits { key_queue_max: 3, ..LoadLimits::default() });
        let key = |key: &str| ObjectKey { service: "Counter".into(), key: key.into() };
        let queue = |head, tail| KeyQueueRow {
            holder: InvocationId { unique: 1, partition_key: 2 },
            head,
            tail,
            gone: 0,
        };
        let check = |name: &str| load.check_key(|| Some(key(name)));
        load.queue_is(&key("a"), Some(&queue(0, 2)));
        assert_eq!(check("a"), Ok(()));
        load.queue_is(&key("a"), Some(&queue(4, 7)));
        assert_eq!((check("a"), check("b")), (Err(Overload::KeyQueue), Ok(())));
        load.queue_is(&key("b"), Some(&queue(0, 1)));
        assert_eq!(check("a"), Err(Overload::KeyQueue));
        load.queue_is(&key("a"), Some(&queue(5, 7)));
        assert_eq!(check("a"), Ok(()));
        load.queue_is(&key("a"), Some(&queue(5, 8)));
        load.queue_is(&key("a"), None);
        assert_eq!((check("a"), load.full_keys_count.load(Ordering::Relaxed)), (Ok(()), 0));
        assert_eq!(load.refused.of(Overload::KeyQueue).get(), 2);
    }

    #[test]
    fn bodies_share_their_room_and_give_it_back() {
        const SMALL: usize = SMALL_BODY_BYTES;
        let load = load(LoadLimits { bodies_bytes_max: 4 * SMALL, ..LoadLimits::default() });
        let [mut first, mut second, mut third] = [(); 3].map(|()| Room::new(load.clone()));
        assert_eq!(first.grow(SMALL + 1), Ok(()));
        assert_eq!((second.grow(SMALL), second.grow(1)), (Ok(()), Err(Overload::Bodies)));
        assert_eq!((third.grow(SMALL), first.grow(1)), (Ok(()), Err(Overload::Bodies)));
        drop((second, third));
        assert_eq!((first.grow(9 * SMALL), load.bodies_bytes()), (Ok(()), 10 * SMALL + 1));
        assert_eq!(Room::new(load.clone()).grow(1), Err(Overload::Bodies));
        // The others take all of their room, and none of this.
        let [mut beside, mut other] = [(); 2].map(|()| Room::beside(load.clone()));
        assert_eq!((beside.grow(4 * SMALL), load.bodies_bytes()), (Ok(()), 14 * SMALL + 1));
        assert_eq!(other.grow(1), Err(Overload::Bodies));
        drop((first, beside));
        assert_eq!(other.grow(1), Ok(()));
        drop(other);
        assert_eq!(load.bodies_bytes(), 0);
    }
}
