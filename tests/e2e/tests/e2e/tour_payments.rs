//! The tour: external events, and durable timers.

use abide_e2e::api::{failures, text};
use abide_e2e::{Counter, Guest, Hit, Reaction, Reply, Server, eventually};
use serde_json::Value;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const PROCESS: &str = r#"curl localhost:8080/Payments/process/send \
--json '{"amount": 100, "currency": "USD", "customerId": "cust-123", "orderId": "order-456"}'"#;
const CONFIRM: &str = r#"curl localhost:8080/Payments/confirm \
--json '{"id": "sign_1PrDkbECjgdsBmMfEUQyCnioCP-csLbd2AAAAEQ", "result": {"success": true, "transactionId": "txn-123"}}'"#;
const PROCESS_WITH_TIMEOUT: &str = r#"curl localhost:8080/PaymentsWithTimeout/process/send \
--json '{"amount": 100, "currency": "USD", "customerId": "cust-123", "orderId": "order-456"}'"#;

const PAID: &str = r#"{"success":true,"transactionId":"txn-123"}"#;
const TIMED_OUT: &str = r#"{"success":false,"errorMessage":"Payment timeout"}"#;

/// Starts a server with the tour, whose payment provider is the counter.
fn with_provider() -> (Server, Counter) {
    let (server, counter) = (Server::start(), Counter::start());
    let provider = format!("SUBSCRIPTIONS_URL={}", counter.url(""));
    let ingress = format!("INGRESS={}", server.ingress().addr);
    server.deploy_with(Guest::Tour, &[("allow_host", "*"), ("env", &provider), ("env", &ingress)]);
    (server, counter)
}

/// Starts a payment and waits until the provider knows of it; returns the invocation's id.
fn start_payment(server: &Server, counter: &Counter, line: &str) -> String {
    let known = counter.bodies("/payments/init").len();
    let reply = server.ingress().curl(line).send().expect(202);
    let answer = reply.json();
    assert_eq!(answer["status"], "Accepted");
    assert_eq!(Some(text(&answer["invocationId"]).as_str()), reply.header("x-restate-id"));
    eventually("the provider was asked", || (counter.bodies("/payments/init").len() > known).then_some(()));
    text(&answer["invocationId"])
}

/// Returns what the provider was told last.
fn order(counter: &Counter) -> Value {
    let body = counter.bodies("/payments/init").pop().expect("the provider was asked");
    serde_json::from_str(&body).expect("the provider gets JSON")
}

/// Confirms a payment as the tour does, with the id that the provider got.
fn confirm(server: &Server, service: &str, id: &str) -> Reply {
    let line = CONFIRM.replace("sign_1PrDkbECjgdsBmMfEUQyCnioCP-csLbd2AAAAEQ", id);
    server.ingress().curl(&line.replace("/Payments/", &format!("/{service}/"))).send()
}

#[test]
fn external_events_wait_over_a_restart_until_they_are_confirmed() {
    let (mut server, counter) = with_provider();
    let id = start_payment(&server, &counter, PROCESS);
    let order = order(&counter);
    assert_eq!(order["payment"]["orderId"], "order-456");
    let confirmation_id = text(&order["confirmationId"]);
    assert!(confirmation_id.starts_with("sign_1"), "{confirmation_id}");
    server.wait_for_log(&format!(">>> Initiating external payment {}", text(&order["paymentId"])));
    server.wait_for_status(&id, "suspended");
    server.output(&id).expect(470);
    assert_eq!(server.entry_names(&id), ["", "pay"], "an awakeable, and the provider");

    server.restart();
    assert_eq!(server.wait_for_status(&id, "suspended")["last_failures"], serde_json::json!([]));
    let confirmed = confirm(&server, "Payments", &confirmation_id).expect(200);
    assert_eq!((confirmed.text().as_str(), confirmed.header("content-type")), ("", None));
    for reply in [server.attach(&id), server.output(&id)] {
        assert_eq!((reply.expect(200).text().as_str(), counter.count()), (PAID, 1));
    }

    // The provider calls twice, with something else the second time: the first one counts.
    confirm(&server, "Payments", &confirmation_id).expect(200);
    assert_eq!(server.output(&id).expect(200).text(), PAID);
}

#[test]
fn external_events_can_say_no() {
    let (server, counter) = with_provider();
    let id = start_payment(&server, &counter, PROCESS);
    let refusal = r#"{"success": false, "errorMessage": "Card declined"}"#;
    let line = CONFIRM
        .replace("sign_1PrDkbECjgdsBmMfEUQyCnioCP-csLbd2AAAAEQ", &text(&order(&counter)["confirmationId"]))
        .replace(r#"{"success": true, "transactionId": "txn-123"}"#, refusal);
    server.ingress().curl(&line).send().expect(200);
    let answer = server.attach(&id).expect(200).text();
    assert_eq!(answer, r#"{"success":false,"errorMessage":"Card declined"}"#);

    let no_id = confirm(&server, "Payments", "payment-123").expect(400);
    assert_eq!(no_id.header("x-restate-error-source"), Some("invocation"), "{}", no_id.text());
}

/// The server dies while the provider is asked: it is asked again, for the same payment, and what
/// confirmed the first request confirms the second one.
#[test]
fn external_events_keep_their_id_when_the_server_is_killed() {
    let (mut server, counter) = with_provider();
    let process = server.process();
    counter.react(move |hit: &Hit| match hit.index {
        0 => {
            process.kill();
            Reaction::HangUp
        }
        _ => Reaction::Answer("{}".into()),
    });
    // Its answer may be lost with the server.
    let _ = server.ingress().curl(PROCESS).try_send();
    eventually("the server is killed", || server.process().try_wait());
    server.restart();
    let id = server.only_invocation("Payments");
    eventually("the provider is asked again", || (counter.count() == 2).then_some(()));
    let asked = counter.bodies("/payments/init");
    assert_eq!(asked[0], asked[1], "{}", failures(&server.invocation(&id)));
    confirm(&server, "Payments", &text(&order(&counter)["confirmationId"])).expect(200);
    assert_eq!(server.attach(&id).expect(200).text(), PAID);
}

/// The log says how to confirm, and that can be pasted into a terminal.
#[test]
fn external_events_are_confirmed_by_the_line_in_the_log() {
    let (server, counter) = with_provider();
    for (service, line) in [("Payments", PROCESS), ("PaymentsWithTimeout", PROCESS_WITH_TIMEOUT)] {
        let id = start_payment(&server, &counter, line);
        let payment = text(&order(&counter)["paymentId"]);
        server.wait_for_log(&format!(">>> Initiating external payment {payment}"));
        let confirmation_id = text(&order(&counter)["confirmationId"]);
        let start = format!("For {service} service: ");
        let confirm = eventually("how to confirm", || {
            let log = server.log();
            let line = log.lines().find(|line| line.contains(&start) && line.contains(&confirmation_id))?;
            line.split_once(&start).map(|(_, command)| command.to_owned())
        });
        let expected = CONFIRM
            .replace("localhost:8080/Payments", &format!("{}/{service}", server.ingress().addr))
            .replace("sign_1PrDkbECjgdsBmMfEUQyCnioCP-csLbd2AAAAEQ", &confirmation_id)
            .replace("\\\n", "");
        assert_eq!(confirm, expected);
        match paste(&confirm) {
            Some(said) => assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr)),
            None => assert_eq!(server.ingress().curl(&confirm).send().status, 200),
        }
        assert_eq!(server.attach(&id).expect(200).text(), PAID);
    }
}

/// Runs a line in a shell; none where the shell has no curl with `--json`, which came with 7.82.
fn paste(line: &str) -> Option<Output> {
    let shell = |line: &str| Command::new("sh").args(["-c", line]).output().expect("there is a shell");
    let options = shell("curl --help all").stdout;
    String::from_utf8_lossy(&options).contains("--json").then(|| shell(line))
}

/// Real 30 seconds, with a kill in their middle.
#[test]
fn durable_timers_cancel_a_payment_that_nobody_confirms() {
    let (mut server, counter) = with_provider();
    let start = Instant::now();
    let id = start_payment(&server, &counter, PROCESS_WITH_TIMEOUT);
    let confirmation_id = text(&order(&counter)["confirmationId"]);
    server.wait_for_status(&id, "suspended");
    server.restart();
    server.output(&id).expect(470);

    assert_eq!(server.attach(&id).expect(200).text(), TIMED_OUT);
    let took = start.elapsed();
    assert!(took >= Duration::from_secs(30), "{took:?}");
    assert!(took < Duration::from_secs(36), "the timer began again: {took:?}");
    let paths: Vec<_> = counter.hits().into_iter().map(|hit| hit.path).collect();
    assert_eq!(paths, ["/payments/init", "/payments/cancel"]);
    assert_eq!(server.entry_names(&id), ["", "pay", "timeout", "cancel-payment"]);
    server.wait_for_log(">>> Canceling external payment with ref payRef-");

    // Too late: the answer stays.
    confirm(&server, "PaymentsWithTimeout", &confirmation_id).expect(200);
    assert_eq!(server.output(&id).expect(200).text(), TIMED_OUT);
}

#[test]
fn durable_timers_do_not_matter_to_a_payment_that_is_confirmed() {
    let (mut server, counter) = with_provider();
    let id = start_payment(&server, &counter, PROCESS_WITH_TIMEOUT);
    server.wait_for_status(&id, "suspended");
    server.restart();
    let start = Instant::now();
    confirm(&server, "PaymentsWithTimeout", &text(&order(&counter)["confirmationId"])).expect(200);
    assert_eq!(server.attach(&id).expect(200).text(), PAID);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(counter.bodies("/payments/cancel"), [""; 0]);
}
