//! A cancelled handler undoes what it did, wherever it was, and its caller is told.

use abide_e2e::api::{failures, millis, text};
use abide_e2e::kill::{self, Moment};
use abide_e2e::news::of_kind;
use abide_e2e::rng::Rng;
use abide_e2e::script::{
    attempt, awakeable, call, post, say, send, sleep, start, step, undo, wait_for, with,
};
use abide_e2e::{Counter, Guest, Reaction, Server, Setup, eventually, scenarios};
use serde_json::{Value, json};

const HOUR_MS: u64 = 3_600_000;

fn server(args: &[&str]) -> Server {
    let server = Setup::new().args(args).start();
    server.deploy(Guest::Abilities);
    server
}

fn counter() -> Counter {
    let counter = Counter::start();
    counter.react(|hit| match hit.path.as_str() {
        "/hang" => Reaction::AnswerAfter(millis(30_000), hit.body.clone()),
        "/fail" => Reaction::Fail(503),
        "/slow" => Reaction::AnswerAfter(millis(400), hit.body.clone()),
        _ => Reaction::Answer(hit.body.clone()),
    });
    counter
}

/// One way to wait: where, the steps, and what the invocation then shows.
struct Wait {
    target: &'static str,
    steps: Vec<Value>,
    shows: &'static str,
}

/// Every way to wait, for handlers that have done four steps before.
fn waits(counter: &Counter, other: &str) -> Vec<Wait> {
    let wait = |target, steps: &[Value], shows| Wait { target, steps: steps.to_vec(), shows };
    let callee = json!([undo(post(&counter.url("/undo-callee"), "callee")), sleep(HOUR_MS)]);
    vec![
        wait("Act/script", &[sleep(HOUR_MS)], "sleep"),
        wait("Act/script", &[awakeable("a"), wait_for(4)], "awakeable"),
        wait("Thing/a/script", &[step("signal", json!({ "name": "s" }))], "signal"),
        wait("Flow/w/run", &[step("promise", json!({ "name": "p" }))], "promise"),
        wait("Act/script", &[step("attach", json!({ "id": other }))], "attach"),
        wait("Act/script", &[call("Thing/callee/script", callee)], "call"),
        wait("Act/script", &[post(&counter.url("/hang"), "hang")], "run"),
        wait("Act/patient", &[post(&counter.url("/fail"), "fail")], "backing-off"),
    ]
}

/// Begins with two effects that can be undone, then waits; returns when it does.
fn begin(server: &Server, counter: &Counter, wait: &Wait) -> String {
    let before = [
        undo(post(&counter.url("/undo"), "first")),
        post(&counter.url("/do"), "first"),
        undo(post(&counter.url("/undo"), "second")),
        post(&counter.url("/do"), "second"),
    ];
    let id = server.begin(wait.target, &[&before[..], &wait.steps].concat());
    server.invocation_when(&id, wait.shows, |it| {
        let is_third = it["journal_entries"].as_u64() > Some(2);
        it["status"] == wait.shows || is_third && !of_kind(it, wait.shows).is_empty()
    });
    if wait.shows == "run" {
        eventually("the run block is being executed", || (!counter.bodies("/hang").is_empty()).then_some(()));
    }
    id
}

/// Checks that everything was undone, in order; once, unless the server was killed.
#[track_caller]
fn check_undone(server: &Server, counter: &Counter, id: &str, shows: &str, kills: usize) {
    let failed = server.attach(id).expect(409).json();
    let told = (&failed["message"], &failed["source"]);
    assert_eq!(told, (&json!("cancelled"), &json!("invocation")), "{shows}");
    let mut undone = counter.bodies("/undo");
    assert!(undone.len() <= 2 + kills, "{shows}: {undone:?}");
    undone.dedup();
    assert_eq!(undone, ["second", "first"], "{shows}");
    let ended = server.invocation(id);
    assert_eq!((&ended["status"], &ended["completion_result"]), (&json!("completed"), &json!("failure")));
    assert!(ended["cancelled_at"].is_string(), "{ended:#}");
    if shows == "call" {
        eventually("the callee undoes what it did", || {
            (!counter.bodies("/undo-callee").is_empty()).then_some(())
        });
    }
    assert!(counter.bodies("/hang").len() <= 1, "it is not executed again");
}

#[test]
fn a_handler_is_cancelled_wherever_it_waits() {
    for args in [&[][..], &["--suspend-after-ms", "0", "--partitions", "16"]] {
        let server = server(args);
        let other = server.begin("Act/script", &[sleep(HOUR_MS)]);
        for n in 0..waits(&counter(), &other).len() {
            let counter = counter();
            let wait = &waits(&counter, &other)[n];
            let id = begin(&server, &counter, wait);
            server.admin_verb("cancel", &id).expect(202);
            check_undone(&server, &counter, &id, wait.shows, 0);
        }
        assert_eq!(server.output(&other).status, 470, "who only waits for another one does not end it");
    }
}

#[test]
fn a_cancellation_is_durable_when_it_is_acknowledged() {
    let mut server = server(&["--suspend-after-ms", "0"]);
    let other = server.begin("Act/script", &[sleep(HOUR_MS)]);
    for n in 0..waits(&counter(), &other).len() {
        let counter = counter();
        let wait = &waits(&counter, &other)[n];
        let id = begin(&server, &counter, wait);
        server.cancel(&id);
        server.restart();
        check_undone(&server, &counter, &id, wait.shows, 1);
    }
}

#[test]
fn a_cancelled_saga_undoes_everything_wherever_the_server_is_killed() {
    let (mut server, counter) = (Server::start(), Counter::start());
    let scenario = scenarios::cancelled_saga(&counter);
    kill::prepare(&server, &counter, &scenario);
    let mut rng = Rng::from_env();
    for moment in [Moment::BeforeAnswer, Moment::AfterAnswer] {
        kill::at_every_effect(&mut server, &counter, &scenario, moment, &mut rng);
    }
    kill::at_all_effects_of_one(&mut server, &counter, &scenario, Moment::BeforeAnswer, &mut rng);
}

#[test]
fn a_cancellation_comes_once_and_compensations_may_wait() {
    let (mut server, counter) = (server(&["--suspend-after-ms", "0"]), counter());
    let url = counter.url("/undo");
    let steps = [
        undo(post(&url, "last")),
        undo(call("Thing/a/script", json!([sleep(50), post(&url, "called")]))),
        undo(sleep(700)),
        attempt(sleep(HOUR_MS)),
        sleep(10),
        step("fail", json!({ "code": 418, "message": "in the end" })),
    ];
    let id = server.begin("Act/script", &steps);
    server.wait_for_status(&id, "suspended");
    server.cancel(&id);
    server.invocation_when(&id, "it waits while it undoes", |it| it["journal_entries"] == 3);
    server.cancel(&id);
    server.restart();
    server.cancel(&id);
    assert_eq!(server.attach(&id).expect(418).json()["message"], "in the end");
    assert_eq!(counter.bodies("/undo"), ["called", "last"]);
}

#[test]
fn what_has_not_begun_ends_at_once() {
    let (server, counter) = (server(&[]), counter());
    let steps = [undo(post(&counter.url("/undo"), "x")), post(&counter.url("/do"), "x")];
    let later = server.ingress().post("/restate/send/Act/script?delay=1h", &json!(steps).to_string());
    let later = text(&later.expect(202).json()["invocationId"]);
    let holder = server.begin("Thing/a/script", &[awakeable("gate"), wait_for(0)]);
    let gate = server.pending_awakeable(&holder);
    let queued = server.begin("Thing/a/script", &steps);
    server.wait_for_status(&queued, "pending");
    for id in [&later, &queued] {
        server.admin_verb("cancel", id).expect(200);
        assert!(server.attach(id).expect(409).text().contains("cancelled"));
    }
    server.resolve(&gate, &json!(1));
    server.attach(&holder).expect(200);
    assert_eq!(counter.log(), [""; 0]);
}

#[test]
fn the_callers_of_a_cancelled_handler_are_told_and_may_go_on() {
    let server = server(&[]);
    let inner = json!([sleep(HOUR_MS)]);
    let calls = [attempt(call("Thing/a/script", inner.clone())), sleep(1), say("went on")];
    let outer = server.begin("Caller/script", &calls);
    let callee = server.only_invocation("Thing");
    let from_outside = {
        let attaching = server.ingress().request("GET", &format!("/restate/attach/{callee}"));
        std::thread::spawn(move || attaching.send())
    };
    server.cancel(&callee);
    let told = server.attach(&outer).expect(200).json();
    assert_eq!((&told[0]["code"], &told[0]["message"]), (&json!(409), &json!("cancelled")));
    assert_eq!((&told[0]["isCancelled"], &told[2]), (&json!(true), &json!("went on")));
    assert_eq!(from_outside.join().expect("no panics").status, 409);
}

#[test]
fn a_call_that_somebody_else_made_is_not_ended_with_its_caller() {
    let server = server(&[]);
    let with_key = |target: &str, steps: &Value| {
        let request = server.ingress().request("POST", &format!("/restate/send/{target}"));
        request.header("idempotency-key", "k").json(&steps.to_string()).send().expect(202)
    };
    with_key("Thing/a/look", &json!([awakeable("gate"), wait_for(0)]));
    let shared = server.only_invocation("Thing");
    let same = with(call("Thing/a/look", json!([])), "idempotencyKey", json!("k"));
    let sent = send("Act/script", json!([sleep(HOUR_MS)]));
    let outer = server.begin("Caller/script", &[sent, same]);
    server.invocation_when(&outer, "it waits", |it| !of_kind(it, "call").is_empty());
    server.cancel(&outer);
    server.attach(&outer).expect(409);
    assert_eq!(server.output(&shared).status, 470);
    assert_eq!(server.output(&server.only_invocation("Act")).status, 470, "what was sent goes on");
    server.resolve(&server.pending_awakeable(&shared), &json!("done"));
    assert_eq!(server.attach(&shared).expect(200).json()[1], "done");
}

#[test]
fn all_open_calls_are_cancelled_however_many() {
    let (mut server, counter) = (server(&["--partitions", "16"]), counter());
    let count = 150;
    let callee = json!([undo(post(&counter.url("/undo"), "x")), sleep(HOUR_MS)]);
    let steps: Vec<_> =
        (0..count).map(|_| start("Act/script", callee.clone())).chain([wait_for(0)]).collect();
    let id = server.begin("Caller/script", &steps);
    eventually("all callees wait", || {
        let listing = server.admin().get("/invocations?service=Act&status=suspended&limit=200").json();
        (listing["invocations"].as_array().map(Vec::len) == Some(count)).then_some(())
    });
    server.cancel(&id);
    server.restart();
    server.attach(&id).expect(409);
    eventually("all callees undo what they did", || {
        let listing = server.admin().get("/invocations?service=Act&status=completed&limit=200").json();
        (listing["invocations"].as_array().map(Vec::len) == Some(count)).then_some(())
    });
    assert!((count..count + 10).contains(&counter.count()), "{}", counter.count());
}

#[test]
fn the_key_of_an_object_is_kept_until_everything_is_undone() {
    let (server, counter) = (server(&[]), counter());
    let id = server.begin("Thing/a/script", &[undo(post(&counter.url("/slow"), "undo")), sleep(HOUR_MS)]);
    let next = server.begin("Thing/a/script", &[post(&counter.url("/next"), "next")]);
    server.invocation_when(&id, "it sleeps", |it| !of_kind(it, "sleep").is_empty());
    server.cancel(&id);
    server.attach(&next).expect(200);
    assert_eq!(counter.log(), ["/slow undo", "/next next"]);
    assert_eq!(server.attach(&id).status, 409);
}

#[test]
fn handlers_cancel_others_and_the_command_does() {
    let (server, counter) = (server(&[]), counter());
    let undoing = json!([undo(post(&counter.url("/undo"), "x")), sleep(HOUR_MS)]);
    let cancel = |id: &str| step("cancel", json!({ "id": id }));
    let attach = attempt(step("attach", json!({ "id": "$0" })));
    let results = server
        .results("Act/script", &[send("Thing/a/script", undoing.clone()), sleep(100), cancel("$0"), attach]);
    assert_eq!(results[3]["code"], 409, "{results:?}");
    assert_eq!(counter.count(), 1);
    // One that is over, one that never was, and none at all.
    let over = text(&results[0]);
    let unknown = over.replacen(&over[20..26], "000000", 1);
    let refused = server.results("Act/script", &[cancel(&over), cancel(&unknown), attempt(cancel("foo"))]);
    assert_eq!(refused[2]["code"], 400, "{refused:?}");
    assert_eq!(server.admin_verb("cancel", &over).expect(409).json()["code"], "completed");
    assert_eq!(server.admin_verb("cancel", &unknown).expect(404).json()["code"], "unknown_invocation");
    server.admin_verb("cancel", "foo").expect(400);

    let id = server.send("Thing/a/script", &undoing);
    server.invocation_when(&id, "it sleeps", |it| !of_kind(it, "sleep").is_empty());
    server.abide(&["invocations", "cancel", &id]).expect(0);
    assert!(server.attach(&id).expect(409).text().contains("cancelled"));
    assert_eq!(counter.count(), 2);
    assert_ne!(server.abide(&["invocations", "cancel", &id]).code, 0, "it is over");
}

#[test]
fn one_that_fails_before_it_waits_hears_of_it_later() {
    let (mut server, counter) = (Server::start(), counter());
    let deployment = server.deploy(Guest::Abilities);
    for (target, status, variable) in
        [("Act/brittle", "paused", "ONE"), ("Act/patient", "backing-off", "TWO")]
    {
        let undone = counter.bodies("/undo").len();
        let steps = [
            undo(post(&counter.url("/undo"), "x")),
            post(&counter.url("/do"), "x"),
            step("crash", json!({ "message": "not yet", "unless": variable })),
            sleep(HOUR_MS),
        ];
        let id = server.begin(target, &steps);
        let before = server.wait_for_status(&id, status);
        server.cancel(&id);
        // It tries again at once, and fails again before it comes to wait.
        let after = server.invocation_when(&id, "another attempt", |it| {
            it["status"] == status && it["attempts"].as_u64() > before["attempts"].as_u64()
        });
        assert!(after["cancelled_at"].is_string() && failures(&after).contains("not yet"), "{after:#}");
        server.restart();
        server.set_env(&deployment, json!({ variable: "1" }));
        server.admin_verb("resume", &id).expect(200);
        assert!(server.attach(&id).expect(409).text().contains("cancelled"));
        assert_eq!(counter.bodies("/undo").len(), undone + 1);
    }
}
