//! The inboxes of the drivers, and how far behind these and the store are.

use super::aside::Aside;
use abide_core::command::Command;
use abide_core::ids::{InvocationId, PartitionId};
use abide_store::Store;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// Work that the drivers have not done, all together, before they are behind. A command is one piece of work, and
/// so is each entry of a journal in it: all of it takes some milliseconds.
const BEHIND_AT: usize = 16;
/// Work that the driver of one partition has not done, before guests that make more of it have to wait: two messages full
/// of entries, so that there is always one to work at.
const FAR_BEHIND_AT: usize = 256;
/// Bytes that the store has not brought to where they stay, before the same guests have to wait: those of others come behind
/// them, and the processors that bring them there are those of all.
const BACKLOG_BYTES_MAX: u64 = 2 << 20;
/// Between two looks whether they have caught up with a guest.
const CATCH_UP: Duration = Duration::from_millis(1);
/// So many bytes of entries are one more piece of work.
const BYTES_OF_A_PIECE: usize = 16 << 10;

/// Where commands for each partition go. Cheap to clone.
#[derive(Clone)]
pub struct Inboxes {
    partitions: Arc<[Line]>,
    aside: Arc<Aside>,
    store: Arc<dyn Store>,
}

struct Line {
    sender: mpsc::UnboundedSender<Command>,
    /// What was sent and is not applied yet.
    open: AtomicUsize,
    /// Something was applied.
    applied: Notify,
}

impl Line {
    fn count(&self, command: &Command) {
        self.open.fetch_add(work(command), Ordering::SeqCst);
    }

    fn hand_over(&self, command: Command) {
        // A driver is gone only when the server stops; what it did not take is in the journal.
        let _ = self.sender.send(command);
    }
}

/// Returns how much work a command is.
pub(super) fn work(command: &Command) -> usize {
    match command {
        Command::Append(append) => {
            let bytes = usize::try_from(append.journal_bytes()).unwrap_or(usize::MAX);
            1 + append.entries.len() + append.finished.len() + bytes / BYTES_OF_A_PIECE
        }
        _ => 1,
    }
}

impl Inboxes {
    /// Must be called within the runtime that is to write large values to the store.
    pub fn new(
        senders: impl IntoIterator<Item = mpsc::UnboundedSender<Command>>,
        store: Arc<dyn Store>,
    ) -> Self {
        let line = |sender| Line { sender, open: AtomicUsize::new(0), applied: Notify::new() };
        let partitions = senders.into_iter().map(line).collect();
        Self { partitions, aside: Arc::new(Aside::new(store.clone())), store }
    }

    /// Returns those of a store that is never asked for anything.
    #[cfg(test)]
    pub fn alone(senders: impl IntoIterator<Item = mpsc::UnboundedSender<Command>>) -> Self {
        Self::new(senders, Arc::new(abide_store::MemoryStore::new()))
    }

    /// Returns how many partitions there are.
    #[must_use]
    pub fn partitions(&self) -> u16 {
        u16::try_from(self.partitions.len()).expect("the number of partitions is a u16")
    }

    /// Hands a command to the partition that owns the invocation, in order, once its large values are on the disk.
    pub fn send(&self, invocation: InvocationId, command: Command) {
        let partition = invocation.partition(self.partitions());
        if let Some(command) = self.unless_aside(invocation, command) {
            self.send_to(partition, command);
        }
    }

    /// Says whether the drivers have so much to do that it is better not to ask more of them.
    #[must_use]
    pub fn are_behind(&self) -> bool {
        let open = |line: &Line| line.open.load(Ordering::SeqCst);
        self.partitions.iter().map(open).sum::<usize>() >= BEHIND_AT
    }

    /// Waits until a guest may ask for more than it does already.
    pub async fn catch_up(&self, invocation: InvocationId) {
        let line = self.line(invocation.partition(self.partitions()));
        while self.is_far_behind(invocation) {
            // The store does not say when it has done something.
            let _ = tokio::time::timeout(CATCH_UP, line.applied.notified()).await;
        }
    }

    /// Says whether the driver of this invocation, or the store, has so much to do that its guest should wait.
    #[must_use]
    pub fn is_far_behind(&self, invocation: InvocationId) -> bool {
        let partition = invocation.partition(self.partitions());
        self.line(partition).open.load(Ordering::Relaxed) >= FAR_BEHIND_AT
            || self.aside.has(invocation)
            || self.store.backlog_bytes() > BACKLOG_BYTES_MAX
    }

    fn line(&self, partition: PartitionId) -> &Line {
        &self.partitions[usize::from(partition.0)]
    }

    /// Hands a command to a partition at once.
    pub(super) fn send_to(&self, partition: PartitionId, command: Command) {
        let line = self.line(partition);
        line.count(&command);
        line.hand_over(command);
    }

    /// Counts a command that is handed over later: its driver has so much more to do.
    pub(super) fn count(&self, invocation: InvocationId, command: &Command) {
        self.line(invocation.partition(self.partitions())).count(command);
    }

    /// Hands over a command that is counted already, as [`Self::send`] does.
    pub(super) fn hand_over(&self, invocation: InvocationId, command: Command) {
        let (partition, work) = (invocation.partition(self.partitions()), work(&command));
        match self.unless_aside(invocation, command) {
            Some(command) => self.line(partition).hand_over(command),
            None => self.applied(partition, work),
        }
    }

    /// Returns the command, or nothing when it comes later: it is no work of its driver before that.
    fn unless_aside(&self, invocation: InvocationId, mut command: Command) -> Option<Command> {
        if self.aside.is_not_for(&mut command) {
            return Some(command);
        }
        let (inboxes, partition) = (self.clone(), invocation.partition(self.partitions()));
        self.aside.take(invocation, command, move |command| inboxes.send_to(partition, command))
    }

    /// Returns of how many invocations commands wait for their values to be written.
    pub(super) fn aside(&self) -> usize {
        self.aside.open()
    }

    /// The driver of this partition has done so much.
    pub(super) fn applied(&self, partition: PartitionId, work: usize) {
        let line = self.line(partition);
        line.open.fetch_sub(work, Ordering::SeqCst);
        line.applied.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::command::{Append, Ask};
    use abide_core::entry::Entry;
    use std::pin::pin;
    use std::task::{Context, Waker};

    const ID: InvocationId = InvocationId { unique: 1, partition_key: 0 };

    fn append(entries: usize, name_bytes: usize) -> Command {
        let entry = Entry::Run { name: "x".repeat(name_bytes), retry: None };
        let ask = Ask { entry, outcomes_before: 0, read: None };
        Command::Append(Append {
            invocation: ID,
            attempt: 1,
            object: None,
            run: None,
            first_op: 0,
            entries: vec![ask; entries],
            finished: Vec::new(),
            failed: Vec::new(),
            jitter: 0,
        })
    }

    #[tokio::test]
    async fn a_driver_is_behind_by_entries_and_bytes_until_it_has_done_them() {
        let (senders, _receivers): (Vec<_>, Vec<_>) = (0..2).map(|_| mpsc::unbounded_channel()).unzip();
        let inboxes = Inboxes::alone(senders);
        inboxes.send(ID, append(BEHIND_AT - 2, 1));
        assert!(!inboxes.are_behind());
        inboxes.send(ID, append(0, 0));
        assert!(inboxes.are_behind() && !inboxes.is_far_behind(ID));
        let large = append(1, FAR_BEHIND_AT * BYTES_OF_A_PIECE);
        let done = work(&large);
        inboxes.send(ID, large);
        assert!(inboxes.is_far_behind(ID));
        assert!(
            !inboxes.is_far_behind(InvocationId { partition_key: u64::MAX, ..ID }),
            "only its own driver counts"
        );
        inboxes.applied(ID.partition(2), done);
        assert!(!inboxes.is_far_behind(ID));
        inboxes.applied(ID.partition(2), BEHIND_AT);
        assert!(!inboxes.are_behind());
    }

    #[tokio::test]
    async fn a_guest_goes_on_as_soon_as_its_driver_has_caught_up() {
        let (sender, _receiver) = mpsc::unbounded_channel();
        let inboxes = Inboxes::alone([sender]);
        inboxes.catch_up(ID).await;
        let half = || append(FAR_BEHIND_AT / 2, 1);
        inboxes.send(ID, half());
        inboxes.send(ID, half());
        let mut caught_up = pin!(inboxes.catch_up(ID));
        let mut looks = || caught_up.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(looks().is_pending(), "the driver has done nothing");
        inboxes.applied(ID.partition(1), work(&half()));
        assert!(looks().is_ready(), "it does not wait for its next look");
    }
}
