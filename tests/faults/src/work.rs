//! The kinds of work that clients do: what they ask for, all of it at once.

use crate::job::{Accepted, Adds, Effects, Job, Seen};
use crate::world::{World, lock, rest};
use abide_e2e::rng::Rng;
use abide_e2e::script::{post, send, set, sleep, step, with};
use abide_e2e::{Reaction, Reply, Server, scenarios};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const PAUSE_MAX: Duration = Duration::from_millis(120);
const VALUE_BYTES: usize = 900;
const VALUES: usize = 100;
/// A timer that nobody waits for before the faults are over.
pub const LONG: Duration = Duration::from_secs(30);

/// A kind of work, a column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Run blocks, their retries, handlers that call each other, awakeables, signals.
    Steps,
    Timers,
    /// One-way messages and delayed ones, that add to registers.
    Sends,
    /// Values of all sizes: beside their keys, and in files of their own.
    Values,
    /// Invocations that are cancelled and killed.
    Ends,
}

pub const KINDS: [Kind; 5] = [Kind::Steps, Kind::Timers, Kind::Sends, Kind::Values, Kind::Ends];

impl Kind {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Timers => "timers",
            Self::Sends => "sends",
            Self::Values => "values",
            Self::Ends => "ends",
        }
    }

    fn job(self, world: &World, name: &str, rng: &mut Rng) -> Job {
        match self {
            Self::Steps => steps(world, name, rng),
            Self::Timers => timers(rng),
            Self::Sends => sends(world, name, rng),
            Self::Values => values(name, rng),
            Self::Ends => ends(),
        }
    }
}

/// What the clients of one kind had acknowledged.
pub struct Work {
    pub kind: Kind,
    accepted: Mutex<Vec<Accepted>>,
    asked: AtomicUsize,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub acknowledged: usize,
    pub wrong: Vec<String>,
}

/// Deploys what the work needs, and lets run blocks fail now and then.
pub fn prepare(server: &Server, world: &World) {
    for guest in [abide_e2e::Guest::Probe, abide_e2e::Guest::Abilities] {
        server.deploy_with(guest, &[("allow_host", &world.counter.authority())]);
    }
    // The journals of large values would fill the disk with what nobody looks at.
    let brief = json!({ "journal_retention": "0s" }).to_string();
    server.admin().request("PATCH", "/services/Thing").json(&brief).send().expect(200);
    world.counter.react(|hit| match hit.path.starts_with("/retried") && hit.index.is_multiple_of(3) {
        true => Reaction::Fail(500),
        false => Reaction::Answer(hit.body.clone()),
    });
}

impl Work {
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self { kind, accepted: Mutex::default(), asked: AtomicUsize::new(0) }
    }

    /// One client: asks until the run is over.
    pub fn run_client(&self, world: &World, client: usize, mut rng: Rng) {
        let mut pending: Vec<Accepted> = Vec::new();
        for n in 0.. {
            if world.is_over() {
                return;
            }
            let name = format!("{}-{client}-{n}", self.kind.name());
            let job = self.kind.job(world, &name, &mut rng);
            self.asked.fetch_add(1, Ordering::SeqCst);
            match job.submit(world, &name) {
                Ok(accepted) => pending.extend(self.follow(world, accepted, &mut rng)),
                Err(why) => world.complain(self.kind.name(), why),
            }
            // Soon after it is there, so that it is known which deaths came before it.
            pending.retain(|each| match each.look(world) {
                Ok(is_there) => !is_there,
                Err(why) => {
                    world.complain(self.kind.name(), why);
                    false
                }
            });
            rest(&mut rng, PAUSE_MAX);
        }
    }

    /// Waits for the answer of some, as it comes, and returns the others, which are looked at now and then.
    fn follow(&self, world: &World, accepted: Accepted, rng: &mut Rng) -> Option<Accepted> {
        if self.kind == Kind::Ends {
            let verb = if rng.coin() { "kill" } else { "cancel" };
            end(world, &accepted.id, verb);
            let mut accepted = accepted;
            let message = if verb == "kill" { "killed" } else { "cancelled" };
            accepted.job.answer = json!({ "code": 409, "message": message, "source": "invocation" });
            lock(&self.accepted).push(accepted);
            return None;
        }
        let is_awaited = match self.kind {
            Kind::Timers => accepted.job.takes < LONG,
            _ => rng.below(4) == 0,
        };
        lock(&self.accepted).push(accepted.clone());
        if !is_awaited {
            return Some(accepted);
        }
        if let Err(why) = accepted.await_answer(world) {
            world.complain(self.kind.name(), why);
        }
        None
    }

    /// Judges everything that was acknowledged, when the faults are over and everything has ended.
    #[must_use]
    pub fn judge(&self, world: &World) -> Verdict {
        let accepted = lock(&self.accepted);
        let mut wrong = world.complaints(self.kind.name());
        wrong.extend(accepted.iter().filter_map(|each| each.await_answer(world).err()));
        // Only now all of them have been seen.
        let seen = Seen::by(world);
        wrong.extend(accepted.iter().filter_map(|each| each.check_effects(world, &seen).err()));
        wrong.extend(accepted.iter().filter_map(|each| each.check_later(world, &seen).err()));
        wrong.extend(accepted.iter().filter_map(|each| check_register(world, each).err()));
        if self.kind == Kind::Sends {
            let messages = accepted.iter().filter_map(|each| Some(each.job.adds.as_ref()?.messages)).sum();
            wrong.extend(check_messages(world, messages).err());
        }
        Verdict { acknowledged: accepted.len(), wrong }
    }

    /// Returns how many invocations were asked for, each with a key of its own.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A register holds exactly what was sent to it: every message came, and none twice.
fn check_register(world: &World, accepted: &Accepted) -> Result<(), String> {
    let Some(Adds { register, sum, .. }) = &accepted.job.adds else { return Ok(()) };
    let path = format!("/restate/call/Register/{register}/read");
    let reply = world.until(|| world.try_post(&path, &Value::Null, None));
    let found = reply.map(|reply| reply.text()).unwrap_or_default();
    match found == sum.to_string() {
        true => Ok(()),
        false => Err(format!("{}: {register} holds {found:?}, and {sum} was sent", accepted.id)),
    }
}

/// There are as many invocations by messages as messages.
fn check_messages(world: &World, messages: u64) -> Result<(), String> {
    let query = "select count(*) as n from sys_invocation where target_service_name = 'Register' \
                 and target_handler_name = 'add' and target_service_key like 'sum-%'";
    let found = world.until(|| first_row(world, query).ok()).ok_or("the messages could not be counted")?;
    match found["n"] == messages {
        true => Ok(()),
        false => Err(format!("{messages} messages were sent to registers, and {} arrived", found["n"])),
    }
}

/// Asks the server to end an invocation until it says that it did.
fn end(world: &World, id: &str, verb: &str) {
    let path = format!("/invocations/{id}/{verb}");
    // 409: it has ended, the first try was heard and its answer lost.
    let is_heard = |reply: &Reply| [200, 202, 409].contains(&reply.status);
    let heard = world.until(|| world.ask_admin("PATCH", &path, None).ok().filter(is_heard));
    if heard.is_none() {
        world.complain(Kind::Ends.name(), format!("{id} could not be ended by {verb}"));
    }
}

fn steps(world: &World, name: &str, rng: &mut Rng) -> Job {
    let counter = &world.counter;
    let (n, path) = (1 + rng.below(4) as usize, format!("/{name}"));
    let names: Vec<_> = (0..n).map(|step| format!("step-{step}")).collect();
    let scenario = |scenario: abide_e2e::kill::Scenario| Job {
        effects: Some((path.clone(), scenario.effects, Effects::OneByOne)),
        ..Job::new(&format!("{}/{}", scenario.service, scenario.handler), scenario.input, scenario.answer)
    };
    match rng.below(5) {
        0 => scenario(scenarios::chain(counter, name)),
        1 => scenario(scenarios::news(counter, name)),
        2 => {
            let path = format!("/retried-{name}");
            let input: Value = names.iter().map(|name| post(&counter.url(&path), name)).collect();
            Job {
                effects: Some((path, names.clone(), Effects::Retried)),
                ..Job::new("Act/script", input, json!(names))
            }
        }
        _ => Job {
            effects: Some((path.clone(), names.clone(), Effects::OneByOne)),
            ..Job::new("Probe/steps", json!({ "n": n, "url": counter.url(&path) }), json!(names))
        },
    }
}

/// Short ones, and some that outlast most of what happens to the server.
fn timers(rng: &mut Rng) -> Job {
    let takes = if rng.below(6) == 0 { LONG } else { Duration::from_millis(rng.below(900)) };
    let ms = u64::try_from(takes.as_millis()).expect("timers are short");
    Job { takes, ..Job::new("Probe/sleep", json!({ "ms": ms }), json!("slept")) }
}

/// Messages to registers, some of them later; keys are spread over all partitions. One more has an effect that tells when
/// it came.
fn sends(world: &World, name: &str, rng: &mut Rng) -> Job {
    let register = format!("sum-{name}");
    let target = format!("Register/{register}/add");
    let amounts: Vec<_> = (0..1 + rng.below(4)).map(|_| 1 + rng.below(9) as i64).collect();
    let message = |amount: &i64| match amount % 3 {
        0 => with(send(&target, json!(amount)), "delayMs", json!(amount * 30)),
        _ => send(&target, json!(amount)),
    };
    let mut input: Vec<_> = amounts.iter().map(message).collect();
    let (path, delay_ms) = (format!("/later-{name}"), 1 + rng.below(900));
    let told = send("Probe/steps", json!({ "n": 1, "url": world.counter.url(&path) }));
    input.push(with(told, "delayMs", json!(delay_ms)));
    input.push(step("say", json!({ "value": "sent" })));
    let adds = Adds { register, messages: amounts.len() as u64, sum: amounts.iter().sum() };
    let later = Some((path, Duration::from_millis(delay_ms)));
    Job { adds: Some(adds), later, ..Job::new("Caller/last", json!(input), json!("sent")) }
}

fn values(name: &str, rng: &mut Rng) -> Job {
    if rng.below(3) == 0 {
        // Many values of some size: the log, its segments and snapshots get something to do.
        let value = name.repeat(VALUE_BYTES / name.len());
        let mut steps: Vec<_> = (0..VALUES).map(|n| set(&format!("value-{n}"), value.as_str())).collect();
        steps.push(step("get", json!({ "name": format!("value-{}", VALUES - 1) })));
        let mut answer = vec![Value::Null; VALUES];
        answer.push(json!(value));
        return Job::new(&format!("Thing/bulk-{}/script", rng.below(4)), json!(steps), json!(answer));
    }
    let sizes = [10, 900, 1_000, 1_100, 30_000, 90_000];
    let value = json!(name.repeat(sizes[rng.below(6) as usize] / name.len() + 1));
    Job::new("Probe/echo", value.clone(), value)
}

/// Something that goes on until a person ends it.
fn ends() -> Job {
    Job { status: 409, ..Job::new("Act/script", json!([sleep(3_600_000)]), Value::Null) }
}

/// Returns how many invocations with a key there are, how many of them have ended, and how many of all have not.
///
/// # Errors
/// The server does not say.
pub fn counts(world: &World) -> Result<(u64, u64, u64), String> {
    let query = "select sum(idempotency_key is not null) as total, \
                 sum(idempotency_key is not null and status = 'completed') as ended, \
                 sum(status <> 'completed') as live from sys_invocation";
    let row = first_row(world, query)?;
    match (row["total"].as_u64(), row["ended"].as_u64(), row["live"].as_u64()) {
        (Some(total), Some(ended), Some(live)) => Ok((total, ended, live)),
        _ => Err(format!("a strange answer to a query: {row}")),
    }
}

fn first_row(world: &World, query: &str) -> Result<Value, String> {
    let reply = world.ask_admin("POST", "/query", Some(&json!({ "query": query })))?;
    let answer: Value =
        serde_json::from_slice(&reply.body).map_err(|error| format!("{error}: {}", reply.text()))?;
    match &answer["rows"][0] {
        Value::Null => Err(format!("no rows: {}", reply.text())),
        row => Ok(row.clone()),
    }
}
