//! The core simulated: partitions, a disk that lags behind, random guests, crashes, a network that
//! loses and repeats, a clock that jumps, and one seed that decides it all.

mod address;
mod catalogue;
mod coverage;
mod drain;
mod faults;
mod guest;
mod history;
mod invocations;
mod ledger;
mod life;
mod model;
mod moves;
mod object_writes;
mod objects;
mod outside;
mod partition;
mod program;
mod requests;
mod restarts;
mod rng;
mod session;
mod shell;
mod state;
mod states;
mod steps;
mod table;
mod waits;
mod world;
mod writer;
mod writes;

pub use coverage::Coverage;
use world::World;

/// One run of the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    pub seed: u64,
    pub partitions: u16,
    pub moves: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub coverage: Coverage,
    pub moves: u64,
    pub invocations: u64,
}

impl Report {
    pub fn add(&mut self, other: &Self) {
        self.coverage.add(&other.coverage);
        self.moves += other.moves;
        self.invocations += other.invocations;
    }
}

/// Runs a plan to its end and checks everything on the way.
///
/// # Panics
/// An invariant does not hold; the plan is printed.
pub fn simulate(plan: Plan) -> Report {
    let _told = TellPlan(plan);
    let mut world = World::new(plan);
    for _ in 0..plan.moves {
        world.make_a_move();
    }
    world.heal_and_drain();
    world.check_what_is_left();
    world.report()
}

/// Prints the plan when the simulation fails.
struct TellPlan(Plan);

impl Drop for TellPlan {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Plan { seed, partitions, moves } = self.0;
            eprintln!("the simulation failed: seed {seed}, {partitions} partitions, {moves} moves");
        }
    }
}
