//! Guests that misbehave end as failed attempts with a message that names the cause, and disturb nobody.

use abide_e2e::api::{failures, millis, text};
use abide_e2e::http::{read_headers, read_line};
use abide_e2e::poll::within;
use abide_e2e::{Counter, Guest, Server, Setup};
use serde_json::{Value, json};
use std::io::{BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::{Duration, Instant};

/// Handler, input, and what the report of the failed attempts has to say.
const CRASHES: &[(&str, Option<&str>, &[&str])] = &[
    ("trap", None, &["unreachable"]),
    ("panic", None, &["the guest panicked", "this guest panics on purpose", "misbehaving::"]),
    ("panicInRun", None, &["the guest panicked", "this run block panics on purpose"]),
    ("stackOverflow", None, &["stack"]),
    ("endlessAllocation", None, &["memory", "memory_bytes_max"]),
    ("giantResult", Some(r#"{"n":40000000}"#), &["memory_bytes_max"]),
    ("giantRunResult", Some(r#"{"n":40000000}"#), &["memory_bytes_max"]),
    ("giantName", Some(r#"{"n":2000}"#), &["name", "1024"]),
    ("notJson", None, &["declared as JSON", "not UTF-8"]),
    ("exit", Some(r#"{"n":3}"#), &["ended its process with code"]),
    ("deadlock", None, &["nothing can wake it"]),
    ("deadlockInRun", None, &["nothing can wake it"]),
    ("operationInRun", None, &["inside the run block", "misbehaving::"]),
    ("runInRun", None, &["inside the run block", "misbehaving::"]),
    ("blockingSleep", Some(r#"{"n":50}"#), &["a blocking sleep outside a run block", "ctx.sleep"]),
];

fn call(server: &Server, handler: &str, input: Option<&str>) -> abide_e2e::Reply {
    let request = server.ingress().request("POST", &format!("/Misbehaving/{handler}"));
    match input {
        Some(input) => request.json(input).send(),
        None => request.send(),
    }
}

#[test]
fn every_crash_is_a_failed_attempt_that_names_its_cause() {
    let server = Server::with(Guest::Misbehaving);
    for (handler, input, words) in CRASHES {
        let reply = call(&server, handler, *input).expect(500);
        let answer = reply.json();
        assert_eq!(answer["source"], "invocation", "{handler}: {answer}");
        let id = reply.header("x-restate-id").expect("an id");
        let invocation = server.invocation(id);
        let said = failures(&invocation);
        assert!(words.iter().all(|word| said.contains(word)), "{handler} does not say {words:?}: {said}");
        assert_eq!(
            (&invocation["attempts"], &invocation["status"]),
            (&json!(2), &json!("completed")),
            "{handler}"
        );
    }
    server.ingress().request("POST", "/Misbehaving/manyAtOnce").json(r#"{"n":1000}"#).send().expect(200);
}

#[test]
fn endless_loops_end_and_slow_nobody_down_meanwhile() {
    // Less than usual: loops only get what the machine has left.
    let server = Setup::new().args(&["--guest-cpu-ms", "2000"]).start();
    server.deploy(Guest::Misbehaving);
    server.deploy(Guest::Probe);
    let loops = ["endlessLoop", "endlessLoopInRun"];
    let ids = loops.map(|handler| server.send_nothing(&format!("Misbehaving/{handler}")));
    let slowest = within(Duration::from_secs(100), "both loops end", {
        let mut slowest = Duration::ZERO;
        let (server, ids) = (&server, &ids);
        move || {
            let start = Instant::now();
            server.call("Probe/hello", &json!({ "name": "Ann" })).expect(200);
            slowest = slowest.max(start.elapsed());
            ids.iter().all(|id| server.output(id).status != 470).then_some(slowest)
        }
    });
    println!("the slowest call beside two endless loops took {slowest:?}");
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
    for id in ids {
        let reply = server.output(&id).expect(500);
        let said = failures(&server.invocation(&id));
        assert!(said.contains("cpu_ms_max") && said.contains("endless loop"), "{said}");
        assert!(text(&reply.json()["message"]).contains("cpu_ms_max"));
    }
}

#[test]
fn another_operation_on_replay_parks_the_invocation_with_both_sides() {
    let server = Server::with(Guest::Misbehaving);
    // Two orders of a hash map may begin alike, so it can be a later step that differs.
    for (handler, recorded, asked, ops) in [
        ("leakingClosure", "run(\"executed\")", "run(\"skipped\")", 1..=1),
        ("leakingHashMap", "run(\"step-", "run(\"step-", 1..=64),
    ] {
        let id = server.send_nothing(&format!("Misbehaving/{handler}"));
        let parked = server.wait_for_status(&id, "paused");
        assert_eq!(parked["pause_reason"]["kind"], "journal-mismatch", "{parked:#}");
        let message = text(&parked["pause_reason"]["message"]);
        assert!(message.contains(recorded) && message.contains(asked), "{message}");
        let report = &parked["pause_reason"]["mismatch"];
        let op = report["op"].as_u64().expect("a number");
        assert!(ops.contains(&op), "{report}");
        let backtrace = text(&report["backtrace"]);
        assert!(backtrace.contains("misbehaving::"), "the backtrace leads to the crate: {backtrace}");
        assert_eq!(server.output(&id).status, 470);
    }
}

#[test]
fn a_changed_environment_is_a_mismatch_and_changing_it_back_repairs_it() {
    let server = Server::start();
    let deployment = server.deploy(Guest::Misbehaving);
    for (handler, variable, words) in [
        ("changingMind", "MIND", ["run(\"mind-unset\")", "run(\"mind-other\")"]),
        ("forgetful", "FORGET", ["run(\"remembered\")", "nothing more"]),
    ] {
        let id = server.send_nothing(&format!("Misbehaving/{handler}"));
        server.invocation_when(&id, "a failed attempt", |it| {
            it["journal_outcomes"] == 1 && it["attempts"].as_u64() > Some(1)
        });
        server.set_env(&deployment, json!({ variable: "other" }));
        let parked = server.wait_for_status(&id, "paused");
        let message = text(&parked["pause_reason"]["message"]);
        assert!(words.iter().all(|word| message.contains(word)), "{message}");

        // Resumed as it is, it is parked again: nothing is lost by trying.
        server.admin().request("PATCH", &format!("/invocations/{id}/resume")).send().expect(200);
        server.invocation_when(&id, "parked again", |it| {
            it["status"] == "paused" && it["attempts"] != parked["attempts"]
        });
        server.set_env(&deployment, json!({ variable: null, "CONTINUE": "yes" }));
        server.admin().request("PATCH", &format!("/invocations/{id}/resume")).send().expect(200);
        server.attach(&id).expect(200);
        server.set_env(&deployment, json!({ "CONTINUE": null }));
    }
}

#[test]
fn outside_run_blocks_there_is_no_http_and_the_guest_is_told() {
    let (server, counter) = (Server::with(Guest::Misbehaving), Counter::start());
    let place = json!({ "url": counter.url("/outside") }).to_string();
    let told = call(&server, "httpOutsideRun", Some(&place)).expect(200);
    assert!(text(&told.json()).contains("run block"), "{}", told.text());
    assert_eq!(counter.count(), 0);
}

/// Answers at once that the body is too large, and never reads it.
fn start_refusing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let addr = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let headers = {
                let mut reader = BufReader::new(&stream);
                read_line(&mut reader).and_then(|_| read_headers(&mut reader)).expect("a request")
            };
            let length = headers.iter().find(|(name, _)| name == "content-length");
            let text = format!("refused {} bytes", length.map_or("?", |(_, value)| value));
            let answer = format!("HTTP/1.1 413 No\r\ncontent-length: {}\r\n\r\n{text}", text.len());
            stream.write_all(answer.as_bytes()).expect("it is taken");
            held.push(stream);
        }
    });
    addr
}

#[test]
fn an_answer_that_comes_before_the_body_is_read_is_heard() {
    let server = Server::with(Guest::Probe);
    let (url, bytes) = (format!("http://{}/", start_refusing()), 32 << 20);
    let id = server.send("Probe/upload", &json!({ "n": bytes, "url": url }));
    let failing = server.invocation_when(&id, "a failure", |it| it["last_failures"][0].is_object());
    let said = failures(&failing);
    assert!(said.contains("status 413") && said.contains(&format!("refused {bytes} bytes")), "{said}");
}

#[test]
fn hosts_that_are_not_allowed_are_not_reached_until_they_are() {
    let (server, counter) = (Server::start(), Counter::start());
    let deployment = server.deploy_with(Guest::Probe, &[("allow_host", "other.test")]);
    let id = server.send("Probe/steps", &json!({ "n": 1, "url": counter.url("/denied") }));
    let failing = server.invocation_when(&id, "a failure", |it| it["last_failures"][0].is_object());
    let said = failures(&failing);
    assert!(said.contains(&counter.authority()) && said.contains("not"), "{said}");
    assert_eq!(counter.count(), 0);
    let change = json!({ "allowed_hosts": [counter.authority()] }).to_string();
    server.admin().request("PATCH", &format!("/deployments/{deployment}")).json(&change).send().expect(200);
    server.attach(&id).expect(200);
    assert_eq!(counter.bodies("/denied"), ["step-0"]);
}

#[test]
fn there_are_no_files_and_no_sockets() {
    let server = Server::with(Guest::Misbehaving);
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let addrs = [tcp.local_addr(), udp.local_addr()].map(|addr| addr.expect("it is bound").to_string());
    let doors = json!({ "tcp": addrs[0], "udp": addrs[1] });
    for handler in ["escape", "escapeInRun"] {
        let told = server.call(&format!("Misbehaving/{handler}"), &doors).expect(200).json();
        for (way, why) in [
            ("read", ""),
            ("connect", "Permission denied"),
            ("listen", "Permission denied"),
            ("send", "Permission denied"),
            ("lookUp", ""),
        ] {
            let said = text(&told[way]);
            assert!(said.starts_with("refused: ") && said.contains(why), "{handler}, {way}: {told:#}");
        }
    }
    // The system takes what comes, so it would wait here.
    tcp.set_nonblocking(true).and(udp.set_nonblocking(true)).expect("sockets need not block");
    let connected = tcp.accept().map_err(|error| error.kind());
    assert_eq!(connected.map(|(_, from)| from), Err(ErrorKind::WouldBlock), "somebody connected");
    let received = udp.recv_from(&mut [0; 16]).map_err(|error| error.kind());
    assert_eq!(received, Err(ErrorKind::WouldBlock), "somebody sent something");
}

#[test]
fn a_long_message_is_cut_and_a_flood_of_logs_is_dammed() {
    let server = Server::with(Guest::Misbehaving);
    let reply = call(&server, "giantError", Some(r#"{"n":100000}"#)).expect(500);
    let message = text(&reply.json()["message"]);
    assert!(message.len() <= 8 << 10 && message.ends_with("(cut)"), "{} bytes", message.len());
    call(&server, "logFlood", Some(r#"{"n":3000}"#)).expect(200);
    server.wait_for_log("log_bytes_max");
    let bytes = server.log().len();
    assert!(bytes < 2 << 20, "three megabytes were written, {bytes} bytes came through");
}

#[test]
fn blocking_inside_a_run_block_is_allowed_and_blocks_only_itself() {
    let server = Server::with(Guest::Misbehaving);
    server.deploy(Guest::Probe);
    let start = Instant::now();
    let ids: Vec<_> =
        (0..8).map(|_| server.send("Misbehaving/blockingSleepInRun", &json!({ "n": 700 }))).collect();
    server.call("Probe/hello", &json!({ "name": "Ann" })).expect(200);
    ids.iter().for_each(|id| {
        server.attach(id).expect(200);
    });
    let took = start.elapsed();
    assert!(took >= millis(700), "{took:?}");
    assert!(took < millis(8 * 700), "eight sleeps one after the other: {took:?}");
}

#[test]
fn a_retry_policy_ends_in_the_last_failure_or_in_a_pause() {
    let server = Server::with(Guest::Probe);
    let killed = server.call("Probe/killAfter2", &json!({})).expect(500);
    assert_eq!(killed.json()["message"], "fails then killed");
    let id = server.send("Probe/pauseAfter2", &json!({}));
    let paused = server.wait_for_status(&id, "paused");
    assert_eq!(paused["pause_reason"]["kind"], "attempts-exhausted");
    assert_eq!(
        (&paused["attempts"], failures(&paused)),
        (&json!(2), "fails then paused\nfails then paused".into())
    );
    assert_eq!(server.output(&id).status, 470);
    let failing = server.send("Probe/retryable", &json!({}));
    let seen: Value =
        server.invocation_when(&failing, "a failure with its cause", |it| it["last_failures"][0].is_object());
    assert!(failures(&seen).contains("invalid digit"), "{}", failures(&seen));
}

/// Minutes, because every entry is durable before the next: set `ABIDE_E2E_LONG` to run it.
#[test]
fn an_endless_journal_pauses_at_its_limit() {
    if std::env::var_os("ABIDE_E2E_LONG").is_none() {
        println!("skipped: ABIDE_E2E_LONG is not set");
        return;
    }
    let server = Server::with(Guest::Misbehaving);
    let id = server.send_nothing("Misbehaving/endlessJournal");
    let parked = within(Duration::from_secs(1_800), "the limit is reached", || {
        let invocation = server.invocation(&id);
        (invocation["status"] == "paused").then_some(invocation)
    });
    assert_eq!(parked["pause_reason"]["kind"], "limit-reached", "{parked:#}");
    assert!(text(&parked["pause_reason"]["message"]).contains("100000"), "{parked:#}");
    let beside = call(&server, "manyAtOnce", Some(r#"{"n":3}"#));
    assert_eq!(beside.expect(200).text(), "3");
}
