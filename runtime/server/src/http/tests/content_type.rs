//! An answer has the content type that its own code declared, whoever waited for it.

use super::world::{World, add_other};
use crate::config::Config;
use abide_core::effect::Notice;
use abide_core::entry::Outcome;
use abide_core::ids::{AwakeableId, InvocationId};
use abide_core::invocation::Phase;
use abide_core::manifest::Retention;
use abide_core::target::Target;
use abide_store::MemoryStore;
use axum::body::Body;
use http::{Request, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tower::ServiceExt;

async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn ask(world: &World, request: Request<Body>) -> JoinHandle<Response<Body>> {
    let ingress = world.ingress.clone();
    tokio::spawn(async move { ingress.oneshot(request).await.unwrap() })
}

fn call() -> Request<Body> {
    let request = Request::post("/Probe/wait").header("content-type", "application/json");
    request.header("idempotency-key", "k").body(Body::from("1")).unwrap()
}

fn is_suspended(world: &World, id: InvocationId) -> bool {
    let row = world.state.engine.invocation(id).unwrap();
    row.is_some_and(|row| matches!(row.phase, Phase::Suspended { .. }))
}

/// Has two calls and somebody who attached wait for one that is bound to other code meanwhile; returns what their
/// answers are.
async fn on_other_code(retention: Retention) -> Vec<String> {
    let store = Arc::new(MemoryStore::new());
    let other = add_other(&store, retention);
    let world = World::on(store, &Config::default());
    let engine = &world.state.engine;
    let target = Target { service: "Probe".into(), key: None, handler: "wait".into() };
    let id = engine.address(&target, Some("k"), false);
    let first = ask(&world, call());
    until(|| is_suspended(&world, id)).await;
    assert_eq!(engine.repin(id, other, None).await.unwrap(), Notice::Done);
    let attach = Request::get(format!("/restate/attach/{id}")).body(Body::empty()).unwrap();
    let waiting = [first, ask(&world, call()), ask(&world, attach)];
    until(|| engine.taken().calls == 3).await;
    // The second call is told that it is not the first.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let awakeable = AwakeableId { invocation: id, op: 0, birth: 0 };
    engine.complete_awakeable(awakeable, Outcome::Value("yes".into()), engine.room_beside()).await.unwrap();
    let mut content_types = Vec::new();
    for response in waiting {
        let response = response.await.unwrap();
        content_types.push(response.headers()["content-type"].to_str().unwrap().to_owned());
    }
    content_types
}

#[tokio::test]
async fn who_waited_gets_the_content_type_of_the_code_that_answered() {
    assert_eq!(on_other_code(Retention::default()).await, ["text/plain"; 3]);
}

#[tokio::test]
async fn who_attached_gets_it_although_the_invocation_is_forgotten_at_its_end() {
    let forgotten = Retention { idempotency_ms: 0, workflow_ms: 0, journal_ms: 0 };
    assert_eq!(on_other_code(forgotten).await[2], "text/plain");
}
