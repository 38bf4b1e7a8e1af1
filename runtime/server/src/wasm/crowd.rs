//! Where attempts of a crowd run: very many that one service asks for.
//!
//! They begin on threads that stand far behind all others, and stay there, so what others need for a call is theirs. What
//! they tell the drivers comes some at a time: the threads that drivers run on go before these, and would take the
//! processor from them for each single command.

use super::threads::{Stand, Threads};
use crate::engine::{Gathering, Inboxes};
use abide_core::command::Command;
use abide_core::ids::InvocationId;
use std::io;
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Handle;

pub struct Crowd {
    threads: Threads,
    gathering: Arc<Gathering>,
}

impl Crowd {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system has no threads left.
    pub fn start(inboxes: Inboxes) -> io::Result<Self> {
        let gathering = Arc::new(Gathering::new(inboxes));
        let resting = gathering.clone();
        let threads = Threads::start("guest-crowd", Stand::Behind, move || resting.hand_over())?;
        Ok(Self { threads, gathering })
    }

    /// Polls the work to its end. Timers and sockets that it makes are of `home`. When this is dropped, the work is
    /// dropped as well, at its next yield.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static, home: Handle) {
        let gathering = self.gathering.clone();
        let mut work = Box::pin(work);
        self.threads.runtime().spawn(std::future::poll_fn(move |context| {
            gathering.hand_over_old(Instant::now());
            let _at_home = home.enter();
            work.as_mut().poll(context)
        }));
    }

    /// Takes a command of such work for the driver of the invocation.
    pub fn send(&self, invocation: InvocationId, command: Command) {
        self.gathering.send(invocation, command);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_core::command::{End, Ended};
    use std::time::Duration;
    use tokio::sync::{mpsc, oneshot};

    const ID: InvocationId = InvocationId { unique: 1, partition_key: 0 };

    fn crowd() -> (Arc<Crowd>, mpsc::UnboundedReceiver<Command>) {
        let (sender, inbox) = mpsc::unbounded_channel();
        (Arc::new(Crowd::start(Inboxes::alone([sender])).unwrap()), inbox)
    }

    fn is_of_crowd() -> bool {
        std::thread::current().name() == Some("guest-crowd")
    }

    #[tokio::test]
    async fn what_begins_there_stays_there_with_timers_of_here() {
        let (crowd, _inbox) = crowd();
        let (done, is_done) = oneshot::channel();
        let work = async {
            let begins = is_of_crowd();
            tokio::time::sleep(Duration::from_millis(1)).await;
            let elsewhere = tokio::spawn(async { is_of_crowd() }).await.unwrap();
            done.send((begins, is_of_crowd(), elsewhere)).unwrap();
        };
        crowd.spawn(work, Handle::current());
        assert_eq!(is_done.await, Ok((true, true, false)));
    }

    #[tokio::test]
    async fn what_it_tells_is_not_kept_back_when_it_rests_or_works_on() {
        for works_on in [false, true] {
            let (crowd, mut inbox) = crowd();
            let (_held, mut is_over) = oneshot::channel::<()>();
            let telling = crowd.clone();
            let work = async move {
                let ended = Ended { invocation: ID, attempt: 1, end: End::Lost, jitter: 0 };
                telling.send(ID, Command::Ended(ended));
                while works_on && is_over.try_recv() == Err(oneshot::error::TryRecvError::Empty) {
                    tokio::task::yield_now().await;
                }
            };
            crowd.spawn(work, Handle::current());
            assert!(inbox.recv().await.is_some(), "works on: {works_on}");
        }
    }
}
