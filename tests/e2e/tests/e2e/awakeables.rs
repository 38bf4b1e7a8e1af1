//! Awakeables: somebody outside completes what a handler waits for, once, whenever it likes.

use abide_e2e::api::text;
use abide_e2e::news::of_kind;
use abide_e2e::script::{attempt, awakeable, post, say, sleep, step, wait_for};
use abide_e2e::{Counter, Guest, Reaction, Server, Setup, eventually};
use serde_json::{Value, json};

fn server() -> Server {
    Server::with(Guest::Abilities)
}

fn suspending() -> Server {
    let server = Setup::new().args(&["--suspend-after-ms", "0"]).start();
    server.deploy(Guest::Abilities);
    server
}

fn resolve(id: &str, value: impl Into<Value>) -> Value {
    step("resolve", json!({ "id": id, "value": value.into() }))
}

fn reject(id: &str, reason: &str) -> Value {
    step("reject", json!({ "id": id, "reason": reason }))
}

#[test]
fn whoever_waits_gets_the_value_or_the_reason() {
    for server in [server(), suspending()] {
        let id = server.begin("Act/script", &[awakeable("one"), wait_for(0)]);
        let value = json!({ "text": "ä", "list": [1, null] });
        server.resolve(&server.pending_awakeable(&id), &value);
        assert_eq!(server.attach(&id).expect(200).json()[1], value);

        let id = server.begin("Act/script", &[awakeable("two"), wait_for(0)]);
        server.reject(&server.pending_awakeable(&id), "not today");
        let failed = server.attach(&id).expect(500).json();
        assert_eq!((&failed["message"], &failed["source"]), (&json!("not today"), &json!("invocation")));

        let id = server.begin("Act/script", &[awakeable("three"), attempt(wait_for(0)), say("caught")]);
        server.reject(&server.pending_awakeable(&id), "");
        let caught = server.attach(&id).expect(200).json();
        assert_eq!((&caught[1]["code"], &caught[2]), (&json!(500), &json!("caught")));
    }
}

#[test]
fn handlers_complete_awakeables_of_others_and_of_their_own() {
    let server = server();
    let steps = [awakeable("a"), awakeable("b"), attempt(wait_for(1)), wait_for(0)];
    let id = server.begin("Thing/a/script", &steps);
    let waiting = server.invocation_when(&id, "both", |it| of_kind(it, "awakeable").len() == 2);
    let [a, b] = [0, 1].map(|n| text(&of_kind(&waiting, "awakeable")[n]["id"]));
    server.results("Act/script", &[reject(&b, "no")]);
    server.results("Act/script", &[resolve(&a, json!([1]))]);
    let answer = server.attach(&id).expect(200).json();
    assert_eq!((&answer[2]["message"], &answer[3]), (&json!("no"), &json!([1])));
    let own = server.results("Act/script", &[awakeable("own"), resolve("$0", "mine"), wait_for(0)]);
    assert_eq!(own[2], "mine");
}

#[test]
fn one_that_is_completed_before_anybody_waits_keeps_its_value() {
    let (mut server, counter) = (server(), Counter::start());
    counter.react(|hit| match hit.path.as_str() {
        "/slow" => Reaction::AnswerAfter(abide_e2e::api::millis(700), hit.body.clone()),
        _ => Reaction::Answer(hit.body.clone()),
    });
    let steps =
        [awakeable("early"), post(&counter.url("/id"), "$0"), post(&counter.url("/slow"), "x"), wait_for(0)];
    for is_killed in [false, true] {
        let before = counter.count();
        let id = server.begin("Act/script", &steps);
        // Its own side effect tells the id, as a mail would.
        let awakeable = eventually("the id", || counter.hits().get(before).map(|hit| hit.body.clone()));
        server.resolve(&awakeable, &json!("early"));
        if is_killed {
            server.restart();
        }
        assert_eq!(server.attach(&id).expect(200).json()[3], "early");
    }
}

#[test]
fn the_first_completion_counts() {
    let (mut server, counter) = (server(), Counter::start());
    let id = server
        .begin("Act/script", &[awakeable("a"), wait_for(0), post(&counter.url("/after"), "$1"), sleep(400)]);
    let awakeable = server.pending_awakeable(&id);
    server.resolve(&awakeable, &json!("first"));
    server.resolve(&awakeable, &json!("second"));
    server.reject(&awakeable, "third");
    server.restart();
    server.resolve(&awakeable, &json!("fourth"));
    assert_eq!(server.attach(&id).expect(200).json()[1], "first");
    // Whoever comes after the end hears no difference.
    server.resolve(&awakeable, &json!("fifth"));
    server.reject(&awakeable, "sixth");
    server.restart();
    assert_eq!(server.attach(&id).expect(200).json()[1], "first");
    assert_eq!(counter.bodies("/after").last().map(String::as_str), Some("first"));
}

#[test]
fn what_is_no_id_is_refused_and_an_unknown_one_is_ignored() {
    let server = server();
    let id = server.begin("Act/script", &[awakeable("a"), wait_for(0)]);
    let known = server.pending_awakeable(&id);
    let unknown = known.replacen(&known[10..16], "000000", 1);
    assert_eq!(unknown.len(), known.len());
    let path = |id: &str| format!("/restate/awakeables/{id}/resolve");
    for malformed in ["foo", "sign_", "sign_1", "sign_2xx", &known[..known.len() - 1], &id] {
        let reply = server.ingress().post(&path(malformed), "1").expect(400);
        assert!(reply.text().contains("bad awakeable id"), "{}", reply.text());
        let refused =
            server.results("Act/script", &[attempt(resolve(malformed, 1)), attempt(reject(malformed, "x"))]);
        assert_eq!((&refused[0]["code"], &refused[1]["code"]), (&json!(400), &json!(400)), "{refused:?}");
    }
    server.resolve(&unknown, &json!(1));
    server.results("Act/script", &[resolve(&unknown, 2), reject(&unknown, "x")]);
    // One of an operation that is no awakeable: the waiting handler must not notice.
    let mut other_operation = known.clone();
    other_operation.replace_range(known.len() - 1.., "5");
    server.resolve(&other_operation, &json!(3));
    assert_eq!(server.output(&id).status, 470);
    server.resolve(&known, &json!(4));
    assert_eq!(server.attach(&id).expect(200).json()[1], 4);
}

#[test]
fn pending_ones_are_shown_with_name_and_time_also_after_a_kill() {
    let mut server = server();
    let steps = [awakeable("approval"), step("awakeable", json!({})), wait_for(0), wait_for(1)];
    let id = server.begin("Act/script", &steps);
    let before = server.invocation_when(&id, "both are shown", |it| of_kind(it, "awakeable").len() == 2);
    let shown = of_kind(&before, "awakeable");
    assert_eq!((&shown[0]["name"], &shown[1]["name"]), (&json!("approval"), &Value::Null), "{shown:?}");
    assert!(text(&shown[0]["since"]).starts_with("20"), "{shown:?}");
    server.restart();
    let after = server.wait_for_status(&id, "suspended");
    assert_eq!(of_kind(&after, "awakeable"), shown, "{after:#}");
    server.resolve(&text(&shown[1]["id"]), &json!(2));
    server.resolve(&text(&shown[0]["id"]), &json!(1));
    assert_eq!(
        server.attach(&id).expect(200).json().as_array().map(|all| all[2..].to_vec()),
        Some(vec![json!(1), json!(2)])
    );
    assert!(of_kind(&server.invocation(&id), "awakeable").is_empty());
}

#[test]
fn a_completion_is_durable_when_it_is_acknowledged() {
    let mut server = suspending();
    let ids: Vec<_> = (0..10).map(|_| server.begin("Act/script", &[awakeable("a"), wait_for(0)])).collect();
    for (n, id) in ids.iter().enumerate() {
        let awakeable = server.pending_awakeable(id);
        server.resolve(&awakeable, &json!(n));
        server.kill();
        server.restart();
    }
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(server.attach(id).expect(200).json()[1], n);
    }
}

#[test]
fn what_is_no_json_or_nothing_at_all_is_told_to_the_handler() {
    let server = server();
    let complete = |body: Option<&str>| {
        let id = server.begin("Act/script", &[awakeable("a"), attempt(wait_for(0))]);
        let path = format!("/restate/a/{}/resolve", server.pending_awakeable(&id));
        let request = server.ingress().request("POST", &path);
        match body {
            Some(body) => request.body("text/plain", body).send().expect(202),
            None => request.send().expect(202),
        };
        server.attach(&id).expect(200).json()[1].clone()
    };
    assert_eq!(complete(None), json!({ "ok": null }));
    assert_eq!(complete(Some("[1]")), json!({ "ok": [1] }));
    let misread = complete(Some("{not json"));
    assert_eq!(misread["code"], 500, "{misread}");
    assert!(text(&misread["message"]).contains("{not json"), "{misread}");
}

#[test]
fn the_first_of_several_wins_and_stays_first_on_replay() {
    let mut server = suspending();
    let first = step("first", json!({ "of": [0, 1] }));
    let id =
        server.begin("Act/script", &[awakeable("slow"), awakeable("fast"), first, sleep(300), wait_for(0)]);
    let waiting = server.invocation_when(&id, "both", |it| of_kind(it, "awakeable").len() == 2);
    let shown = of_kind(&waiting, "awakeable");
    server.resolve(&text(&shown[1]["id"]), &json!("fast"));
    server.resolve(&text(&shown[0]["id"]), &json!("slow"));
    server.restart();
    let answer = server.attach(&id).expect(200).json();
    assert_eq!((&answer[2], &answer[4]), (&json!({ "first": 1, "value": "fast" }), &json!("slow")));
}

#[test]
fn a_timeout_does_not_take_the_awakeable_away() {
    let server = suspending();
    let within = |ms: u64| step("within", json!({ "of": 0, "ms": ms }));
    let id = server.begin("Act/script", &[awakeable("late"), within(50), within(60), within(600_000)]);
    let awakeable = server.pending_awakeable(&id);
    server.invocation_when(&id, "the third try", |it| it["journal_entries"].as_u64() >= Some(4));
    server.resolve(&awakeable, &json!("late"));
    assert_eq!(
        server.attach(&id).expect(200).json().as_array().map(|all| all[1..].to_vec()),
        Some(vec![json!(null), json!(null), json!("late")])
    );
}

#[test]
fn many_are_completed_at_once_by_many() {
    let server = suspending();
    let count = 80;
    let created = (0..count).map(|n| awakeable(&n.to_string()));
    let steps: Vec<_> = created.chain((0..count).map(wait_for)).collect();
    let id = server.begin("Thing/a/script", &steps);
    let waiting = server.invocation_when(&id, "all", |it| of_kind(it, "awakeable").len() == count);
    let all = of_kind(&waiting, "awakeable");
    std::thread::scope(|scope| {
        for some in all.chunks(10) {
            let server = &server;
            scope.spawn(move || {
                some.iter().for_each(|each| server.resolve(&text(&each["id"]), &each["name"]))
            });
        }
    });
    let results = server.attach(&id).expect(200).json();
    let expected = (0..count).map(|n| json!(n.to_string())).collect::<Vec<_>>();
    assert_eq!(results.as_array().map(|all| all[count..].to_vec()), Some(expected));
}
