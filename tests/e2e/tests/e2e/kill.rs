//! A killed invocation ends where it is: nothing is undone, nothing goes on.

use abide_e2e::api::{millis, text};
use abide_e2e::news::of_kind;
use abide_e2e::script::{attempt, awakeable, call, get, post, say, send, set, sleep, step, undo, wait_for};
use abide_e2e::{Counter, Guest, Reaction, Server, Setup, eventually};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const HOUR_MS: u64 = 3_600_000;

fn started(args: &[&str]) -> (Server, Counter) {
    let (server, counter) = (Setup::new().args(args).start(), Counter::start());
    server.deploy(Guest::Abilities);
    counter.react(|hit| match hit.path.as_str() {
        "/hang" => Reaction::AnswerAfter(millis(30_000), hit.body.clone()),
        "/fail" => Reaction::Fail(503),
        _ => Reaction::Answer(hit.body.clone()),
    });
    (server, counter)
}

/// Target, step that waits, and what the invocation then shows.
fn waits(counter: &Counter) -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("Thing/sleep/script", sleep(HOUR_MS), "sleep"),
        ("Thing/signal/script", step("signal", json!({ "name": "s" })), "signal"),
        ("Thing/run/script", post(&counter.url("/hang"), "hang"), "run"),
        ("Act/patient", post(&counter.url("/fail"), "fail"), "backing-off"),
        ("Act/patient", step("crash", json!({ "message": "no" })), "backing-off"),
        ("Act/brittle", step("crash", json!({ "message": "no" })), "paused"),
    ]
}

#[test]
fn an_invocation_is_killed_wherever_it_is_and_stays_dead() {
    for args in [&[][..], &["--suspend-after-ms", "0", "--partitions", "16"]] {
        let (mut server, counter) = started(args);
        let mut killed = Vec::new();
        for (target, wait, shows) in waits(&counter) {
            let steps = [undo(post(&counter.url("/undo"), shows)), set_where_possible(target), wait];
            let id = server.begin(target, &steps);
            let is_there = |it: &Value| it["status"] == shows || !of_kind(it, shows).is_empty();
            server.invocation_when(&id, shows, is_there);
            let begin = Instant::now();
            server.kill_invocation(&id);
            let failed = server.attach(&id).expect(409).json();
            assert_eq!(failed["message"], "killed", "{shows}: {failed}");
            assert!(begin.elapsed() < Duration::from_secs(3), "{shows}: {:?}", begin.elapsed());
            if target.starts_with("Thing") {
                let after = server.results(target, &[get("x"), say("free")]);
                assert_eq!(after, [1.into(), json!("free")], "the key is free, the state is there");
            }
            killed.push(id);
        }
        let hits = counter.count();
        server.restart();
        for id in &killed {
            let ended = server.invocation(id);
            assert_eq!(
                (&ended["status"], &ended["completion_result"]),
                (&json!("completed"), &json!("failure"))
            );
            assert_eq!(server.output(id).expect(409).json()["message"], "killed");
            assert_eq!(server.admin_verb("kill", id).expect(409).json()["code"], "completed");
        }
        assert_eq!(counter.count(), hits, "nothing goes on after the start");
        assert_eq!(counter.bodies("/undo"), [""; 0]);
    }
}

fn set_where_possible(target: &str) -> Value {
    if target.starts_with("Thing") { set("x", 1) } else { say(1) }
}

#[test]
fn what_it_called_dies_with_it_and_what_it_sent_lives() {
    for args in [&[][..], &["--partitions", "16", "--suspend-after-ms", "0"]] {
        let (mut server, counter) = started(args);
        let undoing = |then: Value| json!([undo(post(&counter.url("/undo"), "x")), then]);
        let callee = undoing(call("Flow/w/run", undoing(sleep(HOUR_MS))));
        let steps = [send("Act/script", json!([sleep(700)])), call("Thing/a/script", callee)];
        let id = server.begin("Caller/script", &steps);
        let [callee, grandchild, sent] =
            ["Thing", "Flow", "Act"].map(|service| server.only_invocation(service));
        server.invocation_when(&grandchild, "it sleeps", |it| !of_kind(it, "sleep").is_empty());
        server.kill_invocation(&id);
        server.restart();
        for id in [&id, &callee, &grandchild] {
            assert_eq!(server.attach(id).expect(409).json()["message"], "killed");
        }
        server.attach(&sent).expect(200);
        assert_eq!(counter.count(), 0);
        assert_eq!(server.results("Thing/a/script", &[say("free")]), ["free"]);
        assert_eq!(server.act("Flow/w/run", &[say(1)]).status, 409, "a workflow has had its run");
    }
}

#[test]
fn one_that_has_not_begun_never_does() {
    let (mut server, counter) = started(&[]);
    let steps = json!([post(&counter.url("/do"), "x")]);
    let later = server.ingress().post("/restate/send/Act/script?delay=1s", &steps.to_string());
    let later = text(&later.expect(202).json()["invocationId"]);
    let holder = server.begin("Thing/a/script", &[awakeable("gate"), wait_for(0)]);
    let gate = server.pending_awakeable(&holder);
    let queued = server.send("Thing/a/script", &steps);
    server.wait_for_status(&queued, "pending");
    server.kill_invocation(&later);
    server.kill_invocation(&queued);
    server.restart();
    server.resolve(&gate, &json!(1));
    server.attach(&holder).expect(200);
    let waited = Instant::now();
    eventually("it would have begun", || (waited.elapsed() > millis(1_100)).then_some(()));
    for id in [&later, &queued] {
        assert_eq!(server.output(id).expect(409).json()["message"], "killed");
    }
    assert_eq!(counter.count(), 0);
}

#[test]
fn a_guest_that_computes_without_end_is_killed_at_once() {
    let server = Setup::new().args(&["--guest-cpu-ms", "60000"]).start();
    server.deploy(Guest::Misbehaving);
    let id = server.send_nothing("Misbehaving/endlessLoop");
    server.wait_for_status(&id, "running");
    server.kill_invocation(&id);
    assert_eq!(server.attach(&id).expect(409).json()["message"], "killed");
    let killed = Instant::now();
    eventually("the guest has stopped", || {
        let before = server.process().cpu_ms().own;
        std::thread::sleep(millis(400));
        (server.process().cpu_ms().own - before <= 20).then_some(())
    });
    assert!(killed.elapsed() < Duration::from_secs(5), "it computed on for {:?}", killed.elapsed());
}

#[test]
fn handlers_kill_others_and_the_command_does() {
    let (server, counter) = started(&[]);
    let undoing = json!([undo(post(&counter.url("/undo"), "x")), sleep(HOUR_MS)]);
    let kill = |id: &str| step("kill", json!({ "id": id }));
    let attach = attempt(step("attach", json!({ "id": "$0" })));
    let steps = [send("Thing/a/script", undoing.clone()), sleep(50), kill("$0"), attach];
    let results = server.results("Act/script", &steps);
    assert_eq!((&results[3]["code"], &results[3]["message"]), (&json!(409), &json!("killed")), "{results:?}");
    assert_eq!(server.results("Act/script", &[attempt(kill("foo"))])[0]["code"], 400);
    // Even itself.
    let own = server.begin("Act/script", &[kill("$self"), sleep(HOUR_MS)]);
    assert_eq!(server.attach(&own).expect(409).json()["message"], "killed");

    let id = server.send("Thing/a/script", &undoing);
    server.invocation_when(&id, "it sleeps", |it| !of_kind(it, "sleep").is_empty());
    server.abide(&["invocations", "kill", &id]).expect(0);
    assert_eq!(server.attach(&id).expect(409).json()["message"], "killed");
    assert_eq!(counter.count(), 0);
}

#[test]
fn a_cancelled_one_that_does_not_end_can_be_killed() {
    let (server, counter) = started(&[]);
    let steps = [undo(post(&counter.url("/undo"), "x")), undo(sleep(HOUR_MS)), sleep(HOUR_MS)];
    let id = server.begin("Thing/a/script", &steps);
    server.invocation_when(&id, "it sleeps", |it| !of_kind(it, "sleep").is_empty());
    server.cancel(&id);
    server.invocation_when(&id, "it sleeps again", |it| it["journal_entries"] == 2);
    server.kill_invocation(&id);
    assert_eq!(server.attach(&id).expect(409).json()["message"], "killed");
    assert_eq!(counter.count(), 0);
}
