//! Clients of a few registers at once, whose histories have to be linearizable.

use crate::work::Verdict;
use crate::world::{World, lock, rest};
use abide_e2e::linear::{Answer, Ask, Event, Known, check};
use abide_e2e::rng::Rng;
use abide_e2e::{Reply, api};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub const NAME: &str = "objects";
const KEYS: [&str; 3] = ["a", "b/c", ""];
const PAUSE_MAX: Duration = Duration::from_millis(40);

/// What the clients saw of the registers.
#[derive(Default)]
pub struct Objects {
    seen: Mutex<Vec<(usize, Event)>>,
    asked: AtomicUsize,
}

impl Objects {
    /// One client: asks until the run is over.
    pub fn run_client(&self, world: &World, client: usize, mut rng: Rng) {
        let mut known = Known::nothing(client, KEYS.len());
        for n in 0.. {
            if world.is_over() {
                return;
            }
            let (key, ask) = known.choose(n, &mut rng);
            if let Some(event) = self.ask(world, client, n, key, ask) {
                known.learn(key, &event);
                lock(&self.seen).push((key, event));
            }
            rest(&mut rng, PAUSE_MAX);
        }
    }

    /// Asks until it is known what came of it; None for a read without an answer.
    fn ask(&self, world: &World, client: usize, n: usize, key: usize, ask: Ask) -> Option<Event> {
        let called_at = world.micros();
        let (handler, input) = ask.call();
        let path = format!("/restate/call/Register/{}/{handler}", api::escape(KEYS[key]));
        let reply = if ask == Ask::Read {
            Some(world.try_post(&path, &input, None)?)
        } else {
            self.asked.fetch_add(1, Ordering::SeqCst);
            world.post(&path, &input, &format!("{NAME}-{client}-{n}"))
        };
        let answered = match reply {
            Some(reply) => Some((world.micros(), answer_of(world, ask, &reply)?)),
            None => None,
        };
        Some(Event { client, ask, called_at, answered })
    }

    /// Says whether there is an order that explains all that was seen, the last word included.
    #[must_use]
    pub fn judge(&self, world: &World) -> Verdict {
        let mut wrong = world.complaints(NAME);
        for (key, name) in KEYS.iter().enumerate() {
            let last = self.ask(world, usize::MAX, 0, key, Ask::Read);
            let seen = lock(&self.seen);
            let own = seen.iter().filter(|(of, _)| *of == key).map(|(_, event)| *event).chain(last);
            wrong.extend(check(&own.collect::<Vec<_>>()).err().map(|told| format!("key {name:?}: {told}")));
            wrong.extend(last.is_none().then(|| format!("key {name:?} cannot be read at the end")));
        }
        let acknowledged = lock(&self.seen).iter().filter(|(_, event)| event.answered.is_some()).count();
        Verdict { acknowledged, wrong }
    }

    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn answer_of(world: &World, ask: Ask, reply: &Reply) -> Option<Answer> {
    let answer = if reply.status == 200 { ask.answer(&reply.json()) } else { None };
    if answer.is_none() {
        world.complain(NAME, format!("{ask:?} has the answer {} {}", reply.status, reply.text()));
    }
    answer
}
