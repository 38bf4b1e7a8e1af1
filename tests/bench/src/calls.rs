//! A given number of calls, from callers that each wait for their answer before the next one.

use crate::client::{self, Client};
use crate::latency::Latencies;
use crate::workload::Workload;
use anyhow::bail;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// What the first, the second, the third one is, and so on.
pub trait Calls: Copy + Send + Sync + 'static {
    fn request(self, nth: u64) -> anyhow::Result<Request<Full<Bytes>>>;

    fn is_answer(self, nth: u64, answer: &[u8]) -> bool;

    /// Returns how many invocations the call makes.
    fn invocations(self, _nth: u64) -> u64 {
        1
    }
}

impl Calls for Workload {
    fn request(self, nth: u64) -> anyhow::Result<Request<Full<Bytes>>> {
        client::post(&self.path(usize::try_from(nth)?), client::JSON, Bytes::from_static(self.body()))
    }

    fn is_answer(self, _nth: u64, answer: &[u8]) -> bool {
        self.is_answer(answer)
    }
}

/// Makes all of these calls; one that is not answered as it should be is an error.
pub async fn make(
    ingress: SocketAddr,
    calls: impl Calls,
    which: Range<u64>,
    connections: usize,
) -> anyhow::Result<Latencies> {
    let next = Arc::new(AtomicU64::new(which.start));
    let caller = |_| tokio::spawn(make_share(ingress, calls, next.clone(), which.end));
    let callers: Vec<_> = (0..connections.max(1)).map(caller).collect();
    let mut latencies = Latencies::default();
    for caller in callers {
        latencies.take_in(caller.await??);
    }
    Ok(latencies)
}

async fn make_share(
    ingress: SocketAddr,
    calls: impl Calls,
    next: Arc<AtomicU64>,
    end: u64,
) -> anyhow::Result<Latencies> {
    let (mut client, mut latencies) = (Client::connect(ingress).await?, Latencies::default());
    loop {
        let nth = next.fetch_add(1, Ordering::Relaxed);
        if nth >= end {
            return Ok(latencies);
        }
        let (request, before) = (calls.request(nth)?, Instant::now());
        let path = request.uri().clone();
        let (status, answer) = client.send(request).await?;
        latencies.note(before.elapsed());
        if !status.is_success() || !calls.is_answer(nth, &answer) {
            let answer = String::from_utf8_lossy(&answer[..answer.len().min(200)]);
            bail!("call {nth}, {path}, is answered {status}: {answer}");
        }
    }
}
