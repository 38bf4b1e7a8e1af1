//! More comes than can be done: what is too much is told to come back later, what was accepted is done once, memory
//! stays bounded, and afterwards everything is as before.
//!
//! The limits are low, so that little is much. With `ABIDE_E2E_LONG=1` the defaults are flooded, too.

use crate::flood::{Ask, Told, flood};
use abide_e2e::script::{awakeable, say, send, set, sleep, wait_for, with};
use abide_e2e::{Guest, Server, Setup, eventually};
use bytes::Bytes;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn server(guest: Guest, args: &[&str]) -> Server {
    let server = Setup::new().args(args).start();
    server.deploy(guest);
    server
}

fn is_long() -> bool {
    std::env::var_os("ABIDE_E2E_LONG").is_some()
}

/// Returns how long the middle one of a few calls takes.
fn latency(server: &Server) -> Duration {
    let call = |_| {
        let begin = Instant::now();
        server.call("Counter/quiet/add", &json!(1)).expect(200);
        begin.elapsed()
    };
    let mut took: Vec<_> = (0..11).map(call).collect();
    took.sort();
    took[took.len() / 2]
}

fn memory(server: &Server) -> f64 {
    server.numbers().of("process_resident_memory_bytes", &[])
}

/// Does something while the server's memory is watched. Returns by how many MiB it grew meanwhile.
fn growth<T>(server: &Server, work: impl FnOnce() -> T) -> (T, f64) {
    let (before, is_over) = (memory(server), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut peak = before;
            while !is_over.load(Ordering::Relaxed) {
                peak = peak.max(memory(server));
                std::thread::sleep(Duration::from_millis(20));
            }
            peak
        });
        let done = work();
        is_over.store(true, Ordering::Relaxed);
        let peak = watching.join().expect("no panics");
        (done, (peak - before) / f64::from(1 << 20))
    })
}

/// Has so many invocations send so many messages each.
fn send_many(server: &Server, senders: usize, each: usize, message: &Value) {
    let steps: Vec<Value> = std::iter::repeat_n(message.clone(), each).collect();
    let senders: Vec<String> = (0..senders).map(|_| server.begin("Caller/script", &steps)).collect();
    for id in &senders {
        server.attach(id).expect(200);
    }
}

/// Timers would wait for ever on a server that always has messages to begin.
#[test]
fn a_sleeper_goes_on_while_very_many_messages_wait() {
    let server = server(Guest::Abilities, &[]);
    send_many(&server, 50, 1_000, &send("Act/script", json!([say(1)])));
    server.call("Thing/quiet/script", &json!([sleep(100), say("awake")])).expect(200);
    let waiting = server.numbers().of("abide_starts_waiting", &[]);
    assert!(waiting > 2_000.0, "only {waiting} messages wait when the sleeper is awake");
}

/// Those are timers as well, and due before it.
#[test]
fn a_sleeper_goes_on_while_very_many_delayed_messages_are_due() {
    let server = server(Guest::Abilities, &[]);
    let message = send("Act/script", json!([sleep(1), say(1)]));
    let (senders, each) = (40, 500);
    send_many(&server, senders, each, &with(message, "delayMs", json!(8_000)));
    eventually("there is no room for more", || {
        (server.numbers().of("abide_starts_waiting", &[]) > 900.0).then_some(())
    });
    server.call("Thing/quiet/script", &json!([sleep(100), say("awake")])).expect(200);
    let query = "SELECT count(*) AS n FROM sys_invocation WHERE status = 'scheduled'";
    let answer = server.admin().post("/query", &json!({ "query": query }).to_string()).expect(200).json();
    let scheduled = answer["rows"][0]["n"].as_u64().expect("a number");
    println!("{scheduled} messages have not begun when the sleeper is awake");
    // A few go on with it; `engine/timers` has a test of the order.
    assert!(scheduled > (senders * each) as u64 * 3 / 4, "{scheduled}");
}

/// Waits until nothing is left of the load.
fn settled(server: &Server) {
    eventually("nothing waits any more", || {
        let numbers = server.numbers();
        let left = ["abide_starts_waiting", "abide_request_bodies_bytes", "abide_submissions_waiting"];
        left.iter().all(|name| numbers.of(name, &[]) == 0.0).then_some(())
    });
}

/// Returns how many were accepted and how many were refused because of this limit.
fn count(told: &[Told], limit: &str) -> (usize, usize) {
    let shed = told.iter().filter(|told| told.is_shed(limit)).count();
    (told.len() - shed, shed)
}

/// More than clients in the usual form: a queue for a key is another limit.
const COUNTERS: usize = 500;

/// Adds one to a counter. Every other client sends.
fn add(client: usize, _n: usize) -> Ask {
    let counter = client % COUNTERS;
    let path = match client % 2 {
        0 => format!("/Counter/{counter}/add"),
        _ => format!("/Counter/{counter}/add/send"),
    };
    Ask { path, body: Bytes::from_static(b"1") }
}

/// Floods counters. Whatever was accepted has been counted, once.
fn flood_counters(server: &Server, clients: usize, each: usize, memory_mib_max: f64) -> (usize, usize) {
    let usual = latency(server);
    let begin = Instant::now();
    let (told, grown) = growth(server, || flood(server.ingress(), clients, each, add));
    let (accepted, shed) = count(&told, "waiting");
    let took = begin.elapsed();
    settled(server);
    let counted = eventually("what was accepted is counted", || {
        let values: u64 = (0..clients.min(COUNTERS))
            .map(|counter| server.ask(&format!("Counter/{counter}/get")))
            .map(|count| count.as_u64().expect("a number"))
            .sum();
        (values >= accepted as u64).then_some(values)
    });
    assert_eq!(counted, accepted as u64, "accepted once, done once");
    let refused = server.numbers().of("abide_requests_refused_total", &[("limit", "waiting")]);
    assert_eq!(refused, shed as f64);
    let slowest = told.iter().map(|told| told.took).max().expect("somebody asked");
    let now = latency(server);
    println!(
        "{clients} clients: {accepted} accepted, {shed} refused in {took:.1?}, the slowest took {slowest:.1?}; \
         memory {grown:+.0} MiB; a call took {usual:.1?} before and {now:.1?} after"
    );
    assert!(now < 4 * usual + Duration::from_millis(50), "{usual:?} became {now:?}");
    assert!(grown < memory_mib_max, "{grown} MiB");
    (accepted, shed)
}

#[test]
fn what_is_too_much_is_refused_and_what_was_accepted_is_done_once() {
    let server = server(Guest::Bench, &["--attempts-max", "4", "--ingress-waiting-max", "16"]);
    let (accepted, shed) = flood_counters(&server, 200, 8, 64.0);
    assert!(accepted >= 100 && shed >= 100, "{accepted} accepted, {shed} refused");
}

#[test]
fn the_defaults_stand_thousands_of_clients() {
    if !is_long() {
        return;
    }
    let server = server(Guest::Bench, &[]);
    flood_counters(&server, 5_000, 4, 600.0);
    let send = |_, _| Ask { path: "/Sink/take/send".into(), body: Bytes::from_static(b"1") };
    let (told, grown) = growth(&server, || flood(server.ingress(), 1_000, 40, send));
    let (accepted, shed) = count(&told, "waiting");
    println!("a flood of messages: {accepted} accepted, {shed} refused; memory {grown:+.0} MiB");
    settled(&server);
    assert!(grown < 600.0, "{grown} MiB");
}

#[test]
fn bodies_share_a_bounded_room() {
    let args = ["--ingress-bodies-max", "8MiB", "--attempts-max", "4"];
    let server = server(Guest::Probe, &args);
    let body = Bytes::from(json!("x".repeat(1 << 20)).to_string());
    let large = move |_, _| Ask { path: "/Probe/echo".into(), body: body.clone() };
    let clients = if is_long() { 500 } else { 60 };
    let (told, grown) = growth(&server, || flood(server.ingress(), clients, 4, large));
    let (accepted, shed) = count(&told, "bodies");
    println!("bodies of 1 MiB: {accepted} accepted, {shed} refused; memory {grown:+.0} MiB");
    assert!(accepted >= 4 && shed >= 1, "{accepted} accepted, {shed} refused");
    assert!(grown < 300.0, "{grown} MiB");
    settled(&server);
    server.call("Probe/echo", &json!("x".repeat(8 << 20))).expect(200);
}

#[test]
fn a_key_that_is_asked_too_much_is_full_for_itself_alone() {
    let mut server = server(Guest::Abilities, &["--ingress-key-queue-max", "8"]);
    let gate = server.begin("Thing/hot/script", &[awakeable("gate"), wait_for(0), set("n", 1)]);
    let send = || server.ingress().post("/Thing/hot/script/send", &json!([say(1)]).to_string());
    let queued: Vec<_> =
        std::iter::repeat_with(send).take_while(|reply| reply.status == 202).take(100).collect();
    assert_eq!(queued.len(), 8, "one holds the key, so many queue for it");
    let full = send().expect(429);
    assert_eq!(full.json()["metadata"]["limit"], "key_queue", "{}", full.text());
    assert!(full.header("retry-after").is_some());
    let asked = json!({ "handler": "script", "key": "hot", "json": [say(1)] }).to_string();
    let by_admin = server.admin().post("/services/Thing/invoke", &asked).expect(200).json();
    assert_eq!(by_admin["status"], 429, "{by_admin:#}");
    server.act("Thing/cold/script", &[say(1)]).expect(200);
    server.ingress().post("/Thing/hot/look", "[]").expect(200);

    // A new process learns of a full queue when the next one comes to it.
    server.restart();
    let send = || server.ingress().post("/Thing/hot/script/send", &json!([say(1)]).to_string());
    send().expect(202);
    send().expect(429);
    let awakeable = server.pending_awakeable(&gate);
    server.resolve(&awakeable, &Value::Null);
    for sent in &queued {
        server.attach(sent.header("x-restate-id").expect("an id")).expect(200);
    }
    eventually("the queue is open again", || (send().status == 202).then_some(()));
}

#[test]
fn who_only_waits_is_no_load() {
    let server = server(
        Guest::Probe,
        &["--ingress-waiting-max", "2", "--attempts-max", "2", "--suspend-after-ms", "0"],
    );
    for _ in 0..30 {
        let begun = || server.ingress().post("/Probe/sleep/send", &json!({ "ms": 3_600_000 }).to_string());
        let begun =
            eventually("there is room to begin", || Some(begun()).filter(|reply| reply.status == 202));
        server.wait_for_status(begun.header("x-restate-id").expect("an id"), "suspended");
    }
    let refused = server.numbers().of("abide_requests_refused_total", &[]);
    assert_eq!(refused, 0.0, "thirty that sleep take the place of nobody");
    let input = json!({ "ms": 3_600_000 }).to_string();
    let mut open = Vec::new();
    for n in 1..=12 {
        settled(&server);
        let mut call =
            server.ingress().request("POST", "/Probe/sleep").json(&input).start().expect("it is open");
        call.write_all(input.as_bytes()).expect("it is open");
        open.push(call);
        eventually("it waits", || {
            (server.numbers().of("abide_calls_open", &[]) == f64::from(n)).then_some(())
        });
    }
    settled(&server);
    server.call("Probe/hello", &json!({ "name": "you" })).expect(200);
}
