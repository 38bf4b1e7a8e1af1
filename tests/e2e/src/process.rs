//! The server's process: started, killed, stopped.

use crate::binary;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const START_TIMEOUT: Duration = Duration::from_secs(40);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// How a server is started.
pub struct Launch<'a> {
    /// The command, and what it works on.
    pub command: &'a [String],
    pub data: &'a Path,
    pub log: &'a Path,
    pub args: &'a [String],
    pub env: &'a [(String, String)],
}

/// A server that said it is up.
pub struct Up {
    pub process: Process,
    pub ingress: SocketAddr,
    pub admin: SocketAddr,
}

/// A handle to the process; any thread may kill it.
#[derive(Clone)]
pub struct Process {
    child: Arc<Mutex<Child>>,
}

impl Launch<'_> {
    /// Starts a server and waits until it is up.
    ///
    /// # Errors
    /// It ended before it was up; the error says how.
    pub fn start(&self) -> Result<Up, ExitStatus> {
        let mut child = self.spawn();
        let stdout = child.stdout.take().expect("it is piped");
        let process = Process { child: Arc::new(Mutex::new(child)) };
        match first_line(stdout) {
            Some(line) => {
                let said: Value = serde_json::from_str(&line).expect("--json prints JSON");
                Ok(Up { process, ingress: address(&said["ingress"]), admin: address(&said["admin"]) })
            }
            None => Err(process.wait().expect("it closed its output, so it ends")),
        }
    }

    /// Starts a server and kills it after a pause, wherever it is then.
    pub fn start_and_kill(&self, pause: Duration) {
        let process = Process { child: Arc::new(Mutex::new(self.spawn())) };
        std::thread::sleep(pause);
        process.kill();
    }

    fn spawn(&self) -> Child {
        let log = File::options().create(true).append(true).open(self.log).expect("the log can be written");
        let mut command = Command::new(binary::abide());
        command.args(self.command).args([
            "--json",
            "--ingress",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
            "--data",
        ]);
        command.arg(self.data).args(self.args);
        clean_env(&mut command);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        command.spawn().expect("the binary can be run")
    }
}

/// Lets a test say what a command finds in its environment, whatever the developer has set.
pub fn clean_env(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if ["ABIDE_", "OTEL_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
}

fn first_line(stdout: std::process::ChildStdout) -> Option<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut lines = BufReader::new(stdout).lines();
        let _ = sender.send(lines.next().and_then(Result::ok));
        // Goes on reading, so that the server can go on writing.
        lines.for_each(drop);
    });
    receiver.recv_timeout(START_TIMEOUT).expect("a server starts, or says why not")
}

fn address(url: &Value) -> SocketAddr {
    let url = url.as_str().expect("a URL is text");
    url.split_once("://").expect("a URL has a scheme").1.parse().expect("the address is numeric")
}

/// Processor time in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct CpuMs {
    pub own: u64,
    pub of_children: u64,
}

impl Process {
    /// Kills it, as a power cut would. Does nothing when it has ended.
    pub fn kill(&self) {
        let mut child = self.lock();
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(&self) -> ExitStatus {
        let id = self.id();
        kill_process(id, Signal::TERM).expect("it is our child");
        self.wait().expect("a server that is asked to stop stops")
    }

    /// Waits until it has ended; None when it does not.
    #[must_use]
    pub fn wait(&self) -> Option<ExitStatus> {
        let start = Instant::now();
        while start.elapsed() < STOP_TIMEOUT {
            if let Some(status) = self.try_wait() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }

    #[must_use]
    pub fn try_wait(&self) -> Option<ExitStatus> {
        self.lock().try_wait().expect("it is our child")
    }

    #[must_use]
    pub fn id(&self) -> Pid {
        let id = i32::try_from(self.lock().id()).expect("process ids are small");
        Pid::from_raw(id).expect("process ids are not zero")
    }

    /// Returns the processor time that it has used, and that of its children that have ended.
    #[must_use]
    pub fn cpu_ms(&self) -> CpuMs {
        let stat = format!("/proc/{}/stat", self.id().as_raw_nonzero());
        let stat = std::fs::read_to_string(stat).expect("the process runs");
        let fields: Vec<_> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
        let ticks = |n: usize| fields[n].parse::<u64>().expect("a number");
        // Fields 14 to 17 of proc(5), in hundredths of a second.
        CpuMs { own: (ticks(11) + ticks(12)) * 10, of_children: (ticks(13) + ticks(14)) * 10 }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
