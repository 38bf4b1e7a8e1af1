//! Waiting for several things at once comes to the same, however often the handler is replayed.

use abide_e2e::api::millis;
use abide_e2e::kill::{self, Moment, Order, Scenario};
use abide_e2e::rng::Rng;
use abide_e2e::{Counter, Guest, Server, Setup};
use serde_json::{Value, json};

/// Calls the handler that uses every combinator, with a register of its own.
fn input(counter: &Counter, key: &str) -> Value {
    json!({ "url": counter.url("/combined"), "ms": 20, "key": key })
}

fn answer() -> Value {
    json!({
        "timeout": [true, 1],
        "select": true,
        "join": ["join", 11, "try-join", 111],
        "race": ["race", 1],
        "joinAll": ["all-0", "all-1", "all-2", "all-3"],
        "unordered": [1, 3, 5],
        "buffered": [
            ["buffered-0", "buffered-1", "buffered-2", "buffered-3", "buffered-4"],
            [1_111, 2_111, 3_111, 4_111],
        ],
        "nested": [["nested-left", true], ["nested-right", true]],
    })
}

fn effects() -> Vec<String> {
    let numbered = |name: &str, count: usize| (0..count).map(|n| format!("{name}-{n}")).collect::<Vec<_>>();
    let named = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    [
        named(&["timeout", "select", "join", "try-join", "race"]),
        numbered("all", 4),
        named(&["unordered"]),
        numbered("buffered", 5),
        named(&["nested-left", "nested-right"]),
    ]
    .concat()
}

fn server(args: &[&str]) -> Server {
    let server = Setup::new().args(args).start();
    server.deploy(Guest::Abilities);
    server
}

#[test]
fn combinators_come_to_the_same_with_and_without_suspensions() {
    let counter = Counter::start();
    for args in [&[][..], &["--suspend-after-ms", "0"], &["--suspend-after-ms", "0", "--partitions", "16"]] {
        let server = server(args);
        let reply = server.call("Combined/all", &input(&counter, "r")).expect(200);
        assert_eq!(reply.json(), answer(), "{args:?}");
        let invocation = server.invocation(reply.header("x-restate-id").expect("an id"));
        assert_eq!(invocation["last_failures"], json!([]), "{args:?}: {invocation:#}");
        let attempts = invocation["attempts"].as_u64().expect("a number");
        assert_eq!(attempts > 10, !args.is_empty(), "{args:?}: it was suspended at each wait: {attempts}");
    }
    let mut seen = counter.bodies("/combined");
    assert_eq!(seen.len(), 3 * effects().len(), "each effect once: {seen:?}");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), effects().len());
}

#[test]
fn combinators_come_to_the_same_when_the_server_is_killed_at_each_effect() {
    for moment in [Moment::BeforeAnswer, Moment::AfterAnswer] {
        let (mut server, counter) =
            (Setup::new().args(&["--suspend-after-ms", "0"]).start(), Counter::start());
        let scenario = Scenario {
            guest: Guest::Abilities,
            service: "Combined",
            handler: "all",
            input: input(&counter, "r"),
            effects: effects(),
            name_of: |hit| hit.body.clone(),
            order: Order::AtOnce,
            status: 200,
            answer: answer(),
        };
        kill::prepare(&server, &counter, &scenario);
        let kills =
            kill::at_all_effects_of_one(&mut server, &counter, &scenario, moment, &mut Rng::from_env());
        assert!(kills > 10, "{kills}");
    }
}

#[test]
fn combinators_come_to_the_same_with_random_kills() {
    let (mut server, counter) = (server(&[]), Counter::start());
    let mut rng = Rng::from_env();
    let ids: Vec<_> =
        (0..6).map(|n| server.send("Combined/all", &input(&counter, &format!("r{n}")))).collect();
    for _ in 0..8 {
        std::thread::sleep(rng.pause(millis(250)));
        server.restart();
    }
    for id in &ids {
        assert_eq!(server.attach(id).expect(200).json(), answer());
    }
}
