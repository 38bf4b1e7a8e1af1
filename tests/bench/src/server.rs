//! The server under test, as a process of its own.

use crate::client::{self, Client};
use crate::folder::Folder;
use crate::options::Options;
use crate::process::{Process, Processes};
use crate::root;
use anyhow::{Context, bail};
use bytes::Bytes;
use http::HeaderValue;
use serde::Serialize;
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What an abide server keeps, within the folder for its data.
const KEPT: &str = "abide";
const START_MAX: Duration = Duration::from_secs(600);
const STOP_MAX: Duration = Duration::from_secs(120);
/// A server that uses less than this part of a processor has nothing to do.
const IDLE_CPUS: f64 = 0.1;
const IDLE_LOOK: Duration = Duration::from_secs(1);
const IDLE_MAX: Duration = Duration::from_secs(120);

/// The binary that is measured.
pub struct Binary {
    pub path: PathBuf,
    partitions: Option<u16>,
}

impl Binary {
    pub fn find(options: &Options) -> anyhow::Result<Self> {
        let path = options.server.clone().unwrap_or_else(|| root().join("target/release/abide"));
        Self::at(path, options)
    }

    pub fn at(path: PathBuf, options: &Options) -> anyhow::Result<Self> {
        if !path.is_file() {
            bail!("{} is not there; build it first: cargo build --release", path.display());
        }
        // A name alone would be looked for in PATH.
        Ok(Self { path: std::path::absolute(path)?, partitions: options.partitions })
    }
}

pub struct Server {
    child: Child,
    /// The process of the handlers, where they do not run in the server.
    handlers: Option<Handlers>,
    pub ingress: SocketAddr,
    pub admin: SocketAddr,
    data: PathBuf,
    /// What the server keeps, within the folder.
    kept: PathBuf,
}

/// A process that ends with this value.
pub struct Handlers(pub Child);

impl Drop for Handlers {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// Starts a server on an empty folder and gives it the component.
    pub async fn fresh(binary: &Binary, data: &Path, component: &Bytes) -> anyhow::Result<Self> {
        empty(data)?;
        let server = Self::start(binary, data).await?;
        server.deploy(component).await?;
        Ok(server)
    }

    /// Starts a server on a folder as it is, and waits until it answers.
    pub async fn start(binary: &Binary, data: &Path) -> anyhow::Result<Self> {
        let (ingress, admin) = (free_address()?, free_address()?);
        let kept = data.join(KEPT);
        let mut command = Command::new(&binary.path);
        command.arg("up").arg("--data").arg(&kept);
        command.args(["--ingress", &ingress.to_string(), "--admin", &admin.to_string()]);
        if let Some(partitions) = binary.partitions {
            command.args(["--partitions", &partitions.to_string()]);
        }
        Self::launch(command, ingress, admin, data, kept).await
    }

    /// Starts a server with this command, and waits until it answers.
    pub async fn launch(
        command: Command,
        ingress: SocketAddr,
        admin: SocketAddr,
        data: &Path,
        kept: PathBuf,
    ) -> anyhow::Result<Self> {
        let child = spawn(command, &data.join("server.log"))?;
        let mut server = Self { child, handlers: None, ingress, admin, data: data.to_owned(), kept };
        server.wait_until_up().await?;
        Ok(server)
    }

    /// Has the handlers run in a process of their own, which belongs to the server.
    pub fn with_handlers(mut self, handlers: Handlers) -> Self {
        self.handlers = Some(handlers);
        self
    }

    async fn wait_until_up(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            if let Ok(mut client) = Client::connect(self.ingress).await
                && let Ok((status, _)) = client.get("/restate/health").await
                && status.is_success()
            {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}:\n{}", self.log_tail());
            }
            if started.elapsed() > START_MAX {
                bail!("the server did not answer within {START_MAX:?}:\n{}", self.log_tail());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub async fn deploy(&self, component: &Bytes) -> anyhow::Result<()> {
        let mut admin = Client::connect(self.admin).await?;
        let wasm = HeaderValue::from_static("application/wasm");
        let uploaded = admin.send(client::post("/deployments", wasm, component.clone())?).await;
        let (status, body) = uploaded.context("upload the component")?;
        if !status.is_success() {
            bail!("the server refuses the component, {status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(())
    }

    pub fn process(&self) -> Process {
        Process::new(self.child.id())
    }

    /// Returns the server and the handlers, where those are a process of their own.
    pub fn processes(&self) -> Processes {
        let handlers = self.handlers.iter().map(|handlers| Process::new(handlers.0.id()));
        Processes::new([self.process()].into_iter().chain(handlers).collect())
    }

    /// Returns the server's folder.
    pub fn folder(&self) -> Folder {
        Folder::new(self.kept.clone())
    }

    /// Returns the folder of a server that was started with this one for its data.
    pub fn folder_of(data: &Path) -> Folder {
        Folder::new(data.join(KEPT))
    }

    /// Says whether the server lists an invocation that fits the query.
    pub async fn lists_any(&self, query: &str) -> anyhow::Result<bool> {
        lists_any(self.admin, query).await
    }

    /// Waits until the server has nothing to do, for two minutes at most; returns whether that is so.
    pub async fn rest(&self) -> bool {
        let started = Instant::now();
        while started.elapsed() < IDLE_MAX {
            let (before, from) = (self.processes().usage().cpu_seconds, Instant::now());
            tokio::time::sleep(IDLE_LOOK).await;
            let used = self.processes().usage().cpu_seconds - before;
            if used / from.elapsed().as_secs_f64() < IDLE_CPUS {
                return true;
            }
        }
        false
    }

    /// Returns how many bytes the server has logged.
    pub fn log_bytes(&self) -> u64 {
        fs::metadata(self.data.join("server.log")).map_or(0, |metadata| metadata.len())
    }

    fn log_tail(&self) -> String {
        let text = fs::read_to_string(self.data.join("server.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }

    /// Ends the server without a warning; returns the process of the handlers, which goes on.
    pub fn kill(mut self) -> anyhow::Result<Option<Handlers>> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(self.handlers.take())
    }

    /// Stops the server in order; returns how long that took.
    pub async fn stop(mut self) -> anyhow::Result<Duration> {
        let started = Instant::now();
        self.process().terminate();
        while self.child.try_wait()?.is_none() {
            if started.elapsed() > STOP_MAX {
                bail!("the server did not stop within {STOP_MAX:?}:\n{}", self.log_tail());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(started.elapsed())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says whether the server with this admin port lists an invocation that fits the query.
pub async fn lists_any(admin: SocketAddr, query: &str) -> anyhow::Result<bool> {
    let mut admin = Client::connect(admin).await?;
    let listing: Value = admin.get_as(&format!("/invocations?limit=1&{query}")).await?;
    Ok(listing["invocations"].as_array().is_some_and(|found| !found.is_empty()))
}

/// What a stopped server's folder holds, by its own examination.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Contents {
    pub keys: u64,
    pub large_values: u64,
}

impl Binary {
    /// Examines the folder of a server that was stopped; problems are errors.
    pub fn examine(&self, data: &Path) -> anyhow::Result<Contents> {
        let mut doctor = Command::new(&self.path);
        let output = doctor.args(["doctor", "--json"]).arg(data.join(KEPT)).output()?;
        let report: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("the doctor says: {}", String::from_utf8_lossy(&output.stderr)))?;
        let problems = &report["problems"];
        if problems.as_array().is_none_or(|problems| !problems.is_empty()) {
            bail!("the doctor finds problems: {problems}");
        }
        let number = |pointer| report.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        Ok(Contents { keys: number("/index/keys"), large_values: number("/blobs/referenced") })
    }
}

/// Makes a folder that is empty.
pub fn empty(data: &Path) -> anyhow::Result<()> {
    if data.exists() {
        fs::remove_dir_all(data).with_context(|| format!("empty {}", data.display()))?;
    }
    fs::create_dir_all(data).with_context(|| format!("make {}", data.display()))
}

/// Starts a process whose output goes to the end of a file.
pub fn spawn(mut command: Command, log: &Path) -> anyhow::Result<Child> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder)?;
    }
    let log = OpenOptions::new().create(true).append(true).open(log)?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn().with_context(|| format!("start {}", command.get_program().display()))
}

/// Returns an address that is free now.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
