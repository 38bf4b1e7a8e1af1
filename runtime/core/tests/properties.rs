//! What holds for any id, any retry policy and any order of arrival.

#[path = "simulator/sim/rng.rs"]
#[expect(dead_code, reason = "shared with the simulator, which needs more of it")]
mod rng;

use abide_core::entry::{Outcome, Settled};
use abide_core::ids::{DeploymentId, InvocationId, PartitionId};
use abide_core::replay::Deliveries;
use abide_core::retry::RetryPolicy;
use abide_core::time::Timestamp;
use rng::Rng;

const CASES: u32 = 20_000;

/// Returns a number of a random size: small ones, large ones and the limits are all likely.
fn number(rng: &mut Rng) -> u64 {
    match rng.below(8) {
        0 => 0,
        1 => u64::MAX,
        _ => rng.number() >> rng.below(64),
    }
}

fn option(rng: &mut Rng, value: u64) -> Option<u64> {
    rng.chance(50).then_some(value)
}

#[test]
fn ids_survive_their_text_and_their_bytes() {
    let mut rng = Rng::new(1);
    for _ in 0..CASES {
        let unique = (u128::from(number(&mut rng)) << 64) | u128::from(number(&mut rng));
        let id = InvocationId { unique, partition_key: number(&mut rng) };
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(InvocationId::from_bytes(&id.to_bytes()), Some(id));
        let deployment = DeploymentId::from_digest(unique);
        assert_eq!(deployment.to_string().parse(), Ok(deployment));
        let partitions = 1 + rng.below(u64::from(u16::MAX)) as u16;
        assert!(id.partition(partitions) < PartitionId(partitions));
    }
}

#[test]
fn the_order_of_ids_is_that_of_their_bytes() {
    let mut rng = Rng::new(2);
    for _ in 0..CASES {
        let mut id = || InvocationId {
            unique: u128::from(number(&mut rng)) << rng.below(65),
            partition_key: rng.below(3),
        };
        let (a, b) = (id(), id());
        assert_eq!(a.cmp(&b), a.to_bytes().cmp(&b.to_bytes()));
    }
}

#[test]
fn no_text_makes_the_parser_panic() {
    let mut rng = Rng::new(3);
    let letters: Vec<char> = "inv_dp1 09AZaz~ä\u{0}".chars().collect();
    for _ in 0..CASES {
        let len = rng.index(45);
        let mut text: String = (0..len).map(|_| letters[rng.index(letters.len())]).collect();
        if rng.chance(50) {
            text.insert_str(0, ["inv_1", "dp_1"][rng.index(2)]);
        }
        if let Ok(id) = text.parse::<InvocationId>() {
            assert_eq!(id.to_string(), text, "an id has one text");
        }
        if let Ok(id) = text.parse::<DeploymentId>() {
            assert_eq!(id.to_string(), text, "an id has one text");
        }
    }
}

fn policy(rng: &mut Rng) -> RetryPolicy {
    let (max_interval, max_duration) = (number(rng), number(rng));
    RetryPolicy {
        initial_interval_ms: number(rng),
        factor_milli: u32::try_from(number(rng) >> 32).expect("32 bits are left"),
        max_interval_ms: option(rng, max_interval),
        max_attempts: rng.chance(30).then(|| rng.below(10) as u32),
        max_duration_ms: option(rng, max_duration),
    }
}

#[test]
fn delays_never_shrink_and_stay_within_the_bound() {
    let mut rng = Rng::new(4);
    for _ in 0..CASES {
        let policy = RetryPolicy { max_attempts: None, max_duration_ms: None, ..policy(&mut rng) };
        let jitter = rng.number() as u16;
        let now = Timestamp(number(&mut rng));
        let delay = |failures| policy.delay_ms(failures, now, now, jitter).expect("there is no limit");
        let mut before = 0;
        for failures in [1, 2, 3, 10, 1_000, u32::MAX] {
            let delay = delay(failures);
            assert!(delay >= before, "{policy:?} after {failures} failures");
            let bound = policy.max_interval_ms.unwrap_or(u64::MAX);
            assert!(delay <= bound.saturating_add(bound / 10), "{policy:?}: {delay}");
            before = delay;
        }
    }
}

#[test]
fn a_policy_is_exhausted_by_tries_or_by_time_and_by_nothing_else() {
    let mut rng = Rng::new(5);
    for _ in 0..CASES {
        let policy = policy(&mut rng);
        let failures = 1 + rng.below(12) as u32;
        let (first, now) = (Timestamp(number(&mut rng)), Timestamp(number(&mut rng)));
        let is_exhausted = policy.max_attempts.is_some_and(|max| failures >= max)
            || policy.max_duration_ms.is_some_and(|max| now.millis_since(first) >= max);
        assert_eq!(policy.delay_ms(failures, first, now, 0).is_none(), is_exhausted, "{policy:?}");
    }
}

#[test]
fn outcomes_come_in_order_however_they_arrive() {
    let mut rng = Rng::new(6);
    for _ in 0..CASES / 20 {
        let count = rng.below(30) as u32;
        // Each arrives at least once, in any order, some of them again.
        let mut arriving: Vec<u32> = (0..count).chain((0..count).filter(|_| rng.chance(30))).collect();
        for place in (1..arriving.len()).rev() {
            arriving.swap(place, rng.index(place + 1));
        }
        let mut deliveries = Deliveries::default();
        let mut seen = Vec::new();
        for order in arriving {
            let settled = Settled { op: order, order, at: Timestamp(0), outcome: Outcome::Empty };
            deliveries.take_in(settled);
            while rng.chance(60) {
                assert_eq!(
                    deliveries.is_ready(),
                    deliveries.next().map(|next| seen.push(next.order)).is_some()
                );
            }
        }
        while let Some(next) = deliveries.next() {
            seen.push(next.order);
        }
        assert_eq!(seen, (0..count).collect::<Vec<_>>());
        assert_eq!(deliveries.handed_out(), count);
    }
}
