//! The start of an attempt: it has a place until its guest first waits for something slow, or has been found to take long.
//!
//! Places keep those that start out of each other's way. A guest that takes long, whatever it does, is in the way of all
//! that wait for their start.

use super::background::Heavy;
use super::executor::Place;
use parking_lot::Mutex;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// What has not come to a wait by then is looked at. Few starts take a tenth of it.
const START_LONG: Duration = Duration::from_millis(50);

/// The place of an attempt among those that start. A default one has none.
#[derive(Clone, Default)]
pub struct Start(Arc<Mutex<Option<Place>>>);

impl Start {
    pub fn new(place: Place) -> Self {
        Self(Arc::new(Mutex::new(Some(place))))
    }

    /// Gives the place back.
    pub fn ends(&self) {
        let place = self.0.lock().take();
        // The next one starts on this thread's time, so not within the lock.
        drop(place);
    }

    /// Gives the place back if there is room among those that compute for long.
    pub fn takes_long(&self) {
        if let Some(place) = &mut *self.0.lock() {
            place.stand_aside();
        }
    }
}

/// What a start is found at that lasts long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Its guest waits, for the engine or for something that it blocks on, or for a large journal to be read.
    Waits,
    /// Its guest has computed for so long that it goes on in the background.
    Computes,
}

/// Polls an attempt to its end. Once it has lasted long, tells what it is found at, time and again.
pub async fn watch<T>(attempt: impl Future<Output = T>, heavy: Heavy, found: impl Fn(Found)) -> T {
    let mut attempt = pin!(attempt);
    let mut becomes_long = pin!(tokio::time::sleep(START_LONG));
    let mut is_long = false;
    std::future::poll_fn(move |context| {
        let ticks = heavy.ticks();
        let poll = attempt.as_mut().poll(context);
        if poll.is_pending() {
            is_long = is_long || becomes_long.as_mut().poll(context).is_ready();
            // A guest that computes stops for a tick. One that is held up because it told too much leaves its place as well.
            if is_long && ticks == heavy.ticks() {
                found(Found::Waits);
            } else if is_long && heavy.get() {
                found(Found::Computes);
            }
        }
        poll
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Instant;

    /// Returns what a start is found at first.
    async fn first_found(heavy: Heavy, attempt: impl Future<Output = ()>) -> Option<Found> {
        let (tell, told) = mpsc::channel();
        let watched = watch(attempt, heavy, |found| tell.send(found).unwrap());
        _ = tokio::time::timeout(4 * START_LONG, watched).await;
        told.try_recv().ok()
    }

    async fn computes(heavy: &Heavy) {
        heavy.tick();
        tokio::task::yield_now().await;
    }

    #[tokio::test]
    async fn a_guest_that_blocks_is_found() {
        let heavy = Heavy::default();
        let blocks = {
            let heavy = heavy.clone();
            async move {
                computes(&heavy).await;
                std::future::pending::<()>().await
            }
        };
        assert_eq!(first_found(heavy, blocks).await, Some(Found::Waits));
    }

    #[tokio::test]
    async fn a_guest_that_computes_is_found_when_it_is_heavy() {
        for is_heavy in [false, true] {
            let heavy = Heavy::default();
            let long = {
                let heavy = heavy.clone();
                async move {
                    heavy.set(is_heavy);
                    let begun = Instant::now();
                    while begun.elapsed() < 2 * START_LONG {
                        computes(&heavy).await;
                    }
                }
            };
            let expected = is_heavy.then_some(Found::Computes);
            assert_eq!(first_found(heavy, long).await, expected);
        }
    }

    #[tokio::test]
    async fn a_short_start_is_left_alone() {
        let waits = async { tokio::task::yield_now().await };
        assert_eq!(first_found(Heavy::default(), waits).await, None);
    }
}
