//! Many invocations of several handlers at once, while the server is killed at random moments.

use crate::api::text;
use crate::counter::{Counter, Hit, Reaction};
use crate::guests::Guest;
use crate::kill::{Scenario, check_effects};
use crate::poll::within;
use crate::rng::Rng;
use crate::scenarios;
use crate::script::{call, post, sleep};
use crate::server::Server;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Threads that submit at the same time.
const CLIENTS: usize = 4;
/// How long after the beginning of a wave the server lives at most.
const LIFE_MAX: Duration = Duration::from_millis(1_200);
const FINISH: Duration = Duration::from_secs(60);

/// What is submitted, and what has to come of it.
#[derive(Clone, Debug)]
struct Job {
    target: String,
    input: Value,
    answer: Value,
    /// Where its effects are counted, and what they are called.
    effects: Option<(String, Vec<String>)>,
    is_ordered: bool,
}

/// Deploys what the waves need.
pub fn prepare(server: &Server, counter: &Counter) {
    for guest in [Guest::Probe, Guest::Abilities] {
        server.deploy_with(guest, &[("allow_host", &counter.authority())]);
    }
}

/// Submits waves of invocations and kills the server during each. At the end, everything that was
/// accepted has the right answer, and effects were repeated only where a kill explains it. Returns
/// the number of accepted invocations.
pub fn waves(server: &mut Server, counter: &Counter, kills: usize, per_wave: usize, rng: &mut Rng) -> usize {
    counter.react(|hit| Reaction::Answer(hit.body.clone()));
    let accepted = Arc::new(Mutex::new(Vec::new()));
    for wave in 0..kills {
        let jobs: Vec<_> = (0..per_wave).map(|n| job(counter, &format!("{wave}-{n}"), rng)).collect();
        let life = rng.pause(LIFE_MAX);
        let process = server.process();
        std::thread::scope(|scope| {
            for jobs in jobs.chunks(per_wave.div_ceil(CLIENTS)) {
                scope.spawn(|| submit_all(server, jobs, &accepted));
            }
            std::thread::sleep(life);
            process.kill();
        });
        server.restart();
    }
    let accepted = std::mem::take(&mut *accepted.lock().unwrap_or_else(PoisonError::into_inner));
    let hits = finish(server, counter, &accepted);
    accepted.iter().for_each(|(id, job)| check(&hits, id, job, kills));
    accepted.len()
}

fn submit_all(server: &Server, jobs: &[Job], accepted: &Mutex<Vec<(String, Job)>>) {
    for job in jobs {
        let path = format!("/restate/send/{}", job.target);
        let request = server.ingress().request("POST", &path).json(&job.input.to_string());
        // The server is dead: what it did not accept, it may have lost.
        let Ok(reply) = request.try_send() else { return };
        let id = text(&reply.expect(202).json()["invocationId"]);
        accepted.lock().unwrap_or_else(PoisonError::into_inner).push((id, job.clone()));
    }
}

fn job(counter: &Counter, name: &str, rng: &mut Rng) -> Job {
    let path = format!("/{name}");
    let (n, url) = (2 + rng.below(5) as usize, counter.url(&path));
    let names: Vec<_> = (0..n).map(|step| format!("step-{step}")).collect();
    let ms = rng.below(500);
    let plain = |target: &str, input: Value, answer: Value| Job {
        target: target.into(),
        input,
        answer,
        effects: None,
        is_ordered: false,
    };
    let scenario = |scenario: Scenario| Job {
        effects: Some((path.clone(), scenario.effects)),
        is_ordered: true,
        ..plain(&format!("{}/{}", scenario.service, scenario.handler), scenario.input, scenario.answer)
    };
    match rng.below(10) {
        0 | 1 => Job {
            effects: Some((path, names.clone())),
            is_ordered: true,
            ..plain("Probe/steps", json!({ "n": n, "url": url }), json!(names))
        },
        2 => Job {
            effects: Some((path, names.clone())),
            ..plain("Probe/parallel", json!({ "n": n, "url": url }), json!(names))
        },
        // Larger than what the store keeps beside its keys.
        3 => {
            let text = json!(name.repeat(20_000));
            plain("Probe/echo", text.clone(), text)
        }
        4 => scenario(scenarios::chain(counter, name)),
        5 => scenario(scenarios::news(counter, name)),
        // Few keys, so that some wait for their turn.
        6 => Job {
            effects: Some((path, names.clone())),
            is_ordered: true,
            ..plain(
                &format!("Thing/{}/script", rng.below(3)),
                names.iter().map(|name| post(&url, name)).collect(),
                json!(names),
            )
        },
        7 => {
            let add = call(&format!("Register/{name}/add_slowly"), json!(1));
            plain("Caller/script", json!([add, add, sleep(ms), add]), json!([1, 2, null, 3]))
        }
        8 => plain("Probe/sleep", json!({ "ms": ms }), json!("slept")),
        _ => plain("Probe/timers", json!([ms + 40, ms, ms + 20]), json!([ms, ms + 20, ms + 40])),
    }
}

/// Waits until everything that was accepted has its answer, and returns the effects seen.
fn finish(server: &Server, counter: &Counter, accepted: &[(String, Job)]) -> Vec<Hit> {
    for (id, job) in accepted {
        let reply = within(FINISH, &format!("the answer of {id} ({})", job.target), || {
            let reply = server.output(id);
            (reply.status != 470).then_some(reply)
        });
        assert!(reply.status == 200 && reply.json() == job.answer, "{id} {}: {}", job.target, reply.text());
    }
    // Also what was submitted without the client hearing of it comes to its end.
    within(FINISH, "nothing is left open", || {
        let is_none = |status: &str| {
            let listing = server.admin().get(&format!("/invocations?limit=1&status={status}")).json();
            listing["invocations"].as_array().is_some_and(Vec::is_empty)
        };
        let open = ["scheduled", "pending", "running", "suspended", "backing-off", "paused"];
        open.into_iter().all(is_none).then_some(())
    });
    counter.hits()
}

fn check(hits: &[Hit], id: &str, job: &Job, kills: usize) {
    let Some((path, names)) = &job.effects else { return };
    let own: Vec<_> = hits.iter().filter(|hit| hit.path == *path).cloned().collect();
    if job.is_ordered {
        check_effects(&own, |hit| hit.body.clone(), names, kills, id);
        return;
    }
    for name in names {
        let count = own.iter().filter(|hit| hit.body == *name).count();
        assert!((1..=1 + kills).contains(&count), "{id}: {name} was seen {count} times with {kills} kills");
    }
}
