//! What an invocation that has ended takes on the disk.

use super::Stage;
use super::contender::Contender;
use crate::client::Client;
use crate::workload::Workload;
use anyhow::bail;
use bytes::Bytes;
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const CALLERS: usize = 64;

#[derive(Clone, Debug, Serialize)]
pub struct Footprint {
    pub contender: &'static str,
    pub workload: &'static str,
    pub calls: usize,
    /// Bytes on the disk, before the first of them.
    pub folder_before_bytes: u64,
    /// When the server rested.
    pub folder_after_bytes: u64,
    /// To all disks of the machine, by everybody, until then.
    pub written_bytes: u64,
}

impl Footprint {
    pub fn kept_per_call(&self) -> f64 {
        let kept = self.folder_after_bytes.saturating_sub(self.folder_before_bytes);
        kept as f64 / self.calls.max(1) as f64
    }

    pub fn written_per_call(&self) -> f64 {
        self.written_bytes as f64 / self.calls.max(1) as f64
    }
}

pub async fn run(
    stage: &Stage<'_>,
    contender: &Contender,
    workload: Workload,
    calls: usize,
) -> anyhow::Result<Footprint> {
    let (server, _) = contender.fresh(&stage.data(contender), stage.component).await?;
    server.rest().await;
    let (folder_before_bytes, before) = (server.folder().bytes(), server.processes().usage().machine);
    call(server.ingress, workload, calls).await?;
    server.rest().await;
    let footprint = Footprint {
        contender: contender.name(),
        workload: workload.name(),
        calls,
        folder_before_bytes,
        folder_after_bytes: server.folder().bytes(),
        written_bytes: server.processes().usage().machine.written_bytes - before.written_bytes,
    };
    eprintln!("{}: {:.0} bytes kept per {}", footprint.contender, footprint.kept_per_call(), workload.name());
    server.kill()?;
    Ok(footprint)
}

async fn call(ingress: SocketAddr, workload: Workload, calls: usize) -> anyhow::Result<()> {
    let next = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> =
        (0..CALLERS).map(|_| tokio::spawn(call_until(ingress, workload, next.clone(), calls))).collect();
    for caller in callers {
        caller.await??;
    }
    Ok(())
}

async fn call_until(
    ingress: SocketAddr,
    workload: Workload,
    next: Arc<AtomicUsize>,
    calls: usize,
) -> anyhow::Result<()> {
    let (mut client, body) = (Client::connect(ingress).await?, Bytes::from_static(workload.body()));
    loop {
        let nth = next.fetch_add(1, Ordering::Relaxed);
        if nth >= calls {
            return Ok(());
        }
        let (status, answer) = client.post_json(&workload.path(nth), body.clone()).await?;
        if !status.is_success() || !workload.is_answer(&answer) {
            bail!("call {nth} is answered {status}: {}", String::from_utf8_lossy(&answer));
        }
    }
}
