//! Loading the journal that an attempt begins on, without keeping the threads that everybody needs.
//!
//! Most journals are small, and read where the attempt begins: where drivers, timers and connections run. One of hundreds
//! of megabytes would keep all of these waiting for as long as the disk takes, so it is read on a thread of its own. What
//! all attempts together have of journals is bounded: see [`super::journal_room`].

use super::journal::{JournalReader, LoadedJournal};
use super::journal_room::{JournalRoom, JournalRooms, bytes_in_memory};
use super::lines::Lines;
use super::load::JOURNALS_BYTES_MAX;
use super::txn::TxnError;
use abide_core::effect::AttemptStart;
use abide_core::rows::RowKey;
use abide_store::{Peeked, View, codec, keys};
use std::panic::resume_unwind;
use std::sync::Arc;

/// A journal, or an input, of more bytes is read on a thread of its own.
const LARGE_BYTES: u64 = 1 << 20;
/// Large ones that are read at once: the disk and the processors are there for others as well.
const LARGE_AT_ONCE: usize = 2;

/// Loads journals for attempts.
pub struct Loading {
    journals: JournalReader,
    large: Arc<Lines>,
    rooms: JournalRooms,
}

/// A journal, and the room that it takes in memory, if it is counted.
pub struct JournalInRoom {
    pub journal: LoadedJournal,
    pub room: Option<JournalRoom>,
}

impl Loading {
    #[must_use]
    pub fn new(journals: JournalReader) -> Self {
        Self { journals, large: Lines::new(LARGE_AT_ONCE, 1), rooms: JournalRooms::new(JOURNALS_BYTES_MAX) }
    }

    /// As [`JournalReader::load`]; waits for room for the journal, and for a large one elsewhere.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn load(&self, start: &mut AttemptStart) -> Result<Option<JournalInRoom>, TxnError> {
        let is_large = self.journals.is_large(start)?;
        let room = self.rooms.room(&start.target.service, bytes_in_memory(start)).await;
        if is_large {
            return self.load_apart(start, room).await;
        }
        let journal = self.journals.load(start)?;
        Ok(journal.map(|journal| JournalInRoom { journal, room }))
    }

    /// Returns how many attempts wait for a large journal, or have it read, or wait for room.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.large.standing() + self.rooms.waiting()
    }

    /// Returns how many attempts wait for a large journal, or have it read. Who waits for room is not among them: that may
    /// take as long as guests compute, and keeps neither disk nor threads busy.
    #[must_use]
    pub fn waiting_to_read(&self) -> usize {
        self.large.standing()
    }

    /// Returns how many attempts of a service wait for a large journal, or have it read, or wait for room.
    #[must_use]
    pub fn waiting_of(&self, service: &str) -> usize {
        self.large.standing_of(service) + self.rooms.waiting_of(service)
    }

    async fn load_apart(
        &self,
        start: &mut AttemptStart,
        room: Option<JournalRoom>,
    ) -> Result<Option<JournalInRoom>, TxnError> {
        let place = self.large.place(&start.target.service).await;
        let (journals, mut of) = (self.journals.clone(), start.clone());
        start.input = None;
        let reads = tokio::task::spawn_blocking(move || {
            // It reads on when nobody waits for it any more, so the place is given back here, and the room not before.
            let _place = place;
            let journal = journals.load(&mut of);
            journal.map(|journal| journal.map(|journal| JournalInRoom { journal, room }))
        });
        match reads.await {
            Ok(journal) => journal,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The server stops; nobody hears of it.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

impl JournalReader {
    /// Says whether it takes long to read what an attempt starts from. A small input is read thereby.
    fn is_large(&self, start: &mut AttemptStart) -> Result<bool, TxnError> {
        if start.journal_bytes > LARGE_BYTES {
            return Ok(true);
        }
        if start.input.is_some() {
            return Ok(false);
        }
        let id = start.invocation;
        let key = keys::encode(id.partition(self.partitions), &RowKey::Input(id));
        match self.store.peek(View::Latest, &key)? {
            Peeked::Absent => Ok(false),
            Peeked::Value(value) => {
                start.input = Some(codec::decode(&key, &value)?);
                Ok(false)
            }
            Peeked::Apart { bytes } => Ok(bytes > LARGE_BYTES),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::entry::{Entry, EntryRow};
    use abide_core::ids::{DeploymentId, InvocationId};
    use abide_core::invocation::InputRow;
    use abide_core::manifest::{HandlerMode, ServiceKind};
    use abide_core::rows::Row;
    use abide_core::target::Target;
    use abide_core::time::Timestamp;
    use abide_store::memory::watched::{Asked, Watched};
    use abide_store::{Batch, MemoryStore, Op, Store};
    use bytes::Bytes;
    use parking_lot::Mutex;
    use std::pin::pin;
    use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
    use std::task::{Context, Waker};
    use std::time::Duration;

    const ID: InvocationId = InvocationId { unique: 1, partition_key: 0 };

    /// Returns a store whose scans wait until somebody else has gone on, and whose inputs are said to be so large.
    fn slow(others: Receiver<()>, input_bytes: u64) -> Watched {
        let others = Mutex::new(others);
        let watcher = move |asked: Asked| {
            if asked == Asked::Scan {
                let gone_on = others.lock().recv_timeout(Duration::from_secs(5));
                assert_ne!(gone_on, Err(RecvTimeoutError::Timeout), "others wait for this read");
            }
        };
        Watched::new(stored(), watcher).apart(input_bytes)
    }

    fn start(journal_bytes: u64) -> AttemptStart {
        AttemptStart {
            invocation: ID,
            attempt: 2,
            birth: 0,
            seed: ID,
            entries_kept: 0,
            deployment: DeploymentId::from_digest(1),
            target: Target { service: "S".into(), key: None, handler: "h".into() },
            kind: ServiceKind::Service,
            mode: HandlerMode::Shared,
            begun_at: Timestamp(0),
            entries_len: 1,
            outcomes_len: 0,
            journal_bytes,
            held: Vec::new(),
            input: None,
        }
    }

    /// Stores an input and one entry.
    fn stored() -> MemoryStore {
        let put = |key: RowKey, row: Row| Op::Put {
            key: keys::encode(ID.partition(1), &key),
            value: codec::encode_row(&row),
        };
        let entry = Entry::Sleep { duration_ms: 5, name: None };
        let entry = EntryRow { at: Timestamp(1), outcomes_before: 0, entry };
        let input = InputRow { headers: Vec::new(), body: Bytes::from_static(b"in") };
        let ops =
            vec![put(RowKey::Input(ID), Row::Input(input)), put(RowKey::Entry(ID, 0), Row::Entry(entry))];
        let store = MemoryStore::new();
        let fence = store.acquire(0).unwrap();
        store.commit(Batch { fence, ops }).unwrap();
        store
    }

    /// All of it is on one thread.
    #[tokio::test]
    async fn while_a_large_journal_or_input_is_read_others_go_on() {
        for (journal_bytes, input_bytes) in [(LARGE_BYTES + 1, 0), (0, LARGE_BYTES + 1)] {
            let (going_on, others) = channel();
            let store = slow(others, input_bytes);
            let loading = Loading::new(JournalReader::new(Arc::new(store), 1));
            let timer = tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                drop(going_on);
            });
            let loaded = loading.load(&mut start(journal_bytes)).await.unwrap().unwrap();
            timer.await.unwrap();
            let JournalInRoom { journal, room } = loaded;
            assert_eq!(room.is_some(), journal_bytes > 0);
            assert_eq!((journal.entries.len(), &journal.input.body[..]), (1, &b"in"[..]));
        }
    }

    #[tokio::test]
    async fn of_one_service_one_journal_is_read_at_a_time_and_others_count_as_waiting() {
        // Nobody has to go on before a scan does.
        let (_, others) = channel();
        let store = slow(others, 0);
        let loading = Loading::new(JournalReader::new(Arc::new(store), 1));
        let reads = loading.large.place("S").await;
        let mut second = start(LARGE_BYTES + 1);
        let mut waits = pin!(loading.load(&mut second));
        assert!(waits.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let mut of_other = start(LARGE_BYTES + 1);
        of_other.target.service = "T".into();
        assert!(loading.load(&mut of_other).await.unwrap().is_some());
        assert_eq!((loading.waiting(), loading.waiting_of("S"), loading.waiting_of("T")), (2, 2, 0));
        drop(reads);
        assert!(waits.await.unwrap().is_some());
        assert_eq!(loading.waiting(), 0);
    }

    #[tokio::test]
    async fn a_journal_is_not_read_before_there_is_room_for_it() {
        let (_, others) = channel();
        let store = slow(others, 0);
        let loading = Loading::new(JournalReader::new(Arc::new(store), 1));
        let half = |service: &str| {
            let mut start = start(u64::from(JOURNALS_BYTES_MAX));
            start.target.service = service.into();
            start
        };
        let first = loading.load(&mut half("S")).await.unwrap().unwrap();
        let _other = loading.load(&mut half("U")).await.unwrap().unwrap();
        let mut second = half("T");
        let mut waits = pin!(loading.load(&mut second));
        assert!(waits.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!((loading.waiting(), loading.waiting_of("T"), loading.waiting_to_read()), (1, 1, 0));
        assert!(loading.load(&mut start(0)).await.unwrap().is_some(), "a small one does not wait");
        drop(first);
        assert!(waits.await.unwrap().is_some());
    }

    #[tokio::test]
    async fn very_many_small_entries_and_outcomes_take_room() {
        let (_, others) = channel();
        let loading = Loading::new(JournalReader::new(Arc::new(slow(others, 0)), 1));
        let mut many = [
            (AttemptStart { entries_len: 100, ..start(0) }, false),
            (AttemptStart { entries_len: 1_000, ..start(0) }, true),
            (AttemptStart { outcomes_len: 1_000, ..start(0) }, true),
        ];
        for (start, takes_room) in &mut many {
            let loaded = loading.load(start).await.unwrap().unwrap();
            assert_eq!(loaded.room.is_some(), *takes_room);
        }
    }
}
