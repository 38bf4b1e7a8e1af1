//! Requests that are begun when they are due, whether earlier ones have been answered or not, over as many connections
//! as that takes.

use super::line::{Answer, Line};
use crate::latency::Latencies;
use crate::pace::Pace;
use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A request that this program was too slow to begin until then is not begun: made up for later, it would be a load
/// that nobody asked for.
const LATE_MAX: Duration = Duration::from_millis(50);
/// Requests that are begun before answers are looked at again.
const BEGUN_AT_ONCE: usize = 64;
/// A connection that was idle for longer is not used again: the server closes it sooner or later.
const IDLE_MAX: Duration = Duration::from_secs(10);
/// How long the last answers may take.
const ANSWERS_MAX: Duration = Duration::from_secs(60);

/// What became of the requests.
#[derive(Default)]
pub struct Told {
    /// Those that were begun.
    pub begun: u64,
    /// Not begun, as all connections that there may be were in use.
    pub unconnected: u64,
    /// Not begun, as this program was late.
    pub late: u64,
    pub accepted: Latencies,
    pub refused: Latencies,
    pub refused_429: u64,
    pub refused_503: u64,
    /// Of those that were refused.
    pub with_retry_after: u64,
    /// With another status.
    pub other: u64,
    /// Without an answer.
    pub lost: u64,
    pub connections_opened: u64,
    pub in_flight_most: usize,
}

#[derive(Default)]
struct State {
    /// With the time since when they are; the one that was used last is used next.
    idle: Vec<(Line, Instant)>,
    in_flight: usize,
    is_over: bool,
    told: Told,
}

pub struct Flood {
    ingress: SocketAddr,
    request: Bytes,
    in_flight_max: usize,
    state: Mutex<State>,
}

impl Flood {
    /// Returns one whose requests are all this one, head and body.
    pub fn new(ingress: SocketAddr, request: Bytes, in_flight_max: usize) -> Arc<Self> {
        Arc::new(Self { ingress, request, in_flight_max, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins requests at this pace until its end, and waits for none of them.
    pub async fn offer(self: &Arc<Self>, pace: Pace) {
        let mut nth = 0;
        while nth < pace.calls {
            let (now, due) = (Instant::now(), pace.due(nth));
            if now < due {
                tokio::time::sleep_until(due.into()).await;
                continue;
            }
            nth += 1;
            if now.saturating_duration_since(due) > LATE_MAX {
                self.state().told.late += 1;
                continue;
            }
            self.begin();
            if nth.is_multiple_of(BEGUN_AT_ONCE) {
                tokio::task::yield_now().await;
            }
        }
    }

    fn begin(self: &Arc<Self>) {
        let mut state = self.state();
        if state.in_flight >= self.in_flight_max {
            state.told.unconnected += 1;
            return;
        }
        state.in_flight += 1;
        state.told.begun += 1;
        state.told.in_flight_most = state.told.in_flight_most.max(state.in_flight);
        let line = state.take_idle();
        state.told.connections_opened += u64::from(line.is_none());
        drop(state);
        let flood = self.clone();
        tokio::spawn(async move {
            let begun = Instant::now();
            let asked = flood.ask(line).await;
            flood.note(asked.ok(), begun.elapsed());
        });
    }

    async fn ask(&self, line: Option<Line>) -> anyhow::Result<(Line, Answer)> {
        let mut line = match line {
            Some(line) => line,
            None => Line::open(self.ingress).await?,
        };
        let answer = line.ask(&self.request).await?;
        Ok((line, answer))
    }

    fn note(&self, answered: Option<(Line, Answer)>, took: Duration) {
        let mut state = self.state();
        state.in_flight -= 1;
        let Some((line, answer)) = answered else {
            state.told.lost += 1;
            return;
        };
        state.told.note(answer, took);
        if !answer.is_last && !state.is_over {
            state.idle.push((line, Instant::now()));
        }
    }

    fn in_flight(&self) -> usize {
        self.state().in_flight
    }

    /// Keeps no connection any more, so that a server which has no more places takes those that wait for one.
    fn close_idle(&self) {
        let mut state = self.state();
        state.is_over = true;
        state.idle.clear();
    }

    /// Waits for the last answers; those that do not come are lost.
    pub async fn finish(&self) -> Told {
        let since = Instant::now();
        self.close_idle();
        while self.in_flight() > 0 && since.elapsed() < ANSWERS_MAX {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut state = self.state();
        state.told.lost += state.in_flight as u64;
        std::mem::take(&mut state.told)
    }
}

impl State {
    fn take_idle(&mut self) -> Option<Line> {
        let (line, since) = self.idle.pop()?;
        if since.elapsed() < IDLE_MAX {
            return Some(line);
        }
        // The others have been idle for longer still.
        self.idle.clear();
        None
    }
}

impl Told {
    fn note(&mut self, answer: Answer, took: Duration) {
        match answer.status {
            200..300 => self.accepted.note(took),
            429 | 503 => {
                let of_status =
                    if answer.status == 429 { &mut self.refused_429 } else { &mut self.refused_503 };
                *of_status += 1;
                self.with_retry_after += u64::from(answer.has_retry_after);
                self.refused.note(took);
            }
            _ => self.other += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_what_they_say() {
        let mut told = Told::default();
        for (status, has_retry_after) in [(202, false), (429, true), (429, false), (503, true), (500, false)]
        {
            told.note(Answer { status, has_retry_after, is_last: false }, Duration::ZERO);
        }
        assert_eq!((told.accepted.len(), told.refused.len()), (1, 3));
        assert_eq!((told.refused_429, told.refused_503, told.with_retry_after, told.other), (2, 1, 2, 1));
    }

    /// Nobody listens there: each is begun, and lost.
    #[tokio::test]
    async fn what_cannot_be_begun_is_counted() {
        let nobody = "127.0.0.1:1".parse().expect("an address");
        let flood = Flood::new(nobody, Bytes::new(), 3);
        (0..5).for_each(|_| flood.begin());
        let told = flood.finish().await;
        assert_eq!((told.begun, told.unconnected, told.lost, told.in_flight_most), (3, 2, 3, 3));
        let past = Instant::now() - Duration::from_secs(1);
        flood.offer(Pace { start: past, per_second: 1e6, calls: 10 }).await;
        assert_eq!(flood.finish().await.late, 10);
    }
}
