//! A server on a data folder of its own, that can be killed and started again.

use crate::guests::{self, Guest};
use crate::http::Client;
use crate::process::{Launch, Process, Up};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;
use tempfile::TempDir;

/// Lines of the log that a failed test shows.
const LOG_LINES_SHOWN: usize = 150;

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct Setup {
    command: Vec<String>,
    args: Vec<String>,
    env: Vec<(String, String)>,
    data: Option<PathBuf>,
    compiles: bool,
}

impl Default for Setup {
    fn default() -> Self {
        let command = vec!["up".to_owned()];
        Self { command, args: Vec::new(), env: Vec::new(), data: None, compiles: false }
    }
}

impl Setup {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts the server by `abide dev` on this path.
    #[must_use]
    pub fn developing(mut self, path: &Path) -> Self {
        self.command = vec!["dev".to_owned(), path.display().to_string()];
        self
    }

    #[must_use]
    pub fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(ToString::to_string));
        self
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Uses this data folder instead of a fresh one, which the test has to keep.
    #[must_use]
    pub fn data(mut self, data: &Path) -> Self {
        self.data = Some(data.to_path_buf());
        self
    }

    /// Lets the server compile what is deployed, instead of finding it compiled.
    #[must_use]
    pub fn that_compiles(mut self) -> Self {
        self.compiles = true;
        self
    }

    #[must_use]
    #[track_caller]
    pub fn start(self) -> Server {
        match self.try_start() {
            Ok(server) => server,
            Err((status, log)) => panic!("the server did not start ({status}):\n{log}"),
        }
    }

    /// Starts a server.
    ///
    /// # Errors
    /// It ended at once: how, and what it said.
    pub fn try_start(self) -> Result<Server, (ExitStatus, String)> {
        let home = tempfile::Builder::new().prefix("abide-e2e-").tempdir().expect("a folder can be made");
        let data = self.data.clone().unwrap_or_else(|| home.path().join("data"));
        let log = home.path().join("server.log");
        let up = launch(&self, &data, &log).map_err(|status| {
            (status, String::from_utf8_lossy(&std::fs::read(&log).unwrap_or_default()).into_owned())
        })?;
        if !self.compiles {
            guests::put_artifacts(&data);
        }
        Ok(Server { home, data, log, setup: self, up })
    }
}

/// A running server.
pub struct Server {
    home: TempDir,
    data: PathBuf,
    log: PathBuf,
    setup: Setup,
    up: Up,
}

impl Server {
    /// Starts a server with nothing in it.
    #[must_use]
    #[track_caller]
    pub fn start() -> Self {
        Setup::new().start()
    }

    /// Starts a server with a guest that may reach every host.
    #[must_use]
    #[track_caller]
    pub fn with(guest: Guest) -> Self {
        let server = Self::start();
        server.deploy(guest);
        server
    }

    #[must_use]
    pub fn ingress(&self) -> Client {
        Client { addr: self.up.ingress }
    }

    #[must_use]
    pub fn admin(&self) -> Client {
        Client { addr: self.up.admin }
    }

    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Returns a folder that lives as long as the server.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Returns the process that runs now.
    #[must_use]
    pub fn process(&self) -> Process {
        self.up.process.clone()
    }

    /// Returns everything the server wrote, over all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        self.log_from(0)
    }

    /// Returns how many bytes the server wrote so far.
    #[must_use]
    pub fn log_len(&self) -> u64 {
        std::fs::metadata(&self.log).map_or(0, |metadata| metadata.len())
    }

    /// Returns what the server wrote behind so many bytes. Guests may have it write what is no text.
    #[must_use]
    pub fn log_from(&self, start: u64) -> String {
        let mut bytes = Vec::new();
        let read = File::open(&self.log).and_then(|mut log| {
            log.seek(SeekFrom::Start(start))?;
            log.read_to_end(&mut bytes)
        });
        // Without a file nothing was written yet.
        read.map_or_else(|_| String::new(), |_| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Kills the process, as a power cut would.
    pub fn kill(&self) {
        self.up.process.kill();
    }

    /// Asks the server to stop, and waits.
    pub fn stop(&self) -> ExitStatus {
        self.up.process.stop()
    }

    /// Starts the server again on the same data, killing it when it still runs.
    #[track_caller]
    pub fn restart(&mut self) {
        self.kill();
        match launch(&self.setup, &self.data, &self.log) {
            Ok(up) => self.up = up,
            Err(status) => panic!("the server did not start again ({status})"),
        }
    }
}

impl Server {
    /// Starts the server again, with another value of a variable of its environment from now on.
    ///
    /// # Errors
    /// It ended before it was up.
    pub fn try_restart_with(&mut self, name: &str, value: &str) -> Result<(), ExitStatus> {
        self.kill();
        self.setup.env.retain(|(known, _)| known != name);
        self.setup.env.push((name.into(), value.into()));
        self.up = launch(&self.setup, &self.data, &self.log)?;
        Ok(())
    }

    /// Starts the server again and kills it after a pause, wherever it is then.
    pub fn restart_and_kill(&self, pause: Duration) {
        self.kill();
        let Setup { command, args, env, .. } = &self.setup;
        Launch { command, data: &self.data, log: &self.log, args, env }.start_and_kill(pause);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let shown = &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..];
            eprintln!("---- the server's log ----\n{}", shown.join("\n"));
        }
    }
}

fn launch(setup: &Setup, data: &Path, log: &Path) -> Result<Up, ExitStatus> {
    Launch { command: &setup.command, data, log, args: &setup.args, env: &setup.env }.start()
}
