//! Calls now and then, while the server is busy with something else.

use crate::client::Client;
use crate::latency::Latencies;
use anyhow::bail;
use bytes::Bytes;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub struct Calls {
    stop: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<Latencies>>,
}

impl Calls {
    /// Begins with the first call, and pauses after each.
    pub fn start(ingress: SocketAddr, pause: Duration) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop, task: tokio::spawn(call_again(ingress, pause, stopped)) }
    }

    /// Ends with the call that is on its way.
    pub async fn stop(self) -> anyhow::Result<Latencies> {
        let _ = self.stop.send(());
        self.task.await?
    }
}

async fn call_again(
    ingress: SocketAddr,
    pause: Duration,
    mut stopped: oneshot::Receiver<()>,
) -> anyhow::Result<Latencies> {
    let (mut client, mut latencies) = (Client::connect(ingress).await?, Latencies::default());
    loop {
        let before = Instant::now();
        let (status, answer) = client.post_json("/Greeter/greet", Bytes::from_static(br#""bench""#)).await?;
        if !status.is_success() {
            bail!("a call meanwhile is answered {status}: {}", String::from_utf8_lossy(&answer));
        }
        latencies.note(before.elapsed());
        if tokio::time::timeout(pause, &mut stopped).await.is_ok() {
            return Ok(latencies);
        }
    }
}
