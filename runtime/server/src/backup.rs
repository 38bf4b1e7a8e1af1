//! Backups of a running server: the store, the components, and the audit trail.
//!
//! What makes it consistent is told in `abide_store::backup`. Components are files with the name of their digest: all that are
//! there when the store's last sequence is certain are copied, and none is deleted meanwhile.

use crate::audit::{self, AuditConfig};
use crate::clock::Clock;
use crate::config::Config;
use crate::time;
use crate::wasm::{Components, HeldFiles};
use abide_store::backup::{Attachment, Backup, Label, Manifest};
use abide_store::{DiskStore, Error};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// Makes backups. Cheap to clone.
#[derive(Clone)]
pub struct Backups {
    inner: Arc<Inner>,
}

struct Inner {
    /// None: what this server knows is in memory only.
    store: Option<Arc<DiskStore>>,
    components: Arc<Components>,
    data: PathBuf,
    audit: AuditConfig,
    clock: Arc<dyn Clock>,
}

/// A backup that has begun: from now on nothing that it needs is thrown away.
pub struct Begun {
    /// Released before the backup ends: whoever begins the next one holds them anew.
    components: HeldFiles,
    backup: Backup,
    made_at: String,
    inner: Arc<Inner>,
}

impl Backups {
    #[must_use]
    pub fn new(
        store: Option<Arc<DiskStore>>,
        components: Arc<Components>,
        config: &Config,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (data, audit) = (config.data.clone(), config.audit.clone());
        Self { inner: Arc::new(Inner { store, components, data, audit, clock }) }
    }

    /// Begins a backup; None when there is nothing on a disk.
    ///
    /// # Errors
    /// Another one runs.
    pub fn begin(&self) -> Result<Option<Begun>, Error> {
        let Some(store) = &self.inner.store else { return Ok(None) };
        // Only one at a time: whoever has the store's may hold the components.
        let backup = store.backup()?;
        let components = self.inner.components.hold();
        let made_at = time::rfc3339(self.inner.clock.now());
        Ok(Some(Begun { components, backup, made_at, inner: self.inner.clone() }))
    }
}

impl Begun {
    /// Sends everything; blocks as long as `out` does.
    ///
    /// # Errors
    /// Something is damaged, the server stops, or `out` fails. The stream ends with the reason, where it still can.
    pub fn send(&self, out: &mut dyn Write) -> Result<Manifest, Error> {
        let made_by = concat!("abide ", env!("CARGO_PKG_VERSION")).to_owned();
        let label = Label { made_by, made_at: self.made_at.clone() };
        self.backup.send(out, label, || self.inner.attachments(&self.components))
    }
}

impl Inner {
    fn attachments(&self, components: &HeldFiles) -> io::Result<Vec<Attachment>> {
        let component = |(digest, path): (_, PathBuf)| {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            Attachment { name: format!("components/{file}"), sha256: Some(digest), path }
        };
        let trail = |name: String| Attachment { path: self.data.join(&name), name, sha256: None };
        let mut found: Vec<_> = components.list()?.into_iter().map(component).collect();
        found.sort_by(|left, right| left.name.cmp(&right.name));
        found.extend(audit::files(&self.audit).into_iter().map(trail));
        Ok(found)
    }
}
