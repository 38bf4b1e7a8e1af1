//! The numbers move by exactly what was done.

use abide_e2e::metrics::Numbers;
use abide_e2e::script::{awakeable, call, fail, post, say, send, sleep, wait_for};
use abide_e2e::{Counter, Guest, Reaction, Server, Setup, eventually};
use serde_json::{Value, json};

const HOUR_MS: u64 = 3_600_000;

const ACT: (&str, &str) = ("service", "Act");
const SCRIPT: (&str, &str) = ("handler", "script");

/// Returns by how much numbers have grown.
fn grown(before: &Numbers, after: &Numbers, name: &str, labels: &[(&str, &str)]) -> f64 {
    after.of(name, labels) - before.of(name, labels)
}

#[test]
fn invocations_are_counted_by_handler_and_outcome() {
    let server = Server::with(Guest::Abilities);
    let before = server.numbers();
    for _ in 0..3 {
        server.act("Act/script", &[say("x")]).expect(200);
    }
    server.act("Act/script", &[fail(418, "no")]).expect(418);
    server.ingress().request("POST", "/restate/call/Act/nothing").send().expect(200);
    let (killed, cancelled) =
        (server.begin("Act/script", &[sleep(HOUR_MS)]), server.begin("Act/script", &[sleep(HOUR_MS)]));
    for id in [&killed, &cancelled] {
        server.invocation_when(id, "a sleep", |it| it["journal_entries"] == 1);
    }
    server.kill_invocation(&killed);
    server.cancel(&cancelled);
    server.attach(&cancelled).expect(409);

    let after = server.numbers();
    let completed = |outcome| {
        grown(&before, &after, "abide_invocations_completed_total", &[ACT, SCRIPT, ("outcome", outcome)])
    };
    assert_eq!(["success", "failure", "killed", "cancelled"].map(completed), [3.0, 1.0, 1.0, 1.0]);
    let of = |name, labels: &[(&str, &str)]| grown(&before, &after, name, labels);
    assert_eq!(of("abide_invocations_accepted_total", &[ACT, SCRIPT]), 6.0);
    assert_eq!(of("abide_invocations_accepted_total", &[ACT, ("handler", "nothing")]), 1.0);
    assert_eq!(of("abide_invocation_duration_seconds_count", &[ACT, SCRIPT]), 6.0);
    assert_eq!(of("abide_invocation_execution_seconds_count", &[ACT, SCRIPT]), 6.0);
    assert_eq!(of("abide_invocation_queue_seconds_count", &[ACT, SCRIPT]), 6.0);
    assert_eq!(of("abide_http_requests_total", &[("port", "ingress"), ("route", "call")]), 5.0);
    assert_eq!(of("abide_http_requests_total", &[("route", "call"), ("status", "418")]), 1.0);
    assert_eq!(of("abide_http_requests_total", &[("route", "send"), ("status", "202")]), 2.0);
    assert_eq!(
        of("abide_http_requests_total", &[("route", "/invocations/{id}/kill"), ("status", "200")]),
        1.0
    );
    assert_eq!(of("abide_attempts_ended_total", &[("end", "failed")]), 2.0, "418, and the cancelled one");
}

#[test]
fn journals_runs_and_retries_are_counted() {
    let (server, counter) = (Server::with(Guest::Abilities), Counter::start());
    let fails = std::sync::atomic::AtomicU32::new(2);
    counter.react(move |hit| {
        let left = |left: u32| left.checked_sub(1);
        let order = std::sync::atomic::Ordering::SeqCst;
        match fails.fetch_update(order, order, left) {
            Ok(_) => Reaction::Fail(503),
            Err(_) => Reaction::Answer(hit.body.clone()),
        }
    });
    let before = server.numbers();
    let steps = [post(&counter.url("/a"), "a"), post(&counter.url("/b"), "b"), sleep(1)];
    server.act("Act/script", &steps).expect(200);
    let after = server.numbers();
    let of = |name, labels: &[(&str, &str)]| grown(&before, &after, name, labels);
    assert_eq!(counter.count(), 4);
    assert_eq!(of("abide_journal_entries_total", &[]), 3.0);
    assert_eq!(of("abide_journal_outcomes_total", &[]), 3.0);
    assert!(of("abide_journal_entry_bytes_total", &[]) > 0.0);
    assert_eq!(of("abide_run_block_duration_seconds_count", &[]), 4.0);
    assert_eq!(of("abide_retries_total", &[("of", "run")]), 2.0);
    assert_eq!(of("abide_invocations_completed_total", &[ACT, ("outcome", "success")]), 1.0);
    let (started, ended) = (of("abide_attempts_started_total", &[]), of("abide_attempts_ended_total", &[]));
    assert_eq!(started, ended, "nothing was stopped");
    assert!(of("abide_store_commits_total", &[]) >= 4.0);
    assert!(
        of("abide_store_sync_duration_seconds_count", &[]) >= 3.0,
        "a handler with two run blocks syncs thrice"
    );
    assert_eq!(
        of("abide_store_sync_duration_seconds_count", &[]),
        of("abide_store_group_batches_count", &[]),
        "each sync has a group"
    );
}

#[test]
fn after_a_kill_counters_begin_anew_and_lost_attempts_show() {
    let mut server = Setup::new().args(&["--suspend-after-ms", "60000"]).start();
    server.deploy(Guest::Abilities);
    let steps = [awakeable("a"), wait_for(0)];
    let ids: Vec<String> = (0..3).map(|_| server.begin("Act/script", &steps)).collect();
    for id in &ids {
        server.invocation_when(id, "an awakeable", |it| {
            it["journal_entries"] == 1 && it["status"] == "running"
        });
    }
    let idle = |server: &Server| server.numbers().of("abide_guest_instances_idle", &[]) == 3.0;
    eventually("three idle instances", || idle(&server).then_some(()));
    let numbers = server.numbers();
    assert_eq!(numbers.of("abide_guest_instances", &[]), 3.0);
    assert!(numbers.of("abide_guest_memory_bytes", &[]) >= 3.0 * 65_536.0, "three memories");
    assert_eq!(numbers.of("abide_components_loaded", &[]), 1.0);

    server.restart();
    eventually("three idle instances again", || idle(&server).then_some(()));
    let numbers = server.numbers();
    assert_eq!(numbers.of("abide_invocations_accepted_total", &[]), 0.0);
    assert_eq!(numbers.of("abide_attempts_ended_total", &[("end", "lost")]), 3.0);
    assert_eq!(numbers.of("abide_attempts_started_total", &[]), 3.0);
    assert_eq!(numbers.of("abide_replayed_entries_total", &[]), 3.0);
    ids.iter().for_each(|id| server.kill_invocation(id));
    eventually("no instances", || {
        let numbers = server.numbers();
        let left = ["abide_guest_instances", "abide_guest_instances_idle", "abide_guest_memory_bytes"];
        left.iter().all(|name| numbers.of(name, &[]) == 0.0).then_some(())
    });
    let killed =
        server.numbers().of("abide_invocations_completed_total", &[ACT, SCRIPT, ("outcome", "killed")]);
    assert_eq!(killed, 3.0);
}

#[test]
fn names_that_callers_make_up_become_no_labels() {
    let server = Server::with(Guest::Abilities);
    for nth in 0..20 {
        server.ingress().post(&format!("/restate/call/Made{nth}/up"), "1").expect(404);
        server
            .act("Act/script", &[abide_e2e::script::attempt(call(&format!("Made{nth}/up"), json!(1)))])
            .expect(200);
        server.act("Act/script", &[send(&format!("Act/up{nth}"), json!(1))]).expect(200);
    }
    let sent = || {
        let not_deployed = [("service", "(not deployed)"), ("outcome", "failure")];
        (server.numbers().of("abide_invocations_completed_total", &not_deployed) == 40.0).then_some(())
    };
    eventually("calls and sends to nobody fail", sent);
    let numbers = server.numbers();
    let services = numbers.values("abide_invocations_accepted_total", "service");
    assert!(services.iter().all(|service| !service.contains("Made")), "{services:?}");
    let handlers = numbers.values("abide_invocations_accepted_total", "handler");
    assert!(handlers.iter().all(|handler| !handler.starts_with("up")), "{handlers:?}");
    let routes = numbers.values("abide_http_requests_total", "route");
    assert!(routes.iter().all(|route| !route.contains("Made")), "{routes:?}");
}

#[test]
fn levels_say_how_it_is_now() {
    let server = Setup::new().args(&["--partitions", "3"]).start();
    server.deploy(Guest::Abilities);
    let numbers = server.numbers();
    assert_eq!(numbers.values("abide_driver_inbox_commands", "partition"), ["0", "1", "2"]);
    assert_eq!(numbers.of("abide_store_ready", &[]), 1.0);
    assert!(numbers.of("abide_store_free_bytes", &[]) > 0.0);
    assert!(numbers.of("abide_store_folder_bytes", &[]) >= numbers.of("abide_store_log_bytes", &[]));
    assert!(numbers.of("process_resident_memory_bytes", &[]) > 1e6);
    assert!(numbers.of("process_open_fds", &[]) > 3.0);
    assert!(numbers.of("process_cpu_seconds_total", &[]) > 0.0);
    let open = server.begin("Act/script", &[awakeable("a"), wait_for(0)]);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| server.attach(&open));
        let call = scope.spawn(|| server.act("Act/script", &[awakeable("b"), wait_for(0)]));
        eventually("two wait", || (server.numbers().of("abide_calls_open", &[]) == 2.0).then_some(()));
        eventually("both are there", || (live(&server).len() == 2).then_some(()));
        for invocation in live(&server) {
            server.kill_invocation(&invocation);
        }
        assert_eq!(
            (waiting.join().expect("an answer").status, call.join().expect("an answer").status),
            (409, 409)
        );
    });
    assert_eq!(server.numbers().of("abide_calls_open", &[]), 0.0);
    assert_eq!(server.numbers().of("abide_outbox_messages", &[]), 0.0);
}

fn live(server: &Server) -> Vec<String> {
    let listing: Value = server.admin().get("/invocations?service=Act").expect(200).json();
    let found = listing["invocations"].as_array().expect("a listing").clone();
    let live = found.iter().filter(|it| it["status"] != "completed");
    live.map(|it| abide_e2e::api::text(&it["id"])).collect()
}
