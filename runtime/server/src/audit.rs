//! The audit trail: one line for each change that somebody asked for on the admin port.
//!
//! A line goes to the log (target `abide::audit`) and, as JSON, to `audit.log` in the data folder. It is
//! written after the change and before its answer, and not synced: a crash of the process loses no line, a
//! power cut may lose the last ones. When the file cannot be written, the change stands all the same, and
//! the log has its line: a full disk must not keep anybody from repairing it.

mod refusals;

use abide_core::time::Timestamp;
use parking_lot::Mutex;
use refusals::Refusals;
use serde::Serialize;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file that is written. When it is full it becomes `audit.log.1`, and that `audit.log.2`, and so on.
pub const FILE: &str = "audit.log";
pub const FILE_BYTES_MAX: u64 = 8 << 20;
/// Full files that are kept.
pub const FILES_KEPT: u32 = 4;

/// One line.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    pub at: String,
    /// The name of a token, or `loopback`.
    pub who: String,
    pub from: Option<SocketAddr>,
    pub method: String,
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    pub status: u16,
    /// What the handler has to add: the id of what it made, how many it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How large the trail may become.
#[derive(Clone, Debug)]
pub struct AuditConfig {
    pub file_bytes_max: u64,
    pub files_kept: u32,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { file_bytes_max: FILE_BYTES_MAX, files_kept: FILES_KEPT }
    }
}

/// The trail of a server. Cheap to clone.
#[derive(Clone)]
pub struct Trail {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    config: AuditConfig,
    /// None: not opened yet, or it failed.
    open: Mutex<Option<Open>>,
    refusals: Refusals,
}

struct Open {
    file: File,
    bytes: u64,
}

impl Trail {
    #[must_use]
    pub fn new(data: &Path, config: AuditConfig) -> Self {
        let (path, open, refusals) = (data.join(FILE), Mutex::new(None), Refusals::default());
        Self { inner: Arc::new(Inner { path, config, open, refusals }) }
    }

    /// Writes a line of a request that its token did not allow, unless there are many of them: then one that comes later
    /// says how many.
    pub async fn refused(&self, mut record: Record, now: Timestamp) {
        let Some(left_out) = self.inner.refusals.count(&record.who, now) else { return };
        if left_out > 0 {
            record.detail = Some(format!("{left_out} more were refused before"));
        }
        self.record(record).await;
    }

    /// Writes a line; it is in the file once this returns.
    pub async fn record(&self, record: Record) {
        let Record { who, method, path, status, .. } = &record;
        let (query, detail) = (record.query.as_deref(), record.detail.as_deref());
        let from = record.from.map(tracing::field::display);
        tracing::info!(target: "abide::audit", who, from, method, path, query, status, detail, "changed");
        let inner = self.inner.clone();
        let written = tokio::task::spawn_blocking(move || inner.append(&record)).await;
        if let Ok(Err(error)) = written {
            let path = self.inner.path.display();
            tracing::error!(target: "abide::audit", %error, %path, "the line above is not in the file");
        }
    }
}

/// Returns the files of a trail, whether they are there or not, the newest first.
pub fn files(config: &AuditConfig) -> Vec<String> {
    (0..=config.files_kept).map(|number| name(FILE, number)).collect()
}

/// Returns the name of the file that is so many files old.
fn name(current: &str, number: u32) -> String {
    if number == 0 { current.to_owned() } else { format!("{current}.{number}") }
}

impl Inner {
    fn append(&self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        let mut open = self.open.lock();
        // A file that failed is opened anew the next time.
        let mut current = match open.take() {
            Some(current) => current,
            None => self.open()?,
        };
        if current.bytes > 0 && current.bytes + line.len() as u64 > self.config.file_bytes_max {
            drop(current);
            self.rotate()?;
            current = self.open()?;
        }
        // In one piece, so that a line that broke off is the last one.
        current.file.write_all(&line)?;
        current.bytes += line.len() as u64;
        *open = Some(current);
        Ok(())
    }

    fn open(&self) -> io::Result<Open> {
        let mut options = OpenOptions::new();
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.create(true).append(true).open(&self.path)?;
        let bytes = file.metadata()?.len();
        Ok(Open { file, bytes })
    }

    fn rotate(&self) -> io::Result<()> {
        let current = self.path.display().to_string();
        let name = |number: u32| PathBuf::from(name(&current, number));
        for number in (0..self.config.files_kept).rev() {
            match fs::rename(name(number), name(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        if self.config.files_kept == 0 {
            fs::remove_file(&self.path)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u16) -> Record {
        Record {
            at: "2026-11-22T15:58:08.172Z".to_owned(),
            who: "ops".to_owned(),
            from: Some("10.0.0.1:7".parse().unwrap()),
            method: "PATCH".to_owned(),
            path: "/invocations/inv_1/kill".to_owned(),
            query: None,
            status: number,
            detail: None,
        }
    }

    /// A folder that is gone when the test is.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("abide-audit-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn statuses(&self, name: &str) -> Vec<u64> {
            let text = fs::read_to_string(self.0.join(name)).unwrap_or_default();
            let status =
                |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["status"].as_u64();
            text.lines().map(|line| status(line).unwrap()).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[tokio::test]
    async fn lines_are_json_and_go_on_after_a_restart() {
        let folder = Folder::new("lines");
        Trail::new(&folder.0, AuditConfig::default()).record(record(200)).await;
        Trail::new(&folder.0, AuditConfig::default()).record(record(404)).await;
        assert_eq!(folder.statuses(FILE), [200, 404]);
        let text = fs::read_to_string(folder.0.join(FILE)).unwrap();
        let expected = r#"{"at":"2026-11-22T15:58:08.172Z","who":"ops","from":"10.0.0.1:7","method":"PATCH","path":"/invocations/inv_1/kill","status":200}"#;
        assert_eq!(text.lines().next(), Some(expected));
    }

    #[tokio::test]
    async fn full_files_are_kept_up_to_a_number() {
        let folder = Folder::new("full");
        let line = serde_json::to_vec(&record(100)).unwrap().len() as u64 + 1;
        let trail = Trail::new(&folder.0, AuditConfig { file_bytes_max: 2 * line, files_kept: 2 });
        for status in 100..109 {
            trail.record(record(status)).await;
        }
        assert_eq!(folder.statuses(FILE), [108]);
        assert_eq!(folder.statuses("audit.log.1"), [106, 107]);
        assert_eq!(folder.statuses("audit.log.2"), [104, 105]);
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 3);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_written_stops_nothing() {
        let folder = Folder::new("fails");
        let gone = folder.0.join("gone");
        let trail = Trail::new(&gone, AuditConfig::default());
        trail.record(record(200)).await;
        fs::create_dir(&gone).unwrap();
        trail.record(record(201)).await;
        assert_eq!(folder.statuses("gone/audit.log"), [201]);
    }
}
