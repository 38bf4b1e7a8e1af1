//! Concurrent clients of a few objects, with kills: what they saw has to be linearizable.
//!
//! A client that loses its connection asks again with the same idempotency key until it learns what
//! came of it, so an update that was lost, or done twice, shows in somebody's answer.

use abide_e2e::api::millis;
use abide_e2e::linear::{Answer, Ask, Event, Known, check};
use abide_e2e::rng::Rng;
use abide_e2e::{Client, Guest, Reply, Setup};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const CLIENTS: usize = 8;
const KEYS: [&str; 3] = ["a", "b/c", ""];
/// Between two tries of one request.
const PAUSE: Duration = Duration::from_millis(20);
/// A client that does not learn what came of its request by then never will.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the clients share.
struct World {
    start: Instant,
    /// Where the server is now.
    client: Mutex<Client>,
    is_over: AtomicBool,
}

impl World {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).expect("the test is short")
    }

    fn client(&self) -> Client {
        *self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks once; None when there was no answer, or one that says that the server stops.
    fn try_ask(&self, key: &str, ask: Ask, idempotency_key: Option<&str>) -> Option<Reply> {
        let (handler, input) = ask.call();
        let path = format!("/restate/call/Register/{}/{handler}", abide_e2e::api::escape(key));
        let mut request = self.client().request("POST", &path).timeout(Duration::from_secs(10));
        if ask != Ask::Read {
            request = request.json(&input.to_string());
        }
        if let Some(idempotency_key) = idempotency_key {
            request = request.header("idempotency-key", idempotency_key);
        }
        request.try_send().ok().filter(|reply| reply.status != 503)
    }

    /// Asks, again and again if need be, and returns the event; None for a read without an answer.
    fn ask(&self, client: usize, n: usize, key: &str, ask: Ask) -> Option<Event> {
        let called_at = self.now();
        if ask == Ask::Read {
            let answer = answer_of(ask, &self.try_ask(key, ask, None)?);
            return Some(Event { client, ask, called_at, answered: Some((self.now(), answer)) });
        }
        let idempotency_key = format!("{client}-{n}");
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(reply) = self.try_ask(key, ask, Some(&idempotency_key)) {
                let answer = answer_of(ask, &reply);
                return Some(Event { client, ask, called_at, answered: Some((self.now(), answer)) });
            }
            std::thread::sleep(PAUSE);
        }
        Some(Event { client, ask, called_at, answered: None })
    }

    /// One client: asks until it is told to stop. Returns what it saw of each key.
    fn run_client(&self, client: usize, mut rng: Rng) -> Vec<(usize, Event)> {
        let mut seen = Vec::new();
        let mut known = Known::nothing(client, KEYS.len());
        for n in 0.. {
            if self.is_over.load(Ordering::Relaxed) {
                break;
            }
            let (key, ask) = known.choose(n, &mut rng);
            let Some(event) = self.ask(client, n, KEYS[key], ask) else { continue };
            known.learn(key, &event);
            seen.push((key, event));
        }
        seen
    }
}

fn answer_of(ask: Ask, reply: &Reply) -> Answer {
    ask.answer(&reply.clone().expect(200).json()).expect("a number, or true or false")
}

/// Lets the clients work for a time in which the server is killed, and checks what they saw.
fn check_under_kills(setup: Setup, kills: usize, life: Duration) {
    let mut server = setup.start();
    server.deploy(Guest::Abilities);
    let mut rng = Rng::from_env();
    let world = World {
        start: Instant::now(),
        client: Mutex::new(server.ingress()),
        is_over: AtomicBool::new(false),
    };
    let seen: Vec<_> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (world, rng) = (&world, rng.fork());
                scope.spawn(move || world.run_client(client, rng))
            })
            .collect();
        for _ in 0..kills {
            std::thread::sleep(rng.pause(life));
            server.restart();
            *world.client.lock().unwrap_or_else(PoisonError::into_inner) = server.ingress();
        }
        std::thread::sleep(rng.pause(life));
        world.is_over.store(true, Ordering::Relaxed);
        clients.into_iter().flat_map(|client| client.join().expect("no panics")).collect()
    });
    let answered = seen.iter().filter(|(_, event)| event.answered.is_some()).count();
    println!("{} operations, {answered} answered, {kills} kills", seen.len());
    assert!(answered > CLIENTS * 20, "the server lived long enough to be of use: {answered}");
    for (key, name) in KEYS.iter().enumerate() {
        let own: Vec<_> = seen.iter().filter(|(of, _)| *of == key).map(|(_, event)| *event).collect();
        check(&own).unwrap_or_else(|told| panic!("key {name:?}: {told}"));
        // The last word of the register is one of the explanations.
        let mut history = own;
        history.extend(world.ask(CLIENTS, 0, name, Ask::Read));
        check(&history).unwrap_or_else(|told| panic!("key {name:?} at the end: {told}"));
    }
}

#[test]
fn what_concurrent_clients_see_of_an_object_is_linearizable_whenever_the_server_is_killed() {
    let rounds = if std::env::var_os("ABIDE_E2E_LONG").is_some() { 60 } else { 5 };
    check_under_kills(Setup::new(), rounds, millis(2_500));
}

#[test]
fn so_it_is_with_many_partitions_and_without_kept_instances() {
    let rounds = if std::env::var_os("ABIDE_E2E_LONG").is_some() { 30 } else { 2 };
    let args = ["--partitions", "16", "--suspend-after-ms", "0"];
    check_under_kills(Setup::new().args(&args), rounds, millis(2_000));
}
