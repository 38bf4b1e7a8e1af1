//! What drivers count against what a look at all finds.

use super::world::{PARTITIONS, World};
use crate::config::Config;
use crate::engine::{InvocationFilter, StatusFilter, Summary};
use abide_core::entry::{Answer, Failure};
use abide_core::ids::InvocationId;
use abide_core::invocation::{InvocationRow, Origin, Phase};
use abide_core::rows::{Row, RowKey};
use abide_core::target::Target;
use abide_core::time::Timestamp;
use abide_store::{Batch, MemoryStore, Op, Store, codec, keys};
use axum::body::Body;
use bytes::Bytes;
use http::Request;
use std::time::Duration;
use tower::ServiceExt;

/// Enough for several parts in each partition.
const SEEDED: u64 = 2_304;

fn seeded_id(n: u64) -> InvocationId {
    match n % 5 {
        0 => InvocationId::computed(u128::from(n), n),
        _ => InvocationId::new(Timestamp(1_000 + n), u128::from(n), n),
    }
}

/// Three of four have ended, in each of the four ways.
fn seeded() -> MemoryStore {
    let mut ops = vec![Vec::new(); usize::from(PARTITIONS)];
    for n in 0..SEEDED {
        let (id, at) = (seeded_id(n), Timestamp(1_000 + n));
        let answer = match n % 4 {
            0 => Answer::Value(Bytes::new()),
            1 => Answer::Failure(Failure::new(500, "no")),
            2 => Answer::Failure(Failure::cancelled()),
            _ => Answer::Failure(Failure::killed()),
        };
        let service = format!("Old{}", n % 3);
        let target = Target { service, key: None, handler: "h".into() };
        let mut row = InvocationRow::new(target, Origin::Ingress, at);
        let mut put = |key: RowKey, row: Row| {
            let partition = id.partition(PARTITIONS);
            let (key, value) = (keys::encode(partition, &key), codec::encode_row(&row));
            ops[usize::from(partition.0)].push(Op::Put { key, value });
        };
        if n % 16 < 12 {
            row.phase = Phase::Completed { at, is_failure: matches!(answer, Answer::Failure(_)) };
            put(RowKey::Answer(id), Row::Answer(answer));
            put(RowKey::Completed(id), Row::Invocation(Box::new(row)));
        } else {
            put(RowKey::Invocation(id), Row::Invocation(Box::new(row)));
        }
    }
    let store = MemoryStore::new();
    for (partition, ops) in (0..).zip(ops) {
        let fence = store.acquire(partition).unwrap();
        store.commit(Batch { fence, ops }).unwrap();
    }
    store
}

async fn send(world: &World, target: &str, body: &'static str) -> String {
    let request = Request::post(format!("/{target}/send")).header("content-type", "application/json");
    let response = world.ingress.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let sent: serde_json::Value = serde_json::from_slice(&body).unwrap();
    sent["invocationId"].as_str().unwrap_or_else(|| panic!("{target}: {sent}")).to_owned()
}

async fn act(world: &World, verb: &str, id: &str) {
    let request = Request::patch(format!("/invocations/{id}/{verb}")).header("host", "localhost");
    let response = world.admin.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert!(response.status().is_success(), "{verb} {id}: {}", response.status());
}

/// Returns both sums when they are the same, or after a while.
async fn sums(world: &World) -> (Option<Summary>, Summary) {
    let engine = &world.state.engine;
    let mut found = None;
    for round in 0..1_000 {
        // Another window each time, because a look at all is shared for a second.
        let window_ms = 3_600_000 + round;
        // These are all there are, but a filter is a filter.
        let all = InvocationFilter { statuses: StatusFilter::ALL.to_vec(), ..InvocationFilter::default() };
        let looked_at = engine.summary(all, window_ms).await.unwrap();
        let counted = engine.counted(window_ms);
        let counted = counted.map(|counted| Summary { as_of: looked_at.as_of, ..counted });
        let is_same = counted.as_ref() == Some(&*looked_at);
        found = Some((counted, Summary::clone(&looked_at)));
        if is_same {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    found.expect("there is a round")
}

#[tokio::test]
async fn drivers_count_what_a_look_at_all_finds() {
    let world = World::on(seeded(), &Config::default());
    let mut waiting = Vec::new();
    // Old ones go while they are being counted, in both directions, and new ones come.
    for n in 0..60 {
        let forgotten = [n * 16, SEEDED - 16 * (n + 1) + 1, n * 16 + 2][usize::try_from(n).unwrap() % 3];
        act(&world, "purge", &seeded_id(forgotten).to_string()).await;
        send(&world, "Probe/echo", "1").await;
        send(&world, "Probe/terminal", r#"{"message":"no"}"#).await;
        waiting.push(send(&world, &format!("Counter/{n}/wait"), "{}").await);
    }
    act(&world, "kill", &waiting[0]).await;
    act(&world, "cancel", &waiting[1]).await;
    let (counted, looked_at) = sums(&world).await;
    assert_eq!(counted, Some(looked_at.clone()));
    assert!(!looked_at.is_truncated && looked_at.created_in_window == 180, "{looked_at:?}");
    assert_eq!(looked_at.all.total, SEEDED - 60 + 180);
    assert_eq!(looked_at.failed_in_window, 60, "those that were ended from outside are not among them");

    // Now that all is known, the last of a service takes its line away.
    for n in (0..SEEDED).filter(|n| n % 3 == 1 && n % 16 < 12) {
        let engine = &world.state.engine;
        engine.purge(seeded_id(n)).await.unwrap();
    }
    let (counted, looked_at) = sums(&world).await;
    assert_eq!(counted, Some(looked_at));
}
