//! What is left of an invocation is kept as long as its handler says, and not longer.

use abide_e2e::api::text;
use abide_e2e::script::{call, get, path, post, say, set, sleep, step};
use abide_e2e::{Counter, Guest, Server, eventually};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::time::Instant;

fn server() -> Server {
    Server::with(Guest::Abilities)
}

fn call_with_key(server: &Server, target: &str, steps: &[Value]) -> abide_e2e::Reply {
    let request = server.ingress().request("POST", &format!("/restate/call/{target}"));
    request.header("idempotency-key", "k").json(&json!(steps).to_string()).send().expect(200)
}

fn id_of(reply: &abide_e2e::Reply) -> String {
    reply.header("x-restate-id").expect("an id").to_owned()
}

/// Waits until nothing is left of an invocation.
#[track_caller]
fn wait_until_gone(server: &Server, id: &str) {
    eventually("nothing is left", || {
        let status = server.admin().get(&format!("/invocations/{id}")).status;
        (status == 404).then_some(())
    });
    assert_eq!(server.output(id).status, 404);
    assert_eq!(server.attach(id).status, 404);
    assert_eq!(server.admin().get(&format!("/invocations/{id}/journal")).status, 404);
}

#[test]
fn the_journal_goes_before_the_answer_and_the_answer_before_the_next_run() {
    let (server, counter) = (server(), Counter::start());
    let steps = [post(&counter.url("/run"), "x"), say("kept")];
    let start = Instant::now();
    let first = call_with_key(&server, "Brief/script", &steps);
    let id = id_of(&first);
    let entries = |it: &Value| it["journal_entries"].as_u64().expect("a number");
    assert_eq!(entries(&server.invocation(&id)), 1);
    server.invocation_when(&id, "the journal is gone", |it| entries(it) == 0);
    // Kept for one second, the answer for two.
    assert!(start.elapsed().as_millis() >= 1_000);
    let again = call_with_key(&server, "Brief/script", &steps);
    assert_eq!((id_of(&again), again.json()), (id.clone(), first.json()), "the answer is still there");
    wait_until_gone(&server, &id);
    assert!(start.elapsed().as_millis() >= 2_000);
    assert_eq!(counter.count(), 1);
    let anew = call_with_key(&server, "Brief/script", &steps);
    assert_eq!((id_of(&anew), counter.count()), (id, 2), "the same id, another run");
    // Without a key nobody asks for the answer later: it goes with the journal.
    let start = Instant::now();
    let plain = server.begin("Brief/script", &[say(1)]);
    server.attach(&plain).expect(200);
    wait_until_gone(&server, &plain);
    assert!(start.elapsed().as_millis() >= 1_000);
}

#[test]
fn what_was_due_while_the_server_was_down_goes_at_its_start() {
    let mut server = server();
    let id = id_of(&call_with_key(&server, "Brief/script", &[say(1)]));
    server.kill();
    let down = Instant::now();
    eventually("the time is over", || (down.elapsed().as_millis() > 2_100).then_some(()));
    server.restart();
    wait_until_gone(&server, &id);
    server.restart();
    assert_eq!(server.output(&id).status, 404);
    let listing = server.admin().get("/invocations").expect(200).json();
    assert_eq!(listing["invocations"], json!([]));
}

#[test]
fn nothing_may_be_kept_and_yet_everybody_who_waits_gets_the_answer() {
    let server = server();
    let reply = call_with_key(&server, "Brief/gone", &[say("x")]);
    assert_eq!(reply.json(), json!(["x"]));
    wait_until_gone(&server, &id_of(&reply));
    assert_eq!(server.results("Act/script", &[call("Brief/gone", json!([say(1)]))]), [json!([1])]);
    let slow = server.begin("Brief/gone", &[sleep(600), say("slow")]);
    let attached = server.results("Act/script", &[step("attach", json!({ "id": slow }))]);
    assert_eq!(attached[0][1], "slow");
    wait_until_gone(&server, &slow);
}

#[test]
fn a_workflow_is_forgotten_with_its_state_and_promises_and_may_run_again() {
    let server = server();
    let keep = step("keep", json!({ "name": "p", "value": 1 }));
    let peek = step("peek", json!({ "name": "p" }));
    let id = server.begin("BriefFlow/w/run", &[set("s", 1), keep.clone(), say("first")]);
    server.attach(&id).expect(200);
    assert_eq!(server.results("BriefFlow/w/script", &[get("s"), peek.clone()]), [1, 1]);
    server.call(&path("BriefFlow/w/run"), &json!([])).expect(409);
    wait_until_gone(&server, &id);
    assert_eq!(server.results("BriefFlow/w/script", &[get("s"), peek.clone()]), [json!(null), json!(null)]);
    let again = server.begin("BriefFlow/w/run", &[get("s"), peek, keep, say("second")]);
    assert_eq!(again, id);
    assert_eq!(server.attach(&again).expect(200).json(), json!([null, null, null, "second"]));
    // Those of objects stay.
    server.results("Thing/a/script", &[set("s", 1)]);
}

/// What becomes of them after a day is told by scenarios of the core: here a timer is there at all, after
/// a kill too.
#[test]
fn promises_of_a_workflow_that_never_ran_have_their_time() {
    let mut server = server();
    let keep = step("keep", json!({ "name": "p", "value": 1 }));
    assert_eq!(server.results("Flow/never/script", std::slice::from_ref(&keep)), [json!(null)]);
    assert_eq!(server.results("Flow/late/script", &[keep]), [json!(null)]);
    server.kill();
    server.restart();
    let query = "SELECT invocation_id, due_at FROM sys_timer WHERE kind = 'purge-unclaimed-promises'";
    let body = json!({ "query": query }).to_string();
    let after = |hours| Timestamp::now() + SignedDuration::from_hours(hours);
    let due_at = |row: &Value| text(&row["due_at"]).parse::<Timestamp>().expect("a time");
    let is_in_a_day = |row: &Value| (after(23)..after(25)).contains(&due_at(row));
    let timers = server.admin().post("/query", &body).expect(200).json()["rows"].clone();
    let timers = timers.as_array().expect("rows");
    assert!(timers.len() == 2 && timers.iter().all(is_in_a_day), "{timers:?}");
    // A run that comes meanwhile finds what was said before it.
    let run = server.begin("Flow/late/run", &[step("peek", json!({ "name": "p" }))]);
    assert!(timers.iter().any(|row| row["invocation_id"] == run), "{run} in {timers:?}");
    assert_eq!(server.attach(&run).expect(200).json(), json!([1]));
}

#[test]
fn a_person_purges_what_is_over() {
    let mut server = server();
    let done = server.begin("Act/script", &[say(1), sleep(1)]);
    server.attach(&done).expect(200);
    let open = server.begin("Act/script", &[sleep(3_600_000)]);
    assert_eq!(server.admin_verb("purge", &open).expect(409).json()["code"], "not_completed");
    server.admin_verb("purge", &done).expect(200);
    wait_until_gone(&server, &done);
    assert_eq!(server.admin_verb("purge", &done).expect(404).json()["code"], "unknown_invocation");
    server.admin_verb("purge", "foo").expect(400);

    // One with an idempotency key runs anew afterwards, a workflow too.
    let keyed = id_of(&call_with_key(&server, "Act/script", &[say(1)]));
    server.admin_verb("purge", &keyed).expect(200);
    let anew = call_with_key(&server, "Act/script", &[say(2)]);
    assert_eq!((id_of(&anew), anew.json()), (keyed.clone(), json!([2])));
    let run = server.begin("Flow/w/run", &[set("s", 1), say(1)]);
    server.attach(&run).expect(200);
    server.admin_verb("purge", &run).expect(200);
    server.restart();
    assert_eq!(server.results("Flow/w/script", &[get("s")]), [json!(null)]);
    assert_eq!(server.act("Flow/w/run", &[say(2)]).expect(200).json(), json!([2]));
    assert_eq!(server.invocation(&open)["status"], "suspended");
}

#[test]
fn a_long_journal_is_purged_in_parts_also_with_kills_in_between() {
    let mut server = server();
    let steps: Vec<_> = (0..2_000).map(|n| set("n", n)).collect();
    let id = server.begin("Thing/a/script", &steps);
    server.attach(&id).expect(200);
    server.admin_verb("purge", &id).expect(200);
    server.restart();
    wait_until_gone(&server, &id);
    assert_eq!(server.results("Thing/a/look", &[get("n")]), [1_999]);
}

#[test]
fn listings_show_what_is_kept_and_until_when() {
    let server = server();
    let reply = call_with_key(&server, "Act/script", &[say(1)]);
    let shown = server.invocation(&id_of(&reply));
    assert_eq!(text(&shown["idempotency_key"]), "k");
    assert!(text(&shown["kept_until"]) > text(&shown["completed_at"]), "{shown:#}");
}
