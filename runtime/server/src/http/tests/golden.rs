//! What every released version has stored is understood: its invocations go on where they were, and finish.
//!
//! `golden/VERSION.txt` has all the rows of a server of that version, a line each, key and value in hex. Its invocations wait for
//! an awakeable, a signal, a promise, another handler, their key, their time and their next try, after a run block that is not
//! to be executed again; one is paused, one has an idempotency key, one is over, and an object has a state. Nothing of it is
//! lost by the mere passing of time, so that a file is good for years. The version that is built needs its own: before a release,
//! `ABIDE_GOLDEN=write cargo test --workspace --lib golden` writes it, and it is committed. One that is there is never changed.
//! How rows lie in log, snapshots and large values has golden bytes in the store.

use super::world::World;
use crate::config::Config;
use abide_store::{Batch, MemoryStore, Op, Store, View};
use axum::Router;
use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tower::ServiceExt;

/// Above every key.
const END: [u8; 8] = [0xff; 8];
const PAUSE: Duration = Duration::from_millis(5);
/// What is in the middle of something, and with what it has to end.
const ENDS: [(&str, &str); 11] = [
    ("Probe/wait", "\"yes\""),
    ("Probe/signal", "\"go on\""),
    ("Probe/echo", "\"later\""),
    ("Probe/call", "\"yes\""),
    ("SignupWorkflow/w/run", "\"clicked\""),
    ("Counter/a/wait", "\"yes\""),
    ("Counter/a/echo", "\"next\""),
    ("Counter/b/wait", "\"yes\""),
    ("Counter/paused/wait", "\"yes\""),
    ("Counter/once/wait", "\"yes\""),
    ("Probe/charge", "\"paid\""),
];
/// A request with an idempotency key.
const ONCE: (&str, &str) = ("/Counter/once/wait/send", "abc");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/tests/golden")
}

/// Returns status and body of an answer; the body as JSON where it is.
async fn ask(router: &Router, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let request = Request::builder().method(method).uri(path);
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(Body::from(body.to_string())),
        None => request.body(Body::empty()),
    };
    let response = router.clone().oneshot(request.unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

/// Returns the ids of all invocations by target, once those that will wait do.
async fn invocations(world: &World) -> BTreeMap<String, (String, String)> {
    let (_, listed) = ask(&world.admin, "GET", "/invocations?limit=100", None).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let listed = listed["invocations"].as_array().unwrap().iter();
    listed.map(|it| (text(&it["target"]), (text(&it["id"]), text(&it["status"])))).collect()
}

async fn wait_for(what: &str, world: &World, is_so: impl Fn(&BTreeMap<String, (String, String)>) -> bool) {
    let waiting = async {
        while !is_so(&invocations(world).await) {
            tokio::time::sleep(PAUSE).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), waiting).await;
    assert!(waited.is_ok(), "{what}: in vain: {:?}", invocations(world).await);
}

fn count(all: &BTreeMap<String, (String, String)>, wanted: &str) -> usize {
    all.values().filter(|(_, status)| status == wanted).count()
}

/// Lets a person pause or resume an invocation.
async fn act(world: &World, verb: &str, id: &str) {
    let (status, said) = ask(&world.admin, "PATCH", &format!("/invocations/{id}/{verb}"), None).await;
    // Its next try may be due, and over.
    assert!(status < 300 || status == 409, "{verb} {id}: {status} {said}");
}

/// Sends what is to be done once; returns its id.
async fn send_once(world: &World) -> String {
    let request = Request::post(ONCE.0).header("content-type", "application/json");
    let request = request.header("idempotency-key", ONCE.1).body(Body::from("{}"));
    let response = world.ingress.clone().oneshot(request.unwrap()).await.unwrap();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let said: Value = serde_json::from_slice(&body).unwrap();
    said["invocationId"].as_str().unwrap_or_else(|| panic!("{said}")).to_owned()
}

/// Brings a server into the middle of everything, and returns its rows.
async fn rows_of_this_version() -> String {
    let world = World::start(&Config::default());
    let sends = [
        ("/Probe/wait/send", json!({})),
        ("/Probe/signal/send", json!({})),
        ("/Probe/call/send", json!("Counter/b/wait")),
        ("/SignupWorkflow/w/run/send", json!({})),
        ("/Counter/a/wait/send", json!({})),
        ("/Counter/paused/wait/send", json!({})),
        ("/Probe/echo/send?delay=20s", json!("later")),
    ];
    for (path, body) in sends {
        assert_eq!(ask(&world.ingress, "POST", path, Some(body)).await.0, 202, "{path}");
    }
    send_once(&world).await;
    assert_eq!(ask(&world.ingress, "POST", "/Probe/charge/send", None).await.0, 202);
    wait_for("all wait", &world, |all| count(all, "suspended") == 8 && count(all, "backing-off") == 1).await;
    act(&world, "pause", &invocations(&world).await["Counter/paused/wait"].0).await;
    ask(&world.ingress, "POST", "/Counter/a/echo/send", Some(json!("next"))).await;
    assert_eq!(ask(&world.ingress, "POST", "/Probe/nothing", None).await.0, 200);
    let state = json!({ "object_key": "s", "new_values": { "n": "forty-one" } });
    let (status, said) = ask(&world.admin, "POST", "/services/Counter/state", Some(state)).await;
    assert!(status < 300, "{said}");
    wait_for("it is queued", &world, |all| all.len() == 12 && count(all, "paused") == 1).await;
    let rows = world.store.scan(View::Durable, &[], &END, usize::MAX).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    rows.iter().map(|(key, value)| format!("{} {}\n", hex(key), hex(value))).collect()
}

fn store_of(rows: &str) -> MemoryStore {
    let bytes = |hex: &str| -> Vec<u8> {
        let pairs = (0..hex.len()).step_by(2);
        pairs.map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    };
    let store = MemoryStore::new();
    for line in rows.lines() {
        let (key, value) = line.split_once(' ').unwrap();
        let (key, value) = (bytes(key), bytes(value).into());
        let partition = u16::from_be_bytes([key[0], key[1]]);
        let fence = store.acquire(partition).unwrap();
        store.commit(Batch { fence, ops: vec![Op::Put { key, value }] }).unwrap();
    }
    store
}

/// Gives everything that waits what it waits for.
async fn go_on(world: &World, all: &BTreeMap<String, (String, String)>) {
    assert_eq!(send_once(world).await, all["Counter/once/wait"].0, "it is not done twice");
    let (_, state) = ask(&world.admin, "GET", "/services/Counter/state?key=s", None).await;
    assert!(state.to_string().contains("forty-one"), "{state}");
    for target in ["Counter/paused/wait", "Probe/charge"] {
        act(world, "resume", &all[target].0).await;
    }
    wait_for("nothing is paused", world, |all| all["Counter/paused/wait"].1 == "suspended").await;
    for target in
        ["Probe/wait", "Counter/a/wait", "Counter/b/wait", "Counter/paused/wait", "Counter/once/wait"]
    {
        let (_, waits) = ask(&world.admin, "GET", &format!("/invocations/{}", all[target].0), None).await;
        let awakeable = waits["waiting_for"][0]["id"].as_str().unwrap_or_else(|| panic!("{waits:#}"));
        let path = format!("/restate/awakeables/{awakeable}/resolve");
        assert_eq!(ask(&world.ingress, "POST", &path, Some(json!("yes"))).await.0, 202, "{target}");
    }
    let signal = format!("/invocations/{}/signals/go", all["Probe/signal"].0);
    let (status, said) = ask(&world.admin, "POST", &signal, Some(json!("go on"))).await;
    assert!(status < 300, "{said}");
    let (status, said) = ask(&world.ingress, "POST", "/SignupWorkflow/w/click", Some(json!("clicked"))).await;
    assert_eq!(status, 200, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_every_released_version_stored_goes_on_and_finishes() {
    let own = folder().join(concat!(env!("CARGO_PKG_VERSION"), ".txt"));
    if std::env::var_os("ABIDE_GOLDEN").is_some_and(|value| value == "write") {
        assert!(!own.exists(), "{} is there, and what was released does not change", own.display());
        std::fs::create_dir_all(folder()).unwrap();
        std::fs::write(&own, rows_of_this_version().await).unwrap();
    }
    assert!(own.exists(), "{} is missing; the beginning of this file says how to make it", own.display());
    for file in std::fs::read_dir(folder()).unwrap() {
        let path = file.unwrap().path();
        let world = World::on(store_of(&std::fs::read_to_string(&path).unwrap()), &Config::default());
        let all = invocations(&world).await;
        assert!(ENDS.iter().all(|(target, _)| all.contains_key(*target)), "{}: {all:?}", path.display());
        go_on(&world, &all).await;
        for (target, expected) in ENDS {
            let attach = format!("/restate/attach/{}", all[target].0);
            let asked = ask(&world.ingress, "GET", &attach, None);
            let (status, said) = tokio::time::timeout(Duration::from_secs(30), asked).await.unwrap();
            assert_eq!((status, said.to_string().as_str()), (200, expected), "{}: {target}", path.display());
        }
    }
}
