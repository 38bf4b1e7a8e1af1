//! Looks at the folder and the memory of the server several times a second, and keeps the most.

use crate::folder::{Folder, Sizes};
use crate::process::Process;
use crate::server::Server;
use serde::Serialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

const PAUSE: Duration = Duration::from_millis(250);

/// The most of each; not all at the same moment.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Most {
    pub folder: Sizes,
    /// The most that all parts together took.
    pub total_bytes: u64,
    pub rss_bytes: u64,
}

impl Most {
    pub fn and(self, other: Self) -> Self {
        let (one, two) = (self.folder, other.folder);
        let folder = Sizes {
            log_bytes: one.log_bytes.max(two.log_bytes),
            index_bytes: one.index_bytes.max(two.index_bytes),
            blobs_bytes: one.blobs_bytes.max(two.blobs_bytes),
            snapshots_bytes: one.snapshots_bytes.max(two.snapshots_bytes),
            other_bytes: one.other_bytes.max(two.other_bytes),
        };
        let total_bytes = self.total_bytes.max(other.total_bytes);
        Self { folder, total_bytes, rss_bytes: self.rss_bytes.max(other.rss_bytes) }
    }
}

pub struct Sampler {
    most: Arc<Mutex<Most>>,
    process: Process,
    folder: Arc<Folder>,
    task: JoinHandle<()>,
}

impl Sampler {
    pub fn start(server: &Server) -> Self {
        let most = Arc::new(Mutex::new(Most::default()));
        let (process, folder) = (server.process(), Arc::new(server.folder()));
        let task = tokio::spawn(look_again(process, folder.clone(), most.clone()));
        Self { most, process, folder, task }
    }

    /// Returns the most since the last call, and begins anew.
    pub fn take(&self) -> Most {
        let now = look(self.process, &self.folder);
        std::mem::take(&mut *lock(&self.most)).and(now)
    }

    pub fn stop(self) {
        self.task.abort();
    }
}

async fn look_again(process: Process, folder: Arc<Folder>, most: Arc<Mutex<Most>>) {
    loop {
        let seen = look(process, &folder);
        {
            let mut most = lock(&most);
            *most = most.and(seen);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn look(process: Process, folder: &Folder) -> Most {
    let folder = folder.sizes();
    Most { folder, total_bytes: folder.total(), rss_bytes: process.usage().rss_bytes }
}

fn lock(most: &Mutex<Most>) -> MutexGuard<'_, Most> {
    most.lock().unwrap_or_else(PoisonError::into_inner)
}
