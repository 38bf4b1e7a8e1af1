//! Named signals: kept until they are received, each once, in the order of arrival.

use abide_e2e::api::text;
use abide_e2e::news::of_kind;
use abide_e2e::script::{attempt, awakeable, say, send, sleep, step, wait_for};
use abide_e2e::{Guest, Server, Setup};
use serde_json::{Value, json};

fn server() -> Server {
    Server::with(Guest::Abilities)
}

fn suspending() -> Server {
    let server = Setup::new().args(&["--suspend-after-ms", "0"]).start();
    server.deploy(Guest::Abilities);
    server
}

fn signal(name: &str) -> Value {
    step("signal", json!({ "name": name }))
}

fn send_signal(id: &str, name: &str, value: impl Into<Value>) -> Value {
    step("send-signal", json!({ "id": id, "name": name, "value": value.into() }))
}

/// Returns what comes after the first `skip` results.
#[track_caller]
fn results_after(server: &Server, id: &str, skip: usize) -> Vec<Value> {
    let answer = server.attach(id).expect(200).json();
    answer.as_array().expect("a list of results")[skip..].to_vec()
}

#[test]
fn signals_of_a_name_are_received_once_and_in_order() {
    for server in [server(), suspending()] {
        let id = server.begin("Act/script", &[signal("a"), signal("b"), signal("a"), signal("a")]);
        for (name, value) in [("a", 1), ("a", 2), ("b", 3), ("a", 4)] {
            server.signal(&id, name, &json!(value)).expect(202);
        }
        assert_eq!(results_after(&server, &id, 0), [1, 3, 2, 4]);
    }
}

#[test]
fn signals_that_come_before_anybody_waits_are_kept_through_kills() {
    let mut server = server();
    let id =
        server.begin("Act/script", &[awakeable("gate"), wait_for(0), signal("s"), signal("t"), signal("s")]);
    let gate = server.pending_awakeable(&id);
    server.signal(&id, "s", &json!("s1")).expect(202);
    server.restart();
    server.signal(&id, "t", &json!({ "t": [1] })).expect(202);
    server.resolve(&gate, &Value::Null);
    server.invocation_when(&id, "it waits for the second", |it| {
        of_kind(it, "signal").iter().any(|each| each["name"] == "s") && it["journal_entries"] == 4
    });
    server.restart();
    assert_eq!(server.output(&id).status, 470);
    server.signal(&id, "s", &json!("s2")).expect(202);
    server.restart();
    assert_eq!(results_after(&server, &id, 2), [json!("s1"), json!({ "t": [1] }), json!("s2")]);
}

#[test]
fn one_that_is_scheduled_or_waits_for_its_key_keeps_its_signals_too() {
    let server = server();
    let later =
        server.ingress().post("/restate/send/Act/script?delay=600ms", &json!([signal("s")]).to_string());
    let later = text(&later.expect(202).json()["invocationId"]);
    let holder = server.begin("Thing/a/script", &[awakeable("gate"), wait_for(0)]);
    let gate = server.pending_awakeable(&holder);
    let queued = server.begin("Thing/a/script", &[signal("s")]);
    server.wait_for_status(&queued, "pending");
    for id in [&later, &queued] {
        server.signal(id, "s", &json!("early")).expect(202);
    }
    server.resolve(&gate, &Value::Null);
    for id in [&later, &queued] {
        assert_eq!(results_after(&server, id, 0), ["early"]);
    }
}

#[test]
fn handlers_send_signals_to_each_other() {
    let server = server();
    let ping = json!([signal("ping"), send_signal("$0", "pong", "pong"), say("done")]);
    let who = step("who", json!({}));
    let id = server.begin("Caller/script", &[signal("start"), send("Act/script", ping), signal("pong")]);
    let other = {
        server.signal(&id, "start", &Value::Null).expect(202);
        server.only_invocation("Act")
    };
    // The other one learns from the signal itself whom to answer.
    server.signal(&other, "ping", &json!(id)).expect(202);
    assert_eq!(results_after(&server, &id, 2), ["pong"]);
    let own = server.results("Act/script", &[who, say("unused")]);
    let dead = text(&own[0]["id"]);
    // To one that is over, or never was: nothing happens.
    let unknown = dead.replacen(&dead[20..26], "000000", 1);
    server.results("Act/script", &[send_signal(&dead, "x", 1), send_signal(&unknown, "x", 1)]);
    let refused = server.results("Act/script", &[attempt(send_signal("foo", "x", 1))]);
    assert_eq!(refused[0]["code"], 400, "{refused:?}");
}

#[test]
fn a_rejection_fails_whoever_receives_it() {
    let server = server();
    let reject = |name: &str, reason: &str, id: &str| {
        let path = format!("/invocations/{id}/signals/{name}?reject");
        server.admin().post(&path, &json!(reason).to_string()).expect(202);
    };
    let id = server.begin("Act/script", &[attempt(signal("s")), attempt(signal("s")), signal("s")]);
    reject("s", "no", &id);
    server
        .results("Act/script", &[step("reject-signal", json!({ "id": id, "name": "s", "reason": "never" }))]);
    server.signal(&id, "s", &json!("yes")).expect(202);
    let results = results_after(&server, &id, 0);
    assert_eq!((&results[0]["message"], &results[1]["message"]), (&json!("no"), &json!("never")));
    assert_eq!(results[2], "yes");
    let id = server.begin("Act/script", &[signal("s")]);
    reject("s", "for good", &id);
    assert_eq!(server.attach(&id).expect(500).json()["message"], "for good");
}

#[test]
fn names_are_any_text_and_what_is_waited_for_is_shown() {
    let server = server();
    let names = ["", "ä b/c", "👻"];
    let id = server.begin("Act/script", &names.map(signal));
    for name in names {
        let waiting = server.invocation_when(&id, "the next signal", |it| {
            of_kind(it, "signal").first().is_some_and(|each| each["name"] == name)
        });
        assert!(waiting["waiting_for"][0]["since"].is_string(), "{waiting:#}");
        // Sent by a handler: an empty name has no path.
        server.results("Act/script", &[send_signal(&id, name, name)]);
    }
    assert_eq!(results_after(&server, &id, 0), names);
    let id = server.begin("Act/script", &[signal("ä b/c")]);
    server.signal(&id, "ä b/c", &json!(1)).expect(202);
    assert_eq!(results_after(&server, &id, 0), [1]);
}

#[test]
fn the_admin_port_says_what_is_wrong_with_a_signal() {
    let server = server();
    let id = server.begin("Act/script", &[say(1)]);
    server.attach(&id).expect(200);
    assert_eq!(server.signal(&id, "s", &json!(1)).expect(409).json()["code"], "completed");
    let unknown = server.signal("inv_1000000000070000000000000000000005", "s", &json!(1));
    assert_eq!(unknown.expect(404).json()["code"], "unknown_invocation");
    server.signal("foo", "s", &json!(1)).expect(400);
    let open = server.begin("Act/script", &[signal("s")]);
    server.admin().post(&format!("/invocations/{open}/signals/s"), "{oops").expect(400);
    server.signal(&open, &"n".repeat(1025), &json!(1)).expect(400);
    server.signal(&open, "s", &json!("fine")).expect(202);
    assert_eq!(results_after(&server, &open, 0), ["fine"]);
}

#[test]
fn signals_arrive_whenever_the_server_is_killed() {
    let mut server = suspending();
    let count = 12;
    let receiving: Vec<_> = (0..count).map(|n| [signal("n"), sleep(n % 3)]).collect();
    let id = server.begin("Thing/a/script", &receiving.concat());
    for n in 0..count {
        server.signal(&id, "n", &json!(n)).expect(202);
        if n % 3 == 2 {
            server.restart();
        }
    }
    let received: Vec<_> = results_after(&server, &id, 0).into_iter().step_by(2).collect();
    assert_eq!(received, (0..count).map(|n| json!(n)).collect::<Vec<_>>());
}
