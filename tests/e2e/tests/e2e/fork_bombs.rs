//! An invocation that asks for two more, which ask for two more each: others hardly notice, and it stays bounded.

use crate::hostile::{Latencies, ROUNDS, SLOWER_MAX};
use abide_e2e::{Guest, Server, Setup, eventually, within};
use serde_json::json;
use std::time::{Duration, Instant};

/// Invocations that wait for their start when others are looked at.
const MANY: f64 = 500.0;
/// How many may wait where a test is about that limit.
const WAITING_MAX: u32 = 400;
/// Those that were held up come back when their time has come: as long as fewer than a thousand wait, each partition lets a
/// batch of them go on, and beyond that a few.
const WAITING_AND_COME_BACK_MAX: f64 = 2_500.0;

fn server(args: &[&str]) -> Server {
    let server = Setup::new().args(args).start();
    server.deploy(Guest::Misbehaving);
    server.deploy(Guest::Probe);
    server
}

fn waiting(server: &Server) -> f64 {
    server.numbers().of("abide_starts_waiting", &[])
}

/// Lets a bomb go off and looks whether the median call of others takes hardly longer meanwhile.
fn others_hardly_notice(handler: &str) -> bool {
    let server = server(&[]);
    let quiet = Latencies::measure(&server);
    server.send_nothing(&format!("Multiplying/{handler}"));
    within(Duration::from_secs(120), "many that wait", || (waiting(&server) > MANY).then_some(()));
    (0..ROUNDS).any(|_| {
        let beside = Latencies::measure(&server);
        println!("beside a bomb of {handler}, of which {} wait:", waiting(&server));
        beside.slower_than(&quiet).p50 <= SLOWER_MAX
    })
}

#[test]
fn calls_beside_a_fork_bomb_take_hardly_longer() {
    for handler in ["calls", "sends"] {
        let mut rounds = (0..ROUNDS).map(|_| others_hardly_notice(handler));
        assert!(rounds.any(|hardly| hardly), "beside a bomb of {handler}, {ROUNDS} times");
    }
}

#[test]
fn a_fork_bomb_is_held_up_at_its_limit_which_it_is_told() {
    for handler in ["calls", "sends"] {
        let server = server(&["--guests-waiting-max", &WAITING_MAX.to_string()]);
        server.send_nothing(&format!("Multiplying/{handler}"));
        let told = eventually("one that is held up", || held_up(&server));
        assert!(told.contains("\"Multiplying\" wait for their start (guests.waiting_max)"), "{told}");
        let until = Instant::now() + Duration::from_secs(2);
        while Instant::now() < until {
            let waiting = waiting(&server);
            assert!(waiting <= WAITING_AND_COME_BACK_MAX, "{waiting}");
            server.call("Probe/hello", &json!({ "name": "Ann" })).expect(200);
        }
    }
}

/// Returns what an invocation that backs off is told, if there is one.
fn held_up(server: &Server) -> Option<String> {
    let path = "/invocations?service=Multiplying&status=backing-off&limit=1";
    let listed = server.admin().get(path).expect(200).json();
    listed["invocations"][0]["last_failures"][0]["message"].as_str().map(str::to_owned)
}
