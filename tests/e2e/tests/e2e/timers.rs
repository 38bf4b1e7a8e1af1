//! Waiting for several things at once comes to the same, however often the handler is replayed.

use abide_e2e::api::millis;
use abide_e2e::kill::{self, Moment};
use abide_e2e::rng::Rng;
use abide_e2e::{Counter, Guest, Server, Setup, scenarios};
use serde_json::json;

fn server(args: &[&str]) -> Server {
    let server = Setup::new().args(args).start();
    server.deploy(Guest::Abilities);
    server
}

#[test]
fn combinators_come_to_the_same_with_and_without_suspensions() {
    let counter = Counter::start();
    let scenario = scenarios::combined(&counter, "r");
    for args in [&[][..], &["--suspend-after-ms", "0"], &["--suspend-after-ms", "0", "--partitions", "16"]] {
        let server = server(args);
        let reply = server.call("Combined/all", &scenario.input).expect(200);
        assert_eq!(reply.json(), scenario.answer, "{args:?}");
        let invocation = server.invocation(reply.header("x-restate-id").expect("an id"));
        assert_eq!(invocation["last_failures"], json!([]), "{args:?}: {invocation:#}");
        let attempts = invocation["attempts"].as_u64().expect("a number");
        assert_eq!(attempts > 10, !args.is_empty(), "{args:?}: it was suspended at each wait: {attempts}");
    }
    let mut seen = counter.bodies("/combined");
    assert_eq!(seen.len(), 3 * scenario.effects.len(), "each effect once: {seen:?}");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), scenario.effects.len());
}

#[test]
fn combinators_come_to_the_same_when_the_server_is_killed_at_each_effect() {
    let mut rng = Rng::from_env();
    let moment = if rng.coin() { Moment::BeforeAnswer } else { Moment::AfterAnswer };
    let (mut server, counter) = (Setup::new().args(&["--suspend-after-ms", "0"]).start(), Counter::start());
    let scenario = scenarios::combined(&counter, "r");
    kill::prepare(&server, &counter, &scenario);
    let kills = kill::at_all_effects_of_one(&mut server, &counter, &scenario, moment, &mut rng);
    // An effect that becomes durable while the kill of another is on its way is not seen again.
    let kills_min = match moment {
        Moment::BeforeAnswer => 9,
        Moment::AfterAnswer => 5,
    };
    assert!(kills >= kills_min, "{moment:?}: {kills}");
}

#[test]
fn combinators_come_to_the_same_with_random_kills() {
    let (mut server, counter) = (server(&[]), Counter::start());
    let mut rng = Rng::from_env();
    let input = |n: usize| scenarios::combined(&counter, &format!("r{n}")).input;
    let ids: Vec<_> = (0..6).map(|n| server.send("Combined/all", &input(n))).collect();
    for _ in 0..8 {
        std::thread::sleep(rng.pause(millis(250)));
        server.restart();
    }
    for id in &ids {
        assert_eq!(server.attach(id).expect(200).json(), scenarios::combined(&counter, "").answer);
    }
}
