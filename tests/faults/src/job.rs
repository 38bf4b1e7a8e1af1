//! One invocation that a client asks for, and everything that has to come of it.

use crate::world::{Moment, World};
use abide_e2e::api::text;
use abide_e2e::kill::judge_effects;
use abide_e2e::{Hit, Reply};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What is asked for, and what has to come of it.
#[derive(Clone, Debug)]
pub struct Job {
    pub target: String,
    pub input: Value,
    pub status: u16,
    pub answer: Value,
    /// Where its effects are counted, what they are called, and how they follow each other.
    pub effects: Option<(String, Vec<String>, Effects)>,
    /// It cannot end before.
    pub takes: Duration,
    /// What it adds to a register that only it adds to.
    pub adds: Option<Adds>,
    /// Where the effect of a message is seen that it sends with a delay.
    pub later: Option<(String, Duration)>,
}

/// What the messages to a register come to.
#[derive(Clone, Debug)]
pub struct Adds {
    pub register: String,
    pub messages: u64,
    pub sum: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effects {
    /// One after the other; only the last one that a death left without its outcome is repeated.
    OneByOne,
    /// Each at least once, as their run blocks fail and are tried again.
    Retried,
}

/// A job that the server acknowledged.
#[derive(Clone, Debug)]
pub struct Accepted {
    pub id: String,
    pub job: Job,
    asked: Moment,
    accepted: Moment,
    /// When there was an answer, as far as anybody looked.
    answered: Arc<OnceLock<Moment>>,
}

/// Everything that was seen from the outside, by path.
pub struct Seen(HashMap<String, Vec<Hit>>);

impl Seen {
    #[must_use]
    pub fn by(world: &World) -> Self {
        let mut by_path: HashMap<_, Vec<_>> = HashMap::new();
        world
            .counter
            .hits()
            .into_iter()
            .for_each(|hit| by_path.entry(hit.path.clone()).or_default().push(hit));
        Self(by_path)
    }

    fn at(&self, path: &str) -> &[Hit] {
        self.0.get(path).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Job {
    #[must_use]
    pub fn new(target: &str, input: Value, answer: Value) -> Self {
        let (target, takes) = (target.to_owned(), Duration::ZERO);
        Self { target, input, status: 200, answer, effects: None, takes, adds: None, later: None }
    }

    /// Submits it until it is acknowledged; the key makes that one invocation.
    ///
    /// # Errors
    /// It was refused, or never accepted.
    pub fn submit(self, world: &World, key: &str) -> Result<Accepted, String> {
        let asked = world.now();
        let path = format!("/restate/send/{}", self.target);
        let reply = world.post(&path, &self.input, key).ok_or(format!("{key} was never accepted"))?;
        match reply.status {
            200 | 202 => Ok(Accepted {
                id: text(&reply.json()["invocationId"]),
                job: self,
                asked,
                accepted: world.now(),
                answered: Arc::default(),
            }),
            status => Err(format!("{key} was refused with {status}: {}", reply.text())),
        }
    }
}

/// Says whether a file that has the answer is damaged, and named: as long as it is, there is no answer.
fn names_damage(reply: &Reply) -> bool {
    reply.status == 500 && reply.text().contains("is damaged: its sha256 does not match")
}

/// The answer about something that has not ended.
const NOT_READY: u16 = 470;

impl Accepted {
    /// Looks for the answer; says whether it is there.
    ///
    /// # Errors
    /// It is not the right one, or came too early.
    pub fn look(&self, world: &World) -> Result<bool, String> {
        match self.answer(world) {
            Some(reply) => self.judge(world, &reply).map(|()| true),
            None => Ok(false),
        }
    }

    /// Waits for the answer while the server comes and goes.
    ///
    /// # Errors
    /// It is not the right one, or came too early, or never.
    pub fn await_answer(&self, world: &World) -> Result<(), String> {
        let Self { id, job, .. } = self;
        let reply = world.until(|| self.answer(world));
        self.judge(world, &reply.ok_or(format!("{id} ({}) has no answer", job.target))?)
    }

    fn answer(&self, world: &World) -> Option<Reply> {
        let path = format!("/restate/output/{}", self.id);
        world.try_get(&path).filter(|reply| reply.status != NOT_READY && !names_damage(reply))
    }

    fn judge(&self, world: &World, reply: &Reply) -> Result<(), String> {
        let Self { id, job, asked, accepted, .. } = self;
        let answered = self.answered.get_or_init(|| world.now());
        let is_right = reply.status == job.status
            && serde_json::from_slice::<Value>(&reply.body).is_ok_and(|answer| answer == job.answer);
        if !is_right {
            return Err(format!("{id} ({}) has the answer {} {}", job.target, reply.status, reply.text()));
        }
        let took = world.most_between(asked.at, accepted.at, answered.at);
        is_late_enough(took, job.takes).map_err(|why| format!("{id} ended {why}"))
    }

    /// Says whether its effects are those that it has to have.
    ///
    /// # Errors
    /// One is missing, or was repeated without need.
    pub fn check_effects(&self, world: &World, seen: &Seen) -> Result<(), String> {
        let Some((path, names, effects)) = &self.job.effects else { return Ok(()) };
        let own = seen.at(path);
        // Once there is an answer no death explains anything.
        let deaths = self.answered.get().map_or_else(|| world.deaths(), |answered| answered.deaths);
        match effects {
            Effects::OneByOne => {
                let judged = judge_effects(own, |hit| hit.body.clone(), names, deaths - self.asked.deaths);
                judged.map_err(|why| format!("{}: {why}", self.id))
            }
            Effects::Retried => match names.iter().find(|name| !own.iter().any(|hit| hit.body == **name)) {
                Some(missing) => Err(format!("{}: nobody saw {missing}", self.id)),
                None => Ok(()),
            },
        }
    }

    /// Says whether the message with a delay arrived, and not too early.
    ///
    /// # Errors
    /// It did not, or too early, or again without need.
    pub fn check_later(&self, world: &World, seen: &Seen) -> Result<(), String> {
        let Some((path, delay)) = &self.job.later else { return Ok(()) };
        let hits = seen.at(path);
        let first =
            hits.first().ok_or(format!("{}: nobody saw the message that was to come later", self.id))?;
        let took = world.most_between(self.asked.at, first.at, first.at);
        is_late_enough(took, *delay).map_err(|why| format!("{}: a message came {why}", self.id))?;
        match hits.len() - 1 > world.deaths() - self.asked.deaths {
            true => Err(format!("{}: a message came {} times", self.id, hits.len())),
            false => Ok(()),
        }
    }
}

/// The server counts whole milliseconds.
fn is_late_enough(took: Duration, wanted: Duration) -> Result<(), String> {
    match took + Duration::from_millis(1) < wanted {
        true => Err(format!("after {took:?}, and its timer is of {wanted:?}")),
        false => Ok(()),
    }
}
