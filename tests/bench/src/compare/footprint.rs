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
    calls::make(server.ingress, workload, 0..u64::try_from(calls)?, CALLERS).await?;
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
