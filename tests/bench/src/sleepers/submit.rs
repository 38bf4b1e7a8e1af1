//! Submits sleepers over many connections, each with the time that is left until it wakes up.

use super::wake::Watched;
use crate::client::{self, Client};
use crate::latency::Latencies;
use anyhow::bail;
use bytes::Bytes;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Sleepers whose end is watched, at most.
const WATCHED_MAX: usize = 4_000;
/// Multiples of the golden ratio, without their whole part, are spread evenly however many there are.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// Who sleeps, and until when.
#[derive(Clone, Debug)]
pub struct Plan {
    pub count: usize,
    pub connections: usize,
    pub has_steps: bool,
    pub first_wake_up: Instant,
    /// Between the first and the last one.
    pub spread: Duration,
}

pub struct Submission {
    pub took: Duration,
    pub latencies: Latencies,
    pub watched: Vec<Watched>,
}

impl Plan {
    /// Returns when the nth one wakes up: timers are not made in the order in which they are due.
    fn wake_up(&self, nth: usize) -> Instant {
        let last = nth + 1 == self.count;
        let part = if last { 1.0 } else { (nth as f64 * GOLDEN).fract() };
        self.first_wake_up + self.spread.mul_f64(part)
    }

    pub fn last_wake_up(&self) -> Instant {
        self.first_wake_up + self.spread
    }

    fn path(&self) -> &'static str {
        if self.has_steps { "/Sleeper/sleep/send" } else { "/Sleeper/nap/send" }
    }

    /// Says whether somebody waits for the end of the nth one; the last one is the last to wake up.
    fn is_watched(&self, nth: usize) -> bool {
        nth.is_multiple_of(self.count.div_ceil(WATCHED_MAX)) || nth + 1 == self.count
    }
}

pub async fn run(ingress: SocketAddr, plan: &Plan) -> anyhow::Result<Submission> {
    let mut clients = Vec::with_capacity(plan.connections);
    for _ in 0..plan.connections {
        clients.push(Client::connect(ingress).await?);
    }
    let started = Instant::now();
    let share = |(first, client)| tokio::spawn(submit_share(client, plan.clone(), first));
    let tasks: Vec<_> = clients.into_iter().enumerate().map(share).collect();
    let (mut latencies, mut watched) = (Latencies::default(), Vec::new());
    for task in tasks {
        let (of_share, watched_of_share) = task.await??;
        latencies.take_in(of_share);
        watched.extend(watched_of_share);
    }
    Ok(Submission { took: started.elapsed(), latencies, watched })
}

async fn submit_share(
    mut client: Client,
    plan: Plan,
    first: usize,
) -> anyhow::Result<(Latencies, Vec<Watched>)> {
    let (mut latencies, mut watched) = (Latencies::default(), Vec::new());
    for nth in (first..plan.count).step_by(plan.connections) {
        let (now, due) = (Instant::now(), plan.wake_up(nth));
        let millis = due.saturating_duration_since(now).as_millis();
        let (status, answer) = client.post_json(plan.path(), Bytes::from(millis.to_string())).await?;
        if !status.is_success() {
            bail!("a submission was answered {status}: {}", String::from_utf8_lossy(&answer));
        }
        latencies.note(now.elapsed());
        if plan.is_watched(nth) {
            watched.push(Watched { id: client::accepted(&answer)?, due });
        }
    }
    Ok((latencies, watched))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wake_ups_are_spread_evenly() {
        let first_wake_up = Instant::now();
        let spread = Duration::from_secs(10);
        let plan = Plan { count: 10_000, connections: 1, has_steps: false, first_wake_up, spread };
        for second in 0..10 {
            let from = first_wake_up + Duration::from_secs(second);
            let within = |nth: &usize| (from..from + Duration::from_secs(1)).contains(&plan.wake_up(*nth));
            let found = (0..plan.count).filter(within).count();
            assert!((990..=1010).contains(&found), "{found} in second {second}");
        }
        assert_eq!(plan.wake_up(plan.count - 1), plan.last_wake_up());
    }
}
