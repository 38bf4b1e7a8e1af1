//! Kills the server over and over: at every effect of every scenario, and at random moments under load.

use abide_e2e::kill::{self, Moment};
use abide_e2e::rng::Rng;
use abide_e2e::{Counter, Server, mixed, scenarios};
use std::time::Instant;

const STEPS: usize = 20;
const WAVES: usize = 10;
const PER_WAVE: usize = 60;

fn main() {
    let rounds = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => 300,
        [flag, count] if flag == "--rounds" => count.parse().expect("--rounds takes a number"),
        _ => panic!("usage: kill_loop [--rounds KILLS]"),
    };
    let mut rng = Rng::from_env();
    let start = Instant::now();
    let (mut kills, mut accepted) = (0, 0);
    while kills < rounds {
        kills += chosen(&mut rng);
        println!("{kills} kills at chosen effects after {:?}", start.elapsed());
        accepted += random(&mut rng);
        kills += WAVES;
        println!("{kills} kills, {accepted} invocations under load, after {:?}", start.elapsed());
    }
    println!("nothing lost, nothing repeated after it was durable: {kills} kills in {:?}", start.elapsed());
}

/// Kills at every effect of all scenarios, on one data folder.
fn chosen(rng: &mut Rng) -> usize {
    let (mut server, counter) = (Server::start(), Counter::start());
    let scenarios = [
        kill::steps(&counter, STEPS),
        kill::saga(),
        scenarios::chain(&counter, "chain"),
        scenarios::news(&counter, "news"),
        scenarios::cancelled_saga(&counter),
    ];
    scenarios.iter().for_each(|scenario| kill::prepare(&server, &counter, scenario));
    let mut kills = 0;
    for scenario in &scenarios {
        for moment in [Moment::BeforeAnswer, Moment::AfterAnswer] {
            kills += kill::at_every_effect(&mut server, &counter, scenario, moment, rng);
            kills += kill::at_all_effects_of_one(&mut server, &counter, scenario, moment, rng);
        }
    }
    kills
}

/// Kills at random moments while many invocations run.
fn random(rng: &mut Rng) -> usize {
    let (mut server, counter) = (Server::start(), Counter::start());
    mixed::prepare(&server, &counter);
    mixed::waves(&mut server, &counter, WAVES, PER_WAVE, rng)
}
