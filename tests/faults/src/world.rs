//! What all clients of a server share.

use abide_e2e::rng::Rng;
use abide_e2e::{Client, Counter, Reply, Server};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Between two tries of one request.
const PAUSE: Duration = Duration::from_millis(25);
/// A request that is not accepted by then never will be.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one try may take.
const TRY_MAX: Duration = Duration::from_secs(10);
/// How long after it was told of a change of the clock the server may still see the old one.
const CLOCK_LAG: Duration = Duration::from_millis(500);

/// Where the server is, what was done to it, and where effects are counted.
pub struct World {
    pub counter: Counter,
    start: Instant,
    place: Mutex<[Client; 2]>,
    is_over: AtomicBool,
    /// How often the server ended without having been asked to.
    deaths: AtomicUsize,
    /// By how much its clock was ahead, from which moment on.
    clock: Mutex<Vec<(Instant, i64)>>,
    /// When the judgement is over.
    deadline: Mutex<Option<Instant>>,
    violations: Mutex<Vec<(&'static str, String)>>,
}

/// A moment, and how often the server had died by then.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub at: Instant,
    pub deaths: usize,
}

impl World {
    #[must_use]
    pub fn new(server: &Server) -> Self {
        let start = Instant::now();
        Self {
            counter: Counter::start(),
            start,
            place: Mutex::new([server.ingress(), server.admin()]),
            is_over: AtomicBool::new(false),
            deaths: AtomicUsize::new(0),
            clock: Mutex::new(vec![(start, 0)]),
            deadline: Mutex::default(),
            violations: Mutex::default(),
        }
    }

    /// Tells where the server is after a new start.
    pub fn moved(&self, server: &Server) {
        *lock(&self.place) = [server.ingress(), server.admin()];
    }

    pub fn died(&self) {
        self.deaths.fetch_add(1, Ordering::SeqCst);
    }

    #[must_use]
    pub fn deaths(&self) -> usize {
        self.deaths.load(Ordering::SeqCst)
    }

    #[must_use]
    pub fn ingress(&self) -> Client {
        lock(&self.place)[0]
    }

    #[must_use]
    pub fn admin(&self) -> Client {
        lock(&self.place)[1]
    }

    #[must_use]
    pub fn micros(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).expect("a run is short")
    }

    /// Tells by how much the server's clock is about to be ahead.
    pub fn clock_is(&self, ahead_ms: i64) {
        lock(&self.clock).push((Instant::now(), ahead_ms));
    }

    #[must_use]
    pub fn now(&self) -> Moment {
        Moment { at: Instant::now(), deaths: self.deaths() }
    }

    /// Returns the most time that can have gone by on the server's clock, from a moment between `from` and `to` on.
    #[must_use]
    pub fn most_between(&self, from: Instant, to: Instant, until: Instant) -> Duration {
        let clock = lock(&self.clock);
        // The server sees a change somewhat later than it is told here.
        let lowest = ahead(&clock, from.checked_sub(CLOCK_LAG).unwrap_or(from), to).min();
        let highest = ahead(&clock, from, until).max();
        let forward = highest.zip(lowest).map_or(0, |(highest, lowest)| (highest - lowest).max(0));
        until - from + Duration::from_millis(forward.unsigned_abs())
    }

    /// Lets everything that waits for an answer end at some time.
    pub fn wait_until(&self, deadline: Instant) {
        *lock(&self.deadline) = Some(deadline);
    }

    pub fn finish(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Notes that a kind of work saw what it must not see.
    pub fn complain(&self, work: &'static str, what: String) {
        lock(&self.violations).push((work, what));
    }

    /// Returns what a kind of work complained of.
    #[must_use]
    pub fn complaints(&self, work: &'static str) -> Vec<String> {
        let complaints = lock(&self.violations);
        complaints.iter().filter(|(of, _)| *of == work).map(|(_, what)| what.clone()).collect()
    }

    /// Posts once; None when there was no answer, or one that says that the server cannot now.
    #[must_use]
    pub fn try_post(&self, path: &str, input: &Value, key: Option<&str>) -> Option<Reply> {
        let mut request = self.ingress().request("POST", path).timeout(self.try_max());
        if !input.is_null() {
            request = request.json(&input.to_string());
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        request.try_send().ok().filter(is_told)
    }

    /// Posts, again and again if need be, with one idempotency key; None when that went on for too long.
    #[must_use]
    pub fn post(&self, path: &str, input: &Value, key: &str) -> Option<Reply> {
        self.until(|| self.try_post(path, input, Some(key)))
    }

    /// Asks once.
    #[must_use]
    pub fn try_get(&self, path: &str) -> Option<Reply> {
        self.ingress().request("GET", path).timeout(self.try_max()).try_send().ok().filter(is_told)
    }

    /// Asks the admin port once.
    ///
    /// # Errors
    /// There is no answer.
    pub fn ask_admin(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Reply, String> {
        let mut request = self.admin().request(method, path).timeout(self.try_max());
        if let Some(body) = body {
            request = request.json(&body.to_string());
        }
        request.try_send().map_err(|error| format!("no answer to {method} {path}: {error}"))
    }

    fn try_max(&self) -> Duration {
        let left = lock(&self.deadline).map(|end| end.saturating_duration_since(Instant::now()));
        left.map_or(TRY_MAX, |left| left.clamp(Duration::from_secs(1), TRY_MAX))
    }

    /// Tries at least once, and as long as there is hope.
    pub fn until<T>(&self, mut work: impl FnMut() -> Option<T>) -> Option<T> {
        let start = Instant::now();
        loop {
            if let Some(done) = work() {
                return Some(done);
            }
            let end = lock(&self.deadline).unwrap_or(start + PATIENCE);
            if Instant::now() >= end {
                return None;
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// Says whether an answer tells what came of a request: not that the server cannot now, nor that its disk gave nothing, by
/// which it stops.
fn is_told(reply: &Reply) -> bool {
    let is_by_disk = reply.status == 500 && reply.text().contains("planned for");
    ![429, 503].contains(&reply.status) && !is_by_disk
}

/// By how much a clock was ahead at any moment from `from` to `to`.
fn ahead(clock: &[(Instant, i64)], from: Instant, to: Instant) -> impl Iterator<Item = i64> {
    let ends = clock.iter().skip(1).map(|(at, _)| Some(*at)).chain([None]);
    clock
        .iter()
        .zip(ends)
        .filter(move |((begin, _), end)| *begin <= to && end.is_none_or(|end| end > from))
        .map(|((_, ahead_ms), _)| *ahead_ms)
}

/// Lets a client rest between two requests.
pub fn rest(rng: &mut Rng, most: Duration) {
    std::thread::sleep(rng.pause(most));
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::ahead;
    use std::time::{Duration, Instant};

    #[test]
    fn a_span_sees_every_clock_that_was_in_it() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let clock = [(at(0), 0), (at(10), 500), (at(20), -300)];
        let seen = |from, to| ahead(&clock, at(from), at(to)).collect::<Vec<_>>();
        assert_eq!(seen(1, 9), [0]);
        assert_eq!(seen(5, 10), [0, 500]);
        assert_eq!(seen(10, 12), [500]);
        assert_eq!(seen(3, 40), [0, 500, -300]);
        assert_eq!(seen(30, 40), [-300]);
    }
}
