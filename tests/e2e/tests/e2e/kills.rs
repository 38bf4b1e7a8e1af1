//! The server is killed at every step, and nothing is lost or done twice without need.

use abide_e2e::api::millis;
use abide_e2e::kill::{self, Moment, Scenario};
use abide_e2e::rng::Rng;
use abide_e2e::{Counter, Guest, Reaction, Server, mixed, scenarios};
use serde_json::json;

fn prepared(scenario: impl Fn(&Counter) -> Scenario) -> (Server, Counter, Scenario) {
    let (server, counter) = (Server::start(), Counter::start());
    let scenario = scenario(&counter);
    kill::prepare(&server, &counter, &scenario);
    (server, counter, scenario)
}

#[test]
fn a_kill_before_any_steps_answer_repeats_that_step_only() {
    let (mut server, counter, scenario) = prepared(|counter| kill::steps(counter, 20));
    let moment = Moment::BeforeAnswer;
    let kills = kill::at_every_effect(&mut server, &counter, &scenario, moment, &mut Rng::from_env());
    assert_eq!(kills, 20);
}

#[test]
fn a_kill_after_any_steps_answer_repeats_that_step_at_most() {
    let (mut server, counter, scenario) = prepared(|counter| kill::steps(counter, 20));
    let moment = Moment::AfterAnswer;
    let kills = kill::at_every_effect(&mut server, &counter, &scenario, moment, &mut Rng::from_env());
    assert_eq!(kills, 20);
}

#[test]
fn a_saga_compensates_in_order_whenever_the_server_is_killed() {
    let (mut server, counter, scenario) = prepared(|_| kill::saga());
    let mut rng = Rng::from_env();
    for moment in [Moment::BeforeAnswer, Moment::AfterAnswer] {
        kill::at_every_effect(&mut server, &counter, &scenario, moment, &mut rng);
    }
}

#[test]
fn one_invocation_survives_a_kill_at_each_of_its_steps() {
    let (mut server, counter, scenario) = prepared(|_| kill::saga());
    let mut rng = Rng::from_env();
    let moment = Moment::BeforeAnswer;
    let kills = kill::at_all_effects_of_one(&mut server, &counter, &scenario, moment, &mut rng);
    assert_eq!(kills, scenario.effects.len());
}

#[test]
fn news_by_signal_and_awakeable_arrive_whenever_the_server_is_killed() {
    let (mut server, counter, scenario) = prepared(|counter| scenarios::news(counter, "news"));
    let mut rng = Rng::from_env();
    for moment in [Moment::BeforeAnswer, Moment::AfterAnswer] {
        kill::at_every_effect(&mut server, &counter, &scenario, moment, &mut rng);
        kill::at_all_effects_of_one(&mut server, &counter, &scenario, moment, &mut rng);
    }
}

#[test]
fn random_kills_lose_nothing_of_many_concurrent_invocations() {
    let (mut server, counter) = (Server::start(), Counter::start());
    mixed::prepare(&server, &counter);
    let accepted = mixed::waves(&mut server, &counter, 6, 40, &mut Rng::from_env());
    assert!(accepted > 0, "the server lived long enough to accept something");
}

#[test]
fn kills_during_recovery_lose_nothing() {
    let (mut server, counter) = (Server::with(Guest::Probe), Counter::start());
    let mut rng = Rng::from_env();
    counter.react(|hit| Reaction::AnswerAfter(millis(30), hit.body.clone()));
    let steps = |n: usize| json!({ "n": 6, "url": counter.url(&format!("/{n}")) });
    let stepping: Vec<_> = (0..20).map(|n| server.send("Probe/steps", &steps(n))).collect();
    let sleeping: Vec<_> = (0..20).map(|_| server.send("Probe/sleep", &json!({ "ms": 500 }))).collect();
    let kills = 12;
    for _ in 0..kills {
        server.restart_and_kill(rng.pause(millis(600)));
    }
    server.restart();
    for (n, id) in stepping.iter().enumerate() {
        assert_eq!(server.attach(id).expect(200).json().as_array().map(Vec::len), Some(6));
        let path = format!("/{n}");
        let own: Vec<_> = counter.hits().into_iter().filter(|hit| hit.path == path).collect();
        let names: Vec<_> = (0..6).map(|step| format!("step-{step}")).collect();
        kill::check_effects(&own, |hit| hit.body.clone(), &names, kills + 1, id);
    }
    for id in &sleeping {
        assert_eq!(server.attach(id).expect(200).text(), "\"slept\"");
    }
}
