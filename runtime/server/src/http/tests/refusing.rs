//! A server that takes no work: too much of it is open, or it stops.

use super::world::World;
use crate::config::Config;
use crate::engine::{Edit, EngineError, LOOKS_MAX, Overload, ROOM_PAUSE};
use crate::http::{Asked, ingress_repeats};
use abide_core::effect::Notice;
use abide_core::entry::Outcome;
use abide_core::ids::{AwakeableId, InvocationId};
use abide_core::manifest::ServiceKind;
use abide_core::target::ObjectKey;
use abide_store::MemoryStore;
use axum::Router;
use axum::body::Body;
use http::Request;
use http::request::Builder;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Instant;
use tower::ServiceExt;

/// Asks; returns the status, and whether to try again.
async fn ask(router: &Router, method: &str, path: &str) -> (u16, bool) {
    let request = Request::builder().method(method).uri(path).body(Body::empty());
    let response = router.clone().oneshot(request.unwrap()).await.unwrap();
    (response.status().as_u16(), response.headers().contains_key("retry-after"))
}

/// Posts to the ingress; returns the status, whether to try again, and what is said.
async fn post(ingress: &Router, path: &str) -> (u16, bool, String) {
    answer(ingress, Request::post(path).header("content-type", "application/json")).await
}

async fn answer(ingress: &Router, request: Builder) -> (u16, bool, String) {
    let response = ingress.clone().oneshot(request.body(Body::from("1")).unwrap()).await.unwrap();
    let (status, may_retry) = (response.status().as_u16(), response.headers().contains_key("retry-after"));
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, may_retry, String::from_utf8_lossy(&body).into_owned())
}

/// Sends to a handler; returns the id.
async fn send(ingress: &Router, path: &str) -> InvocationId {
    let (_, _, sent) = post(ingress, path).await;
    let sent: serde_json::Value = serde_json::from_str(&sent).unwrap();
    sent["invocationId"].as_str().unwrap().parse().unwrap()
}

const PATHS: [&str; 3] = ["/Probe/echo", "/Probe/echo/send", "/Counter/k/echo"];

#[tokio::test]
async fn more_than_there_is_room_for_is_refused_and_may_come_again() {
    let world = World::start(&Config::default());
    let id = send(&world.ingress, "/Probe/wait/send").await;
    let room = world.state.engine.take_room();
    let attach = format!("/restate/attach/{id}");
    assert_eq!(ask(&world.ingress, "GET", &attach).await, (429, true), "who attaches waits as a call does");
    for path in PATHS {
        let (status, may_retry, said) = post(&world.ingress, path).await;
        assert_eq!((status, may_retry), (429, true), "{path}: {said}");
        assert!(said.contains("overloaded"), "{path}: {said}");
    }
    let awakeable = AwakeableId { invocation: InvocationId { unique: 1, partition_key: 2 }, op: 7, birth: 0 };
    let resolve = format!("/restate/awakeables/{awakeable}/resolve");
    assert_eq!(post(&world.ingress, &resolve).await.0, 202, "it brings something nearer to its end");
    drop(room);
    for path in PATHS {
        assert!(post(&world.ingress, path).await.0 < 300, "{path}");
    }
}

/// Those who come again at once would take the processors from those who do what was accepted.
#[tokio::test]
async fn who_finds_no_room_waits_before_it_is_refused_unless_the_server_stops() {
    let mut config = Config::default();
    config.load.waiting_max = 0;
    let world = World::start(&config);
    let started = Instant::now();
    let (status, may_retry, said) = post(&world.ingress, "/Probe/echo/send").await;
    assert_eq!((status, may_retry), (429, true), "{said}");
    assert!(started.elapsed() >= ROOM_PAUSE);
    let mut waits = pin!(post(&world.ingress, "/Probe/echo"));
    assert!(waits.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let started = Instant::now();
    world.state.engine.close();
    assert_eq!(waits.await.0, 503);
    assert!(started.elapsed() < ROOM_PAUSE);
}

/// Has a large answer stored; returns whose it is.
async fn large_answer(world: &World) -> InvocationId {
    let large = format!("\"{}\"", "x".repeat(100 << 10));
    let call = Request::post("/Probe/echo").header("content-type", "application/json");
    let call = call.header("idempotency-key", "k").body(Body::from(large)).unwrap();
    let called = world.ingress.clone().oneshot(call).await.unwrap();
    called.headers()["x-restate-id"].to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn large_answers_share_their_memory_until_their_clients_have_them() {
    let world = World::start(&Config::default());
    let output = format!("/restate/output/{}", large_answer(&world).await);
    let room = world.state.engine.take_room();
    assert_eq!(ask(&world.ingress, "GET", &output).await, (429, true));
    drop(room);
    let get = Request::get(&output).body(Body::empty()).unwrap();
    let response = world.ingress.clone().oneshot(get).await.unwrap();
    let taken = || world.state.engine.taken().answers_bytes;
    assert_eq!((response.status().as_u16(), taken() > 100 << 10), (200, true));
    drop(response);
    assert_eq!(taken(), 0);
}

/// Else whoever asks and goes away, time and again, has as many read at once as there are threads for it.
#[test]
fn a_client_that_goes_away_makes_no_room_while_its_answer_is_read() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build();
    runtime.unwrap().block_on(async {
        let world = World::start(&Config::default());
        let id = large_answer(&world).await;
        // The only thread that could read it has something else to do.
        let (done, busy) = std::sync::mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || busy.recv());
        ask_and_leave(world.state.engine.retrieve(id));
        let taken = || world.state.engine.taken().answers_bytes;
        assert!(taken() > 100 << 10, "it is still to be read");
        drop(done);
        tokio::task::spawn_blocking(|| ()).await.unwrap();
        assert_eq!(taken(), 0);
    });
}

/// Else whoever sends and goes away, time and again, while a driver or the disk stands still, fills the memory.
#[tokio::test]
async fn a_client_that_goes_away_makes_no_room_while_its_body_waits_for_the_disk() {
    let world = World::start(&Config::default());
    let engine = &world.state.engine;
    let invocation = InvocationId { unique: 1, partition_key: 2 };
    let room = || {
        let mut room = engine.room_beside();
        room.grow(1 << 10).unwrap();
        room
    };
    let awakeable = AwakeableId { invocation, op: 7, birth: 0 };
    let edit = Edit {
        object: ObjectKey { service: "Counter".into(), key: "k".into() },
        kind: ServiceKind::Object,
        expected: None,
        is_forced: false,
        values: BTreeMap::new(),
    };
    // The drivers do not come to anything before this here waits.
    ask_and_leave(engine.complete_awakeable(awakeable, Outcome::Empty, room()));
    ask_and_leave(engine.signal(invocation, "go".into(), Outcome::Empty, room()));
    ask_and_leave(engine.edit_state(edit, room()));
    assert_eq!(engine.taken().bodies_bytes, 3 << 10);
    while engine.taken().bodies_bytes > 0 {
        tokio::task::yield_now().await;
    }
}

/// While the drivers are behind, whoever asks for what is not there, time and again, has very many of them look for it.
#[tokio::test]
async fn who_asks_for_what_is_not_there_takes_no_place_of_who_ends_what_is() {
    let world = World::start(&Config::default());
    let engine = &world.state.engine;
    let id = send(&world.ingress, "/Probe/wait/send").await;
    for digest in (0..).take(LOOKS_MAX) {
        ask_and_leave(engine.arrived(InvocationId::computed(digest, 7)));
    }
    let unknown = InvocationId::computed(u128::MAX, 7);
    let refused = engine.arrived(unknown).await;
    assert!(matches!(refused, Err(EngineError::Overloaded(Overload::Looks))), "{refused:?}");
    ask_and_leave(engine.kill(unknown));
    assert_eq!(engine.kill(id).await.unwrap(), Notice::Done);
    while engine.arrived(unknown).await.is_err() {
        tokio::task::yield_now().await;
    }
}

/// Begins with something that has to wait, and gives it up.
fn ask_and_leave(asking: impl Future) {
    let asking = pin!(asking);
    assert!(asking.poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

#[tokio::test]
async fn who_comes_while_the_server_stops_may_come_again() {
    let world = World::start(&Config::default());
    assert_eq!(post(&world.ingress, PATHS[0]).await.0, 200);
    assert_eq!(world.state.engine.ailment(), None);
    world.state.engine.close();
    for path in PATHS {
        let (status, may_retry, said) = post(&world.ingress, path).await;
        assert_eq!((status, may_retry), (503, true), "{path}: {said}");
        assert!(said.contains("takes no new work"), "{path}: {said}");
    }
    assert!(world.state.engine.ailment().is_some(), "balancers look elsewhere");
    world.state.engine.closed().await;
}

#[tokio::test]
async fn an_upload_is_new_work() {
    let world = World::start(&Config::default());
    let upload = async || {
        let request = Request::post("/deployments").header("content-type", "application/wasm");
        let response = world.admin.clone().oneshot(request.body(Body::from("x")).unwrap()).await.unwrap();
        response.status().as_u16()
    };
    assert_eq!(upload().await, 400, "it is no component");
    world.state.engine.close();
    assert_eq!(upload().await, 503);
}

#[tokio::test]
async fn what_runs_can_be_ended_while_the_disk_is_nearly_full() {
    let store = Arc::new(MemoryStore::new());
    let world = World::on(store.clone(), &Config::default());
    let id = send(&world.ingress, "/Probe/wait/send").await;
    store.refuse("the disk is nearly full");
    for path in PATHS {
        let (status, may_retry, said) = post(&world.ingress, path).await;
        assert_eq!((status, may_retry), (503, true), "{path}: {said}");
    }
    let awakeable = AwakeableId { invocation: id, op: 7, birth: 0 };
    assert_eq!(post(&world.ingress, &format!("/restate/awakeables/{awakeable}/resolve")).await.0, 202);
    let control =
        async |action: &str| ask(&world.admin, "PATCH", &format!("/invocations/{id}/{action}")).await;
    assert_eq!(control("kill").await, (200, false));
    assert_eq!(control("restart-as-new").await, (503, true), "that is new work");
    assert_eq!(control("purge").await, (200, false));
}

/// Whoever were told to come again would have done twice what had reached the disk.
#[tokio::test]
async fn who_was_on_the_way_to_a_disk_that_fails_is_not_told_that_nothing_was_taken() {
    let world = World::start(&Config::default());
    let call = |key: Option<&'static str>| {
        let ingress = world.ingress.clone();
        let mut request = Request::post("/Probe/sleep").header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        tokio::spawn(async move { answer(&ingress, request).await })
    };
    let waiting = [call(None), call(Some("k"))];
    while world.state.engine.taken().calls < 2 {
        tokio::task::yield_now().await;
    }
    world.store.close().unwrap();
    let mut told = vec![post(&world.ingress, "/Probe/echo/send").await];
    for waiting in waiting {
        told.push(waiting.await.unwrap());
    }
    for ((status, may_retry, said), is_repeatable) in told.into_iter().zip([false, false, true]) {
        assert_eq!((status, may_retry), (503, is_repeatable), "{said}");
        assert!(said.contains("may have been accepted"), "{said}");
    }
    let (status, may_retry, said) = post(&world.ingress, PATHS[0]).await;
    assert_eq!((status, may_retry), (503, true), "{said}");
    assert!(said.contains("takes no requests now"), "{said}");
}

#[tokio::test]
async fn a_stop_tells_those_to_come_again_who_would_do_nothing_twice() {
    let world = World::start(&Config::default());
    let is_repeatable = ingress_repeats(world.state.clone());
    let id = InvocationId { unique: 1, partition_key: 2 };
    let attach = format!("/restate/attach/{id}");
    let cases = [
        ("GET", "/Probe/echo", false, false),
        ("GET", "/Probe/echo/send", false, false),
        ("POST", "/restate/call/Counter/k/echo", false, false),
        ("POST", "/Probe/echo", true, true),
        ("POST", "/SignupWorkflow/w/run", false, true),
        ("POST", "/SignupWorkflow/w/run/send", false, true),
        ("POST", "/SignupWorkflow/w/click", false, false),
        ("GET", attach.as_str(), false, true),
        ("POST", "/restate/attach", false, true),
        ("GET", "/restate/workflow/SignupWorkflow/w/output", false, true),
        ("POST", "/restate/lookup", false, true),
        ("GET", "/restate/health", false, true),
        ("GET", "/Gone/echo", false, false),
    ];
    for (method, path, has_idempotency_key, expected) in cases {
        let asked =
            Asked { method: method.parse().unwrap(), uri: path.parse().unwrap(), has_idempotency_key };
        assert_eq!(is_repeatable(&asked), expected, "{method} {path}");
    }
}

/// Else it would ask again at once, time and again, and the server would not come to its end.
#[tokio::test]
async fn who_follows_the_log_of_a_server_that_stops_is_told_to_come_later() {
    let world = World::start(&Config::default());
    world.state.engine.close();
    assert_eq!(ask(&world.admin, "GET", "/logs?after=0&wait_ms=10000").await, (503, true));
    assert_eq!(ask(&world.admin, "GET", "/logs?after=0").await, (200, false), "who only looks still sees");
    assert_eq!(ask(&world.admin, "GET", "/logs").await, (200, false));
}

#[tokio::test]
async fn no_backup_begins_while_the_server_stops() {
    let world = World::start(&Config::default());
    assert_eq!(ask(&world.admin, "POST", "/backup").await, (409, false), "there is nothing on a disk");
    world.state.engine.close();
    assert_eq!(ask(&world.admin, "POST", "/backup").await, (503, true));
    assert_eq!(world.state.open.count(), 0);
}
