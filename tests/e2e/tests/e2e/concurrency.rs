//! Run blocks side by side: each is retried by itself, and what is recorded is not repeated.

use abide_e2e::api::{failures, millis};
use abide_e2e::{Counter, Guest, Reaction, Server, eventually};
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn a_kill_repeats_only_the_block_that_had_no_outcome() {
    let (mut server, counter) = (Server::with(Guest::Probe), Counter::start());
    counter.react(|hit| match (hit.body.as_str(), hit.index) {
        ("step-2", ..4) => Reaction::AnswerAfter(Duration::from_secs(30), hit.body.clone()),
        _ => Reaction::Answer(hit.body.clone()),
    });
    let id = server.send("Probe/parallel", &json!({ "n": 4, "url": counter.url("/side") }));
    server.invocation_when(&id, "three outcomes", |it| it["journal_outcomes"] == 3);
    server.restart();
    let answer = server.attach(&id).expect(200).json();
    assert_eq!(answer, json!(["step-0", "step-1", "step-2", "step-3"]));
    let mut seen = counter.bodies("/side");
    assert_eq!(seen.len(), 5, "{seen:?}");
    seen.sort();
    assert_eq!(seen, ["step-0", "step-1", "step-2", "step-2", "step-3"]);
}

#[test]
fn a_block_that_fails_is_retried_alone() {
    let (server, counter) = (Server::with(Guest::Probe), Counter::start());
    counter.react(|hit| match (hit.body.as_str(), hit.index) {
        ("step-1", ..5) => Reaction::Fail(500),
        _ => Reaction::Answer(hit.body.clone()),
    });
    let id = server.send("Probe/parallel", &json!({ "n": 4, "url": counter.url("/alone") }));
    server.attach(&id).expect(200);
    let seen = counter.bodies("/alone");
    for step in [0, 2, 3] {
        let count = seen.iter().filter(|body| **body == format!("step-{step}")).count();
        assert_eq!(count, 1, "{seen:?}");
    }
    assert!(seen.len() > 4, "{seen:?}");
    assert!(failures(&server.invocation(&id)).contains("500"));
}

#[test]
fn a_timer_that_was_first_stays_first_and_the_block_is_done_again() {
    let (mut server, counter) = (Server::with(Guest::Probe), Counter::start());
    counter.react(|hit| match hit.index {
        0 => Reaction::AnswerAfter(Duration::from_secs(30), "slow".into()),
        _ => Reaction::Answer("fast".into()),
    });
    let id = server.send("Probe/both", &json!({ "url": counter.url("/first"), "ms": 200 }));
    server.invocation_when(&id, "the timer is recorded", |it| it["journal_outcomes"] == 1);
    server.restart();
    // The second time the answer is there at once, and yet it is told after the timer.
    assert_eq!(server.attach(&id).expect(200).json(), json!({ "first": "timer", "answer": "fast" }));
    assert_eq!(counter.count(), 2);
}

#[test]
fn a_block_that_was_given_up_is_not_done_again() {
    let (mut server, counter) = (Server::with(Guest::Probe), Counter::start());
    counter.react(|hit| Reaction::AnswerAfter(Duration::from_secs(30), hit.body.clone()));
    let id = server.send("Probe/timeout", &json!({ "url": counter.url("/gone"), "ms": 150 }));
    assert_eq!(server.attach(&id).expect(200).text(), "\"timeout\"");
    server.restart();
    assert_eq!(server.attach(&id).expect(200).text(), "\"timeout\"");
    assert_eq!(counter.count(), 1);
}

#[test]
fn a_hundred_blocks_wait_side_by_side() {
    let (server, counter) = (Server::with(Guest::Probe), Counter::start());
    counter.react(|hit| Reaction::AnswerAfter(millis(500), hit.body.clone()));
    let start = Instant::now();
    let answer = server.call("Probe/parallel", &json!({ "n": 100, "url": counter.url("/many") })).expect(200);
    assert_eq!(answer.json().as_array().map(Vec::len), Some(100));
    let took = start.elapsed();
    assert!(took < Duration::from_secs(10), "one after the other they take 50 s; they took {took:?}");
    assert_eq!(counter.count(), 100);
}

#[test]
fn many_callers_at_once_get_their_own_answers() {
    let server = Server::with(Guest::Probe);
    std::thread::scope(|scope| {
        for caller in 0..16 {
            let server = &server;
            scope.spawn(move || {
                for n in 0..20 {
                    let input = json!({ "caller": caller, "n": n });
                    assert_eq!(server.call("Probe/echo", &input).expect(200).json(), input);
                }
            });
        }
    });
}

#[test]
fn every_submission_is_its_own_invocation() {
    let (server, counter) = (Server::with(Guest::Probe), Counter::start());
    let input = json!({ "n": 1, "url": counter.url("/own") });
    let ids: std::collections::BTreeSet<_> = (0..10).map(|_| server.send("Probe/steps", &input)).collect();
    assert_eq!(ids.len(), 10);
    eventually("each has its effect", || (counter.count() == 10).then_some(()));
}
