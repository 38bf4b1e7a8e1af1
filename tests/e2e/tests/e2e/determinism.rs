//! Outside run blocks a guest sees the same world on every replay, inside the real one.

use abide_e2e::api::text;
use abide_e2e::{Guest, Server};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Calls `look`, with a restart while it sleeps: what is outside is seen again on replay.
fn looked(server: &mut Server) -> (String, Value) {
    let id = server.send("Probe/look", &json!({ "ms": 2_500 }));
    server.wait_for_status(&id, "suspended");
    server.restart();
    let report = server.attach(&id).expect(200).json();
    (id, report)
}

#[test]
fn clocks_randomness_and_hash_order_are_the_same_on_replay_and_real_in_run_blocks() {
    let mut server = Server::with(Guest::Probe);
    let (id, report) = looked(&mut server);
    assert_eq!(report["outside"], report["recorded"], "a replay sees what the first attempt saw: {report:#}");

    let clock = |look: &Value| look["systemClockMs"].as_u64().expect("a time");
    let (outside, inside, after) = (&report["outside"], &report["inside"], &report["after"]);
    assert!(clock(inside) >= clock(outside), "{report:#}");
    assert!(clock(after) >= clock(inside) + 2_300, "journal time goes on with the timer: {report:#}");
    let elapsed = report["elapsedMs"].as_u64().expect("a number");
    assert_eq!(elapsed, clock(after) - clock(outside), "both clocks tell journal time");
    let looks = [outside, inside, after].map(|look| text(&look["random"]));
    assert_eq!(BTreeSet::from_iter(&looks).len(), 3, "{looks:?}");
    assert_eq!(outside["fixedOrder"], inside["fixedOrder"]);

    // Nothing of it was written: two run blocks and a timer, each with its outcome.
    assert_eq!(server.journal(&id)["items_total"], 6);
}

#[test]
fn every_invocation_has_its_own_randomness() {
    let server = Server::with(Guest::Probe);
    let uuids: BTreeSet<_> =
        (0..20).map(|_| text(&server.call("Probe/random", &json!({})).expect(200).json()["uuid"])).collect();
    assert_eq!(uuids.len(), 20);
    let looks: BTreeSet<_> = (0..5)
        .map(|_| {
            let report = server.call("Probe/look", &json!({ "ms": 1 })).expect(200).json();
            (text(&report["outside"]["random"]), text(&report["inside"]["random"]))
        })
        .collect();
    assert_eq!(looks.len(), 5);
}

#[test]
fn lines_of_the_log_are_not_repeated_on_replay() {
    let mut server = Server::with(Guest::Probe);
    let id = server.send("Probe/logs", &json!({ "ms": 2_500 }));
    server.wait_for_status(&id, "suspended");
    server.restart();
    server.attach(&id).expect(200);
    for source in ["tracing", "log", "stdout", "stderr"] {
        for when in ["before", "after"] {
            let line = format!("{source} {when}");
            server.wait_for_log(&line);
            let log = server.log();
            let lines: Vec<_> = log.lines().filter(|known| known.contains(&line)).collect();
            assert_eq!(lines.len(), 1, "{line}: {lines:#?}");
            assert!(lines[0].contains(&id), "the line names the invocation: {}", lines[0]);
        }
    }
}

#[test]
fn the_environment_is_what_the_operator_set_and_nothing_else() {
    let server = Server::start();
    let deployment = server.deploy_with(Guest::Probe, &[("env", "A=1"), ("env", "B=a=b c&d")]);
    let env = |server: &Server| server.call("Probe/env", &json!({})).expect(200).json();
    assert_eq!(env(&server), json!({ "A": "1", "B": "a=b c&d" }));
    server.set_env(&deployment, json!({ "A": "2", "B": null, "C": "" }));
    assert_eq!(env(&server), json!({ "A": "2", "C": "" }));
}

#[test]
fn another_http_client_works_in_run_blocks() {
    let (server, counter) = (Server::with(Guest::Probe), abide_e2e::Counter::start());
    counter.react(|_| abide_e2e::Reaction::Answer("counted".into()));
    let reply = server.call("Probe/otherClient", &json!({ "url": counter.url("/wstd") })).expect(200);
    assert_eq!(reply.text(), "\"counted\"");
    // That client ends its empty body after the request is on its way. Where the answer is there by then, the stream is
    // closed already, which it takes for a reset; the run block is executed again, as a failed one is.
    let invocation = server.invocation(reply.header("x-restate-id").expect("an id"));
    let failures = invocation["last_failures"].as_array().expect("a list");
    let is_reset = |failure: &serde_json::Value| failure["message"] == "connection reset";
    assert!(failures.iter().all(is_reset), "{invocation:#}");
    assert_eq!(counter.count(), 1 + failures.len(), "{invocation:#}");
}
