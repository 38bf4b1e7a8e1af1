//! Commands of very many that nobody waits for, handed over some at a time.
//!
//! A driver that is woken for each of them spends more on waking up than on the command. They count as work of the
//! driver from the start, and keep their order.

use super::inboxes::Inboxes;
use abide_core::command::Command;
use abide_core::ids::InvocationId;
use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// Commands that are handed over without waiting for more.
const HELD_MAX: usize = 16;
/// How long one may be held, as long as somebody looks.
const HELD_FOR: Duration = Duration::from_millis(1);

pub struct Gathering {
    inboxes: Inboxes,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    commands: Vec<(InvocationId, Command)>,
    /// When the first of them came.
    since: Option<Instant>,
}

impl Gathering {
    #[must_use]
    pub fn new(inboxes: Inboxes) -> Self {
        Self { inboxes, held: Mutex::default() }
    }

    /// Takes a command for the partition that owns the invocation. Whoever calls this calls [`Self::hand_over`] when it
    /// has nothing more to do, and [`Self::hand_over_old`] every now and then until then.
    pub fn send(&self, invocation: InvocationId, command: Command) {
        self.inboxes.count(invocation, &command);
        let mut held = self.held.lock();
        held.commands.push((invocation, command));
        held.since.get_or_insert_with(Instant::now);
        if held.commands.len() >= HELD_MAX {
            self.release(&mut held);
        }
    }

    /// Hands over whatever is held.
    pub fn hand_over(&self) {
        self.release(&mut self.held.lock());
    }

    /// Hands over what is held if the first of it has been here for long.
    pub fn hand_over_old(&self, now: Instant) {
        let mut held = self.held.lock();
        if held.since.is_some_and(|since| now.saturating_duration_since(since) >= HELD_FOR) {
            self.release(&mut held);
        }
    }

    /// Under the lock: of two commands of one attempt, which may come from two threads, the first goes first.
    fn release(&self, held: &mut Held) {
        held.since = None;
        for (invocation, command) in held.commands.drain(..) {
            self.inboxes.hand_over(invocation, command);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::command::{End, Ended};
    use tokio::sync::mpsc;

    const ID: InvocationId = InvocationId { unique: 1, partition_key: 0 };

    fn ended(attempt: u32) -> Command {
        Command::Ended(Ended { invocation: ID, attempt, end: End::Lost, jitter: 0 })
    }

    fn taken(inbox: &mut mpsc::UnboundedReceiver<Command>) -> Vec<Command> {
        std::iter::from_fn(|| inbox.try_recv().ok()).collect()
    }

    #[tokio::test]
    async fn commands_come_together_in_order_and_count_at_once() {
        let (sender, mut inbox) = mpsc::unbounded_channel();
        let inboxes = Inboxes::alone([sender]);
        let gathering = Gathering::new(inboxes.clone());
        let (last, all) = (u32::try_from(HELD_MAX).unwrap(), (1..).map(ended));
        (1..last).for_each(|attempt| gathering.send(ID, ended(attempt)));
        assert_eq!(taken(&mut inbox), []);
        gathering.send(ID, ended(last));
        assert!(inboxes.are_behind());
        assert_eq!(taken(&mut inbox), all.take(HELD_MAX).collect::<Vec<_>>());
        gathering.send(ID, ended(last + 1));
        assert_eq!(taken(&mut inbox), []);
        gathering.hand_over();
        assert_eq!(taken(&mut inbox), [ended(last + 1)]);
    }

    #[tokio::test]
    async fn nobody_is_held_for_long() {
        let (sender, mut inbox) = mpsc::unbounded_channel();
        let gathering = Gathering::new(Inboxes::alone([sender]));
        let before = Instant::now();
        gathering.send(ID, ended(1));
        gathering.hand_over_old(before);
        assert_eq!(taken(&mut inbox), []);
        gathering.hand_over_old(Instant::now() + HELD_FOR);
        assert_eq!(taken(&mut inbox), [ended(1)]);
        gathering.hand_over_old(Instant::now() + HELD_FOR);
        assert_eq!(taken(&mut inbox), []);
    }
}
