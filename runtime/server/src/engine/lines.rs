//! Who is next where there are places for a few attempts only: services take turns, and each has so many places at most.
//!
//! A service has a line of its own for what it may have, and only who has that stands in the common line as well. Where it
//! has one place, who comes from another service is behind one of each, and not behind thousands of one.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Attempts that wait for places, or have some.
pub struct Lines {
    common: Arc<Semaphore>,
    of_service: usize,
    services: Mutex<HashMap<String, Line>>,
    /// All of them, for those who only want to know that.
    standing: AtomicUsize,
}

/// The line of one service. It is there while somebody stands in it.
struct Line {
    places: Arc<Semaphore>,
    standing: usize,
}

/// The places of one attempt, until this is dropped: the line, which may be forgotten then, comes last.
pub struct Places {
    _common: OwnedSemaphorePermit,
    _of_service: OwnedSemaphorePermit,
    _stands: Stands,
}

/// One that waits or has places.
struct Stands {
    lines: Arc<Lines>,
    service: String,
}

impl Lines {
    /// So many places for all, and so many for the attempts of one service.
    pub fn new(for_all: usize, of_service: usize) -> Arc<Self> {
        Arc::new(Self {
            common: Arc::new(Semaphore::new(for_all)),
            of_service,
            services: Mutex::default(),
            standing: AtomicUsize::new(0),
        })
    }

    /// Waits for a place.
    pub async fn place(self: &Arc<Self>, service: &str) -> Places {
        self.places(service, 1).await
    }

    /// Waits for so many places, no more than a service may have.
    pub async fn places(self: &Arc<Self>, service: &str, count: u32) -> Places {
        let (stands, places) = self.join(service);
        let of_service = take(places, count).await;
        let common = take(self.common.clone(), count).await;
        Places { _common: common, _of_service: of_service, _stands: stands }
    }

    fn join(self: &Arc<Self>, service: &str) -> (Stands, Arc<Semaphore>) {
        let mut services = self.services.lock();
        let line = services
            .entry(service.to_owned())
            .or_insert_with(|| Line { places: Arc::new(Semaphore::new(self.of_service)), standing: 0 });
        line.standing += 1;
        self.standing.fetch_add(1, Ordering::SeqCst);
        (Stands { lines: self.clone(), service: service.to_owned() }, line.places.clone())
    }

    /// Returns how many wait or have places.
    pub fn standing(&self) -> usize {
        self.standing.load(Ordering::SeqCst)
    }

    /// Returns how many of a service do.
    pub fn standing_of(&self, service: &str) -> usize {
        self.services.lock().get(service).map_or(0, |line| line.standing)
    }
}

async fn take(places: Arc<Semaphore>, count: u32) -> OwnedSemaphorePermit {
    places.acquire_many_owned(count).await.expect("nobody closes it")
}

impl Drop for Stands {
    fn drop(&mut self) {
        self.lines.standing.fetch_sub(1, Ordering::SeqCst);
        let mut services = self.lines.services.lock();
        let line = services.get_mut(&self.service).expect("a line is there while somebody stands in it");
        line.standing -= 1;
        if line.standing == 0 {
            services.remove(&self.service);
        }
    }
}

#[cfg(test)]
impl Lines {
    /// Returns how many places nobody has.
    pub fn left(&self) -> usize {
        self.common.available_permits()
    }

    /// Returns how many services somebody stands in line for.
    pub fn services(&self) -> usize {
        self.services.lock().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Waker};

    /// Begins reads of these services, so many of each, one after the other, and returns the services in the order in
    /// which they read. No read takes longer than others need to begin.
    async fn reads(lines: &Arc<Lines>, begun: &[(&'static str, usize)]) -> Vec<&'static str> {
        let read = Arc::new(Mutex::new(Vec::new()));
        let services = begun.iter().flat_map(|(service, count)| std::iter::repeat_n(*service, *count));
        let begin = |service: &'static str| {
            let (lines, read) = (lines.clone(), read.clone());
            tokio::spawn(async move {
                let _place = lines.place(service).await;
                read.lock().push(service);
                tokio::task::yield_now().await;
            })
        };
        let begun: Vec<_> = services.map(begin).collect();
        for one in begun {
            one.await.unwrap();
        }
        read.lock().clone()
    }

    #[tokio::test]
    async fn who_comes_last_is_behind_one_of_each_service() {
        let lines = Lines::new(2, 1);
        let read = reads(&lines, &[("Greedy", 10), ("Modest", 1)]).await;
        assert_eq!((read.len(), &read[..2]), (11, &["Greedy", "Modest"][..]));
        let read = reads(&lines, &[("Greedy", 10), ("Busy", 10), ("Modest", 1)]).await;
        assert_eq!((read.len(), &read[..3]), (21, &["Greedy", "Busy", "Modest"][..]));
    }

    #[tokio::test]
    async fn who_stands_in_line_is_counted_until_it_has_read_or_goes_away() {
        let lines = Lines::new(2, 1);
        let reads = lines.place("S").await;
        {
            let mut waits = pin!(lines.place("S"));
            assert!(waits.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            let _other = lines.place("T").await;
            assert_eq!((lines.standing(), lines.standing_of("S"), lines.standing_of("T")), (3, 2, 1));
        }
        assert_eq!((lines.standing(), lines.standing_of("S")), (1, 1));
        drop(reads);
        assert_eq!((lines.standing(), lines.services()), (0, 0));
    }
}
