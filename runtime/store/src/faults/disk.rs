//! A disk that does what the plan says, and otherwise what the disk below does.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::plan::{self, Action};
use super::{Edge, Site, around, reach};
use crate::disk::sim::{Random, SECTOR};
use crate::disk::{DirEntry, Disk, DiskFile};

pub fn wrapped(disk: Arc<dyn Disk>) -> Arc<dyn Disk> {
    Arc::new(PlannedDisk(disk))
}

struct PlannedDisk(Arc<dyn Disk>);

struct PlannedFile {
    file: Box<dyn DiskFile>,
    kind: Kind,
}

/// What a file is for, told by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Spare,
    Log,
    Blob,
    Snapshot,
    Format,
}

impl Kind {
    fn of(path: &Path) -> Kind {
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = path.parent().map(name).unwrap_or_default();
        match folder.as_str() {
            "blobs" => Kind::Blob,
            "snapshots" => Kind::Snapshot,
            "log" if name(path).starts_with("spare-") => Kind::Spare,
            "log" => Kind::Log,
            _ => Kind::Format,
        }
    }

    fn create(self) -> Site {
        match self {
            Kind::Spare | Kind::Log => Site::SpareCreate,
            Kind::Blob => Site::BlobCreate,
            Kind::Snapshot => Site::SnapshotCreate,
            Kind::Format => Site::FormatCreate,
        }
    }

    fn write(self) -> Site {
        match self {
            Kind::Spare => Site::SpareWrite,
            Kind::Log => Site::LogWrite,
            Kind::Blob => Site::BlobWrite,
            Kind::Snapshot => Site::SnapshotWrite,
            Kind::Format => Site::FormatWrite,
        }
    }

    fn sync(self) -> Site {
        match self {
            Kind::Spare => Site::SpareSync,
            Kind::Log => Site::LogSync,
            Kind::Blob => Site::BlobSync,
            Kind::Snapshot => Site::SnapshotSync,
            Kind::Format => Site::FormatSync,
        }
    }

    /// None: nothing is said about reading it.
    fn read(self) -> Option<Site> {
        match self {
            Kind::Log => Some(Site::LogRead),
            Kind::Blob => Some(Site::BlobRead),
            Kind::Snapshot => Some(Site::SnapshotRead),
            Kind::Spare | Kind::Format => None,
        }
    }

    fn remove(self) -> Option<Site> {
        match self {
            Kind::Spare | Kind::Log => Some(Site::LogRemove),
            Kind::Blob => Some(Site::BlobRemove),
            Kind::Snapshot => Some(Site::SnapshotRemove),
            Kind::Format => None,
        }
    }
}

fn rename_site(from: &Path, to: &Path) -> Site {
    match (Kind::of(from), Kind::of(to)) {
        (Kind::Spare, Kind::Spare) => Site::SpareRename,
        (Kind::Spare, _) => Site::LogTake,
        (Kind::Log, _) => Site::LogRecycle,
        (Kind::Snapshot, _) => Site::SnapshotRename,
        (Kind::Blob | Kind::Format, _) => Site::FormatRename,
    }
}

fn names_site(dir: &Path) -> Site {
    // A file in the folder tells what the folder is for.
    match Kind::of(&dir.join("x")) {
        Kind::Spare | Kind::Log => Site::LogNames,
        Kind::Blob => Site::BlobNames,
        Kind::Snapshot => Site::SnapshotNames,
        Kind::Format => Site::FormatNames,
    }
}

/// Lets some sectors of a write reach the disk; then the process is gone.
fn tear(file: &dyn DiskFile, bytes: &[u8], offset: u64, mut random: Random) -> ! {
    let mut at = 0;
    while at < bytes.len() {
        let end = (at + SECTOR - (offset as usize + at) % SECTOR).min(bytes.len());
        if random.one_in(2) {
            let _ = file.write_at(&bytes[at..end], offset + at as u64);
        }
        at = end;
    }
    plan::die(&format!("tore a write of {} bytes", bytes.len()))
}

impl DiskFile for PlannedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = || self.file.read_at(buffer, offset);
        match self.kind.read() {
            Some(site) => around(site, read),
            None => self.file.read_at(buffer, offset),
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let site = self.kind.write();
        reach(site, Edge::Before);
        let written = match plan::instead(site) {
            Some(Action::Tear) => tear(&*self.file, bytes, offset, plan::random()),
            Some(Action::Fail(kind)) => Err(plan::error(kind, site)),
            Some(Action::Slow(pause)) => {
                std::thread::sleep(pause);
                self.file.write_at(bytes, offset)
            }
            Some(Action::Kill) | None => self.file.write_at(bytes, offset),
        };
        written?;
        reach(site, Edge::After);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        around(self.kind.sync(), || self.file.sync_data())
    }

    fn bytes(&self) -> io::Result<u64> {
        self.file.bytes()
    }
}

impl PlannedDisk {
    fn file(&self, path: &Path, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(PlannedFile { file, kind: Kind::of(path) })
    }
}

impl Disk for PlannedDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = around(Kind::of(path).create(), || self.0.create(path))?;
        Ok(self.file(path, file))
    }

    fn open_read(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(path, self.0.open_read(path)?))
    }

    fn open_write(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(path, self.0.open_write(path)?))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.0.create_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        around(rename_site(from, to), || self.0.rename(from, to))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        around(Site::BlobLink, || self.0.link(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match Kind::of(path).remove() {
            Some(site) => around(site, || self.0.remove(path)),
            None => self.0.remove(path),
        }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        self.0.list(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        around(names_site(dir), || self.0.sync_dir(dir))
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        Ok(self.0.free_bytes(dir)?.min(plan::free_bytes_max()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_which_failpoint_it_is() {
        let of = |path: &str| Kind::of(Path::new(path));
        assert_eq!(of("/d/log/log-01"), Kind::Log);
        assert_eq!(of("/d/log/spare-01.tmp"), Kind::Spare);
        assert_eq!(of("/d/blobs/01-01"), Kind::Blob);
        assert_eq!(of("/d/snapshots/snapshot-01"), Kind::Snapshot);
        assert_eq!(of("/d/FORMAT"), Kind::Format);
        let rename = |from: &str, to: &str| rename_site(Path::new(from), Path::new(to));
        assert_eq!(rename("/d/log/spare-01.tmp", "/d/log/spare-01"), Site::SpareRename);
        assert_eq!(rename("/d/log/spare-01", "/d/log/log-02"), Site::LogTake);
        assert_eq!(rename("/d/log/log-02", "/d/log/spare-03"), Site::LogRecycle);
        assert_eq!(names_site(Path::new("/d/log")), Site::LogNames);
        assert_eq!(names_site(Path::new("/d")), Site::FormatNames);
    }
}
