//! Commands with large values: these are set apart, on the disk, before a driver gets them.
//!
//! A driver commits without waiting for the disk, but all its batches, and those of others, become durable in one order: a
//! value of megabytes among them would hold up everybody. What follows of the same invocation waits behind such a command
//! and keeps its order.

use abide_core::command::Command;
use abide_core::ids::InvocationId;
use abide_core::limits::SET_APART_BYTES;
use abide_store::Store;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// Values up to this are set apart beside larger ones, and do not wait for them.
const MEDIUM_BYTES_MAX: usize = 1 << 20;
/// So many of each kind are written at once: more would not be faster, and each sync of the log would wait for all of them.
const AT_ONCE: usize = 1;

/// Bytes of values that wait here before no more invocations come: their commands go to their drivers as they are, who stand
/// still when the store has too much to write.
const BYTES_MAX: usize = 256 << 20;

pub(super) struct Aside {
    store: Arc<dyn Store>,
    runtime: Handle,
    medium: Semaphore,
    large: Semaphore,
    lanes: Mutex<Lanes>,
    /// How many of these there are: mostly none, which is known without the lock.
    open: AtomicUsize,
}

/// Where commands of one invocation wait for their turn, behind the one whose values are written.
type Lane = VecDeque<Command>;

#[derive(Default)]
struct Lanes {
    of: HashMap<InvocationId, Lane>,
    /// Of large values in all of them.
    bytes: usize,
}

impl Aside {
    /// Must be called within the runtime that is to write.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            runtime: Handle::current(),
            medium: Semaphore::new(AT_ONCE),
            large: Semaphore::new(AT_ONCE),
            lanes: Mutex::default(),
            open: AtomicUsize::new(0),
        }
    }

    /// Says, without waiting, that a command need not wait here; false: that is to be seen.
    pub fn is_not_for(&self, command: &mut Command) -> bool {
        self.open() == 0 && large_bytes(command) == 0
    }

    /// Takes the command if its values have to be written first, or those of an earlier one of the invocation: `hand_over`
    /// gets it then. Otherwise it comes back.
    pub fn take(
        self: &Arc<Self>,
        invocation: InvocationId,
        mut command: Command,
        hand_over: impl Fn(Command) + Send + 'static,
    ) -> Option<Command> {
        let bytes = large_bytes(&mut command);
        let mut lanes = self.lanes.lock();
        let is_full = lanes.bytes > 0 && lanes.bytes + bytes > BYTES_MAX;
        match lanes.of.get_mut(&invocation) {
            Some(lane) => lane.push_back(command),
            None if bytes == 0 || is_full => return Some(command),
            None => {
                lanes.of.insert(invocation, Lane::new());
                self.open.fetch_add(1, Ordering::SeqCst);
                self.runtime.spawn(self.clone().go_through(invocation, command, hand_over));
            }
        }
        lanes.bytes += bytes;
        None
    }

    /// Returns how many invocations have commands here.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Says whether commands of this one are here.
    pub fn has(&self, invocation: InvocationId) -> bool {
        self.open() > 0 && self.lanes.lock().of.contains_key(&invocation)
    }

    async fn go_through(
        self: Arc<Self>,
        invocation: InvocationId,
        first: Command,
        hand_over: impl Fn(Command) + Send + 'static,
    ) {
        let mut next = Some(first);
        while let Some(mut command) = next {
            self.set_apart(&mut command).await;
            let bytes = large_bytes(&mut command);
            hand_over(command);
            next = self.next(invocation, bytes);
        }
    }

    /// Returns what comes next of an invocation; its lane is gone when there is nothing.
    fn next(&self, invocation: InvocationId, bytes_done: usize) -> Option<Command> {
        let mut lanes = self.lanes.lock();
        lanes.bytes -= bytes_done;
        let next = lanes.of.get_mut(&invocation).and_then(Lane::pop_front);
        if next.is_none() {
            lanes.of.remove(&invocation);
            self.open.fetch_sub(1, Ordering::SeqCst);
        }
        next
    }

    /// Puts the large values of a command on the disk.
    async fn set_apart(&self, command: &mut Command) {
        let mut large = Vec::new();
        visit_large(command, |value| large.push(value.clone()));
        let mut written = VecDeque::with_capacity(large.len());
        for value in large {
            written.push_back(self.on_disk(value).await);
        }
        visit_large(command, |value| *value = written.pop_front().expect("each was written"));
    }

    /// One that could not be set apart is written with its batch, unless the store has failed for good, and says so to all.
    async fn on_disk(&self, value: Bytes) -> Bytes {
        let places = if value.len() > MEDIUM_BYTES_MAX { &self.large } else { &self.medium };
        let _place = places.acquire().await.expect("the places are never closed");
        let (store, written) = (self.store.clone(), value.clone());
        let set_apart = self.runtime.spawn_blocking(move || store.set_apart(written)).await;
        set_apart.ok().and_then(Result::ok).unwrap_or(value)
    }
}

fn visit_large(command: &mut Command, mut visit: impl FnMut(&mut Bytes)) {
    command.visit_values(&mut |value| {
        if value.len() > SET_APART_BYTES {
            visit(value);
        }
    });
}

fn large_bytes(command: &mut Command) -> usize {
    let mut bytes = 0;
    visit_large(command, |value| bytes += value.len());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::command::{End, Ended};
    use abide_store::MemoryStore;
    use abide_store::memory::watched::{Asked, Watched};
    use std::sync::mpsc::{Sender, channel};
    use tokio::sync::mpsc;

    const ID: InvocationId = InvocationId { unique: 1, partition_key: 0 };
    const OTHER: InvocationId = InvocationId { unique: 2, partition_key: 0 };

    fn ended(invocation: InvocationId, bytes: usize) -> Command {
        let end = End::Returned(vec![7; bytes].into());
        Command::Ended(Ended { invocation, attempt: 1, end, jitter: 0 })
    }

    /// A store that writes nothing before the sender is gone.
    fn held() -> (Sender<()>, Arc<Aside>) {
        let (write, may_write) = channel::<()>();
        let may_write = Mutex::new(may_write);
        let store = Watched::new(MemoryStore::new(), move |asked| {
            assert_eq!(asked, Asked::SetApart);
            let _ = may_write.lock().recv();
        });
        (write, Arc::new(Aside::new(Arc::new(store))))
    }

    async fn until_empty(aside: &Aside) {
        while aside.open() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(aside.lanes.lock().bytes, 0);
    }

    #[tokio::test]
    async fn what_follows_of_an_invocation_waits_until_its_large_value_is_written_and_others_do_not() {
        let (write, aside) = held();
        let (sender, mut inbox) = mpsc::unbounded_channel();
        let take = |of, bytes| {
            let sender = sender.clone();
            aside.take(of, ended(of, bytes), move |command| _ = sender.send(command))
        };
        assert!(aside.is_not_for(&mut ended(ID, SET_APART_BYTES)));
        assert!(!aside.is_not_for(&mut ended(ID, SET_APART_BYTES + 1)));
        assert_eq!(take(ID, SET_APART_BYTES), Some(ended(ID, SET_APART_BYTES)));
        assert_eq!(take(ID, SET_APART_BYTES + 1), None);
        assert!(!aside.is_not_for(&mut ended(ID, 1)));
        assert_eq!(take(ID, 1), None);
        assert_eq!(take(OTHER, 2), Some(ended(OTHER, 2)));
        assert_eq!((aside.has(ID), aside.has(OTHER)), (true, false));
        assert!(inbox.try_recv().is_err());
        drop(write);
        assert_eq!(inbox.recv().await, Some(ended(ID, SET_APART_BYTES + 1)));
        assert_eq!(inbox.recv().await, Some(ended(ID, 1)));
        until_empty(&aside).await;
        assert_eq!(take(ID, 3), Some(ended(ID, 3)));
    }

    #[tokio::test]
    async fn when_much_is_here_no_other_invocation_comes() {
        let (write, aside) = held();
        let take = |of, bytes| aside.take(of, ended(of, bytes), drop);
        assert_eq!(take(ID, BYTES_MAX + 1), None, "the first one may always");
        assert!(take(OTHER, SET_APART_BYTES + 1).is_some());
        assert_eq!(take(ID, SET_APART_BYTES + 1), None, "it keeps its order");
        drop(write);
        until_empty(&aside).await;
        assert_eq!(take(OTHER, SET_APART_BYTES + 1), None);
        until_empty(&aside).await;
    }
}
