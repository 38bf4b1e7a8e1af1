//! An idempotency key at the ingress: the same request is one invocation, as long as it is kept.

use abide_e2e::api::{millis, text};
use abide_e2e::script::{fail, post, say, sleep};
use abide_e2e::{Counter, Guest, Reaction, Reply, Server, eventually};
use serde_json::{Value, json};

fn started() -> (Server, Counter) {
    (Server::with(Guest::Abilities), Counter::start())
}

fn request(server: &Server, verb: &str, target: &str, key: &str, steps: &Value) -> Reply {
    let request = server.ingress().request("POST", &format!("/restate/{verb}/{target}"));
    request.header("idempotency-key", key).json(&steps.to_string()).send()
}

fn call(server: &Server, target: &str, key: &str, steps: &Value) -> Reply {
    request(server, "call", target, key, steps)
}

/// Looks a request up by its key: `attach` or `output`, by the path and by the body.
fn retrieve(server: &Server, target: &str, key: &str, how: &str) -> [Reply; 2] {
    let parts: Vec<_> = target.split('/').collect();
    let body = match parts[..] {
        [service, handler] => json!({ "service": service, "handler": handler }),
        [service, key, handler] => json!({ "service": service, "key": key, "handler": handler }),
        _ => panic!("a target has two or three parts"),
    };
    let mut body = body;
    body["target"] = "idempotentInvocation".into();
    body["idempotencyKey"] = key.into();
    [
        server.ingress().get(&format!("/restate/invocation/{target}/{key}/{how}")),
        server.ingress().post(&format!("/restate/{how}"), &body.to_string()),
    ]
}

#[test]
fn repeats_of_a_running_request_wait_for_the_first() {
    let (server, counter) = started();
    counter.react(|hit| Reaction::AnswerAfter(millis(500), hit.body.clone()));
    let steps = json!([post(&counter.url("/once"), "x"), say("first")]);
    let replies: Vec<_> = std::thread::scope(|scope| {
        let asking: Vec<_> =
            (0..6).map(|_| scope.spawn(|| call(&server, "Act/script", "k", &steps).expect(200))).collect();
        asking.into_iter().map(|asking| asking.join().expect("no panics")).collect()
    });
    let ids: std::collections::BTreeSet<_> =
        replies.iter().map(|reply| reply.header("x-restate-id")).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert!(replies.iter().all(|reply| reply.json() == json!(["x", "first"])));
    assert_eq!(counter.count(), 1);
}

#[test]
fn a_repeat_gets_the_answer_of_the_first_whatever_it_says() {
    let (mut server, counter) = started();
    let url = counter.url("/once");
    let first = call(&server, "Act/script", "k", &json!([post(&url, "x")])).expect(200);
    assert_eq!(first.header("idempotency-expires"), None, "it was new");
    for _ in 0..2 {
        let again = call(&server, "Act/script", "k", &json!([post(&url, "y"), say(2)])).expect(200);
        assert_eq!((&again.body, again.header("x-restate-id")), (&first.body, first.header("x-restate-id")));
        assert!(again.header("idempotency-expires").is_some(), "{:?}", again.headers);
        server.restart();
    }
    assert_eq!(counter.count(), 1);
    // A failure is an answer too.
    call(&server, "Act/script", "f", &json!([fail(418, "no")])).expect(418);
    assert_eq!(call(&server, "Act/script", "f", &json!([say(1)])).expect(418).json()["message"], "no");
    // No input is an input; so is an empty key.
    call(&server, "Act/script", "", &json!([say(1)])).expect(200);
    assert_eq!(call(&server, "Act/script", "", &json!([say(2)])).expect(200).json(), json!([1]));
}

#[test]
fn a_key_belongs_to_a_handler_and_an_object() {
    let (server, _counter) = started();
    let targets =
        ["Act/script", "Act/brittle", "Thing/a/script", "Thing/b/script", "Thing/a/look", "Caller/script"];
    let mut ids = std::collections::BTreeSet::new();
    for (n, target) in targets.iter().enumerate() {
        let reply = call(&server, target, "same", &json!([say(n)])).expect(200);
        assert_eq!(reply.json(), json!([n]), "{target}");
        ids.insert(reply.header("x-restate-id").map(str::to_owned));
    }
    assert_eq!(ids.len(), targets.len());
    call(&server, "Thing/a/script", "Same", &json!([say("other")])).expect(200);
    assert_eq!(call(&server, "Thing/a/script", "same", &json!([])).expect(200).json(), json!([2]));
}

#[test]
fn a_send_says_whether_it_was_accepted_before() {
    let (mut server, counter) = started();
    let steps = json!([post(&counter.url("/once"), "x"), sleep(300)]);
    let send = |server: &Server| request(server, "send", "Thing/a/script", "k", &steps).expect(202).json();
    let first = send(&server);
    assert_eq!(first["status"], "Accepted");
    let id = text(&first["invocationId"]);
    for is_killed in [false, true] {
        if is_killed {
            server.restart();
        }
        let again = send(&server);
        assert_eq!(
            (&again["status"], text(&again["invocationId"])),
            (&json!("PreviouslyAccepted"), id.clone())
        );
    }
    // A call joins what was sent.
    assert_eq!(call(&server, "Thing/a/script", "k", &json!([])).expect(200).json()[0], "x");
    assert_eq!(send(&server)["status"], "PreviouslyAccepted");
    let hits = counter.count();
    assert!(hits <= 2, "once, and once more if the kill came in between: {hits}");
}

#[test]
fn a_delayed_send_is_the_same_request_too() {
    let (server, _counter) = started();
    let path = "/restate/send/Act/script?delay=700ms";
    let send = || {
        let request = server.ingress().request("POST", path).header("idempotency-key", "k");
        request.json("[{\"do\":\"say\",\"value\":1}]").send().expect(202).json()
    };
    let (first, second) = (send(), send());
    assert_eq!(first["invocationId"], second["invocationId"]);
    assert_eq!(second["status"], "PreviouslyAccepted");
    assert_eq!(call(&server, "Act/script", "k", &json!([say(2)])).expect(200).json(), json!([1]));
}

#[test]
fn a_request_is_found_by_its_key() {
    let (server, counter) = started();
    for target in ["Act/script", "Thing/a/script"] {
        for reply in retrieve(&server, target, "k", "output") {
            assert_eq!(reply.status, 404, "{}", reply.text());
        }
        counter.react(|hit| Reaction::AnswerAfter(millis(400), hit.body.clone()));
        let steps = json!([post(&counter.url("/found"), "x"), fail(418, "teapot")]);
        let id = text(&request(&server, "send", target, "k", &steps).expect(202).json()["invocationId"]);
        for reply in retrieve(&server, target, "k", "output") {
            assert_eq!(reply.status, 470, "{}", reply.text());
        }
        for reply in ["attach", "output"].iter().flat_map(|how| retrieve(&server, target, "k", how)) {
            assert_eq!(reply.status, 418, "{}", reply.text());
            assert_eq!(reply.header("x-restate-id"), Some(id.as_str()));
            assert_eq!(reply.json()["message"], "teapot");
        }
    }
    let lookup = |body: Value| server.ingress().post("/restate/lookup", &body.to_string());
    let id = |key: &str| {
        let described = json!({
            "target": "idempotentInvocation", "service": "Thing", "key": "a", "handler": "script", "idempotencyKey": key,
        });
        text(&lookup(described).expect(200).json()["invocationId"])
    };
    assert_eq!(server.invocation(&id("k"))["target"], "Thing/a/script");
    assert_ne!(id("k"), id("never used"), "it is computed, whether it is there or not");
    lookup(json!({ "target": "nonsense" })).expect(400);
    server.ingress().post("/restate/lookup", "{").expect(400);
}

#[test]
fn a_kill_in_between_repeats_no_request() {
    let (mut server, counter) = started();
    counter.react(|hit| match hit.index {
        0 => Reaction::AnswerAfter(millis(60_000), hit.body.clone()),
        _ => Reaction::Answer(hit.body.clone()),
    });
    let steps = json!([post(&counter.url("/x"), "x"), post(&counter.url("/x"), "y")]);
    let lost = {
        let asking = server.ingress().request("POST", "/Thing/a/script").header("idempotency-key", "k");
        let asking = asking.json(&steps.to_string());
        std::thread::spawn(move || asking.try_send().map(|reply| reply.status))
    };
    eventually("it has begun", || (counter.count() == 1).then_some(()));
    server.restart();
    assert!(!lost.join().expect("no panics").is_ok_and(|status| status == 200));
    let reply = call(&server, "Thing/a/script", "k", &json!([])).expect(200);
    assert_eq!(reply.json(), json!(["x", "y"]));
    server.restart();
    let again = call(&server, "Thing/a/script", "k", &json!([])).expect(200);
    assert_eq!(again.header("x-restate-id"), reply.header("x-restate-id"));
    assert_eq!(counter.bodies("/x"), ["x", "x", "y"]);
}

#[test]
fn a_key_that_is_too_long_is_refused() {
    let (server, _counter) = started();
    call(&server, "Act/script", &"k".repeat(1024), &json!([say(1)])).expect(200);
    call(&server, "Act/script", &"k".repeat(1025), &json!([say(1)])).expect(400);
}
