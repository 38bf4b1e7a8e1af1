//! The admin port: listings, pages, and errors that say what is wrong.

use abide_e2e::api::text;
use abide_e2e::{Guest, Server};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn ids(listing: &Value) -> Vec<String> {
    let invocations = listing["invocations"].as_array().expect("a listing");
    invocations.iter().map(|invocation| text(&invocation["id"])).collect()
}

#[test]
fn pages_of_invocations_cover_all_of_them_newest_first() {
    let mut server = Server::with(Guest::Probe);
    let sent: Vec<_> = (0..25).map(|n| server.send("Probe/echo", &json!(n))).collect();
    sent.iter().for_each(|id| {
        server.attach(id).expect(200);
    });
    server.restart();
    let (mut seen, mut path) = (Vec::new(), "/invocations?limit=10".to_owned());
    for page in [10, 10, 5] {
        let listing = server.admin().get(&path).expect(200).json();
        let found = ids(&listing);
        assert_eq!(found.len(), page);
        seen.extend(found);
        match listing["next_before"].as_str() {
            Some(before) => path = format!("/invocations?limit=10&before={before}"),
            None => assert_eq!(page, 5),
        }
    }
    assert_eq!(BTreeSet::from_iter(&seen), BTreeSet::from_iter(&sent));
    let created: Vec<_> = seen.iter().map(|id| text(&server.invocation(id)["created_at"])).collect();
    assert!(created.is_sorted_by(|newer, older| newer >= older), "{created:?}");
}

#[test]
fn listings_are_narrowed_by_service_handler_status_and_deployment() {
    let server = Server::start();
    let probe = server.deploy(Guest::Probe);
    let bench = server.deploy(Guest::Bench);
    let echo = server.send("Probe/echo", &json!(1));
    let greet = server.send("Greeter/greet", &json!("Ann"));
    let sleeping = server.send("Probe/sleep", &json!({ "ms": 600_000 }));
    for id in [&echo, &greet] {
        server.attach(id).expect(200);
    }
    server.wait_for_status(&sleeping, "suspended");
    let later = text(&server.ingress().post("/Greeter/greet/send?delay=1h", "\"x\"").json()["invocationId"]);
    for (query, expected) in [
        ("service=Probe".to_owned(), vec![&sleeping, &echo]),
        ("service=Probe&handler=echo".to_owned(), vec![&echo]),
        ("status=suspended".to_owned(), vec![&sleeping]),
        ("status=scheduled".to_owned(), vec![&later]),
        ("status=completed".to_owned(), vec![&greet, &echo]),
        (format!("deployment={bench}"), vec![&greet]),
        (format!("deployment={probe}&status=completed"), vec![&echo]),
        ("service=Nope".to_owned(), vec![]),
    ] {
        let listing = server.admin().get(&format!("/invocations?{query}")).expect(200).json();
        assert_eq!(ids(&listing).iter().collect::<Vec<_>>(), expected, "{query}");
    }
}

#[test]
fn a_journal_is_shown_with_its_input_its_steps_and_its_answer() {
    let server = Server::with(Guest::Probe);
    let id = server.send("Probe/steps", &json!({ "n": 2 }));
    server.attach(&id).expect(200);
    let journal = server.journal(&id);
    assert_eq!(journal["input"]["body"]["json"], json!({ "n": 2 }));
    let shown: Vec<_> = journal["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| format!("{} {} {}", text(&item["item"]), text(&item["kind"]), text(&item["name"])))
        .collect();
    let expected = ["entry run step-0", "outcome run step-0", "entry run step-1", "outcome run step-1"];
    assert_eq!(shown, expected, "{journal:#}");
    let page = server.admin().get(&format!("/invocations/{id}/journal?from=1&limit=2")).expect(200).json();
    assert_eq!(page["items"], json!(journal["items"].as_array().expect("items")[1..3]));
}

#[test]
fn errors_have_a_code_a_message_and_mostly_a_hint() {
    let server = Server::with(Guest::Probe);
    let unknown_id = "inv_1000000000070000000000000000000005";
    for (method, path, status, code) in [
        ("GET", "/nope".to_owned(), 404, "unknown_path"),
        ("DELETE", "/deployments".to_owned(), 405, "method_not_allowed"),
        ("GET", "/deployments/dp_10000000000000000000000".to_owned(), 404, "unknown_deployment"),
        ("GET", "/deployments/foo".to_owned(), 400, "bad_field"),
        ("GET", "/services/Nope".to_owned(), 404, "unknown_service"),
        ("GET", "/services/Probe/handlers/nope".to_owned(), 404, "unknown_handler"),
        ("GET", format!("/invocations/{unknown_id}"), 404, "unknown_invocation"),
        ("GET", format!("/invocations/{unknown_id}/journal"), 404, "unknown_invocation"),
        ("GET", "/invocations/foo".to_owned(), 400, "bad_field"),
        ("GET", "/invocations?limit=0".to_owned(), 400, "bad_field"),
        ("GET", "/invocations?status=sleepy".to_owned(), 400, "bad_field"),
        ("GET", "/invocations?colour=red".to_owned(), 400, "bad_field"),
    ] {
        let reply = server.admin().request(method, &path).send().expect(status);
        let answer = reply.json();
        assert_eq!(answer["code"], code, "{method} {path}: {answer}");
        assert!(!text(&answer["message"]).is_empty());
        assert_eq!(reply.header("content-type"), Some("application/json"));
    }
}

#[test]
fn health_and_version_tell_what_runs() {
    let server = Server::start();
    server.admin().get("/health").expect(200);
    let version = server.admin().get("/version").expect(200).json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(text(&version["ingress_endpoint"]), format!("http://{}", server.ingress().addr));
}

#[test]
fn services_are_described_with_their_schemas_and_docs() {
    let server = Server::with(Guest::Probe);
    let probe = server.admin().get("/services/Probe").expect(200).json();
    assert_eq!(probe["name"], "Probe");
    let hello = server.admin().get("/services/Probe/handlers/hello").expect(200).json();
    let shown = hello.to_string();
    assert!(shown.contains("says hello") && shown.contains("\"name\""), "{hello:#}");
}
