//! What waits, waits on the disk: timers, retries and pauses survive restarts.

use abide_e2e::api::{millis, text};
use abide_e2e::{Counter, Guest, Reaction, Reply, Server, eventually};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn resume(server: &Server, id: &str) -> Reply {
    server.admin().request("PATCH", &format!("/invocations/{id}/resume")).send()
}

#[test]
fn a_sleep_survives_a_kill_and_does_not_start_again() {
    let mut server = Server::with(Guest::Probe);
    let start = Instant::now();
    let id = server.send("Probe/sleep", &json!({ "ms": 3_000 }));
    server.wait_for_status(&id, "suspended");
    server.restart();
    let reply = server.attach(&id).expect(200);
    let took = start.elapsed();
    assert_eq!(reply.text(), "\"slept\"");
    assert!(took >= millis(3_000), "{took:?}");
    assert!(took < millis(3_000) + Duration::from_secs(3), "the sleep began again: {took:?}");
}

#[test]
fn a_sleep_that_ended_while_the_server_was_down_ends_at_its_start() {
    let mut server = Server::with(Guest::Probe);
    let id = server.send("Probe/sleep", &json!({ "ms": 600 }));
    server.invocation_when(&id, "the timer is recorded", |it| it["journal_entries"] == 1);
    server.kill();
    let down = Instant::now();
    eventually("the timer is overdue", || (down.elapsed() > millis(700)).then_some(()));
    server.restart();
    let up = Instant::now();
    server.attach(&id).expect(200);
    assert!(up.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_delayed_send_survives_a_kill() {
    let mut server = Server::with(Guest::Probe);
    let start = Instant::now();
    let sent = server.ingress().post("/restate/send/Probe/echo?delay=2s", "\"late\"").expect(202);
    let id = text(&sent.json()["invocationId"]);
    server.restart();
    assert_eq!(server.invocation(&id)["status"], "scheduled");
    assert_eq!(server.attach(&id).expect(200).text(), "\"late\"");
    assert!(start.elapsed() >= millis(2_000));
}

#[test]
fn timers_end_in_the_order_of_their_times() {
    let server = Server::with(Guest::Probe);
    let reply = server.call("Probe/timers", &json!([300, 100, 200, 0])).expect(200);
    assert_eq!(reply.json(), json!([0, 100, 200, 300]));
}

#[test]
fn whoever_is_first_stays_first_on_replay() {
    let (mut server, counter) = (Server::with(Guest::Probe), Counter::start());
    counter.react(|hit| Reaction::AnswerAfter(millis(200), hit.body.clone()));
    // The answer comes first; then, after a restart, the timer is long over, and yet second.
    let id = server.send("Probe/both", &json!({ "url": counter.url("/both"), "ms": 2_500 }));
    server.invocation_when(&id, "the answer is recorded", |it| it["journal_outcomes"] == 1);
    server.kill();
    let down = Instant::now();
    eventually("the timer is overdue", || (down.elapsed() > millis(2_600)).then_some(()));
    server.restart();
    assert_eq!(server.attach(&id).expect(200).json(), json!({ "first": "answer", "answer": "post" }));
    assert_eq!(counter.count(), 1);
}

#[test]
fn a_timeout_gives_up_on_a_slow_answer_and_not_on_a_fast_one() {
    let (server, counter) = (Server::with(Guest::Probe), Counter::start());
    counter.react(|hit| match hit.path.as_str() {
        "/slow" => Reaction::AnswerAfter(Duration::from_secs(5), hit.body.clone()),
        _ => Reaction::Answer(hit.body.clone()),
    });
    let race = |path: &str, ms: u64| json!({ "url": counter.url(path), "ms": ms });
    let start = Instant::now();
    assert_eq!(server.call("Probe/timeout", &race("/slow", 200)).expect(200).text(), "\"timeout\"");
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    assert_eq!(server.call("Probe/timeout", &race("/fast", 10_000)).expect(200).text(), "\"post\"");
}

#[test]
fn a_pause_survives_a_restart_and_ends_by_resuming() {
    let mut server = Server::with(Guest::Probe);
    let id = server.send("Probe/pauseAfter2", &json!({}));
    let paused = server.wait_for_status(&id, "paused");
    server.restart();
    let still = server.invocation(&id);
    assert_eq!((&still["status"], &still["last_failures"]), (&paused["status"], &paused["last_failures"]));
    resume(&server, &id).expect(200);
    server.invocation_when(&id, "paused after more attempts", |it| {
        it["status"] == "paused" && it["attempts"].as_u64() > paused["attempts"].as_u64()
    });
}

#[test]
fn resuming_what_does_not_stand_still_is_refused() {
    let server = Server::with(Guest::Probe);
    let done = server.send("Probe/echo", &json!(1));
    server.attach(&done).expect(200);
    assert_eq!(resume(&server, &done).expect(409).json()["code"], "completed");
    let later = server.ingress().post("/restate/send/Probe/echo?delay=1h", "1").expect(202);
    let later = text(&later.json()["invocationId"]);
    assert_eq!(resume(&server, &later).expect(425).json()["code"], "not_started");
    let unknown = resume(&server, "inv_1000000000070000000000000000000005").expect(404);
    assert_eq!(unknown.json()["code"], "unknown_invocation");
}

#[test]
fn retries_and_their_count_survive_a_restart() {
    let mut server = Server::start();
    let deployment = server.deploy(Guest::Probe);
    let id = server.send("Probe/untilFixed", &json!({}));
    let attempts = |invocation: &Value| invocation["attempts"].as_u64().expect("a number");
    let before = server.invocation_when(&id, "some failures", |it| attempts(it) >= 4);
    server.restart();
    server.invocation_when(&id, "it goes on", |it| attempts(it) > attempts(&before) + 1);
    server.set_env(&deployment, json!({ "FIXED": "yes" }));
    assert_eq!(server.attach(&id).expect(200).text(), "\"before and fixed\"");
    let journal = server.journal(&id);
    assert_eq!(journal["items_total"], 2, "failed attempts do not grow the journal: {journal}");
}

#[test]
fn a_failing_effect_is_retried_until_it_works() {
    let (server, counter) = (Server::with(Guest::Probe), Counter::start());
    counter.react(|hit| match hit.index {
        1 => Reaction::Fail(503),
        2 => Reaction::HangUp,
        _ => Reaction::Answer(hit.body.clone()),
    });
    let reply = server.call("Probe/steps", &json!({ "n": 3, "url": counter.url("/flaky") })).expect(200);
    assert_eq!(counter.bodies("/flaky"), ["step-0", "step-1", "step-1", "step-1", "step-2"]);
    let id = reply.header("x-restate-id").expect("an id");
    let said = abide_e2e::api::failures(&server.invocation(id));
    assert!(said.contains("503"), "{said}");
}

#[test]
fn answers_survive_restarts() {
    let (mut server, counter) = (Server::with(Guest::Probe), Counter::start());
    let value = server.send("Probe/steps", &json!({ "n": 2, "url": counter.url("/once") }));
    let failure = server.send("Probe/terminal", &json!({ "message": "no", "code": 418 }));
    let before = [&value, &failure].map(|id| server.attach(id));
    server.restart();
    for (id, before) in [value, failure].iter().zip(before) {
        for after in [server.attach(id), server.output(id)] {
            assert_eq!((after.status, &after.body), (before.status, &before.body));
            assert_eq!(after.header("content-type"), before.header("content-type"));
        }
    }
    assert_eq!(counter.count(), 2);
}

#[test]
fn a_server_that_is_asked_to_stop_goes_on_where_it_was() {
    let (mut server, counter) = (Server::with(Guest::Probe), Counter::start());
    counter.react(|hit| match hit.index {
        1 => Reaction::AnswerAfter(Duration::from_secs(30), hit.body.clone()),
        _ => Reaction::Answer(hit.body.clone()),
    });
    let id = server.send("Probe/steps", &json!({ "n": 3, "url": counter.url("/stop") }));
    eventually("the second step hangs", || (counter.count() == 2).then_some(()));
    let waiting = server.ingress().request("GET", &format!("/restate/attach/{id}"));
    let waiting = std::thread::spawn(move || waiting.try_send());
    let status = server.stop();
    assert!(status.success(), "{status}");
    if let Ok(told) = waiting.join().expect("no panics") {
        assert_eq!(told.status, 503, "an open request is told that there is no answer yet: {}", told.text());
    }
    server.restart();
    assert_eq!(server.attach(&id).expect(200).json(), json!(["step-0", "step-1", "step-2"]));
    assert_eq!(counter.bodies("/stop"), ["step-0", "step-1", "step-1", "step-2"]);
}

#[test]
fn partitions_are_fixed_by_the_data_folder() {
    for partitions in ["1", "16"] {
        let mut server = abide_e2e::Setup::new().args(&["--partitions", partitions]).start();
        server.deploy(Guest::Probe);
        let ids: Vec<_> = (0..20).map(|n| server.send("Probe/echo", &json!(n))).collect();
        server.restart();
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(server.attach(id).expect(200).json(), json!(n));
        }
        let listing = server.admin().get("/invocations?limit=100").json();
        assert_eq!(listing["invocations"].as_array().map(Vec::len), Some(20));
        server.stop();
        let other = abide_e2e::Setup::new().data(server.data()).args(&["--partitions", "3"]).try_start();
        let (status, log) = other.err().expect("the number cannot be changed");
        assert_eq!(status.code(), Some(1));
        assert!(log.contains(&format!("was made with {partitions} partitions")), "{log}");
    }
}

#[test]
fn resuming_ends_a_back_off() {
    let server = Server::start();
    let deployment = server.deploy(Guest::Tour);
    let input = json!({ "userId": "u", "creditCard": "c", "subscriptions": ["Netflix"] });
    let id = server.send("SubscriptionService/add", &input);
    // By now the pauses are longer than anything else here.
    let pausing = server.invocation_when(&id, "four failures", |it| {
        it["last_failures"].as_array().is_some_and(|failures| failures.len() >= 4)
            && it["status"] == "backing-off"
    });
    server.set_env(&deployment, json!({ "NETFLIX": "up" }));
    resume(&server, &id).expect(200);
    let start = Instant::now();
    server.attach(&id).expect(200);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?} after {pausing:#}", start.elapsed());
}

#[test]
fn hundreds_of_sleepers_survive_a_kill() {
    let mut server = Server::with(Guest::Probe);
    let client = server.ingress();
    let send = |n: usize| -> Vec<String> {
        let ids = (0..n).map(|_| client.post("/restate/send/Probe/sleep", r#"{"ms":4000}"#).expect(202));
        ids.map(|reply| text(&reply.json()["invocationId"])).collect()
    };
    let ids: Vec<_> = std::thread::scope(|scope| {
        let sending: Vec<_> = (0..4).map(|_| scope.spawn(|| send(100))).collect();
        sending.into_iter().flat_map(|sent| sent.join().expect("no panics")).collect()
    });
    server.restart();
    for id in &ids {
        assert_eq!(server.attach(id).expect(200).text(), "\"slept\"");
    }
    let running = server.admin().get("/invocations?status=running").json();
    assert_eq!(running["invocations"], json!([]));
}

#[test]
fn a_long_journal_is_replayed_after_a_kill_in_its_middle() {
    let (mut server, counter) = (Server::with(Guest::Probe), Counter::start());
    let id = server.send("Probe/steps", &json!({ "n": 600, "url": counter.url("/long") }));
    eventually("half of it is done", || (counter.count() >= 300).then_some(()));
    server.restart();
    let answer = server.attach(&id).expect(200).json();
    assert_eq!(answer.as_array().map(Vec::len), Some(600));
    let mut seen = counter.bodies("/long");
    assert!(seen.len() <= 601, "one kill repeats one step at most: {}", seen.len());
    seen.dedup();
    let expected: Vec<_> = (0..600).map(|step| format!("step-{step}")).collect();
    assert_eq!(seen, expected);
}

#[test]
fn times_beyond_all_bounds_are_just_far_away() {
    let mut server = Server::with(Guest::Probe);
    let id = server.send("Probe/sleep", &json!({ "ms": u64::MAX }));
    server.wait_for_status(&id, "suspended");
    let delayed = server.ingress().post("/restate/send/Probe/echo?delay=P100000D", "1").expect(202);
    let far = server.ingress().post("/restate/send/Probe/echo?delay=P99999999999999D", "1");
    assert!([202, 400].contains(&far.status), "{}", far.text());
    server.restart();
    assert_eq!(server.invocation(&id)["status"], "suspended");
    assert_eq!(server.invocation(&text(&delayed.json()["invocationId"]))["status"], "scheduled");
    server.call("Probe/hello", &json!({ "name": "Ann" })).expect(200);
}
