//! Calls and sends between handlers: exactly once, whatever crashes.

use abide_e2e::api::{millis, text};
use abide_e2e::kill::{self, Moment};
use abide_e2e::rng::Rng;
use abide_e2e::script::{attempt, call, fail, post, say, send, sleep, start, step};
use abide_e2e::script::{wait_for, with};
use abide_e2e::{Counter, Guest, Server, Setup, scenarios};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn server() -> Server {
    Server::with(Guest::Abilities)
}

#[test]
fn typed_clients_call_start_and_send() {
    let server = server();
    let report = server.call("Typed/object", &json!("k/1")).expect(200).json();
    let expected = json!({
        "sum": 5, "later": 6, "swapped": true, "sent": 63, "read": 63, "isIdKnown": true,
    });
    assert_eq!(report, expected);
    assert_eq!(server.call("Typed/sameTwice", &json!("i")).expect(200).json(), json!([1, 1, 1]));
}

#[test]
fn handlers_of_another_component_are_called_by_name() {
    let server = server();
    server.deploy(Guest::Greeter);
    server.deploy(Guest::Probe);
    let calls = [
        call("Greeter/greet", json!("Ann")),
        call("Probe/echo", json!({ "a": [1] })),
        call("Probe/nothing", Value::Null),
        attempt(call("Probe/terminal", json!({ "message": "no", "code": 418, "metadata": { "k": "v" } }))),
        call("Probe/private_", json!({})),
        call("Hidden/hi", json!({})),
        call("Act/private_", json!([say(1)])),
    ];
    let results = server.results("Act/script", &calls);
    let failure = json!({ "code": 418, "message": "no", "metadata": { "k": "v" }, "isCancelled": false });
    let expected = [
        json!("Hello Ann!"),
        json!({ "a": [1] }),
        json!(null),
        failure,
        json!("private"),
        json!("hi"),
        json!([1]),
    ];
    assert_eq!(results, expected);
}

#[test]
fn a_call_of_something_unknown_fails_for_good() {
    let server = server();
    let calls = [
        attempt(call("Nope/x", json!(1))),
        attempt(call("Act/nope", json!(1))),
        attempt(call("Nope/key/x", json!(1))),
        attempt(call("Act/key/script", json!([]))),
        attempt(call("Thing/script", json!([]))),
    ];
    let results = server.results("Act/script", &calls);
    let codes: Vec<_> = results.iter().map(|result| result["code"].clone()).collect();
    assert_eq!(codes, [404, 404, 404, 400, 400], "{results:?}");
    assert!(text(&results[0]["message"]).contains("'Nope'"), "{results:?}");
    assert!(text(&results[1]["message"]).contains("'nope'"), "{results:?}");
}

#[test]
fn headers_go_along_and_nothing_else() {
    let server = server();
    let who = with(
        call("Thing/k/look", json!([step("who", json!({}))])),
        "headers",
        json!({ "x-a": "1", "b": "ä" }),
    );
    let outer = json!([who]).to_string();
    let request = server.ingress().request("POST", "/Act/script").header("x-outer", "outer");
    let seen = request.json(&outer).send().expect(200).json()[0][0].clone();
    assert_eq!((&seen["service"], &seen["handler"]), (&json!("Thing"), &json!("look")));
    assert_eq!((&seen["headers"]["x-a"], &seen["headers"]["b"]), (&json!("1"), &json!("ä")), "{seen}");
    assert_eq!(seen["headers"]["x-outer"], Value::Null, "{seen}");
}

#[test]
fn the_id_of_a_call_is_known_before_its_answer() {
    let server = server();
    let id =
        server.begin("Caller/script", &[start("Act/script", json!([sleep(300_000)])), sleep(1), wait_for(0)]);
    let callee = server.only_invocation("Act");
    let seen = server.wait_for_status(&callee, "suspended");
    assert_eq!((text(&seen["invoked_by"]), text(&seen["invoked_by_id"])), ("invocation".into(), id.clone()));
    let waiting = server.invocation_when(&id, "it says for whom it waits", |it| !it["waiting_for"].is_null());
    assert!(waiting["waiting_for"].to_string().contains(&callee), "{waiting:#}");
    server.cancel(&callee);
    let failed = server.attach(&id).expect(409);
    assert!(failed.text().contains("cancelled"), "{}", failed.text());
}

#[test]
fn one_idempotency_key_is_one_call_whoever_makes_it() {
    let (server, counter) = (server(), Counter::start());
    let input = json!([post(&counter.url("/once"), "x"), sleep(50), say("first")]);
    let same = |request: Value| with(request, "idempotencyKey", json!("k"));
    let steps = [
        same(start("Thing/a/look", input.clone())),
        same(start("Thing/a/look", json!([say("second")]))),
        same(send("Thing/a/look", json!([say("third")]))),
        wait_for(1),
        wait_for(0),
        step("attach", json!({ "id": "$2" })),
        same(call("Thing/a/look", json!([say("fourth")]))),
    ];
    let results = server.results("Act/script", &steps);
    assert!(results[..3].iter().all(|id| *id == results[0]), "{results:?}");
    assert!(results[3..].iter().all(|answer| answer[2] == "first"), "{results:?}");
    let request = server.ingress().request("POST", "/Thing/a/look").header("idempotency-key", "k");
    let from_outside = request.json("[]").send().expect(200);
    assert_eq!(from_outside.header("x-restate-id"), results[0].as_str());
    assert_eq!(counter.count(), 1);
    // Another object, another call.
    let other = server.results("Act/script", &[same(call("Thing/b/look", json!([say(2)])))]);
    assert_eq!(other, [json!([2])]);
}

#[test]
fn sends_of_one_handler_to_one_object_arrive_in_order() {
    let (server, counter) = (server(), Counter::start());
    let url = counter.url("/sent");
    let sends: Vec<_> =
        (0..20).map(|n| send("Thing/a/script", json!([post(&url, &n.to_string())]))).collect();
    let ids = server.results("Act/script", &sends);
    ids.iter().for_each(|id| {
        server.attach(&text(id)).expect(200);
    });
    let expected: Vec<_> = (0..20).map(|n| n.to_string()).collect();
    assert_eq!(counter.bodies("/sent"), expected);
}

#[test]
fn who_gets_the_id_of_a_send_from_a_handler_finds_it_at_once() {
    let server = Setup::new().args(&["--partitions", "16"]).start();
    server.deploy(Guest::Abilities);
    let later = [with(send("Act/script", json!([say("sent")])), "delayMs", json!(300_000))];
    let sent = || text(&server.results("Caller/script", &later)[0]);
    for _ in 0..10 {
        assert_eq!(server.output(&sent()).status, 470);
        assert_eq!(server.invocation(&sent())["status"], "scheduled");
        assert_eq!(server.signal(&sent(), "s", &json!(1)).status, 202);
        let id = sent();
        server.cancel(&id);
        assert_eq!(server.attach(&id).status, 409);
        let id = sent();
        server.kill_invocation(&id);
        assert_eq!(server.attach(&id).status, 409);
    }
    let now = [send("Act/script", json!([say("sent")]))];
    for _ in 0..10 {
        let id = text(&server.results("Caller/script", &now)[0]);
        assert_eq!(server.attach(&id).expect(200).json(), json!(["sent"]));
    }
}

#[test]
fn a_delayed_send_outlives_its_sender_and_a_kill() {
    let (mut server, counter) = (server(), Counter::start());
    let start = Instant::now();
    let late =
        with(send("Thing/a/script", json!([post(&counter.url("/late"), "late")])), "delayMs", json!(1_500));
    let sent = server.results("Act/script", &[late]);
    let id = text(&sent[0]);
    assert_eq!(server.wait_for_status(&id, "scheduled")["invoked_by"], "invocation");
    server.restart();
    server.attach(&id).expect(200);
    assert!(start.elapsed() >= millis(1_500), "{:?}", start.elapsed());
    assert_eq!(counter.count(), 1);
}

#[test]
fn a_callee_that_fails_for_now_is_tried_again_and_the_caller_waits() {
    let (server, counter) = (server(), Counter::start());
    counter.react(|hit| match hit.index {
        ..3 => abide_e2e::Reaction::Fail(500),
        _ => abide_e2e::Reaction::Answer(hit.body.clone()),
    });
    let steps = [call("Thing/a/script", json!([post(&counter.url("/flaky"), "x")])), say("after")];
    assert_eq!(server.results("Act/script", &steps), [json!(["x"]), json!("after")]);
    assert_eq!(counter.count(), 4);
}

#[test]
fn objects_that_wait_for_each_other_are_seen_and_freed_by_a_cancellation() {
    let server = server();
    // Each holds its own key, then calls the other one.
    let cycle = |other: &str| {
        let target = format!("Thing/{other}/script");
        [step("awakeable", json!({ "name": "gate" })), wait_for(0), attempt(call(&target, json!([say(1)])))]
    };
    let ids = [server.begin("Thing/a/script", &cycle("b")), server.begin("Thing/b/script", &cycle("a"))];
    for id in &ids {
        let gate = server.pending_awakeable(id);
        server.resolve(&gate, &Value::Null);
    }
    for (id, other) in [(&ids[0], &ids[1]), (&ids[1], &ids[0])] {
        let stuck = server.invocation_when(id, "a deadlock", |it| !it["deadlock"].is_null());
        assert!(stuck["deadlock"].to_string().contains(other.as_str()), "{stuck:#}");
    }
    server.cancel(&ids[0]);
    let first = server.attach(&ids[0]).expect(200).json();
    assert_eq!(first[2]["isCancelled"], true, "{first}");
    assert_eq!(server.attach(&ids[1]).expect(200).json()[2], json!({ "ok": [1] }));
    assert_eq!(server.results("Thing/a/look", &[say("free")]), ["free"]);
}

#[test]
fn an_object_that_waits_for_itself_is_seen_and_freed() {
    let server = server();
    let id = server.begin("Thing/a/script", &[call("Thing/a/script", json!([say(1)]))]);
    let stuck = server.invocation_when(&id, "a deadlock", |it| !it["deadlock"].is_null());
    assert!(stuck["deadlock"].to_string().contains(&id), "{stuck:#}");
    // A shared handler of the same key is no cycle.
    assert_eq!(server.results("Thing/b/script", &[call("Thing/b/look", json!([say(2)]))]), [json!([2])]);
    server.cancel(&id);
    server.attach(&id).expect(409);
    assert_eq!(server.results("Thing/a/script", &[say("free")]), ["free"]);
}

#[test]
fn a_chain_of_three_goes_on_wherever_the_server_is_killed() {
    let mut rng = Rng::from_env();
    let counter = Counter::start();
    let scenario = scenarios::chain(&counter, "chain");
    let mut server = Setup::new().args(&["--partitions", "16"]).start();
    kill::prepare(&server, &counter, &scenario);
    for moment in [Moment::BeforeAnswer, Moment::AfterAnswer] {
        kill::at_every_effect(&mut server, &counter, &scenario, moment, &mut rng);
    }
    let mut server = Setup::new().args(&["--partitions", "1", "--suspend-after-ms", "0"]).start();
    kill::prepare(&server, &counter, &scenario);
    for moment in [Moment::BeforeAnswer, Moment::AfterAnswer] {
        kill::at_all_effects_of_one(&mut server, &counter, &scenario, moment, &mut rng);
    }
}

#[test]
fn calls_between_partitions_arrive_once_with_random_kills() {
    let mut server = Setup::new().args(&["--partitions", "16"]).start();
    server.deploy(Guest::Abilities);
    let mut rng = Rng::from_env();
    let count = 40;
    let add = |n: usize| {
        step(
            "call",
            json!({
                "to": { "service": "Register", "key": format!("r{}", n % 7), "handler": "add" }, "input": 1,
            }),
        )
    };
    let ids: Vec<_> = (0..count)
        .map(|n| server.begin("Caller/script", &[add(n), add(n + 1), sleep(20), add(n), add(n + 2)]))
        .collect();
    for _ in 0..4 {
        std::thread::sleep(rng.pause(millis(300)));
        server.restart();
    }
    for id in &ids {
        server.attach(id).expect(200);
    }
    let reads = (0..7).map(|n| server.ask(&format!("Register/r{n}/read")));
    assert_eq!(reads.map(|read| read.as_u64().expect("a number")).sum::<u64>(), count as u64 * 4);
}

#[test]
fn hundreds_of_calls_at_once_are_all_answered() {
    let server = server();
    let count = 300;
    let starts = (0..count).map(|n| start("Act/script", json!([say(n)])));
    let steps: Vec<_> = starts.chain((0..count).map(wait_for)).collect();
    let begin = Instant::now();
    let results = server.results("Caller/script", &steps);
    for (n, result) in results[count..].iter().enumerate() {
        assert_eq!(*result, json!([n]));
    }
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
    let failing = [start("Act/script", json!([fail(404, "lost")])), attempt(wait_for(0))];
    assert_eq!(server.results("Caller/script", &failing)[1]["message"], "lost");
}
