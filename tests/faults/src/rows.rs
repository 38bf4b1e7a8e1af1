//! The faults: each starts a server of its own, does its harm while clients work, and judges what came of it.

mod bits;
mod clock;
mod disk;
mod kills;
mod uploads;

use crate::life::Lives;
use crate::objects::{self, Objects};
use crate::table::Row;
use crate::work::{self, KINDS, Work};
use crate::world::World;
use abide_e2e::Setup;
use abide_e2e::rng::Rng;
use abide_store::faults::VARIABLE;
use std::time::{Duration, Instant};

/// Clients of the registers.
const OBJECT_CLIENTS: usize = 4;
/// Everything has ended and was judged by then, when the faults are over.
const JUDGE_MAX: Duration = Duration::from_secs(90);

/// How much of a fault there is: a part that fits into every run of the tests, or all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    Bounded,
    Long,
}

impl Extent {
    fn of(self, bounded: u64, long: u64) -> u64 {
        match self {
            Self::Bounded => bounded,
            Self::Long => long,
        }
    }

    /// Returns everything, or as much of it as fits into a bounded run, by its seed.
    fn choose<T: Clone>(self, rng: &mut Rng, all: &[T], bounded: usize) -> Vec<T> {
        let mut rest = all.to_vec();
        if self == Self::Bounded {
            while rest.len() > bounded {
                rest.remove(rng.below(rest.len() as u64) as usize);
            }
        }
        rest
    }

    /// Clients of each kind of work.
    fn clients(self) -> usize {
        match self {
            Self::Bounded => 1,
            Self::Long => 2,
        }
    }
}

/// What a fault does; what it returns is wrong.
type Harm = fn(&mut Lives<'_>, Extent) -> Vec<String>;

/// A fault, a row of the table.
#[derive(Clone, Copy)]
pub struct Fault {
    pub name: &'static str,
    harm: Harm,
    args: &'static [&'static str],
}

const fn fault(name: &'static str, harm: Harm) -> Fault {
    Fault { name, harm, args: &[] }
}

/// All of them.
pub const FAULTS: &[Fault] = &[
    fault("killed at random", kills::at_random),
    Fault { args: &["--suspend-after-ms", "0"], ..fault("killed at engine's points", kills::in_the_engine) },
    fault("killed at the disk's points", kills::at_the_disk),
    fault("killed when all is new", kills::when_all_is_new),
    fault("power cut", disk::power_cuts),
    fault("torn writes", disk::torn_writes),
    fault("errors of the disk", disk::errors),
    fault("full disk", disk::full),
    fault("slow disk", disk::slow),
    fault("flipped bits", bits::flipped),
    fault("clock that jumps", clock::jumps),
];

/// Lets clients work while a fault does its harm, and judges.
#[must_use]
pub fn run(fault: Fault, extent: Extent, seed: u64) -> Row {
    let began = Instant::now();
    let mut rng = Rng::of(seed);
    let server = Setup::new().args(fault.args).env(VARIABLE, "small").start();
    let world = World::new(&server);
    work::prepare(&server, &world);
    let (works, objects) = (KINDS.map(Work::new), Objects::default());
    let mut lives = Lives::new(server, &world, rng.fork());
    let (mut wrong, mut is_up) = (Vec::new(), false);
    std::thread::scope(|scope| {
        for work in &works {
            for client in 0..extent.clients() {
                let (world, rng) = (&world, rng.fork());
                scope.spawn(move || work.run_client(world, client, rng));
            }
        }
        for client in 0..OBJECT_CLIENTS {
            let (world, objects, rng) = (&world, &objects, rng.fork());
            scope.spawn(move || objects.run_client(world, client, rng));
        }
        let harm = || {
            let wrong = (fault.harm)(&mut lives, extent);
            // Clients come to the end of what they are at.
            (wrong, lives.begin_well())
        };
        // A test that cannot go on must not leave its clients waiting.
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(harm)) {
            Ok((found, last)) => {
                (wrong, is_up) = (found, last.is_ok());
                wrong.extend(last.err());
            }
            Err(_) => wrong.push("the run was given up: see what panicked above".into()),
        }
        world.finish();
    });
    // A server that is gone answers nothing, however long one waits.
    world.wait_until(Instant::now() + if is_up { JUDGE_MAX } else { Duration::ZERO });
    lives.clock_goes_beyond(work::LONG);
    wrong.extend(one_of_each(&world, works.iter().map(Work::asked).sum::<usize>() + objects.asked()).err());
    let mut cells: Vec<_> = works.iter().map(|work| (work.kind.name(), work.judge(&world))).collect();
    cells.push((objects::NAME, objects.judge(&world)));
    let (kills, starts) = (lives.kills, lives.starts);
    Row { fault: fault.name, seed, lives: starts, kills, took: began.elapsed(), wrong, cells }
}

/// Each key that was asked for is one invocation, and all invocations have ended, those by messages too.
fn one_of_each(world: &World, asked: usize) -> Result<(), String> {
    let asked = asked as u64;
    let mut counted = Err("nobody counted".into());
    let is_so = world.until(|| {
        counted = work::counts(world);
        (counted == Ok((asked, asked, 0))).then_some(())
    });
    is_so.ok_or_else(|| format!("{asked} invocations were asked for, and (all, ended, live) are {counted:?}"))
}
