//! Where and when it was measured.

use serde::Serialize;
use std::fs;
use std::path::Path;

#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// In UTC.
    pub started: String,
    pub processor: String,
    pub processors: usize,
    pub memory_bytes: u64,
    pub kernel: String,
    /// Where the folders of the servers are.
    pub disk: String,
}

impl Machine {
    pub fn look(data: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let kilobytes =
            value(&read("/proc/meminfo"), "MemTotal").split(' ').next().and_then(|n| n.parse().ok());
        Self {
            started: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
            processor: value(&read("/proc/cpuinfo"), "model name"),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: kilobytes.unwrap_or(0u64) * 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            disk: mount(&read("/proc/mounts"), &fs::canonicalize(data).unwrap_or_default()),
        }
    }
}

/// Returns what stands behind a name and a colon.
fn value(text: &str, name: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'));
    line.unwrap_or("").trim().to_owned()
}

/// Returns the device and the file system that a folder is on.
fn mount(mounts: &str, folder: &Path) -> String {
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let above = fields.filter(|fields| fields.len() > 2 && folder.starts_with(fields[1]));
    let nearest = above.max_by_key(|fields| fields[1].len());
    nearest.map_or_else(String::new, |fields| format!("{} ({})", fields[0], fields[2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_counts() {
        let mounts = "/dev/a / ext4 rw 0 0\n/dev/b /data xfs rw 0 0\ntmpfs /data2 tmpfs rw 0 0\n";
        assert_eq!(mount(mounts, Path::new("/data/bench")), "/dev/b (xfs)");
        assert_eq!(mount(mounts, Path::new("/home")), "/dev/a (ext4)");
    }

    #[test]
    fn values_stand_behind_a_colon() {
        assert_eq!(value("a\t: 1\nmodel name\t: A B\n", "model name"), "A B");
        assert_eq!(value("MemTotal:   12 kB\n", "MemTotal"), "12 kB");
    }
}
