//! What an invocation that has ended takes on the disk.

use super::Stage;
use super::contender::Contender;
use crate::calls;
use crate::workload::Workload;
use serde::Serialize;

const CALLERS: usize = 64;

#[derive(Clone, Debug, Serialize)]
pub struct Footprint {
    pub contender: &'static str,
    pub workload: &'static str,
    pub calls: usize,
    /// Bytes of the folder that are in use, before the first of them.
    pub used_before_bytes: u64,
    /// When the server rested.
    pub used_after_bytes: u64,
    /// To all disks of the machine, by everybody, until then.
    pub written_bytes: u64,
}

impl Footprint {
    pub fn kept_per_call(&self) -> f64 {
        let kept = self.used_after_bytes.saturating_sub(self.used_before_bytes);
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
    let used_before_bytes = contender.used_bytes(&server).await?;
    let before = server.processes().usage().machine;
    calls::make(server.ingress, workload, 0..u64::try_from(calls)?, CALLERS).await?;
    server.rest().await;
    let written_bytes = server.processes().usage().machine.written_bytes - before.written_bytes;
    let footprint = Footprint {
        contender: contender.name(),
        workload: workload.name(),
        calls,
        used_before_bytes,
        used_after_bytes: contender.used_bytes(&server).await?,
        written_bytes,
    };
    eprintln!("{}: {:.0} bytes kept per {}", footprint.contender, footprint.kept_per_call(), workload.name());
    server.kill()?;
    Ok(footprint)
}
