//! Watches some of the sleepers end: all of them would be a load of its own.

use crate::client::Client;
use crate::latency::Latencies;
use anyhow::bail;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 64;
/// A server that has just started may not know its invocations yet.
const STARTING_MAX: Duration = Duration::from_secs(60);
const STARTING_PAUSE: Duration = Duration::from_millis(5);

#[derive(Clone, Debug)]
pub struct Watched {
    pub id: String,
    pub due: Instant,
}

pub struct Woken {
    pub lateness: Latencies,
    pub last: Instant,
    /// Which part of all ended per second, from the tenth to the ninetieth percent.
    pub most_per_second: f64,
}

/// Waits until every one of them has ended.
pub async fn watch(ingress: SocketAddr, mut watched: Vec<Watched>) -> anyhow::Result<Woken> {
    watched.sort_by_key(|one| one.due);
    // Each connection waits for one at a time, so it gets some that are due one after the other.
    let mut shares: Vec<Vec<Watched>> = vec![Vec::new(); CONNECTIONS];
    for (at, one) in watched.into_iter().enumerate() {
        shares[at % CONNECTIONS].push(one);
    }
    let tasks: Vec<_> = shares.into_iter().map(|share| tokio::spawn(watch_share(ingress, share))).collect();
    let (mut lateness, mut ends) = (Latencies::default(), Vec::new());
    for task in tasks {
        let (of_share, ends_of_share) = task.await??;
        lateness.take_in(of_share);
        ends.extend(ends_of_share);
    }
    ends.sort_unstable();
    let Some(last) = ends.last().copied() else { bail!("there is nobody to wait for") };
    Ok(Woken { lateness, last, most_per_second: most_per_second(&ends) })
}

async fn watch_share(ingress: SocketAddr, share: Vec<Watched>) -> anyhow::Result<(Latencies, Vec<Instant>)> {
    let (mut lateness, mut ends) = (Latencies::default(), Vec::with_capacity(share.len()));
    if share.is_empty() {
        return Ok((lateness, ends));
    }
    let (mut client, started) = (Client::connect(ingress).await?, Instant::now());
    for Watched { id, due } in share {
        let path = format!("/restate/invocation/{id}/attach");
        let (mut status, mut answer) = client.get(&path).await?;
        while status.is_server_error() && started.elapsed() < STARTING_MAX {
            tokio::time::sleep(STARTING_PAUSE).await;
            (status, answer) = client.get(&path).await?;
        }
        if !status.is_success() || answer != br#""b""#[..] {
            bail!("{id} is answered {status}: {}", String::from_utf8_lossy(&answer));
        }
        ends.push(Instant::now());
        lateness.note(due.elapsed());
    }
    Ok((lateness, ends))
}

fn most_per_second(ends: &[Instant]) -> f64 {
    let at = |percent: usize| ends[(ends.len() - 1) * percent / 100];
    let took = (at(90) - at(10)).max(Duration::from_millis(1));
    0.8 / took.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_most() {
        let start = Instant::now();
        let mut ends: Vec<_> = (0..100).map(|n| start + Duration::from_millis(10 * n)).collect();
        ends.push(start + Duration::from_secs(100));
        // A hundred in a second, whatever the last one does.
        assert!((most_per_second(&ends) - 1.0).abs() < 0.02, "{}", most_per_second(&ends));
    }
}
