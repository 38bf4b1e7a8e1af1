//! Virtual objects: one exclusive handler at a time per key, a queue in order, and state that stays.

use abide_e2e::api::{escape, failures, millis, text};
use abide_e2e::script::{awakeable, fail, sleep};
use abide_e2e::script::{get, post, say, set, step, undo, wait_for};
use abide_e2e::{Counter, Guest, Reaction, Server, eventually};
use serde_json::{Value, json};

fn server() -> Server {
    Server::with(Guest::Abilities)
}

/// Occupies a key until the awakeable that is returned is resolved.
fn occupy(server: &Server, key: &str) -> (String, String) {
    let id = server.begin(&format!("Thing/{key}/script"), &[awakeable("gate"), wait_for(0)]);
    let gate = server.pending_awakeable(&id);
    (id, gate)
}

#[test]
fn exclusive_handlers_of_a_key_run_one_at_a_time_in_the_order_of_arrival() {
    let (server, counter) = (server(), Counter::start());
    counter.react(|hit| Reaction::AnswerAfter(millis(5), hit.body.clone()));
    let url = counter.url("/order");
    let steps =
        |n: usize| [post(&url, &format!("in-{n}")), sleep(n as u64 % 3), post(&url, &format!("out-{n}"))];
    let ids: Vec<_> = (0..12).map(|n| server.begin("Thing/a/script", &steps(n))).collect();
    ids.iter().for_each(|id| {
        server.attach(id).expect(200);
    });
    let expected: Vec<_> = (0..12).flat_map(|n| [format!("in-{n}"), format!("out-{n}")]).collect();
    assert_eq!(counter.bodies("/order"), expected);
}

#[test]
fn other_keys_and_shared_handlers_do_not_wait() {
    let server = server();
    server.results("Thing/a/script", &[set("colour", "red")]);
    let (id, gate) = occupy(&server, "a");
    let queued = server.begin("Thing/a/script", &[set("colour", "blue"), say("done")]);
    server.wait_for_status(&queued, "pending");
    assert_eq!(server.results("Thing/b/script", &[get("colour")]), [json!(null)]);
    assert_eq!(server.results("Thing/a/look", &[get("colour")]), ["red"]);
    assert_eq!(server.output(&queued).status, 470);
    server.resolve(&gate, &json!(7));
    assert_eq!(server.attach(&id).expect(200).json()[1], 7);
    server.attach(&queued).expect(200);
    assert_eq!(server.results("Thing/a/look", &[get("colour")]), ["blue"]);
}

#[test]
fn a_value_is_read_and_written_in_two_commits() {
    let server = server();
    let commits = || server.numbers().of("abide_store_commits_total", &[]);
    let (before, calls) = (commits(), 50);
    let mut last = json!(null);
    for n in 0..calls {
        assert_eq!(server.results("Thing/a/script", &[get("n"), set("n", n)])[0], last);
        last = json!(n);
    }
    // That it begins, and all it did together with its end; on a busy machine a few come in two turns.
    let each = (commits() - before) / f64::from(calls);
    assert!(each < 2.5, "{each}");
}

#[test]
fn many_callers_of_one_key_lose_no_update() {
    let server = server();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    server.call("Register/sum/add_slowly", &json!(1)).expect(200);
                }
            });
        }
    });
    assert_eq!(server.ask("Register/sum/read"), 80);
}

#[test]
fn state_is_there_for_the_next_invocation_and_within_one_at_once() {
    let server = server();
    let keys = step("keys", json!({}));
    let clear = |name: &str| step("clear", json!({ "name": name }));
    let first = [
        keys.clone(),
        set("b", 1),
        set("a", json!({ "deep": [1, null] })),
        set("b", 2),
        get("b"),
        set("c", Value::Null),
        clear("never"),
        keys.clone(),
    ];
    let results = server.results("Thing/s/script", &first);
    assert_eq!((&results[0], &results[4], &results[7]), (&json!([]), &json!(2), &json!(["a", "b", "c"])));
    let second = [get("a"), clear("a"), get("a"), keys.clone(), set("d", 4)];
    let results = server.results("Thing/s/script", &second);
    assert_eq!(results[..4], [json!({ "deep": [1, null] }), json!(null), json!(null), json!(["b", "c"])]);
    assert_eq!(server.results("Thing/s/look", &[keys.clone(), get("d")]), [json!(["b", "c", "d"]), json!(4)]);
    let third = [step("clear-all", json!({})), get("b"), set("e", 5), keys.clone()];
    assert_eq!(server.results("Thing/s/script", &third)[1..], [json!(null), json!(null), json!(["e"])]);
    assert_eq!(server.results("Thing/s/look", &[keys]), [json!(["e"])]);
}

#[test]
fn values_of_all_types_survive_a_suspension_and_a_kill() {
    let mut server = abide_e2e::Setup::new().args(&["--suspend-after-ms", "0"]).start();
    server.deploy(Guest::Abilities);
    let names = server.call("Drawer/d/fillAndCheck", &json!(50)).expect(200).json();
    assert_eq!(names.as_array().map(Vec::len), Some(13), "{names}");
    assert_eq!(names[0], "");
    server.restart();
    assert_eq!(server.ask("Drawer/d/check"), names);
}

#[test]
fn a_value_of_another_type_ends_the_attempt_and_loses_nothing() {
    let server = server();
    server.ingress().request("POST", "/Drawer/d/fill").send().expect(200);
    let id = server.send_nothing("Drawer/d/misread");
    let failed = server.wait_for_status(&id, "backing-off");
    assert!(failures(&failed).contains("which is not a"), "{failed:#}");
    server.ask("Drawer/d/check");
}

#[test]
fn a_shared_handler_cannot_write() {
    let server = server();
    server.results("Thing/a/script", &[set("x", 1)]);
    for write in [set("x", 2), step("clear", json!({ "name": "x" })), step("clear-all", json!({}))] {
        let reply = server.act("Thing/a/lookOnce", &[write]).expect(500);
        assert!(reply.text().contains("shared"), "it says why: {}", reply.text());
    }
    let id = server.begin("Thing/a/look", &[set("x", 2)]);
    let failed = server.wait_for_status(&id, "backing-off");
    assert!(failures(&failed).contains("shared"), "{failed:#}");
    assert_eq!(server.results("Thing/a/look", &[get("x")]), [1]);
}

#[test]
fn a_plain_service_has_no_state() {
    let server = server();
    let id = server.begin("Act/script", &[get("x")]);
    let failed = server.wait_for_status(&id, "backing-off");
    assert!(failures(&failed).contains("state"), "{failed:#}");
}

#[test]
fn a_key_is_any_text_of_up_to_a_kilobyte() {
    let mut server = server();
    let keys = [
        "",
        "a/b",
        "/",
        "a//b/",
        "ä 漢字 👻",
        "%",
        "%2F",
        "?x=1&y",
        "#",
        ".",
        "..",
        "send",
        " ",
        "\u{0}\n",
        &"k".repeat(1024),
        &"ä".repeat(512),
    ];
    for (n, key) in keys.iter().enumerate() {
        let path = format!("Thing/{}", escape(key));
        let reply = server.ingress().request("POST", &format!("/restate/call/{path}/key")).send().expect(200);
        assert_eq!(reply.json(), *key);
        server.call(&format!("{path}/script"), &json!([set("n", n)])).expect(200);
    }
    server.restart();
    for (n, key) in keys.iter().enumerate() {
        let path = format!("Thing/{}", escape(key));
        assert_eq!(server.call(&format!("{path}/look"), &json!([get("n")])).expect(200).json(), json!([n]));
        // Handlers name keys without any encoding.
        let call = step(
            "call",
            json!({
                "to": { "service": "Thing", "key": key, "handler": "look" }, "input": [get("n")],
            }),
        );
        assert_eq!(server.results("Act/script", &[call]), [json!([n])]);
    }
    let long = "k".repeat(1025);
    server.ingress().post(&format!("/Thing/{long}/look"), "[]").expect(400);
    let call = step(
        "call",
        json!({
            "to": { "service": "Thing", "key": long, "handler": "look" }, "input": [],
        }),
    );
    let id = server.begin("Act/script", &[call]);
    let failed = server.wait_for_status(&id, "backing-off");
    assert!(failures(&failed).contains("KEY_BYTES_MAX"), "{failed:#}");
}

#[test]
fn state_and_queue_survive_a_kill() {
    let (mut server, counter) = (server(), Counter::start());
    let url = counter.url("/queue");
    server.results("Thing/a/script", &[set("n", 1)]);
    let (holder, gate) = occupy(&server, "a");
    let steps = |n: usize| [post(&url, &n.to_string()), get("n"), set("n", n + 10)];
    let ids: Vec<_> = (0..6).map(|n| server.begin("Thing/a/script", &steps(n))).collect();
    server.wait_for_status(&ids[5], "pending");
    server.restart();
    assert_eq!(server.results("Thing/a/look", &[get("n")]), [1]);
    assert_eq!(server.invocation(&ids[0])["status"], "pending");
    assert_eq!(counter.count(), 0);
    server.resolve(&gate, &json!(null));
    server.attach(&holder).expect(200);
    let seen: Vec<_> = ids.iter().map(|id| server.attach(id).expect(200).json()[1].clone()).collect();
    assert_eq!(seen, [1, 10, 11, 12, 13, 14], "each sees what the one before it wrote");
    assert_eq!(counter.bodies("/queue"), ["0", "1", "2", "3", "4", "5"]);
    server.restart();
    assert_eq!(server.results("Thing/a/look", &[get("n")]), [15]);
}

#[test]
fn one_that_waits_for_its_key_can_be_cancelled_or_killed() {
    let (server, counter) = (server(), Counter::start());
    let (_, gate) = occupy(&server, "a");
    let steps = |name: &str| [undo(post(&counter.url("/undo"), name)), post(&counter.url("/do"), name)];
    let ids: Vec<_> = ["cancelled", "killed", "third", "fourth"]
        .iter()
        .map(|name| server.begin("Thing/a/script", &steps(name)))
        .collect();
    server.wait_for_status(&ids[3], "pending");
    server.cancel(&ids[0]);
    server.kill_invocation(&ids[1]);
    assert!(server.attach(&ids[0]).expect(409).text().contains("cancelled"));
    assert!(server.attach(&ids[1]).expect(409).text().contains("killed"));
    server.resolve(&gate, &json!(null));
    server.attach(&ids[2]).expect(200);
    server.attach(&ids[3]).expect(200);
    assert_eq!(counter.log(), ["/do third", "/do fourth"]);
}

#[test]
fn a_failure_gives_the_key_back_and_keeps_what_was_written() {
    let (server, counter) = (server(), Counter::start());
    counter.react(|hit| match (hit.body.as_str(), hit.index) {
        ("flaky", ..3) => Reaction::Fail(503),
        _ => Reaction::Answer(hit.body.clone()),
    });
    let url = counter.url("/keep");
    let failing = server.begin("Thing/a/script", &[set("x", 1), fail(418, "no")]);
    // One that is tried again keeps the key all the time.
    let flaky = server.begin("Thing/a/script", &[get("x"), post(&url, "flaky"), set("x", 2)]);
    let last = server.begin("Thing/a/script", &[post(&url, "last"), get("x")]);
    server.attach(&failing).expect(418);
    assert_eq!(server.attach(&flaky).expect(200).json()[0], 1);
    assert_eq!(server.attach(&last).expect(200).json()[1], 2);
    assert_eq!(counter.bodies("/keep"), ["flaky", "flaky", "flaky", "flaky", "last"]);
}

#[test]
fn large_values_stay_through_kills_and_are_replaced() {
    let mut server = server();
    let mib = 1 << 20;
    let fill = |server: &Server, key: &str, bytes: u64| {
        server.call(&format!("Drawer/{key}/fillLarge"), &json!(bytes)).expect(200).json()
    };
    for key in ["a", "b", "c"] {
        assert_eq!(fill(&server, key, mib), 0);
    }
    assert_eq!(fill(&server, "a", 2 * mib), mib);
    assert_eq!(fill(&server, "b", 10), mib);
    server.restart();
    for (key, bytes) in [("a", 2 * mib), ("b", 10), ("c", mib)] {
        let read = text(&server.ask(&format!("Drawer/{key}/large")));
        assert_eq!(read.len() as u64, bytes);
    }
    assert_eq!(fill(&server, "a", 1), 2 * mib);
}

#[test]
fn a_long_queue_is_worked_off_after_a_kill() {
    let mut server = server();
    let (holder, gate) = occupy(&server, "a");
    let (client, body) = (server.ingress(), json!([get("n"), set("n", 1)]).to_string());
    let send = || {
        let sent =
            |_| client.post("/restate/send/Thing/a/script", &body).expect(202).json()["invocationId"].clone();
        (0..100).map(sent).collect::<Vec<_>>()
    };
    let ids: Vec<_> = std::thread::scope(|scope| {
        let sending: Vec<_> = (0..4).map(|_| scope.spawn(send)).collect();
        sending.into_iter().flat_map(|sent| sent.join().expect("no panics")).collect()
    });
    server.restart();
    server.resolve(&gate, &json!(null));
    server.attach(&holder).expect(200);
    let firsts = ids
        .iter()
        .filter(|id| server.attach(id.as_str().expect("an id")).expect(200).json()[0] == Value::Null);
    assert_eq!(firsts.count(), 1, "exactly one of them found the key without the value");
    eventually("the queue is empty", || {
        let listing = server.admin().get("/invocations?status=pending").expect(200).json();
        (listing["invocations"] == json!([])).then_some(())
    });
}
