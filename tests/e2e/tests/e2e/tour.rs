//! The tour: its sections with its own requests, and the answers it promises.

use abide_e2e::api::{millis, text};
use abide_e2e::kill::name_in_tour;
use abide_e2e::{Counter, Guest, Reaction, Reply, Server, eventually};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const GETTING_STARTED: &str =
    r#"{"userId": "user-123", "creditCard": "4111111111111111", "subscriptions": ["Hulu", "Prime"]}"#;
const NETFLIX: &str = r#"{"userId": "user-123", "creditCard": "4111111111111111", "subscriptions": ["Hulu", "Prime", "Netflix"]}"#;
const DISNEY: &str = r#"{"userId": "user-123", "creditCard": "4111111111111111", "subscriptions": ["Hulu", "Prime", "Disney"]}"#;
const PARALLEL: &str = r#"{"userId": "user-123", "creditCard": "4111111111111111", "subscriptions": ["Hulu", "Prime", "YouTube"]}"#;

const NETFLIX_IS_DOWN: &str = r#"[👻 SIMULATED] "Netflix subscription failed: Netflix API down...""#;

/// Starts a server with the tour, whose platforms are the counter.
fn with_tour() -> (Server, Counter, String) {
    let (server, counter) = (Server::start(), Counter::start());
    let url = format!("SUBSCRIPTIONS_URL={}", counter.url(""));
    let deployment = server.deploy_with(Guest::Tour, &[("allow_host", "*"), ("env", &url)]);
    (server, counter, deployment)
}

fn platforms(counter: &Counter) -> Vec<String> {
    counter.hits().iter().map(name_in_tour).collect()
}

fn is_an_id(reply: &Reply) -> bool {
    reply.header("x-restate-id").is_some_and(|id| id.starts_with("inv_") && id.len() == 38)
}

#[test]
fn getting_started_answers_200_with_an_empty_body() {
    let (server, counter, _) = with_tour();
    for path in ["/SubscriptionService/add", "/restate/call/SubscriptionService/add"] {
        let reply = server.ingress().post(path, GETTING_STARTED).expect(200);
        assert_eq!((reply.text().as_str(), reply.header("content-type")), ("", None));
        assert!(is_an_id(&reply), "{:?}", reply.headers);
    }
    let once = ["/payments/create", "/subscriptions/create Hulu", "/subscriptions/create Prime"];
    assert_eq!(platforms(&counter), [once, once].concat());
    for line in [">>> Creating recurring payment", ">>> Created subscription Hulu for user user-123"] {
        server.wait_for_log(line);
    }
}

#[test]
fn durable_execution_retries_netflix_with_growing_pauses_until_it_is_up() {
    let (mut server, counter, deployment) = with_tour();
    let hanging = call_apart(&server, "/SubscriptionService/add", NETFLIX);
    let id = server.only_invocation("SubscriptionService");
    let seen = server.invocation_when(&id, "three failures", |invocation| {
        invocation["last_failures"].as_array().is_some_and(|failures| failures.len() >= 3)
    });
    assert_growing_pauses(&seen);
    assert!(!hanging.is_finished(), "the call is held open while it is retried");
    assert_eq!(server.entry_names(&id), ["pay", "add-Hulu", "add-Prime", "add-Netflix"]);

    // A restart in the middle: the caller loses its connection, the invocation nothing.
    server.restart();
    assert!(hanging.join().expect("no panics").is_err());
    server.set_env(&deployment, json!({ "NETFLIX": "up" }));
    let reply = server.attach(&id).expect(200);
    assert_eq!((reply.text().as_str(), reply.header("x-restate-id")), ("", Some(id.as_str())));
    let expected = ["Hulu", "Prime", "Netflix"].map(|name| format!("/subscriptions/create {name}"));
    assert_eq!(platforms(&counter), [&["/payments/create".to_owned()][..], &expected].concat());
}

fn call_apart(
    server: &Server,
    path: &'static str,
    input: &'static str,
) -> std::thread::JoinHandle<std::io::Result<Reply>> {
    let request = server.ingress().request("POST", path).json(input).timeout(Duration::from_secs(60));
    std::thread::spawn(move || request.try_send())
}

fn assert_growing_pauses(invocation: &Value) {
    let failures = invocation["last_failures"].as_array().expect("failures");
    assert!(failures.iter().all(|failure| text(&failure["message"]).contains(NETFLIX_IS_DOWN)));
    assert!(failures.iter().all(|failure| failure["op"] == 3), "the fourth run block is what fails");
    let times: Vec<_> = failures.iter().map(|failure| seconds(&text(&failure["at"]))).collect();
    let pauses: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.windows(2).all(|pair| pair[1] > pair[0] * 1.2), "pauses {pauses:?}");
}

/// Returns the seconds of the minute of a timestamp; the tests care for differences only.
fn seconds(timestamp: &str) -> f64 {
    let clock = timestamp.split('T').nth(1).expect("a timestamp").trim_end_matches('Z');
    clock.split(':').fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().expect("a number"))
}

#[test]
fn error_handling_a_terminal_error_is_not_retried_and_a_policy_ends_retries() {
    let server = Server::with(Guest::Probe);
    let reply = server.call("Probe/terminal", &json!({ "message": "Invalid credit card" })).expect(500);
    assert_eq!(reply.json(), json!({"code": 500, "message": "Invalid credit card", "source": "invocation"}));
    let reply = server.call("Probe/runMax3", &json!({})).expect(500);
    assert_eq!(reply.json(), json!({"code": 500, "message": "flaky step", "source": "invocation"}));
    let id = reply.header("x-restate-id").expect("an id").to_owned();
    let failures = server.invocation(&id)["last_failures"].as_array().expect("failures").len();
    assert!((2..=3).contains(&failures), "three tries, the last of which became the answer: {failures}");
    let caught = server.call("Probe/runMax3Caught", &json!({})).expect(200);
    assert_eq!(caught.json(), "caught 500 flaky step");
}

#[test]
fn sagas_compensate_in_reverse_order() {
    let (server, counter, deployment) = with_tour();
    let reply = server.ingress().post("/SubscriptionSaga/add", DISNEY).expect(500);
    assert_eq!(
        reply.text(),
        r#"{"code":500,"message":"[👻 SIMULATED] \"Disney subscription is not available in this region\"","source":"invocation"}"#
    );
    assert_eq!(reply.header("x-restate-error-source"), Some("invocation"));
    assert!(is_an_id(&reply));
    assert_eq!(platforms(&counter), abide_e2e::kill::saga().effects);
    let id = reply.header("x-restate-id").expect("an id").to_owned();
    let steps = "pay add-Hulu add-Prime add-Disney undo-Disney undo-Prime undo-Hulu undo-pay";
    assert_eq!(server.entry_names(&id).join(" "), steps);
    server.wait_for_log(">>> Removing recurring payment");
    assert_log_order(
        &server,
        ["Removed subscription Disney", "Removed subscription Prime", "Removed subscription Hulu"],
    );

    server.set_env(&deployment, json!({ "DISNEY": "up" }));
    server.ingress().post("/SubscriptionSaga/add", DISNEY).expect(200);
}

fn assert_log_order(server: &Server, texts: [&str; 3]) {
    let log = server.log();
    let places = texts.map(|text| log.find(text).unwrap_or_else(|| panic!("'{text}' is not in the log")));
    assert!(places.is_sorted(), "{texts:?} are at {places:?}");
}

#[test]
fn concurrent_tasks_run_at_the_same_time() {
    let (server, counter, _) = with_tour();
    counter.react(|hit| match hit.path.as_str() {
        "/subscriptions/create" => Reaction::AnswerAfter(millis(300), "{}".into()),
        _ => Reaction::Answer("{}".into()),
    });
    // The best of three: other tests use the same processors.
    let took = (0..3).map(|_| parallel_call(&server)).min().expect("three of them");
    assert!(took >= millis(300) && took < millis(700), "three answers of 300 ms each took {took:?}");
    for call in counter.hits().chunks(4) {
        let spread = call[3].at - call[1].at;
        assert!(spread < millis(300), "the last was asked {spread:?} after the first, before any answer");
    }
}

fn parallel_call(server: &Server) -> Duration {
    let start = Instant::now();
    let reply = server.ingress().post("/ParallelSubscriptionService/add", PARALLEL).expect(200);
    let took = start.elapsed();
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let answer = reply.json();
    assert_eq!(answer["success"], true);
    assert!(text(&answer["paymentRef"]).starts_with("payment-"), "{answer}");
    took
}

#[test]
fn concurrent_tasks_survive_a_kill_while_they_wait() {
    let (mut server, counter, _) = with_tour();
    counter.react(|hit| match hit.path.as_str() {
        "/subscriptions/create" if hit.index < 4 => Reaction::AnswerAfter(millis(10_000), "{}".into()),
        _ => Reaction::Answer("{}".into()),
    });
    let input: Value = serde_json::from_str(PARALLEL).expect("the tour has JSON");
    let id = server.send("ParallelSubscriptionService/add", &input);
    eventually("all three are asked", || (counter.count() == 4).then_some(()));
    server.restart();
    assert_eq!(server.attach(&id).expect(200).json()["success"], true);
    let mut names = platforms(&counter);
    assert_eq!(names.remove(0), "/payments/create");
    names.sort();
    let twice = ["Hulu", "Hulu", "Prime", "Prime", "YouTube", "YouTube"];
    assert_eq!(names, twice.map(|name| format!("/subscriptions/create {name}")));
}
