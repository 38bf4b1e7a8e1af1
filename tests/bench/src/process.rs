//! What the kernel knows of a process and of the machine.

use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, setrlimit};
use std::fs;
use std::path::Path;

/// The unit of times in /proc/PID/stat, the same on all machines the server runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Counters of a process and of the machine at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub rss_bytes: u64,
    pub cpu_seconds: f64,
    pub machine: Machine,
}

/// What everybody on the machine did. The kernel counts per process too, but counts whole folios as
/// written when a page of them is, so only the disks know what was written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine {
    pub cpu_seconds: f64,
    pub written_bytes: u64,
    pub flushes: u64,
}

#[derive(Clone, Copy)]
pub struct Process {
    pid: u32,
}

impl Process {
    pub fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// Returns this process, the client.
    pub fn own() -> Self {
        Self::new(std::process::id())
    }

    fn read(self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.pid)).unwrap_or_default()
    }

    pub fn usage(self) -> Usage {
        let stat = self.read("stat");
        // The name in the second field may hold anything, also blanks.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|text| text.parse().ok()).unwrap_or(0.0);
        Usage {
            rss_bytes: field(&self.read("status"), "VmRSS:") * 1024,
            cpu_seconds: (ticks(11) + ticks(12)) / TICKS_PER_SECOND,
            machine: machine(),
        }
    }

    /// Forgets the peak so far, where the kernel lets us.
    pub fn reset_peak(self) {
        let _ = fs::write(format!("/proc/{}/clear_refs", self.pid), "5");
    }

    /// Returns the most memory since the last reset.
    pub fn peak_rss_bytes(self) -> u64 {
        field(&self.read("status"), "VmHWM:") * 1024
    }

    /// Asks the process to stop in order.
    pub fn terminate(self) {
        if let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

/// Processes that do one work together.
pub struct Processes(Vec<Process>);

impl Processes {
    pub fn new(all: Vec<Process>) -> Self {
        Self(all)
    }

    /// Returns the sum of their counters.
    pub fn usage(&self) -> Usage {
        let mut sum = Usage { machine: machine(), ..Usage::default() };
        for usage in self.0.iter().map(|process| process.usage()) {
            sum.rss_bytes += usage.rss_bytes;
            sum.cpu_seconds += usage.cpu_seconds;
        }
        sum
    }

    pub fn reset_peak(&self) {
        self.0.iter().for_each(|process| process.reset_peak());
    }

    /// Returns the sum of what each had at most: not all at the same moment.
    pub fn peak_rss_bytes(&self) -> u64 {
        self.0.iter().map(|process| process.peak_rss_bytes()).sum()
    }
}

/// Returns the number behind a name at the start of a line.
fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Raises the limit of open files of this process as far as it may, and returns it.
pub fn raise_open_files() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // What is refused leaves the limit as it is.
    let _ = setrlimit(Resource::Nofile, limit);
    let current = getrlimit(Resource::Nofile).current;
    current.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

pub fn load1() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0.0)
}

fn machine() -> Machine {
    let text = fs::read_to_string("/proc/diskstats").unwrap_or_default();
    let mut machine = Machine { cpu_seconds: machine_cpu_seconds(), ..Machine::default() };
    for line in text.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| fields.get(at).and_then(|text| text.parse().ok()).unwrap_or(0u64);
        // Partitions and mapped devices repeat what the disk below them says.
        if fields.get(2).is_some_and(|name| is_disk(name)) {
            machine.written_bytes += number(9) * 512;
            machine.flushes += number(18);
        }
    }
    machine
}

/// Says whether this is a whole disk, which has a device behind it.
fn is_disk(name: &str) -> bool {
    Path::new("/sys/block").join(name).join("device").exists()
}

fn machine_cpu_seconds() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks = text.lines().next().unwrap_or("").split_whitespace().skip(1);
    let ticks: Vec<f64> = ticks.filter_map(|text| text.parse().ok()).collect();
    // Of the first eight, the fourth and fifth are idle time.
    let busy = ticks.iter().take(8).enumerate().filter(|(at, _)| ![3, 4].contains(at));
    busy.map(|(_, ticks)| ticks).sum::<f64>() / TICKS_PER_SECOND
}
