//! What holds for any id, any retry policy, any entry and any order of arrival.

#[path = "simulator/sim/rng.rs"]
#[expect(dead_code, reason = "shared with the simulator, which needs more of it")]
mod rng;

use abide_core::entry::{Entry, Failure, Header, Outcome, Request, Settled};
use abide_core::ids::{AwakeableId, DeploymentId, InvocationId, PartitionId};
use abide_core::limits::{FAILURE_MESSAGE_BYTES_MAX, FAILURE_METADATA_BYTES_MAX};
use abide_core::outbox::{self, About};
use abide_core::replay::{Cursor, Deliveries, Replayed};
use abide_core::retry::RetryPolicy;
use abide_core::target::Target;
use abide_core::time::Timestamp;
use bytes::Bytes;
use rng::Rng;
use std::collections::{BTreeMap, VecDeque};

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

fn unique(rng: &mut Rng) -> u128 {
    (u128::from(number(rng)) << 64) | u128::from(number(rng))
}

fn invocation_id(rng: &mut Rng) -> InvocationId {
    InvocationId { unique: unique(rng), partition_key: number(rng) }
}

fn awakeable_id(rng: &mut Rng) -> AwakeableId {
    AwakeableId { invocation: invocation_id(rng), op: (number(rng) >> 32) as u32, birth: rng.below(3) as u32 }
}

#[test]
fn ids_survive_their_text_and_their_bytes() {
    let mut rng = Rng::new(1);
    for _ in 0..CASES {
        let id = invocation_id(&mut rng);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(InvocationId::from_bytes(&id.to_bytes()), Some(id));
        let awakeable = awakeable_id(&mut rng);
        assert_eq!(awakeable.to_string().parse(), Ok(awakeable));
        let deployment = DeploymentId::from_digest(id.unique);
        assert_eq!(deployment.to_string().parse(), Ok(deployment));
        let partitions = 1 + rng.below(u64::from(u16::MAX)) as u16;
        assert!(id.partition(partitions) < PartitionId(partitions));
    }
}

#[test]
fn an_id_tells_when_it_was_made_or_that_it_is_computed() {
    let mut rng = Rng::new(7);
    for _ in 0..CASES {
        // The year 10889 stands for the computed ones.
        let at = Timestamp(number(&mut rng) >> 17);
        let (random, key) = (unique(&mut rng), number(&mut rng));
        let id = InvocationId::new(at, random, key);
        assert_eq!((id.created_at(), id.is_computed(), id.partition_key), (Some(at), false, key));
        let id = InvocationId::computed(random, key);
        assert_eq!((id.created_at(), id.is_computed(), id.partition_key), (None, true, key));
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
            text.insert_str(0, ["inv_1", "dp_1", "sign_1"][rng.index(3)]);
        }
        if let Ok(id) = text.parse::<AwakeableId>() {
            assert_eq!(id.to_string(), text, "an id has one text");
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
        let settled = |order| Settled { op: order, order, at: Timestamp(0), outcome: Outcome::Empty };
        // What an attempt begins with: a beginning of them, or one with gaps, because it is read while others arrive.
        let (known, chance) = (rng.below(u64::from(count) + 1) as u32, [100, 100, 70][rng.index(3)]);
        let recorded = (0..known).filter(|_| rng.chance(chance)).map(settled).collect();
        let mut deliveries = Deliveries::of(recorded);
        let mut seen = Vec::new();
        for order in arriving {
            deliveries.take_in(settled(order));
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

fn text(rng: &mut Rng) -> String {
    ["", "a", "b", "a b", "ä"][rng.index(5)].to_owned()
}

fn outcome(rng: &mut Rng) -> Outcome {
    match rng.below(4) {
        0 => Outcome::Empty,
        1 => Outcome::Failure(Failure::new(500, text(rng))),
        _ => Outcome::Value(text(rng).into()),
    }
}

fn request(rng: &mut Rng) -> Request {
    let key = text(rng);
    let target = Target { service: text(rng), key: option_text(rng), handler: text(rng) };
    Request {
        child: invocation_id(rng),
        target,
        input: text(rng).into(),
        headers: Vec::new(),
        idempotency_key: rng.chance(50).then_some(key),
    }
}

fn option_text(rng: &mut Rng) -> Option<String> {
    let text = text(rng);
    rng.chance(50).then_some(text)
}

/// Returns an entry of any kind; `ids` are few, so that equal ones are likely.
fn entry(rng: &mut Rng, ids: &[InvocationId]) -> Entry {
    let (name, invocation) = (text(rng), ids[rng.index(ids.len())]);
    match rng.below(19) {
        0 => Entry::Run { name, retry: rng.chance(50).then(|| policy(rng)) },
        1 => Entry::Sleep { duration_ms: rng.below(3), name: option_text(rng) },
        2 => Entry::Call(request(rng)),
        3 => {
            let delay_ms = rng.below(2);
            Entry::Send { request: request(rng), delay_ms: rng.chance(50).then_some(delay_ms) }
        }
        4 => Entry::Attach { invocation },
        5 => Entry::Cancel { invocation },
        6 => Entry::Kill { invocation },
        7 => Entry::GetState { name },
        8 => Entry::SetState { name, value: text(rng).into() },
        9 => Entry::ClearState { name },
        10 => Entry::ClearAllState,
        11 => Entry::StateKeys,
        12 => Entry::Awakeable { name: option_text(rng) },
        13 => {
            let awakeable = AwakeableId { invocation, op: rng.below(2) as u32, birth: rng.below(2) as u32 };
            Entry::CompleteAwakeable { awakeable, outcome: outcome(rng) }
        }
        14 => Entry::ReceiveSignal { name },
        15 => Entry::SendSignal { invocation, name, outcome: outcome(rng) },
        16 => Entry::GetPromise { name },
        17 => Entry::PeekPromise { name },
        _ => Entry::CompletePromise { name, outcome: outcome(rng) },
    }
}

/// What has to be the same on a replay: all but a policy, the bytes that are handed over, and the id
/// of a child.
fn essence(entry: &Entry) -> Entry {
    let nobody = InvocationId { unique: 0, partition_key: 0 };
    let of = |request: Request| Request { child: nobody, input: Bytes::new(), ..request };
    match entry.clone() {
        Entry::Run { name, .. } => Entry::Run { name, retry: None },
        Entry::Call(request) => Entry::Call(of(request)),
        Entry::Send { request, delay_ms } => Entry::Send { request: of(request), delay_ms },
        Entry::SetState { name, .. } => Entry::SetState { name, value: Bytes::new() },
        Entry::CompleteAwakeable { awakeable, .. } => {
            Entry::CompleteAwakeable { awakeable, outcome: Outcome::Empty }
        }
        Entry::SendSignal { invocation, name, .. } => {
            Entry::SendSignal { invocation, name, outcome: Outcome::Empty }
        }
        Entry::CompletePromise { name, .. } => Entry::CompletePromise { name, outcome: Outcome::Empty },
        other => other,
    }
}

/// Says whether two entries differ in no more than bytes that are handed over.
fn hands_over_the_same(a: &Entry, b: &Entry) -> bool {
    let handed_over = |entry: &Entry| match entry {
        Entry::Call(request) | Entry::Send { request, .. } => Some(Outcome::Value(request.input.clone())),
        Entry::SetState { value, .. } => Some(Outcome::Value(value.clone())),
        Entry::CompleteAwakeable { outcome, .. }
        | Entry::SendSignal { outcome, .. }
        | Entry::CompletePromise { outcome, .. } => Some(outcome.clone()),
        _ => None,
    };
    handed_over(a) == handed_over(b)
}

#[test]
fn replay_tells_other_entries_from_other_bytes() {
    let mut rng = Rng::new(8);
    let ids = [invocation_id(&mut rng), invocation_id(&mut rng)];
    let mut seen = [0; 3];
    for _ in 0..10 * CASES {
        let (recorded, asked) = (entry(&mut rng, &ids), entry(&mut rng, &ids));
        let mut cursor = Cursor::new(vec![recorded.clone()]);
        let replayed = cursor.next(&asked);
        if essence(&recorded) != essence(&asked) {
            seen[0] += 1;
            let report = replayed.expect_err("it is another entry");
            assert_eq!(report.recorded, Some(recorded.to_string()));
            assert_eq!((report.asked, cursor.asked()), (Some(asked.to_string()), 0));
        } else if hands_over_the_same(&recorded, &asked) {
            seen[1] += 1;
            assert_eq!(replayed, Ok(Replayed::Recorded(0)), "{recorded:?} and {asked:?}");
        } else {
            seen[2] += 1;
            assert_eq!(replayed, Ok(Replayed::RecordedWithOtherInput(0)), "{recorded:?} and {asked:?}");
        }
    }
    assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
}

#[test]
fn an_entry_is_awaited_if_it_gets_an_outcome_at_once_or_later() {
    let mut rng = Rng::new(9);
    let ids = [invocation_id(&mut rng)];
    for _ in 0..CASES {
        let entry = entry(&mut rng, &ids);
        assert!(entry.is_awaitable() || !entry.is_prompt(), "{entry}");
        assert!(entry.to_string().starts_with(entry.kind()), "{entry}");
        assert!(entry.bytes() < 200, "{entry}");
    }
}

#[test]
fn a_failure_is_cut_to_its_limits_once() {
    let mut rng = Rng::new(10);
    for _ in 0..CASES / 20 {
        let long = |rng: &mut Rng, max: usize| "ä".repeat(rng.index(max));
        let header = |rng: &mut Rng| Header { name: long(rng, 900), value: long(rng, 900) };
        let metadata = (0..rng.below(20)).map(|_| header(&mut rng)).collect();
        let message = long(&mut rng, FAILURE_MESSAGE_BYTES_MAX);
        let failure = Failure { code: 500, message, metadata }.within_limits();
        assert!(failure.message.len() <= FAILURE_MESSAGE_BYTES_MAX);
        let bytes: usize = failure.metadata.iter().map(Header::bytes).sum();
        assert!(bytes <= FAILURE_METADATA_BYTES_MAX);
        assert_eq!(failure.clone().within_limits(), failure);
    }
}

/// Each is numbered by when it was sent at first.
type Sent = (u64, About);

/// Returns what some partitions have sent, each in its order.
fn queues(rng: &mut Rng) -> Vec<VecDeque<Sent>> {
    let mut queues = vec![VecDeque::new(); 1 + rng.index(5)];
    let mut submitted = Vec::new();
    for number in 0..rng.below(40) {
        let is_submission = submitted.is_empty() || rng.chance(30);
        if is_submission {
            submitted.push(InvocationId::new(Timestamp(number), 0, 0));
        }
        let which = if is_submission { submitted.len() - 1 } else { rng.index(submitted.len()) };
        let about = About { invocation: submitted[which], is_submission };
        let queue = rng.index(queues.len());
        queues[queue].push_back((number, about));
    }
    queues
}

#[test]
fn what_is_sent_again_keeps_its_order_and_comes_after_what_it_is_about() {
    let mut rng = Rng::new(13);
    for _ in 0..CASES {
        let queues = queues(&mut rng);
        let ordered = outbox::by_cause(queues.clone(), |(_, about)| *about);
        let places: BTreeMap<u64, usize> =
            ordered.iter().enumerate().map(|(place, (number, _))| (*number, place)).collect();
        assert_eq!(places.len(), queues.iter().map(VecDeque::len).sum::<usize>());
        assert_eq!(places.len(), ordered.len());
        for queue in &queues {
            assert!(queue.iter().is_sorted_by_key(|(number, _)| places[number]), "{queue:?}: {ordered:?}");
        }
        for (number, about) in ordered.iter().filter(|(_, about)| !about.is_submission) {
            let submission = about.invocation.created_at().expect("it is not computed").0;
            assert!(places[&submission] < places[number], "{number} is too early: {ordered:?}");
        }
    }
}
