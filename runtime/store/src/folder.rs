//! The data folder: whose it is, who holds it, and where everything in it lives.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::disk::{self, Disk, OsDisk};
use crate::error::Error;
use crate::log::scan::Scan;
use crate::log::secret::{LogFolder, Secret};

/// The version of everything in the folder.
pub const FORMAT_VERSION: u32 = 4;
/// What the next open makes one of this version: no value of it has a part in a file and a part beside it.
const FORMAT_WITHOUT_FRAMES: u32 = 3;
/// What the next open makes one of this version: its log has no secret.
const FORMAT_WITHOUT_SECRET: u32 = 2;
/// Copies of the secret, far apart: without it nothing of the log can be read.
const SECRETS: usize = 2;
const FORMAT_PREFIX: &str = "abide data folder, format ";
pub const LOCK: &str = "LOCK";
const FORMAT: &str = "FORMAT";

/// What its FORMAT file says of a folder.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    pub version: u32,
    pub secret: Secret,
    /// Both copies of the secret are there.
    pub is_whole: bool,
}

/// Names of what a data folder holds.
#[derive(Clone, Debug)]
pub struct Folder {
    pub dir: PathBuf,
}

impl Folder {
    pub fn new(dir: &Path) -> Folder {
        Folder { dir: dir.to_path_buf() }
    }

    pub fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// Returns the log with what its records carry.
    pub fn log_with(&self, secret: Secret) -> LogFolder {
        LogFolder { dir: self.log(), secret }
    }

    pub fn blobs(&self) -> PathBuf {
        self.dir.join("blobs")
    }

    pub fn snapshots(&self) -> PathBuf {
        self.dir.join("snapshots")
    }

    pub fn index(&self) -> PathBuf {
        self.dir.join("index")
    }

    /// Where an index that could not be used is kept for inspection.
    pub fn index_broken(&self) -> PathBuf {
        self.dir.join("index.broken")
    }

    /// Its existence asks the next open to rebuild the index.
    pub fn rebuild_marker(&self) -> PathBuf {
        self.dir.join("REBUILD-INDEX")
    }

    /// Says which index was found whole, see `disk_store/whole.rs`.
    pub fn index_whole(&self) -> PathBuf {
        self.dir.join("INDEX-WHOLE")
    }

    /// Says that the index was closed in order, and with which record.
    pub fn index_closed(&self) -> PathBuf {
        self.dir.join("INDEX-CLOSED")
    }

    pub fn format(&self) -> PathBuf {
        self.dir.join(FORMAT)
    }

    /// Asks the next open to rebuild the index.
    pub fn ask_for_index(&self, why: &str) -> Result<(), Error> {
        let path = self.rebuild_marker();
        if path.exists() {
            return Ok(());
        }
        let why = if why.is_empty() { "asked for" } else { why };
        // It lives beside the index, which is not on a simulated disk either.
        disk::write_whole(&OsDisk, &path, why.as_bytes()).map_err(Error::io("write", &path))
    }

    fn lock(&self) -> PathBuf {
        self.dir.join(LOCK)
    }

    /// Refuses a folder that is somebody else's or from the future; returns nothing for a new one.
    pub fn check_format(&self, disk: &dyn Disk) -> Result<Option<Format>, Error> {
        let content = match disk::read_all(disk, &self.format()) {
            Ok(content) => content,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.check_empty()?;
                return Ok(None);
            }
            Err(error) => return Err(Error::io("read", self.format())(error)),
        };
        let not_ours = |why: String| Err(Error::NotOurs { dir: self.dir.clone(), why });
        let text = String::from_utf8_lossy(&content);
        let mut lines = text.lines();
        let version =
            lines.next().and_then(|line| line.strip_prefix(FORMAT_PREFIX)?.trim().parse::<u32>().ok());
        // A wrong one would make every record of the log look like none: it has a checksum, and it is there twice.
        let secrets: Vec<_> =
            lines.filter(|line| line.starts_with(Secret::PREFIX)).map(Secret::parse).collect();
        let secret = secrets.iter().flatten().next().copied();
        let is_one = secrets.iter().flatten().all(|other| Some(*other) == secret);
        match version {
            Some(version @ (FORMAT_VERSION | FORMAT_WITHOUT_FRAMES)) => match secret.filter(|_| is_one) {
                Some(secret) => {
                    let is_whole = secrets.iter().flatten().count() == SECRETS;
                    Ok(Some(Format { version, secret, is_whole }))
                }
                None => not_ours(
                    "its FORMAT file is damaged: the secret of the log is not as it was written".into(),
                ),
            },
            Some(version @ FORMAT_WITHOUT_SECRET) if secrets.is_empty() => {
                Ok(Some(Format { version, secret: Secret::NONE, is_whole: true }))
            }
            Some(FORMAT_WITHOUT_SECRET) => {
                not_ours("its FORMAT file is damaged: this format has no secret of the log".into())
            }
            Some(found) if found > FORMAT_VERSION => {
                Err(Error::NewerFormat { dir: self.dir.clone(), found, supported: FORMAT_VERSION })
            }
            Some(found) => not_ours(format!("it has format {found}, of a version that was never released")),
            None => not_ours("its FORMAT file is not readable".into()),
        }
    }

    fn check_empty(&self) -> Result<(), Error> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Error::io("list", &self.dir)(error)),
        };
        for entry in entries {
            let name = entry.map_err(Error::io("list", &self.dir))?.file_name();
            let name = name.to_string_lossy();
            // What a crash of the very first open leaves.
            if name != LOCK && !name.starts_with(FORMAT) && name != "lost+found" {
                let why = format!("it has no FORMAT file but has {name}");
                return Err(Error::NotOurs { dir: self.dir.clone(), why });
            }
        }
        Ok(())
    }

    /// Gives a folder of an earlier version what it lacks: the segments after those that there are get a secret, if it has
    /// none. Returns the one of the log.
    pub fn bring_up(&self, disk: &dyn Disk, format: Format, scan: &Scan) -> Result<Secret, Error> {
        if format.version == FORMAT_VERSION {
            if !format.is_whole {
                tracing::warn!(
                    "a copy of the secret of the log in the FORMAT file was damaged: it is written again"
                );
                self.write_format(disk, format.secret)?;
            }
            return Ok(format.secret);
        }
        let secret = match format.version {
            FORMAT_WITHOUT_SECRET => self.fresh_secret(scan.last_segment().map_or(1, |last| last + 1))?,
            _ => format.secret,
        };
        self.write_format(disk, secret)?;
        tracing::info!(format = FORMAT_VERSION, "the data folder has a new format: older versions refuse it");
        Ok(secret)
    }

    /// Returns a secret that nobody knows, for this segment and all after it.
    pub fn fresh_secret(&self, first_segment: u64) -> Result<Secret, Error> {
        Secret::fresh(first_segment).map_err(Error::io("draw a random number for", &self.dir))
    }

    /// Says whose folder this is. Written before anything else.
    pub fn write_format(&self, disk: &dyn Disk, secret: Secret) -> Result<(), Error> {
        disk::write_whole(disk, &self.format(), format_text(secret).as_bytes())
            .map_err(Error::io("write", self.format()))
    }
}

/// Returns the content of a FORMAT file.
pub fn format_text(secret: Secret) -> String {
    let secret = secret.line();
    format!(
        "{FORMAT_PREFIX}{FORMAT_VERSION}\n{secret}\n\n\
         log/        the truth: every committed batch, in order\n\
         index/      what the log says, ready to be read; rebuilt from snapshot and log when it is damaged\n\
         blobs/      large values\n\
         snapshots/  the whole content as of some sequence\n\n\
         Copy this folder only while no process uses it. Do not change or remove single files.\n\
         The second line once more, in case that it cannot be read:\n{secret}\n"
    )
}

/// Makes a folder that no other user of the machine can look into, and those above it. One that is there stays as it is.
/// The names of those that it made are durable on return.
pub fn create_private(dir: &Path) -> Result<(), Error> {
    let missing = missing(dir);
    let mut builder = fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(builder.recursive(true), 0o700);
    builder.create(dir).map_err(Error::io("create", dir))?;
    missing.into_iter().try_for_each(sync_parent)
}

/// Returns which of the folder and those above it are not there.
fn missing(dir: &Path) -> Vec<&Path> {
    dir.ancestors().take_while(|level| *level != Path::new("") && !level.exists()).collect()
}

/// Makes the name of the folder itself durable.
pub fn sync_parent(dir: &Path) -> Result<(), Error> {
    let parent = match dir.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    OsDisk.sync_dir(parent).map_err(Error::io("sync", parent))
}

/// Returns the bytes of all files; what vanishes meanwhile counts nothing.
pub fn folder_bytes(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// The folder is ours as long as this lives.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the folder, or says who has it.
    pub fn take(folder: &Folder) -> Result<Lock, Error> {
        let path = folder.lock();
        let io = |error| Error::io("lock", &path)(error);
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        if let Err(errno) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if errno != rustix::io::Errno::WOULDBLOCK {
                return Err(io(errno.into()));
            }
            return Err(Error::Held { dir: folder.dir.clone(), holder: holder(&mut file) });
        }
        file.set_len(0).map_err(io)?;
        file.rewind().map_err(io)?;
        writeln!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Lock { file })
    }
}

impl Drop for Lock {
    /// Gives it back at once. To close the file is not enough: sled starts a process when it opens, and that has the file, too,
    /// from its fork to its exec, whichever folder it is for.
    fn drop(&mut self) {
        // If it fails, closing the file does the same, a moment later.
        flock(&self.file, FlockOperation::Unlock).ok();
    }
}

fn holder(file: &mut File) -> String {
    let mut pid = String::new();
    match file.read_to_string(&mut pid) {
        Ok(_) if !pid.trim().is_empty() => format!("process {}", pid.trim()),
        _ => "another process".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is named here is synced; whether a name survives a power cut cannot be seen without one.
    #[test]
    fn a_lock_is_given_back_although_a_process_that_was_forked_has_its_file() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::new(home.path());
        let lock = Lock::take(&folder).unwrap();
        // As after a fork: one more descriptor of the same open file.
        let forked = lock.file.try_clone().unwrap();
        assert!(matches!(Lock::take(&folder), Err(Error::Held { .. })));
        drop(lock);
        drop(Lock::take(&folder).unwrap());
        drop(forked);
    }

    #[test]
    fn a_flipped_bit_of_format_costs_nothing_but_perhaps_its_version() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::new(home.path());
        let secret = folder.fresh_secret(1).unwrap();
        folder.write_format(&OsDisk, secret).unwrap();
        let written = fs::read(folder.format()).unwrap();
        let version_ends = written.iter().position(|byte| *byte == b'\n').unwrap();
        for at in 0..written.len() {
            for bit in 0..8 {
                let mut flipped = written.clone();
                flipped[at] ^= 1 << bit;
                fs::write(folder.format(), flipped).unwrap();
                let format = folder.check_format(&OsDisk);
                assert!(format.is_ok() || at <= version_ends, "bit {bit} of byte {at}: {format:?}");
                if let Ok(format) = format {
                    let format = format.expect("it is there");
                    let read = (format.version, format.secret);
                    assert_eq!(read, (FORMAT_VERSION, secret), "bit {bit} of byte {at}");
                }
            }
        }
    }

    #[test]
    fn all_folders_that_have_to_be_made_are_known() {
        let home = tempfile::tempdir().unwrap();
        let (one, two) = (home.path().join("one"), home.path().join("one/two"));
        assert_eq!(missing(&two), [&*two, &*one]);
        create_private(&two).unwrap();
        assert!(missing(&two).is_empty());
        assert_eq!(missing(Path::new("not/there")), [Path::new("not/there"), Path::new("not")]);
        create_private(&two).unwrap();
    }
}
