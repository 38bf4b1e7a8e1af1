//! What the operating system says about this process, under the names every exporter uses.

use super::reading::Reading;
use std::fmt;
use std::fs;

/// Ticks per second in `/proc`: the same on every Linux this runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Writes what can be found out; elsewhere than on Linux that is nothing.
pub fn read(reading: &mut Reading<'_>) -> Result<(), fmt::Error> {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    if let Some(seconds) = cpu_seconds(&stat) {
        reading.counter_seconds(
            "process_cpu",
            "Processor time used by the server and its guests",
            seconds,
        )?;
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(bytes) = kib(&status, "VmRSS:") {
        reading.bytes("process_resident_memory", "Memory the process has in RAM", bytes)?;
    }
    if let Some(bytes) = kib(&status, "VmSize:") {
        reading.bytes("process_virtual_memory", "Address space of the process", bytes)?;
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        reading.gauge("process_open_fds", "Open file descriptors", open.count() as u64)?;
    }
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    if let Some(limit) = open_files_max(&limits) {
        reading.gauge("process_max_fds", "File descriptors the process may open", limit)?;
    }
    Ok(())
}

/// Adds up the time in user and kernel mode; the name of the program in front may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some((ticks(11)? + ticks(12)?) as f64 / TICKS_PER_SECOND)
}

fn kib(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

fn open_files_max(limits: &str) -> Option<u64> {
    let values = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    values.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_kernel_are_read() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 9 0 100 1000 200";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(kib("Name:\tx\nVmRSS:\t    2048 kB\n", "VmRSS:"), Some(2 << 20));
        assert_eq!(open_files_max("Max open files            1024                 4096  files"), Some(1024));
        assert_eq!(cpu_seconds(""), None);
    }
}
