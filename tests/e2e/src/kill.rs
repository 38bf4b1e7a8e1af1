//! Kills the server at a chosen side effect of an invocation, and checks what comes of it.
//!
//! The rule: every effect is seen, in order, and at most one per kill is seen twice: the one whose
//! outcome was not durable yet. Whatever was accepted ends with the right answer.

use crate::api::text;
use crate::counter::{Counter, Hit, Reaction};
use crate::guests::Guest;
use crate::poll::eventually;
use crate::process::Process;
use crate::rng::Rng;
use crate::server::Server;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// When the server is killed, seen from the side effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The effect happened, but its answer never arrived.
    BeforeAnswer,
    /// The answer is on its way, or its outcome is on the way to the disk.
    AfterAnswer,
}

/// How the invocation is submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submission {
    Send,
    /// A caller waits, and loses its connection.
    Call,
}

/// An invocation whose effects and answer are known.
pub struct Scenario {
    pub guest: Guest,
    pub service: &'static str,
    pub handler: &'static str,
    pub input: Value,
    /// What each effect is called, in order.
    pub effects: Vec<String>,
    /// Says which effect it is that the counter sees.
    pub name_of: fn(&Hit) -> String,
    pub order: Order,
    pub status: u16,
    pub answer: Value,
}

/// How the effects of a scenario follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    OneByOne,
    /// Some are done at once, and a kill repeats all of those.
    AtOnce,
}

/// The longest pause between an answer and the kill.
const AFTER_ANSWER_MAX: Duration = Duration::from_millis(8);

/// Run blocks one after the other, each with one effect.
#[must_use]
pub fn steps(counter: &Counter, n: usize) -> Scenario {
    let names: Vec<_> = (0..n).map(|step| format!("step-{step}")).collect();
    Scenario {
        guest: Guest::Probe,
        service: "Probe",
        handler: "steps",
        input: json!({ "n": n, "url": counter.url("/steps") }),
        answer: json!(names),
        effects: names,
        name_of: |hit| hit.body.clone(),
        order: Order::OneByOne,
        status: 200,
    }
}

/// The saga of the tour, which fails at its last subscription and undoes everything.
#[must_use]
pub fn saga() -> Scenario {
    let effects = [
        "/payments/create",
        "/subscriptions/create Hulu",
        "/subscriptions/create Prime",
        "/subscriptions/remove Disney",
        "/subscriptions/remove Prime",
        "/subscriptions/remove Hulu",
        "/payments/remove",
    ];
    let message = "[👻 SIMULATED] \"Disney subscription is not available in this region\"";
    Scenario {
        guest: Guest::Tour,
        service: "SubscriptionSaga",
        handler: "add",
        input: json!({
            "userId": "user-123",
            "creditCard": "4111111111111111",
            "subscriptions": ["Hulu", "Prime", "Disney"],
        }),
        effects: effects.map(str::to_owned).to_vec(),
        name_of: name_in_tour,
        order: Order::OneByOne,
        status: 500,
        answer: json!({ "code": 500, "message": message, "source": "invocation" }),
    }
}

/// Says which call of the tour's simulated platforms the counter sees.
#[must_use]
pub fn name_in_tour(hit: &Hit) -> String {
    let body: Value = serde_json::from_str(&hit.body).unwrap_or_default();
    format!("{} {}", hit.path, body["subscription"].as_str().unwrap_or_default()).trim().to_owned()
}

/// Deploys what a scenario needs.
pub fn prepare(server: &Server, counter: &Counter, scenario: &Scenario) {
    let url = format!("SUBSCRIPTIONS_URL={}", counter.url(""));
    server.deploy_with(scenario.guest, &[("allow_host", &counter.authority()), ("env", &url)]);
}

/// Kills the server at each effect of the scenario, in an invocation of its own. Returns the kills.
pub fn at_every_effect(
    server: &mut Server,
    counter: &Counter,
    scenario: &Scenario,
    moment: Moment,
    rng: &mut Rng,
) -> usize {
    let mut kills = 0;
    for step in 0..scenario.effects.len() {
        let submission = if rng.coin() { Submission::Send } else { Submission::Call };
        let plan = Plan { at: [step].into(), moment, submission, pause: rng.pause(AFTER_ANSWER_MAX) };
        kills += Round::begin(counter, scenario, plan).run(server);
    }
    kills
}

/// Kills the server at every effect of one single invocation. Returns the number of kills.
pub fn at_all_effects_of_one(
    server: &mut Server,
    counter: &Counter,
    scenario: &Scenario,
    moment: Moment,
    rng: &mut Rng,
) -> usize {
    let at = (0..scenario.effects.len()).collect();
    let pause = rng.pause(AFTER_ANSWER_MAX);
    let plan = Plan { at, moment, submission: Submission::Send, pause };
    Round::begin(counter, scenario, plan).run(server)
}

/// Which effects kill the server, the first time they are seen.
#[derive(Clone, Debug)]
struct Plan {
    at: BTreeSet<usize>,
    moment: Moment,
    submission: Submission,
    pause: Duration,
}

/// What the counter's threads share with the test.
struct Trigger {
    process: Mutex<Option<Process>>,
    pending: Mutex<BTreeSet<usize>>,
    /// Kills that were decided, and those that were done.
    fired: AtomicUsize,
    done: AtomicUsize,
}

/// One invocation with its kills.
struct Round<'a> {
    counter: &'a Counter,
    scenario: &'a Scenario,
    plan: Plan,
    trigger: Arc<Trigger>,
    first_hit: usize,
}

impl<'a> Round<'a> {
    fn begin(counter: &'a Counter, scenario: &'a Scenario, plan: Plan) -> Self {
        let trigger = Trigger {
            process: Mutex::new(None),
            pending: Mutex::new(plan.at.clone()),
            fired: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
        };
        Self { counter, scenario, plan, trigger: Arc::new(trigger), first_hit: counter.count() }
    }

    /// Goes through it and checks what came of it. Returns the number of kills.
    fn run(self, server: &mut Server) -> usize {
        self.arm(server);
        let mut id = self.submit(server);
        let mut kills = 0;
        loop {
            let wait = || self.is_next_a_kill(server, &mut id, kills);
            let is_killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(wait));
            let is_killed = is_killed.unwrap_or_else(|_| panic!("{}", self.stuck(server, id.as_deref())));
            if !is_killed {
                break;
            }
            kills += 1;
            server.restart();
            *lock(&self.trigger.process) = Some(server.process());
        }
        self.check(server, &id.expect("it was answered"), kills);
        kills
    }

    /// Waits for the next kill, or for the answer.
    fn is_next_a_kill(&self, server: &Server, id: &mut Option<String>, kills: usize) -> bool {
        eventually("a kill, or the answer", || {
            if self.trigger.done.load(Ordering::SeqCst) > kills {
                return Some(true);
            }
            let is_kill_coming = self.trigger.fired.load(Ordering::SeqCst) > kills;
            (!is_kill_coming && self.is_answered(server, id)).then_some(false)
        })
    }

    /// Says how things stand when nothing happens any more.
    fn stuck(&self, server: &Server, id: Option<&str>) -> String {
        let [fired, done] =
            [&self.trigger.fired, &self.trigger.done].map(|count| count.load(Ordering::SeqCst));
        let path = format!("/invocations/{}", id.unwrap_or_default());
        let shown = server.admin().request("GET", &path).try_send().map(|reply| reply.text());
        format!("{:?}, {id:?}: {fired} kills decided, {done} done; {shown:?}", self.plan)
    }

    fn arm(&self, server: &Server) {
        *lock(&self.trigger.process) = Some(server.process());
        let (effects, name_of) = (self.scenario.effects.clone(), self.scenario.name_of);
        let (plan, trigger) = (self.plan.clone(), self.trigger.clone());
        self.counter.react(move |hit| {
            let name = name_of(hit);
            let effect = effects.iter().position(|known| *known == name).expect("the effect is known");
            if !trigger.takes(effect) {
                return Reaction::Answer(hit.body.clone());
            }
            let (trigger, pause) = (trigger.clone(), plan.pause);
            match plan.moment {
                Moment::BeforeAnswer => {
                    trigger.kill();
                    Reaction::HangUp
                }
                Moment::AfterAnswer => {
                    std::thread::spawn(move || {
                        std::thread::sleep(pause);
                        trigger.kill();
                    });
                    Reaction::Answer(hit.body.clone())
                }
            }
        });
    }

    /// Submits the invocation. Returns its id, unless the kill came before that could be read.
    fn submit(&self, server: &Server) -> Option<String> {
        let Scenario { service, handler, .. } = self.scenario;
        let verb = match self.plan.submission {
            Submission::Send => "send",
            Submission::Call => "call",
        };
        let request = server.ingress().request("POST", &format!("/restate/{verb}/{service}/{handler}"));
        let request = request.json(&self.scenario.input.to_string());
        match self.plan.submission {
            Submission::Send => {
                let reply = request.try_send().ok()?.expect(202);
                Some(text(&reply.json()["invocationId"]))
            }
            Submission::Call => {
                std::thread::spawn(move || request.try_send());
                eventually("the first effect", || (self.counter.count() > self.first_hit).then_some(()));
                None
            }
        }
    }

    /// Asks without minding that the server may be killed at this very moment.
    fn is_answered(&self, server: &Server, id: &mut Option<String>) -> bool {
        let Some(known) = id else {
            // It had an effect, so it is durable, and it is the newest.
            let path = format!("/invocations?limit=1&service={}", self.scenario.service);
            let newest = server.admin().request("GET", &path).try_send().ok();
            *id = newest.map(|listing| text(&listing.json()["invocations"][0]["id"]));
            return false;
        };
        let reply = server.ingress().request("GET", &format!("/restate/output/{known}")).try_send();
        reply.is_ok_and(|reply| reply.status != 470)
    }

    fn check(&self, server: &Server, id: &str, kills: usize) {
        let context = format!("{} {:?}, {id}", self.scenario.handler, self.plan);
        let reply = server.attach(id);
        assert_eq!(reply.status, self.scenario.status, "{context}: {}", reply.text());
        assert_eq!(reply.json(), self.scenario.answer, "{context}");
        let hits = self.counter.hits().split_off(self.first_hit);
        let Scenario { name_of, effects, .. } = self.scenario;
        match self.scenario.order {
            Order::OneByOne => check_effects(&hits, *name_of, effects, kills, &context),
            Order::AtOnce => return check_unordered(&hits, *name_of, effects, kills, &context),
        }
        if self.plan.moment == Moment::BeforeAnswer {
            assert_eq!(kills, self.plan.at.len(), "{context}");
            assert_eq!(hits.len(), self.scenario.effects.len() + kills, "{context}");
        }
    }
}

impl Trigger {
    /// Decides whether this effect kills. One that is seen while another kill is on its way has its own
    /// when it is seen again.
    fn takes(&self, effect: usize) -> bool {
        let mut pending = lock(&self.pending);
        pending.contains(&effect) && self.fire() && pending.remove(&effect)
    }

    fn fire(&self) -> bool {
        let done = self.done.load(Ordering::SeqCst);
        self.fired.compare_exchange(done, done + 1, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    fn kill(&self) {
        let process = lock(&self.process).clone().expect("the trigger is armed");
        process.kill();
        self.done.fetch_add(1, Ordering::SeqCst);
    }
}

/// Checks the effects of one invocation with run blocks one after the other: each is there, none
/// comes after a later one, and at most one per kill is repeated, with the same bytes.
pub fn check_effects(
    hits: &[Hit],
    name_of: fn(&Hit) -> String,
    effects: &[String],
    kills: usize,
    context: &str,
) {
    if let Err(why) = judge_effects(hits, name_of, effects, kills) {
        panic!("{context}: {why}");
    }
}

/// Says what is wrong with the effects of one invocation, as [`check_effects`] does.
///
/// # Errors
/// Something is wrong with them.
pub fn judge_effects(
    hits: &[Hit],
    name_of: fn(&Hit) -> String,
    effects: &[String],
    kills: usize,
) -> Result<(), String> {
    let names: Vec<_> = hits.iter().map(name_of).collect();
    let mut once = names.clone();
    once.dedup();
    if once != effects {
        return Err(format!(
            "an effect is missing, or was repeated after it was durable: {names:?} instead of {effects:?}"
        ));
    }
    if names.len() > effects.len() + kills {
        return Err(format!("repeated without need, with {kills} kills: {names:?}"));
    }
    let differs = |pair: &&[Hit]| name_of(&pair[0]) == name_of(&pair[1]) && pair[0].body != pair[1].body;
    match hits.windows(2).find(differs) {
        Some(pair) => Err(format!("another attempt, other bytes: {:?}, {:?}", pair[0].body, pair[1].body)),
        None => Ok(()),
    }
}

/// Checks the effects of one invocation, some of which are done at once: each is there, and at most
/// once per kill again.
fn check_unordered(
    hits: &[Hit],
    name_of: fn(&Hit) -> String,
    effects: &[String],
    kills: usize,
    context: &str,
) {
    for effect in effects {
        let count = hits.iter().filter(|hit| name_of(hit) == *effect).count();
        assert!(
            (1..=1 + kills).contains(&count),
            "{context}: {effect} was seen {count} times with {kills} kills"
        );
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn is_accepted(bodies: &[&str], kills: usize) -> bool {
        let hit = |body: &&str| Hit {
            path: "/".into(),
            body: (*body).to_owned(),
            headers: vec![],
            at: Instant::now(),
            index: 0,
        };
        let hits: Vec<_> = bodies.iter().map(hit).collect();
        let effects = ["a", "b", "c"].map(str::to_owned);
        let name_of = |hit: &Hit| hit.body.split('=').next().unwrap_or_default().to_owned();
        std::panic::catch_unwind(|| check_effects(&hits, name_of, &effects, kills, "test")).is_ok()
    }

    #[test]
    fn what_the_check_of_effects_lets_pass_and_what_not() {
        assert!(is_accepted(&["a", "b", "c"], 0));
        assert!(is_accepted(&["a", "b", "b", "c"], 1));
        assert!(is_accepted(&["a=1", "a=1", "b", "c", "c"], 2));
        assert!(!is_accepted(&["a", "b", "b", "c"], 0), "repeated without a kill");
        assert!(!is_accepted(&["a", "b", "a", "b", "c"], 2), "repeated after it was durable");
        assert!(!is_accepted(&["a", "c"], 1), "lost");
        assert!(!is_accepted(&["a", "b"], 1), "not finished");
        assert!(!is_accepted(&["a=1", "a=2", "b", "c"], 1), "other bytes");
    }
}
