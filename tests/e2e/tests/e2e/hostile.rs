//! Guests that take all they can get are bounded, and others do not notice.

use abide_e2e::api::text;
use abide_e2e::counter::Reaction;
use abide_e2e::{Counter, Guest, Server, Setup, eventually};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Calls of which a median is taken.
const CALLS: usize = 100;
/// The same where a test is about something else, or what is beside them lasts for moments only.
const FEW_CALLS: usize = 20;
/// Comparisons until one has to come out well: the machine may be busy with something else meanwhile.
pub const ROUNDS: usize = 5;
/// How much slower calls of others may be beside guests that compute, or hold what they have, without end.
pub const SLOWER_MAX: f64 = 2.0;

/// The time of calls of another tenant, one after the other.
pub struct Latencies(Vec<Duration>);

impl Latencies {
    pub fn measure(server: &Server) -> Self {
        Self::of_calls(server, CALLS)
    }

    fn measure_few(server: &Server) -> Self {
        Self::of_calls(server, FEW_CALLS)
    }

    fn of_calls(server: &Server, calls: usize) -> Self {
        let one = |_| {
            let start = Instant::now();
            server.call("Probe/hello", &json!({ "name": "Ann" })).expect(200);
            start.elapsed()
        };
        let mut sorted: Vec<_> = (0..calls).map(one).collect();
        sorted.sort();
        Self(sorted)
    }

    /// Says how much slower these are than those of a quiet server.
    pub fn slower_than(&self, quiet: &Self) -> Slower {
        let times = |percent| self.at(percent) / quiet.at(percent);
        let slower = Slower { p50: times(50), p99: times(99) };
        let (here, there) = ((self.at(50), self.at(99)), (quiet.at(50), quiet.at(99)));
        println!(
            "p50 {:.2} ms, {:.2} ms when quiet, {:.2} times; p99 {:.2} ms, {:.2} ms, {:.2} times",
            here.0, there.0, slower.p50, here.1, there.1, slower.p99
        );
        slower
    }

    fn at(&self, percent: usize) -> f64 {
        self.0[self.0.len() * percent / 100].as_secs_f64() * 1_000.0
    }
}

/// How many times slower something is.
pub struct Slower {
    pub p50: f64,
    pub p99: f64,
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
    println!("beside {loops} endless loops:");
    beside.slower_than(&quiet).p50
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

#[test]
fn endless_loops_do_not_keep_the_places_of_those_that_start() {
    let server = Server::with(Guest::Misbehaving);
    server.deploy(Guest::Probe);
    // As many places as the server has (`STARTS_MIN`, `STARTS_PER_PROCESSOR`), and some more.
    let places = std::thread::available_parallelism().map_or(16, |processors| (4 * processors.get()).max(16));
    let ids: Vec<_> = (0..places + 8).map(|_| server.send_nothing("Misbehaving/endlessLoop")).collect();
    ids.iter().for_each(|id| _ = server.wait_for_status(id, "running"));
    let start = Instant::now();
    server.call("Probe/hello", &json!({ "name": "Ann" })).expect(200);
    let took = start.elapsed();
    ids.iter().for_each(|id| server.kill_invocation(id));
    assert!(took < Duration::from_secs(3), "a call of another service took {took:?}");
}

/// Returns the only row of a query.
fn query(server: &Server, query: &str) -> Value {
    let answer = server.admin().post("/query", &json!({ "query": query }).to_string()).expect(200).json();
    answer["rows"][0].clone()
}

#[test]
fn calls_that_wait_for_each_other_without_end_come_to_a_limit() {
    let server = Server::with(Guest::Misbehaving);
    server.deploy(Guest::Probe);
    for (target, refused) in [("Deep/callsItself", "Deep/callsItself"), ("Ping/0/hit", "Pong/101/hit")] {
        let quiet = Latencies::measure_few(&server);
        let begin = Instant::now();
        let id = server.send(target, &json!(0));
        others_go_on(&server, &quiet, target);
        let answer = server.attach(&id).expect(508).json();
        println!("{target} came to its end after {:?}", begin.elapsed());
        assert!(begin.elapsed() < Duration::from_secs(20), "{target}: {:?}", begin.elapsed());
        assert_eq!((&answer["code"], &answer["source"]), (&json!(508), &json!("invocation")), "{answer}");
        let message = text(&answer["message"]);
        assert!(message.contains("CALL_DEPTH_MAX") && message.contains(refused), "{message}");
    }
    // Every level ended, and none of them is tried again.
    let levels = "SELECT count(*) AS levels, max(call_depth) AS deepest, max(retry_count) AS retries, \
                  sum(completion_result = 'failure') AS failed FROM sys_invocation \
                  WHERE target_service_name <> 'Probe'";
    let expected = json!({ "levels": 202, "deepest": 100, "retries": 0, "failed": 202 });
    assert_eq!(query(&server, levels), expected);
}

/// Calls of another tenant succeed. Says how much slower they are than they were when the server was quiet.
fn others_go_on(server: &Server, quiet: &Latencies, beside: &str) -> Slower {
    let latencies = Latencies::measure_few(server);
    println!("beside {beside}:");
    latencies.slower_than(quiet)
}

/// Half a minute: set `ABIDE_E2E_LONG` to run it.
#[test]
fn awakeables_without_end_pause_at_the_limit_of_the_journal() {
    if !is_long() {
        println!("skipped: ABIDE_E2E_LONG is not set");
        return;
    }
    let server = Server::with(Guest::Misbehaving);
    server.deploy(Guest::Probe);
    let quiet = Latencies::measure_few(&server);
    let id = server.send_nothing("Misbehaving/endlessAwakeables");
    others_go_on(&server, &quiet, "awakeables without end");
    let paused = server.wait_for_status(&id, "paused");
    assert_eq!(paused["pause_reason"]["kind"], "limit-reached", "{:#}", paused["pause_reason"]);
    assert!(text(&paused["pause_reason"]["message"]).contains("JOURNAL_ENTRIES_MAX"));
    others_go_on(&server, &quiet, "a paused invocation");
}

/// Sends to so many that hold a connection each, and waits until so many of them do.
fn hold_connections(server: &Server, counter: &Counter, asked: usize, held: usize) -> Vec<String> {
    counter.react(|_| Reaction::AnswerAfter(Duration::from_secs(3_600), String::new()));
    let place = json!({ "url": counter.url("/held") });
    let ids = (0..asked).map(|_| server.send("Misbehaving/holdConnection", &place)).collect();
    eventually("they are held", || (counter.count() == held).then_some(()));
    ids
}

/// Says how many times slower the median call is while so many of those that are asked hold a connection.
fn slower_beside_held(server: &Server, asked: usize, held: usize) -> f64 {
    let (counter, quiet) = (Counter::start(), Latencies::measure_few(server));
    let ids = hold_connections(server, &counter, asked, held);
    let slower = others_go_on(server, &quiet, &format!("{held} held connections")).p50;
    assert_eq!(counter.count(), held, "the rest of the room is for others");
    for id in ids {
        server.kill_invocation(&id);
        assert_eq!(server.output(&id).expect(409).json()["source"], "invocation");
    }
    slower
}

#[test]
fn calls_beside_held_connections_take_hardly_longer_and_have_room() {
    let server = Setup::new().args(&["--attempts-max", "8"]).start();
    server.deploy(Guest::Misbehaving);
    server.deploy(Guest::Probe);
    for (asked, held) in [(1, 1), (20, 7)] {
        let mut rounds = (0..ROUNDS).map(|_| slower_beside_held(&server, asked, held));
        assert!(rounds.any(|slower| slower <= SLOWER_MAX), "beside {held} held connections, {ROUNDS} times");
        server.call("Misbehaving/manyAtOnce", &json!({ "n": 3 })).expect(200);
    }
}

/// Returns the most memory that the server had in use at any time.
fn peak_bytes(server: &Server) -> u64 {
    memory_bytes(server, "VmHWM:")
}

/// Returns what the kernel says of the server's memory.
fn memory_bytes(server: &Server, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process().id())).expect("it runs");
    let value = status.lines().find_map(|line| line.strip_prefix(field)).expect("the kernel tells it");
    value.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

fn is_long() -> bool {
    std::env::var_os("ABIDE_E2E_LONG").is_some()
}

#[test]
fn very_many_values_are_kept_and_too_many_to_be_listed_are_named() {
    let server = Server::with(Guest::Misbehaving);
    server.deploy(Guest::Probe);
    let before = peak_bytes(&server);
    let quiet = Latencies::measure_few(&server);
    // More than STATE_NAMES_MAX.
    let id = server.send("Hoard/many/state", &json!({ "n": 10_001, "bytes": 10 }));
    others_go_on(&server, &quiet, "very many values");
    assert_eq!(server.attach(&id).expect(200).text(), "");
    let listing = server.send_nothing("Hoard/many/names");
    let paused = server.wait_for_status(&listing, "paused");
    assert_eq!(paused["pause_reason"]["kind"], "limit-reached", "{:#}", paused["pause_reason"]);
    assert!(text(&paused["pause_reason"]["message"]).contains("STATE_NAMES_MAX"), "{paused:#}");
    others_go_on(&server, &quiet, "a paused invocation");
    let grown = peak_bytes(&server) - before;
    println!("10,001 values: {} MiB more than before", grown >> 20);
    assert!(grown < 128 << 20, "{grown}");
}

/// A guest asks for more than is recorded at the same time, and others of its partition stand in line with that.
#[test]
fn values_without_a_wait_between_them_leave_room_for_others() {
    let server = Server::with(Guest::Misbehaving);
    server.deploy(Guest::Probe);
    let quiet = Latencies::measure(&server);
    let id = server.send("Hoard/flood/state", &json!({ "n": 60_000, "bytes": 100 }));
    server.wait_for_status(&id, "running");
    let beside = Latencies::measure(&server);
    println!("beside 60,000 values:");
    beside.slower_than(&quiet);
    // All that is asked would keep an unoptimised driver busy for half a minute.
    assert!(beside.at(99) < 5_000.0, "the slowest took {} ms", beside.at(99));
    server.attach(&id).expect(200);
}

/// Each of them is recorded, all together they are more than a batch of the store takes.
#[test]
fn values_that_are_asked_for_all_at_once_are_told_some_at_a_time() {
    const COUNT: u64 = 600;
    let server = Server::with(Guest::Misbehaving);
    server.deploy(Guest::Probe);
    let id = server.send("Hoard/wide/state", &json!({ "n": COUNT, "bytes": 30_000 }));
    server.attach(&id).expect(200);
    let quiet = Latencies::measure_few(&server);
    let before = peak_bytes(&server);
    let id = server.send("Hoard/wide/values", &json!(COUNT));
    others_go_on(&server, &quiet, "values that are asked for all at once");
    assert_eq!(server.attach(&id).expect(200).text(), COUNT.to_string());
    let grown = peak_bytes(&server) - before;
    println!("{COUNT} values: {} MiB more than before", grown >> 20);
}

/// The limit itself, JOURNAL_BYTES_MAX, has a scenario in the core: an unoptimised server needs minutes for it.
#[test]
fn large_values_cost_the_server_no_more_memory_than_they_have() {
    const COUNT: u64 = 16;
    let server = Server::with(Guest::Misbehaving);
    server.deploy(Guest::Probe);
    let before = peak_bytes(&server);
    let quiet = Latencies::measure_few(&server);
    for handler in ["state", "journal"] {
        let pile = json!({ "n": COUNT, "bytes": 1 << 20 });
        let id = server.send(&format!("Hoard/large/{handler}"), &pile);
        others_go_on(&server, &quiet, "large values");
        server.attach(&id).expect(200);
        let grown = peak_bytes(&server) - before;
        println!("{handler}: {COUNT} MiB of values, {} MiB more than before", grown >> 20);
        // What the guest gave away and the disk has not yet, twice over, and the guest itself.
        assert!(grown < 2 * (COUNT << 20) + (64 << 20), "{grown}");
    }
}

#[test]
fn results_of_many_open_run_blocks_wait_for_the_disk() {
    const COUNT: u64 = 64;
    let server = Server::with(Guest::Misbehaving);
    let before = peak_bytes(&server);
    let pile = json!({ "n": COUNT, "bytes": 4 << 20 });
    server.call("Hoard/open/results", &pile).expect(200);
    let grown = peak_bytes(&server) - before;
    println!("{COUNT} results of 4 MiB, {} MiB more than before", grown >> 20);
    assert!(grown < (COUNT << 20) * 4 / 2, "{grown}");
}

#[test]
fn memory_is_bounded_whoever_asks_for_it() {
    let (memory_mib, attempts, guests) = (8, 4, 40);
    let args = ["--guest-memory-mib", "8", "--attempts-max", "4"];
    let server = Setup::new().args(&args).start();
    server.deploy(Guest::Misbehaving);
    server.deploy(Guest::Probe);
    let before = peak_bytes(&server);
    let quiet = Latencies::measure_few(&server);
    let ids: Vec<_> = (0..guests).map(|_| server.send_nothing("Misbehaving/endlessAllocation")).collect();
    others_go_on(&server, &quiet, "guests that allocate without end");
    for id in ids {
        let answer = server.attach(&id).expect(500).json();
        assert!(text(&answer["message"]).contains("memory_bytes_max"), "{answer}");
    }
    let grown = peak_bytes(&server) - before;
    println!("{guests} guests that allocate without end: {} MiB more than before", grown >> 20);
    // The instances that run, and the rest; an instance that ended has given its memory back.
    assert!(grown < attempts * (memory_mib << 20) + (48 << 20), "{grown}");
}

#[test]
fn a_large_input_and_result_are_in_memory_only_a_few_times() {
    const BYTES: usize = 16 << 20;
    let server = Server::with(Guest::Probe);
    let call = |bytes: usize| {
        let request = server.ingress().request("POST", "/Probe/binary");
        request.body("application/octet-stream", vec![b'x'; bytes]).send().expect(200).body.len()
    };
    call(1);
    let before = memory_bytes(&server, "VmRSS:");
    // What it needed to start does not count.
    std::fs::write(format!("/proc/{}/clear_refs", server.process().id()), "5").expect("it is our process");
    // An unoptimised server is slow with large values.
    for _ in 0..3 {
        assert_eq!(call(BYTES), BYTES);
    }
    let times = peak_bytes(&server).saturating_sub(before) as f64 / BYTES as f64;
    println!("16 MiB in and out, three times: {times:.1} of them more than before");
    // The input, the guest's memory and the result are three. Instances that kept their memory after their end would
    // be more, and so would copies on the way into the guest and to the disk.
    assert!(times < 5.0, "{times}");
    let after = || memory_bytes(&server, "VmRSS:").saturating_sub(before);
    eventually("it is given back", || (after() < BYTES as u64).then_some(()));
}
