//! Data folders that are kept: one server leaves work in them and is killed, a later one has to finish it.

use crate::api::text;
use crate::binary::workspace;
use crate::http::Reply;
use crate::news::of_kind;
use crate::{Server, Setup};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// When the timers of a folder are due: later than it is packed.
const DUE_MS: u64 = 15_000;
/// What an archive has: the folder, and what has to come of the work in it.
const DATA: &str = "data";
const EXPECTED: &str = "expect.json";

/// Returns the archives of folders that are kept.
#[must_use]
pub fn kept() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(workspace().join("tests/e2e/folders")).expect("the folder can be read");
    let paths = folder.map(|entry| entry.expect("the folder can be read").path());
    let mut archives: Vec<_> = paths.filter(|path| path.to_string_lossy().ends_with(".tar.gz")).collect();
    archives.sort();
    archives
}

/// Lets a server begin work with the guest `waiting`, kills it, and packs its folder.
pub fn make(component: &[u8], archive: &Path) {
    let server = Setup::new().that_compiles().start();
    server.upload(component, &[]).expect(201);
    let expected = begin(&server);
    server.kill();
    pack(&server, &expected, archive);
}

/// Starts a server on the folder of an archive, and sees to it that all the work in it comes to its end, and stays so.
pub fn open(archive: &Path) {
    println!("opening {}", archive.display());
    let home = tempfile::tempdir().expect("a folder can be made");
    let expected = unpack(archive, home.path());
    let mut server = Setup::new().data(&home.path().join(DATA)).that_compiles().start();
    finish(&server, &expected);
    check(&server, &expected);
    server.restart();
    check(&server, &expected);
}

/// Does some work and leaves some open; returns what has to come of it.
fn begin(server: &Server) -> Value {
    assert_eq!(ask_once(server, "once").expect(200).json(), "once");
    assert_eq!(ask_once_large(server, &large()).expect(200).json(), json!(large()));
    server.call("Basket/b/append", &json!("first")).expect(200);
    // The key is held by one, and two wait for it, of which the second is waited for itself.
    let holder = server.send_nothing("Basket/b/hold");
    let held_for = server.pending_awakeable(&holder);
    let queued = server.send("Basket/b/append", &json!("third"));
    wait_until_it_waits(server, &queued, "key");
    let caller = server.send("Waiting/forBasket", &json!("fourth"));
    wait_until_it_waits(server, &caller, "call");
    let alone = server.send_nothing("Waiting/forAwakeable");
    let awaited = server.pending_awakeable(&alone);
    let signalled = server.send_nothing("Waiting/forSignal");
    wait_until_it_waits(server, &signalled, "signal");
    let course = server.send_nothing("Course/c/run");
    wait_until_it_waits(server, &course, "promise");
    let delayed = format!("/restate/send/Waiting/echo?delay={DUE_MS}ms");
    let delayed = server.ingress().post(&delayed, "\"later\"").expect(202).json();
    let delayed = text(&delayed["invocationId"]);
    let sleeper = server.send("Waiting/forTime", &json!(DUE_MS));
    wait_until_it_waits(server, &sleeper, "sleep");
    for id in [&delayed, &sleeper] {
        assert_eq!(server.output(id).status, 470, "the timers were due before the folder was ready");
    }
    json!({
        "awakeables": [[held_for, "second"], [awaited, "awake"]],
        "signalled": signalled,
        "waiting": [
            [holder, ["first", "second"]],
            [queued, ["first", "second", "third"]],
            [caller, ["first", "second", "third", "fourth"]],
            [alone, "awake"],
            [signalled, "gone"],
            [course, "decided"],
        ],
        "due": [[delayed, "later"], [sleeper, "before and after"]],
        "basket": ["first", "second", "third", "fourth"],
        "large_bytes": large().len(),
    })
}

/// Has what waits get what it waits for. What is due needs nobody.
fn finish(server: &Server, expected: &Value) {
    for (id, _) in pairs(&expected["waiting"]) {
        assert_eq!(server.output(&id).status, 470, "{id} waits");
    }
    for (awakeable, value) in pairs(&expected["awakeables"]) {
        server.resolve(&awakeable, &value);
    }
    server.signal(&text(&expected["signalled"]), "go", &json!("gone")).expect(202);
    server.call("Course/c/decide", &json!("decided")).expect(200);
}

/// Everything has come to its end, is known, and new work is done.
fn check(server: &Server, expected: &Value) {
    for (id, answer) in [pairs(&expected["waiting"]), pairs(&expected["due"])].concat() {
        assert_eq!(server.attach(&id).expect(200).json(), answer, "{id}");
    }
    assert_eq!(ask_once(server, "again").expect(200).json(), "once");
    // The first archives have none.
    if expected["large_bytes"] == large().len() {
        assert_eq!(ask_once_large(server, "again").expect(200).json(), json!(large()));
    }
    assert_eq!(server.ask("Basket/b/look"), expected["basket"]);
    assert_eq!(server.call("Waiting/forTime", &json!(1)).expect(200).json(), "before and after");
    server.call("Basket/another/append", &json!("new")).expect(200);
}

/// Makes a request that is the same one whatever it says, by its idempotency key.
fn ask_once(server: &Server, said: &str) -> Reply {
    echo_once(server, "the only one", said)
}

/// As [`ask_once`], another one, with a value that is kept apart.
fn ask_once_large(server: &Server, said: &str) -> Reply {
    echo_once(server, "the large one", said)
}

fn large() -> String {
    "large ".repeat(10_000)
}

fn echo_once(server: &Server, key: &str, said: &str) -> Reply {
    let request = server.ingress().request("POST", "/restate/call/Waiting/echo");
    request.header("idempotency-key", key).json(&json!(said).to_string()).send()
}

fn wait_until_it_waits(server: &Server, id: &str, kind: &str) {
    server.invocation_when(id, kind, |it| !of_kind(it, kind).is_empty());
}

/// Returns texts with what belongs to each.
fn pairs(listed: &Value) -> Vec<(String, Value)> {
    let listed = listed.as_array().expect("a list of pairs");
    listed.iter().map(|pair| (text(&pair[0]), pair[1].clone())).collect()
}

fn pack(server: &Server, expected: &Value, archive: &Path) {
    let packed = server.home().join("packed");
    std::fs::create_dir(&packed).expect("a folder can be made");
    std::fs::write(packed.join(EXPECTED), format!("{expected:#}\n")).expect("a file can be written");
    // The log has room for what comes, all zeros: as holes they are not in the archive.
    let mut copy = Command::new("cp");
    run(copy.args(["--recursive", "--sparse=always"]).arg(server.data()).arg(packed.join(DATA)));
    // Compiled components are of one machine and one server, and are made again.
    let mut tar = Command::new("tar");
    tar.args(["--create", "--sparse", "--use-compress-program=gzip -9", "--exclude=data/artifacts"]);
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--file"]).arg(archive);
    run(tar.arg("--directory").arg(&packed).args([DATA, EXPECTED]));
}

fn unpack(archive: &Path, home: &Path) -> Value {
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--gzip", "--no-same-owner", "--file"]).arg(archive);
    run(tar.arg("--directory").arg(home));
    let expected = std::fs::read(home.join(EXPECTED)).expect("it is in the archive");
    serde_json::from_slice(&expected).expect("it is JSON")
}

fn run(command: &mut Command) {
    let output = command.output().expect("the command is installed");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
