//! A server that is asked to stop: no new work, some time for what is open, and nothing lost, repeated or refused silently.

use abide_e2e::api::{millis, text};
use abide_e2e::{Client, Counter, Guest, Reaction, Reply, Setup, eventually};
use serde_json::{Value, json};
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const CLIENTS: usize = 6;
const STEPS: usize = 3;

/// What a client knows of one request.
#[derive(Debug)]
enum Known {
    /// It was acknowledged with this id.
    Sent(String),
    /// It was answered.
    Done,
    /// It was not taken, and may be sent again.
    Refused,
    /// It was taken, and the server stopped before it had an answer; or the connection broke.
    Unknown,
}

/// One client: sends and calls in turn until it cannot reach the server any more. What the nth does is counted under its
/// own path.
fn run_client(client: Client, counter: &Counter, me: usize, is_over: &AtomicBool) -> Vec<(String, Known)> {
    let mut history = Vec::new();
    for n in 0.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let path = format!("/{me}-{n}");
        let input = json!({ "n": STEPS, "url": counter.url(&path) }).to_string();
        let how = if n % 2 == 0 { "send" } else { "call" };
        let request = client.request("POST", &format!("/restate/{how}/Probe/steps")).json(&input);
        let known = request.try_send().map_or(Known::Unknown, |reply| known(&reply));
        history.push((path, known));
    }
    history
}

fn known(reply: &Reply) -> Known {
    match (reply.status, reply.header("retry-after")) {
        (202, _) => Known::Sent(text(&reply.json()["invocationId"])),
        (200, _) => Known::Done,
        (503, Some(_)) => Known::Refused,
        (503, None) => Known::Unknown,
        _ => panic!("{} {}", reply.status, reply.text()),
    }
}

/// The server is stopped under load, time and again. What was acknowledged completes exactly once, every effect is seen
/// exactly once, since none had to be cut off, and what was refused leaves no trace.
#[test]
fn a_stop_under_load_loses_nothing_and_repeats_nothing() {
    let mut server = Setup::new().start();
    server.deploy(Guest::Probe);
    let counter = Counter::start();
    counter.react(|hit| Reaction::AnswerAfter(millis(5), hit.body.clone()));
    let mut history = Vec::new();
    for round in 0..3 {
        let (client, is_over, before) = (server.ingress(), AtomicBool::new(false), counter.count());
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|me| {
                    let (counter, is_over) = (&counter, &is_over);
                    scope.spawn(move || run_client(client, counter, round * CLIENTS + me, is_over))
                })
                .collect();
            eventually("the load is on", || (counter.count() > before + 60).then_some(()));
            let status = server.stop();
            assert!(status.success(), "{status}");
            is_over.store(true, Ordering::Relaxed);
            history.extend(clients.into_iter().flat_map(|client| client.join().expect("no panics")));
        });
        server.restart();
    }
    let expected: Vec<_> = (0..STEPS).map(|step| format!("step-{step}")).collect();
    let (mut sent, mut refused) = (0, 0);
    for (path, known) in &history {
        let seen = || counter.bodies(path);
        match known {
            Known::Sent(id) => {
                sent += 1;
                assert_eq!(server.attach(id).expect(200).json(), json!(expected));
                assert_eq!(seen(), expected, "{path}");
            }
            Known::Done => assert_eq!(seen(), expected, "{path}"),
            Known::Refused => {
                refused += 1;
                assert_eq!(seen(), [""; 0], "{path} was refused and done all the same");
            }
            Known::Unknown => {}
        }
    }
    assert!(sent > 10 && refused > 0, "{sent} were sent, {refused} refused");
    eventually("everything has ended", || {
        let live = server.admin().get("/invocations?status=running,suspended,pending").json();
        (live["invocations"] == json!([])).then_some(())
    });
}

#[test]
fn who_comes_while_it_stops_is_told_and_what_is_open_is_answered() {
    let (server, counter) = (Setup::new().args(&["--http-stop-patience", "30s"]).start(), Counter::start());
    server.deploy(Guest::Probe);
    counter.react(|hit| Reaction::AnswerAfter(millis(1_500), hit.body.clone()));
    let (ingress, admin, process) = (server.ingress(), server.admin(), server.process());
    let steps = json!({ "n": 1, "url": counter.url("/slow") }).to_string();
    let next = admin.get("/logs").expect(200).json()["next_after"].clone();
    std::thread::scope(|scope| {
        let open = scope.spawn(move || ingress.post("/restate/call/Probe/steps", &steps));
        let poll = scope.spawn(move || admin.get(&format!("/logs?after={next}&wait_ms=30000")));
        eventually("it is open", || (counter.count() == 1).then_some(()));
        let began = Instant::now();
        let stopping = scope.spawn(move || process.stop());
        eventually("it stops", || (admin.get("/health").status == 503).then_some(()));
        for path in ["/restate/send/Probe/echo", "/restate/call/Probe/echo", "/Probe/echo"] {
            let refused = ingress.post(path, "1").expect(503);
            assert!(refused.header("retry-after").is_some(), "{path}");
            assert!(refused.text().contains("takes no new work"), "{}", refused.text());
        }
        let invoked = json!({ "handler": "echo", "json": 1 }).to_string();
        // There the answer of the ingress is within the answer.
        let invoked = admin.post("/services/Probe/invoke", &invoked).text();
        assert!(invoked.contains("503") && invoked.contains("takes no new work"), "{invoked}");
        assert_eq!(poll.join().expect("no panics").expect(200).json()["lines"], json!([]));
        assert!(!open.is_finished(), "the poll did not wait for the call");
        // Who only looks still sees.
        assert_eq!(
            admin.get("/invocations").expect(200).json()["invocations"].as_array().map(Vec::len),
            Some(1)
        );
        assert_eq!(open.join().expect("no panics").expect(200).json(), json!(["step-0"]));
        assert!(stopping.join().expect("no panics").success());
        assert!(
            began.elapsed() < Duration::from_secs(15),
            "it did not wait without need: {:?}",
            began.elapsed()
        );
    });
}

#[test]
fn a_stop_is_bounded_whatever_handlers_do() {
    let (mut server, counter) =
        (Setup::new().args(&["--http-stop-patience", "500ms"]).start(), Counter::start());
    server.deploy(Guest::Probe);
    counter.react(|hit| match hit.index {
        0 => Reaction::AnswerAfter(Duration::from_secs(60), hit.body.clone()),
        _ => Reaction::Answer(hit.body.clone()),
    });
    let id = server.send("Probe/steps", &json!({ "n": 1, "url": counter.url("/hang") }));
    eventually("it hangs", || (counter.count() == 1).then_some(()));
    let (ingress, attach) = (server.ingress(), format!("/restate/attach/{id}"));
    let sleep = json!({ "ms": 600_000 }).to_string();
    let call = |key: Option<&str>| {
        let mut request = ingress.request("POST", "/restate/call/Probe/sleep").json(&sleep);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        request
    };
    let open = [ingress.request("GET", &attach), call(Some("k")), call(None)];
    let told: Vec<Reply> = std::thread::scope(|scope| {
        let waiting = open.map(|request| scope.spawn(move || request.send()));
        eventually("all of them wait", || {
            let live = server.admin().get("/invocations?status=running,suspended").json();
            (live["invocations"].as_array().map(Vec::len) == Some(3)).then_some(())
        });
        let began = Instant::now();
        assert!(server.stop().success());
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
        waiting.into_iter().map(|waiting| waiting.join().expect("no panics").expect(503)).collect()
    });
    let may_repeat: Vec<bool> = told.iter().map(|reply| reply.header("retry-after").is_some()).collect();
    assert_eq!(may_repeat, [true, true, false], "only what is not done twice by that");
    server.restart();
    assert_eq!(server.attach(&id).expect(200).json(), json!(["step-0"]));
    let states: Vec<Value> = (server.admin().get("/invocations?handler=sleep").json()["invocations"]
        .as_array())
    .expect("a list")
    .iter()
    .map(|invocation| invocation["status"].clone())
    .collect();
    assert_eq!(states, ["suspended", "suspended"]);
}

#[test]
fn a_server_with_nothing_to_do_stops_at_once_and_is_not_taken_for_lost() {
    let mut server =
        Setup::new().args(&["--http-stop-patience", "60s", "--suspend-after-ms", "60000"]).start();
    server.deploy(Guest::Probe);
    let id = server.send("Probe/sleep", &json!({ "ms": 600_000 }));
    server.invocation_when(&id, "the timer is recorded", |it| it["journal_entries"] == 1);
    let began = Instant::now();
    assert!(server.stop().success());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    server.restart();
    let invocation = server.invocation(&id);
    assert_eq!(
        (&invocation["status"], &invocation["attempts"]),
        (&json!("suspended"), &json!(1)),
        "{invocation:#}"
    );
    assert!(!server.log().contains("begin again"), "an attempt that waited was suspended, not lost");
}

#[test]
fn a_backup_that_runs_is_open_work() {
    let server = Setup::new().args(&["--http-stop-patience", "60s"]).start();
    server.deploy(Guest::Probe);
    let large = json!("x".repeat(500_000));
    (0..40).for_each(|_| _ = server.call("Probe/echo", &large).expect(200));
    let mut stream = server.admin().request("POST", "/backup").start().expect("it can be asked for");
    // More than what the connection holds is still to come.
    stream.read_exact(&mut [0; 1_000]).expect("it begins");
    let (admin, process) = (server.admin(), server.process());
    std::thread::scope(|scope| {
        let stopping = scope.spawn(move || process.stop());
        eventually("it stops", || (admin.get("/health").status == 503).then_some(()));
        let refused = admin.request("POST", "/backup").send().expect(503);
        assert!(refused.header("retry-after").is_some() && refused.json()["code"] == "stopped");
        assert!(!stopping.is_finished(), "it waits for the backup");
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).expect("it comes to its end");
        let end = String::from_utf8_lossy(&rest[rest.len() - 20_000..]).into_owned();
        assert!(end.contains("abide backup, format 1"), "{end}");
        assert!(stopping.join().expect("no panics").success());
    });
}
