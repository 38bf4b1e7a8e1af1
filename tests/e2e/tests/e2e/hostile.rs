//! Guests that take all they can get are bounded, and others do not notice.

use abide_e2e::api::text;
use abide_e2e::{Guest, Server};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Calls of which a median is taken.
const CALLS: usize = 100;
/// Comparisons until one has to come out well: the machine may be busy with something else meanwhile.
const ROUNDS: usize = 5;
/// How much slower calls of others may be beside guests that compute without end.
const SLOWER_MAX: f64 = 2.0;

/// The time of calls of another tenant, one after the other.
struct Latencies(Vec<Duration>);

impl Latencies {
    fn measure(server: &Server) -> Self {
        let one = |_| {
            let start = Instant::now();
            server.call("Probe/hello", &json!({ "name": "Ann" })).expect(200);
            start.elapsed()
        };
        let mut sorted: Vec<_> = (0..CALLS).map(one).collect();
        sorted.sort();
        Self(sorted)
    }

    fn at(&self, percent: usize) -> f64 {
        self.0[self.0.len() * percent / 100].as_secs_f64() * 1_000.0
    }
}

/// Says how many times slower the median call is beside so many loops, half of them in run blocks.
fn slower_beside(server: &Server, loops: usize) -> f64 {
    let quiet = Latencies::measure(server);
    let handlers = ["endlessLoop", "endlessLoopInRun"].into_iter().cycle();
    let ids: Vec<_> =
        handlers.take(loops).map(|handler| server.send_nothing(&format!("Misbehaving/{handler}"))).collect();
    ids.iter().for_each(|id| _ = server.wait_for_status(id, "running"));
    let beside = Latencies::measure(server);
    ids.iter().for_each(|id| server.kill_invocation(id));
    let times = |percent| beside.at(percent) / quiet.at(percent);
    println!(
        "beside {loops} endless loops: p50 {:.2} ms, {:.2} ms when quiet, {:.2} times; p99 {:.2} ms, {:.2} ms, {:.2} times",
        beside.at(50),
        quiet.at(50),
        times(50),
        beside.at(99),
        quiet.at(99),
        times(99)
    );
    times(50)
}

#[test]
fn calls_beside_endless_loops_take_hardly_longer() {
    let server = Server::with(Guest::Misbehaving);
    server.deploy(Guest::Probe);
    for loops in [2, 8] {
        let mut rounds = (0..ROUNDS).map(|_| slower_beside(&server, loops));
        assert!(rounds.any(|slower| slower <= SLOWER_MAX), "beside {loops} loops, {ROUNDS} times");
    }
}

/// Returns the only row of a query.
fn query(server: &Server, query: &str) -> Value {
    let answer = server.admin().post("/query", &json!({ "query": query }).to_string()).expect(200).json();
    answer["rows"][0].clone()
}

#[test]
fn calls_that_wait_for_each_other_without_end_come_to_a_limit() {
    let server = Server::with(Guest::Misbehaving);
    for (target, refused) in [("Deep/callsItself", "Deep/callsItself"), ("Ping/0/hit", "Pong/101/hit")] {
        let begin = Instant::now();
        let answer = server.call(target, &json!(0)).expect(508).json();
        println!("{target} came to its end after {:?}", begin.elapsed());
        assert!(begin.elapsed() < Duration::from_secs(20), "{target}: {:?}", begin.elapsed());
        assert_eq!((&answer["code"], &answer["source"]), (&json!(508), &json!("invocation")), "{answer}");
        let message = text(&answer["message"]);
        assert!(message.contains("CALL_DEPTH_MAX") && message.contains(refused), "{message}");
    }
    // Every level ended, and none of them is tried again.
    let levels = "SELECT count(*) AS levels, max(call_depth) AS deepest, max(retry_count) AS retries, \
                  sum(completion_result = 'failure') AS failed FROM sys_invocation";
    let expected = json!({ "levels": 202, "deepest": 100, "retries": 0, "failed": 202 });
    assert_eq!(query(&server, levels), expected);
}
