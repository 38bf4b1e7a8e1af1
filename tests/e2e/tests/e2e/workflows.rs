//! Workflows: once per key, with promises that their handlers complete.

use abide_e2e::api::text;
use abide_e2e::script::{attempt, call, fail, get, path, post, say, send, set, sleep, step};
use abide_e2e::{Counter, Guest, Reply, Server};
use serde_json::{Value, json};

fn server() -> Server {
    Server::with(Guest::Abilities)
}

fn promise(name: &str) -> Value {
    step("promise", json!({ "name": name }))
}

fn peek(name: &str) -> Value {
    step("peek", json!({ "name": name }))
}

fn keep(name: &str, value: impl Into<Value>) -> Value {
    step("keep", json!({ "name": name, "value": value.into() }))
}

fn refuse(name: &str, reason: &str) -> Value {
    step("break", json!({ "name": name, "reason": reason }))
}

/// Retrieves what a workflow comes to: `attach` or `output`.
fn retrieve(server: &Server, key: &str, how: &str) -> Reply {
    server.ingress().get(&format!("/restate/workflow/Flow/{key}/{how}"))
}

#[test]
fn a_workflow_runs_once_per_key() {
    let (mut server, counter) = (server(), Counter::start());
    let steps = json!([post(&counter.url("/run"), "run"), promise("end"), say("first")]);
    let first = server.send(&path("Flow/w/run"), &steps);
    server.wait_for_status(&first, "suspended");
    for round in 0..3 {
        let again = server.call(&path("Flow/w/run"), &json!([say("second")])).expect(409);
        assert_eq!(again.header("x-restate-id"), Some(first.as_str()));
        let said = again.json();
        assert_eq!(said["message"], "the workflow method was already invoked", "{said}");
        assert_eq!(said["source"], "invocation");
        let sent = server.ingress().post("/restate/send/Flow/w/run", "[]").expect(202).json();
        assert_eq!((&sent["invocationId"], &sent["status"]), (&json!(first), &json!("PreviouslyAccepted")));
        let called = server.results("Act/script", &[attempt(call("Flow/w/run", json!([])))]);
        assert_eq!(called[0]["code"], 409, "{called:?}");
        let sent = server.results("Act/script", &[send("Flow/w/run", json!([]))]);
        assert_eq!(sent[0], first, "who sends gets the id of the one there is");
        match round {
            0 => server.restart(),
            1 => {
                server.results("Flow/w/script", &[keep("end", Value::Null)]);
                server.attach(&first).expect(200);
            }
            _ => {}
        }
    }
    assert_eq!(retrieve(&server, "w", "attach").expect(200).json()[2], "first");
    assert_eq!(counter.count(), 1);
    server.call(&path("Flow/other/run"), &json!([say(1)])).expect(200);
}

#[test]
fn promises_are_kept_before_during_and_after() {
    let server = server();
    // Before the workflow runs.
    assert_eq!(server.results("Flow/w/script", &[peek("early"), keep("early", 1), peek("early")])[2], 1);
    let run = json!([promise("early"), peek("late"), promise("late"), promise("early"), peek("late")]);
    let id = server.send(&path("Flow/w/run"), &run);
    server.wait_for_status(&id, "suspended");
    // Any number of handlers wait for the same.
    let others: Vec<_> = (0..3).map(|_| server.begin("Flow/w/script", &[promise("late")])).collect();
    server.wait_for_status(&others[2], "suspended");
    server.results("Flow/w/script", &[keep("late", json!({ "a": [1] }))]);
    let late = json!({ "a": [1] });
    assert_eq!(server.attach(&id).expect(200).json(), json!([1, null, late, 1, late]));
    for other in &others {
        assert_eq!(server.attach(other).expect(200).json(), json!([late]));
    }
    // After it, promises keep their value, and are not completed again.
    let again = server.results("Flow/w/script", &[attempt(keep("late", 2)), attempt(refuse("late", "no"))]);
    assert_eq!((&again[0]["code"], &again[1]["code"]), (&json!(409), &json!(409)), "{again:?}");
    assert_eq!(server.results("Flow/w/script", &[promise("late")]), [late]);
    // Those of other keys are others.
    assert_eq!(server.results("Flow/x/script", &[peek("late")]), [json!(null)]);
}

#[test]
fn a_broken_promise_fails_whoever_waits() {
    let server = server();
    let id = server.send(&path("Flow/w/run"), &json!([promise("p")]));
    server.wait_for_status(&id, "suspended");
    server.results("Flow/w/script", &[refuse("p", "it rains")]);
    let failed = server.attach(&id).expect(500).json();
    assert_eq!((&failed["message"], &failed["source"]), (&json!("it rains"), &json!("invocation")));
    let caught = server.results("Flow/w/script", &[attempt(promise("p")), attempt(peek("p"))]);
    assert_eq!((&caught[0]["message"], &caught[1]["message"]), (&json!("it rains"), &json!("it rains")));
}

#[test]
fn a_promise_survives_kills_on_both_sides() {
    let mut server = server();
    let id = server.send(&path("Flow/w/run"), &json!([set("s", "waiting"), promise("p"), promise("q")]));
    server.wait_for_status(&id, "suspended");
    server.restart();
    assert_eq!(server.results("Flow/w/script", &[get("s")]), ["waiting"]);
    server.results("Flow/w/script", &[keep("p", "kept")]);
    server.restart();
    server.results("Flow/w/script", &[keep("q", "too")]);
    assert_eq!(server.attach(&id).expect(200).json(), json!([null, "kept", "too"]));
    server.restart();
    assert_eq!(server.results("Flow/w/script", &[promise("p"), get("s")]), ["kept", "waiting"]);
    assert_eq!(retrieve(&server, "w", "output").expect(200).json(), json!([null, "kept", "too"]));
}

#[test]
fn what_a_workflow_comes_to_is_found_by_its_key() {
    let server = server();
    assert_eq!(retrieve(&server, "w", "output").status, 404);
    assert_eq!(retrieve(&server, "w", "attach").status, 404);
    let id = server.send(&path("Flow/w/run"), &json!([promise("p"), fail(418, "teapot")]));
    let target = json!({ "target": "workflow", "workflowName": "Flow", "workflowKey": "w" }).to_string();
    let looked_up = server.ingress().post("/restate/lookup", &target).expect(200).json();
    assert_eq!(looked_up, json!({ "invocationId": id }));
    assert_eq!(retrieve(&server, "w", "output").status, 470);
    assert_eq!(server.ingress().post("/restate/output", &target).status, 470);
    let attached = std::thread::scope(|scope| {
        let attaching = scope.spawn(|| retrieve(&server, "w", "attach"));
        let attaching_by_body = scope.spawn(|| server.ingress().post("/restate/attach", &target));
        server.results("Flow/w/script", &[keep("p", 1)]);
        [attaching, attaching_by_body].map(|attaching| attaching.join().expect("no panics"))
    });
    for reply in attached.into_iter().chain([retrieve(&server, "w", "output"), server.output(&id)]) {
        assert_eq!(reply.status, 418);
        assert_eq!(reply.json()["message"], "teapot");
        assert_eq!(reply.header("x-restate-id"), Some(id.as_str()));
    }
}

#[test]
fn a_run_takes_no_idempotency_key_and_its_other_handlers_do() {
    let server = server();
    let with_key = |target: &str| {
        let request = server.ingress().request("POST", &format!("/restate/call/{target}"));
        request.header("idempotency-key", "k").json("[{\"do\":\"who\"}]").send()
    };
    assert!(with_key("Flow/w/run").expect(400).text().contains("idempotency key"));
    let first = with_key("Flow/w/script").expect(200).json();
    assert_eq!(with_key("Flow/w/script").expect(200).json(), first);
}

#[test]
fn typed_clients_start_a_workflow_and_talk_to_it() {
    let server = server();
    let report = server.call("Typed/workflow", &json!("ann")).expect(200).json();
    assert_eq!(report, json!({ "status": "waiting", "answer": "500 for ann", "after": "approved" }));
    let refused = server.send("Loan/bob/run", &json!(9));
    server.call("Loan/bob/decide", &json!(false)).expect(200);
    assert_eq!(server.attach(&refused).expect(403).json()["message"], "no loan");
}

#[test]
fn only_the_run_writes_the_state_of_a_workflow() {
    let server = server();
    let id = server.send(&path("Flow/w/run"), &json!([set("a", 1), sleep(1), set("b", 2), set("a", 3)]));
    server.attach(&id).expect(200);
    let keys = step("keys", json!({}));
    assert_eq!(server.results("Flow/w/script", &[get("a"), keys]), [json!(3), json!(["a", "b"])]);
    let id = server.begin("Flow/w/script", &[set("a", 4)]);
    let failed = server.wait_for_status(&id, "backing-off");
    assert!(abide_e2e::api::failures(&failed).contains("shared"), "{failed:#}");
    assert_eq!(server.results("Flow/w/script", &[get("a")]), [3]);
}

#[test]
fn a_run_that_waits_for_another_workflow_of_its_own_kind_gets_its_answer() {
    let server = server();
    let inner = json!([set("who", "inner"), promise("p")]);
    let outer = json!([
        step(
            "start",
            json!({
                "to": { "service": "Flow", "key": "inner", "handler": "run" }, "input": inner,
            })
        ),
        call("Flow/inner/script", json!([keep("p", "done")])),
        step("await", json!({ "of": 0 }))
    ]);
    let answer = server.call(&path("Flow/outer/run"), &outer).expect(200).json();
    assert_eq!(answer[2], json!([null, "done"]));
    assert_eq!(text(&server.invocation(&text(&answer[0]))["invoked_by"]), "invocation");
}
