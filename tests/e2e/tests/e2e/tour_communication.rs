//! The tour: resilient communication, and request idempotency.

use abide_e2e::api::{millis, text};
use abide_e2e::{Guest, Server, eventually};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::BTreeSet;

const BUY: &str = r#"curl localhost:8080/ConcertTicketingService/buy --json '{
"ticketId": "ticket-789",
"price": 100,
"customerEmail": "me@mail.com",
"concertDate": "2026-10-01T20:00:00Z"
}'"#;
const BUY_ONCE: &str = r#"curl -X POST localhost:8080/ConcertTicketingService/buy \
-H 'Idempotency-Key: unique-key-123' \
--json '{"ticketId": "ticket-789", "price": 100, "customerEmail": "me@mail.com", "concertDate": "2023-10-01T20:00:00Z"}'"#;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Buys a ticket for a concert at another date than the tour's; returns the invocation's id.
fn buy(server: &Server, concert: Timestamp) -> String {
    let line = BUY.replace("2026-10-01T20:00:00Z", &concert.to_string());
    let reply = server.ingress().curl(&line).send().expect(200);
    reply.header("x-restate-id").expect("an id").to_owned()
}

fn invocations(server: &Server, service: &str, handler: &str) -> Vec<Value> {
    let path = format!("/invocations?service={service}&handler={handler}&limit=100");
    let listing = server.admin().get(&path).expect(200).json();
    listing["invocations"].as_array().expect("a listing").clone()
}

/// Waits for the only invocation of a handler, and until it has a status.
fn only(server: &Server, service: &str, handler: &str, status: &str) -> Value {
    eventually(&format!("one invocation of {service}/{handler}, {status}"), || {
        let mut found = invocations(server, service, handler);
        (found.len() == 1 && found[0]["status"] == status).then(|| found.remove(0))
    })
}

/// Asserts when a message for later begins: at that time, or as long after as a busy machine needs.
#[track_caller]
fn assert_scheduled(reminder: &Value, expected: Timestamp) {
    let at: Timestamp = text(&reminder["scheduled_at"]).parse().expect("a time");
    let late = at.duration_since(expected);
    assert!((0..5).contains(&late.as_secs()) && !late.is_negative(), "{at} instead of {expected}");
}

fn payment_reference(answer: &str) -> &str {
    let said = "\"Ticket purchased successfully with payment reference: ";
    let reference = answer.strip_prefix(said).and_then(|rest| rest.strip_suffix('"'));
    let reference = reference.unwrap_or_else(|| panic!("{answer}"));
    assert_eq!((reference.len(), reference.matches('-').count()), (36, 4), "a UUID: {reference}");
    reference
}

#[test]
fn communication_calls_sends_and_schedules() {
    let server = Server::with(Guest::Tour);
    let concert: Timestamp = "2099-10-01T20:00:00Z".parse().expect("a time");
    let reply = server.ingress().curl(&BUY.replace("2026", "2099")).send().expect(200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let (answer, id) = (reply.text(), reply.header("x-restate-id").expect("an id"));
    let reference = payment_reference(&answer);

    let asked = ["PaymentService/charge", "EmailService/emailTicket", "EmailService/sendReminder"];
    assert_eq!(server.entry_names(id), asked);
    let charge = only(&server, "PaymentService", "charge", "completed");
    let ticket = only(&server, "EmailService", "emailTicket", "completed");
    let reminder = only(&server, "EmailService", "sendReminder", "scheduled");
    for child in [&charge, &ticket, &reminder] {
        assert_eq!(child["invoked_by_id"], id, "{child}");
    }
    assert_scheduled(&reminder, concert - DAY);
    assert_eq!(server.output(&text(&charge["id"])).expect(200).json(), reference);
    for line in [
        &format!("Processing payment for ticket ticket-789 with payment ID {reference}"),
        "Scheduling reminder for 2099-10-01T20:00:00Z with delay ",
        "Sending ticket to me@mail.com for concert on 2099-10-01T20:00:00Z",
    ] {
        server.wait_for_log(line);
    }
    assert!(!server.log().contains("Sending reminder"), "that is for later");
}

#[test]
fn communication_reminds_when_the_time_has_come() {
    let mut server = Server::with(Guest::Tour);
    let concert = Timestamp::now() + DAY + SignedDuration::from_secs(3);
    buy(&server, concert);
    let reminder = only(&server, "EmailService", "sendReminder", "scheduled");
    assert_scheduled(&reminder, concert - DAY);
    server.restart();
    let id = text(&reminder["id"]);
    server.attach(&id).expect(200);
    assert!(Timestamp::now() >= concert - DAY, "not before its time");
    server.wait_for_log("Sending reminder for concert on ");
}

#[test]
fn communication_reminds_at_once_when_the_day_before_has_passed() {
    let server = Server::with(Guest::Tour);
    let reply = server.ingress().curl(&BUY.replace("2026", "2023")).send().expect(200);
    payment_reference(&reply.text());
    only(&server, "EmailService", "sendReminder", "completed");
    server.wait_for_log("Reminder date is in the past, cannot schedule reminder.");
    server.wait_for_log("Sending reminder for concert on 2023-10-01T20:00:00Z to me@mail.com");
    // The tour's own line, whatever the date is today.
    payment_reference(&server.ingress().curl(BUY).send().expect(200).text());
}

#[test]
fn communication_refuses_a_date_that_is_none() {
    let server = Server::with(Guest::Tour);
    let reply = server.ingress().curl(&BUY.replace("2026-10-01T20:00:00Z", "soon")).send().expect(400);
    assert!(reply.text().contains("Failed to deserialize input"), "{}", reply.text());
    assert_eq!(invocations(&server, "PaymentService", "charge").len(), 0);
}

/// What was sent when the answer came is delivered, once, although the server is killed at once.
#[test]
fn communication_survives_kills_right_after_the_answer() {
    let mut server = Server::with(Guest::Tour);
    let concert = Timestamp::now() + DAY * 100;
    let mut bought = BTreeSet::new();
    for _ in 0..4 {
        bought.insert(buy(&server, concert));
        server.restart();
    }
    for (handler, status) in [("emailTicket", "completed"), ("sendReminder", "scheduled")] {
        eventually(&format!("{handler}, {status}"), || {
            let found = invocations(&server, "EmailService", handler);
            found.iter().all(|invocation| invocation["status"] == status).then_some(())
        });
        let found = invocations(&server, "EmailService", handler);
        let callers: BTreeSet<_> = found.iter().map(|child| text(&child["invoked_by_id"])).collect();
        assert_eq!((found.len(), &callers), (4, &bought), "{handler}: one for each ticket");
    }
    assert_eq!(invocations(&server, "PaymentService", "charge").len(), 4);
}

#[test]
fn idempotency_buys_one_ticket_for_one_key() {
    let mut server = Server::with(Guest::Tour);
    let first = server.ingress().curl(BUY_ONCE).send().expect(200);
    payment_reference(&first.text());
    for restarts in [false, true] {
        if restarts {
            server.restart();
        }
        let again = server.ingress().curl(BUY_ONCE).send().expect(200);
        assert_eq!(again.text(), first.text(), "the same payment reference");
        assert_eq!(again.header("x-restate-id"), first.header("x-restate-id"));
        assert!(again.header("idempotency-expires").is_some(), "{:?}", again.headers);
    }
    let other = server.ingress().curl(&BUY_ONCE.replace("unique-key-123", "unique-key-456")).send();
    assert_ne!(other.expect(200).text(), first.text());
    assert_eq!(invocations(&server, "ConcertTicketingService", "buy").len(), 2);
    assert_eq!(invocations(&server, "PaymentService", "charge").len(), 2);
}

/// The user clicks "buy" many times, and none of the clicks has an answer yet.
#[test]
fn idempotency_holds_for_clicks_at_once() {
    let server = Server::with(Guest::Tour);
    let client = server.ingress();
    let answers: BTreeSet<_> = std::thread::scope(|scope| {
        let click = || client.curl(BUY_ONCE).timeout(millis(30_000)).send().expect(200).text();
        let clicks: Vec<_> = (0..10).map(|_| scope.spawn(click)).collect();
        clicks.into_iter().map(|click| click.join().expect("no panics")).collect()
    });
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(invocations(&server, "PaymentService", "charge").len(), 1);
}
