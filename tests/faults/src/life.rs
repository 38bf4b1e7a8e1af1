//! The lives of one server: each begins with a plan of what goes wrong in it, and most end by that.

use crate::world::World;
use abide_e2e::Server;
use abide_e2e::rng::Rng;
use abide_store::faults::{Edge, Site, VARIABLE};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often a life is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// A server that is healthy again comes up within so many starts.
const STARTS_MAX: usize = 3;

/// A server over its lives, with the world that is told of them.
pub struct Lives<'a> {
    server: Server,
    world: &'a World,
    pub rng: Rng,
    pub kills: usize,
    pub starts: usize,
    /// Where the log of this life begins.
    log_from: u64,
    clock: Clock,
    /// What is true in every life.
    always: String,
}

/// The clock that the servers are given.
struct Clock {
    file: PathBuf,
    /// What the machine's clock says, in milliseconds ahead of the real one.
    machine_ms: i64,
    /// What this life of the server makes of it.
    server_ms: i64,
}

impl Clock {
    fn write(&self) {
        let next = self.file.with_extension("next");
        std::fs::write(&next, self.machine_ms.to_string()).expect("a file can be written");
        std::fs::rename(&next, &self.file).expect("a file can be renamed");
    }
}

/// How a life came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself: killed, or with an error.
    Died,
    /// It was still going on.
    Alive,
}

impl<'a> Lives<'a> {
    #[must_use]
    pub fn new(server: Server, world: &'a World, rng: Rng) -> Self {
        let clock = Clock { file: server.home().join("clock"), machine_ms: 0, server_ms: 0 };
        let always = format!("small,clock:{}", clock.file.display());
        Self { server, world, rng, kills: 0, starts: 1, log_from: 0, clock, always }
    }

    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    #[must_use]
    pub fn world(&self) -> &World {
        self.world
    }

    /// Sets the clock of the machine, so many milliseconds ahead of the real one.
    pub fn set_clock(&mut self, ahead_ms: i64) {
        self.clock.machine_ms = ahead_ms;
        // A server follows what is ahead of all it has seen in its life.
        if ahead_ms > self.clock.server_ms {
            self.clock.server_ms = ahead_ms;
            self.world.clock_is(ahead_ms);
        }
        self.clock.write();
    }

    /// Returns by how much the clock of the machine is ahead.
    #[must_use]
    pub fn clock(&self) -> i64 {
        self.clock.machine_ms
    }

    /// Sets the clock forward, so that what waits for so long does not wait any more.
    pub fn clock_goes_beyond(&mut self, wait: Duration) {
        let wait_ms = i64::try_from(wait.as_millis()).expect("waits are short");
        self.set_clock(self.clock.machine_ms.max(self.clock.server_ms) + wait_ms);
    }

    #[must_use]
    pub fn data(&self) -> &Path {
        self.server.data()
    }

    /// Ends this life, wherever the server is.
    pub fn kill(&mut self) {
        self.world.died();
        self.kills += 1;
        self.server.kill();
    }

    /// Begins a life. What it logs from now on is its own.
    pub fn begin(&mut self, plan: &str) -> End {
        if self.server.process().try_wait().is_none() {
            self.kill();
        }
        self.log_from = self.server.log_len();
        self.starts += 1;
        self.clock.server_ms = self.clock.machine_ms;
        self.world.clock_is(self.clock.server_ms);
        let plan = format!("{},{plan}", self.always);
        match self.server.try_restart_with(VARIABLE, &plan) {
            Ok(()) => {
                self.world.moved(&self.server);
                End::Alive
            }
            Err(_) => {
                self.world.died();
                End::Died
            }
        }
    }

    /// Lives so long at most.
    pub fn go_on(&mut self, most: Duration) -> End {
        let start = Instant::now();
        while start.elapsed() < most {
            if self.server.process().try_wait().is_some() {
                self.world.died();
                return End::Died;
            }
            std::thread::sleep(LOOK);
        }
        End::Alive
    }

    /// A whole life under a plan that ends it; it is killed when that takes too long.
    pub fn under(&mut self, plan: &str, most: Duration) -> End {
        let end = match self.begin(plan) {
            End::Died => End::Died,
            End::Alive => self.go_on(most),
        };
        match end {
            End::Died => self.kills += 1,
            End::Alive => self.kill(),
        }
        end
    }

    /// Begins a life without a fault; what the one before left must not hinder that.
    ///
    /// # Errors
    /// It does not start; the error shows why.
    pub fn begin_well(&mut self) -> Result<(), String> {
        for _ in 0..STARTS_MAX {
            if self.begin("") == End::Alive {
                return Ok(());
            }
        }
        Err(format!("the server does not start any more:\n{}", self.said()))
    }

    /// Returns what the server logged in this life.
    #[must_use]
    pub fn said(&self) -> String {
        self.server.log_from(self.log_from)
    }

    /// Kills the server at a failpoint. Says whether it came there.
    pub fn die_at(&mut self, site: Site, edge: Edge, nth: u64, most: Duration) -> bool {
        let point = point(site, edge);
        self.under(&format!("kill:{point}#{nth}"), most);
        self.said().contains(&format!("killed at {point}"))
    }
}

/// Returns the name of a failpoint.
#[must_use]
pub fn point(site: Site, edge: Edge) -> String {
    let edge = match edge {
        Edge::Before => "before",
        Edge::After => "after",
    };
    format!("{}.{edge}", site.name())
}
