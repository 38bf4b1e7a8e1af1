//! Uploads: what is wrong is named, and leaves nothing behind; what is right is kept.

use abide_e2e::api::text;
use abide_e2e::patch::rename;
use abide_e2e::rng::Rng;
use abide_e2e::{Counter, Guest, Reaction, Reply, Server, Setup, eventually};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The smallest core module there is.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";
/// The smallest component there is: it offers nothing.
const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

fn nothing_is_registered(server: &Server) {
    assert_eq!(server.admin().get("/deployments").expect(200).json(), json!({ "deployments": [] }));
    assert_eq!(server.admin().get("/services").expect(200).json(), json!({ "services": [] }));
    assert_eq!(server.ingress().get("/restate/health").expect(200).json(), json!({ "services": [] }));
}

#[track_caller]
fn assert_refused(server: &Server, component: &[u8], status: u16, code: &str, words: &[&str]) {
    let reply = server.upload(component, &[]).expect(status);
    let answer = reply.json();
    assert_eq!(answer["code"], code, "{answer:#}");
    let said = format!("{} {}", text(&answer["message"]), answer["hint"].as_str().unwrap_or_default());
    assert!(words.iter().all(|word| said.contains(word)), "it does not say {words:?}: {said}");
}

#[test]
fn what_is_no_component_is_refused_by_its_first_bytes() {
    let server = Server::start();
    assert_refused(&server, b"", 400, "not_a_component", &["0 bytes"]);
    assert_refused(&server, b"\0asm", 400, "not_a_component", &["4 bytes"]);
    assert_refused(&server, b"#!/bin/sh\necho hello\n", 400, "not_a_component", &["not WebAssembly"]);
    assert_refused(&server, CORE_MODULE, 400, "core_module", &["core WebAssembly module", "wasm32-wasip2"]);
    assert_refused(&server, b"\0asm\x7f\0\x01\0", 400, "not_a_component", &["version"]);
    nothing_is_registered(&server);
}

#[test]
fn a_component_that_is_cut_or_damaged_is_refused() {
    let server = Server::start();
    let whole = Guest::Bench.bytes();
    assert_refused(&server, &whole[..whole.len() / 2], 400, "invalid_component", &["not valid", "whole"]);
    let mut damaged = whole.clone();
    damaged[8..40].fill(0xff);
    assert_refused(&server, &damaged, 400, "invalid_component", &["not valid"]);
    nothing_is_registered(&server);
}

#[test]
fn a_component_of_another_world_is_refused() {
    let server = Server::start();
    assert_refused(&server, EMPTY_COMPONENT, 400, "missing_export", &["abide:runtime/guest@0.1.0"]);
    let bench = Guest::Bench.bytes();
    let without_guest = rename(&bench, "abide:runtime/guest@", "abide:runtime/other@");
    assert_refused(
        &server,
        &without_guest,
        400,
        "missing_export",
        &["does not export", "abide:runtime/guest@0.1.0"],
    );
    let unknown_import = rename(&bench, "abide:runtime/sleep@", "abide:runtime/dream@");
    assert_refused(&server, &unknown_import, 400, "unknown_import", &["abide:runtime/dream@0.1.0"]);
    nothing_is_registered(&server);
}

#[test]
fn interfaces_of_wasi_that_are_not_offered_are_refused_by_name() {
    let server = Server::start();
    for (guest, offered, unknown) in [
        (Guest::Misbehaving, "wasi:sockets/tcp@0.2.", "wasi:sockets/tls@0.2."),
        (Guest::Misbehaving, "wasi:filesystem/types@0.2.", "wasi:filesystem/types@0.3."),
        (Guest::Bench, "wasi:cli/environment@0.2.", "wasi:cli/environment@0.1."),
    ] {
        let component = rename(&guest.bytes(), offered, unknown);
        assert_refused(&server, &component, 400, "unknown_import", &[unknown, "not offered", "WASI 0.2"]);
    }
    nothing_is_registered(&server);
}

#[test]
fn another_version_of_the_interface_is_refused_with_advice() {
    let server = Server::start();
    let bench = Guest::Bench.bytes();
    let newer = rename_versions(&bench, "@0.1.0", "@0.2.0");
    assert_refused(&server, &newer, 400, "wrong_wit_version", &["@0.2.0", "0.1.0", "newer abide server"]);
    let older = rename_versions(&bench, "@0.1.0", "@0.0.9");
    assert_refused(&server, &older, 400, "wrong_wit_version", &["@0.0.9", "newer SDK"]);
    nothing_is_registered(&server);
}

fn rename_versions(component: &[u8], from: &str, to: &str) -> Vec<u8> {
    let interfaces = ["types", "events", "run", "sleep", "log", "io", "guest"];
    let used = |name: &&str| {
        let name = format!("abide:runtime/{name}{from}");
        component.windows(name.len()).any(|window| window == name.as_bytes())
    };
    interfaces.into_iter().filter(used).fold(component.to_vec(), |component, name| {
        rename(&component, &format!("abide:runtime/{name}{from}"), &format!("abide:runtime/{name}{to}"))
    })
}

#[test]
fn names_that_clash_or_are_reserved_are_refused() {
    let server = Server::start();
    let bench = Guest::Bench.bytes();
    let twice = rename(&bench, "Sleeper", "Greeter");
    assert_refused(&server, &twice, 409, "name_clash", &["two services", "'Greeter'"]);
    let reserved = rename(&bench, "Greeter", "restate");
    assert_refused(&server, &reserved, 400, "reserved_name", &["'restate'", "reserved"]);
    let unspeakable = rename(&bench, "Greeter", "Gre/ter");
    assert_refused(&server, &unspeakable, 400, "bad_name", &["Gre/ter"]);
    nothing_is_registered(&server);
}

#[test]
fn an_upload_has_a_content_type_a_size_and_known_settings() {
    let server = Server::start();
    let upload = |path: &str, content_type: &str, body: &[u8]| -> Reply {
        server.admin().request("POST", path).body(content_type, body).send()
    };
    let json = upload("/deployments", "application/json", b"{}").expect(415);
    assert_eq!(json.json()["code"], "upload_content_type");
    let unknown = upload("/deployments?colour=red", "application/wasm", b"").expect(400);
    assert!(unknown.text().contains("unknown parameter 'colour'"), "{}", unknown.text());
    let bad_env = upload("/deployments?env=A", "application/wasm", b"").expect(400);
    assert!(bad_env.text().contains("NAME=value"), "{}", bad_env.text());
    let large = upload("/deployments", "application/wasm", &vec![0; (64 << 20) + 1]).expect(413);
    assert_eq!((&large.json()["code"], large.text().contains("64 MiB")), (&json!("too_large"), true));
    let env = format!("/deployments?env=A={}", "x".repeat(60_000));
    let bench = Guest::Bench.bytes();
    upload(&env, "application/wasm", &bench).expect(201);
    let change = json!({ "env": { "B": "x".repeat(10_000) } }).to_string();
    let id = text(&server.admin().get("/deployments").json()["deployments"][0]["id"]);
    let refused =
        server.admin().request("PATCH", &format!("/deployments/{id}")).json(&change).send().expect(400);
    assert_eq!(refused.json()["code"], "settings_too_large");
}

#[test]
fn an_upload_that_breaks_off_leaves_nothing() {
    let server = Server::start();
    let whole = Guest::Bench.bytes();
    let head = format!(
        "POST /deployments HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/wasm\r\ncontent-length: {}\r\n\r\n",
        whole.len()
    );
    for sent in [0, 8, whole.len() / 2, whole.len() - 1] {
        let mut stream = server.admin().connect();
        stream.write_all(head.as_bytes()).expect("the connection is open");
        stream.write_all(&whole[..sent]).expect("the connection is open");
        stream.shutdown(Shutdown::Write).expect("the connection is open");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    nothing_is_registered(&server);
    server.deploy(Guest::Bench);
}

#[test]
fn the_same_bytes_are_the_same_deployment() {
    let mut server = Server::start();
    let bench = Guest::Bench.bytes();
    let first = server.upload(&bench, &[("env", "A=1")]).expect(201);
    let id = text(&first.json()["id"]);
    assert_eq!(first.header("location"), Some(format!("deployments/{id}").as_str()));
    let again = server.upload(&bench, &[]).expect(200);
    assert_eq!(without_check(&again), without_check(&first), "settings that are not given stay");
    let changed = server.upload(&bench, &[("env", "A=2")]).expect(200);
    assert_eq!(
        (&changed.json()["id"], &changed.json()["settings"]["env"]),
        (&json!(id), &json!({ "A": "2" }))
    );
    server.restart();
    let kept = server.admin().get(&format!("/deployments/{id}")).expect(200);
    assert_eq!(kept.json(), without_check(&changed));
    assert_eq!(server.upload(&bench, &[]).expect(200).json()["id"], json!(id));
    assert_eq!(server.admin().get("/deployments").json()["deployments"].as_array().map(Vec::len), Some(1));
}

/// What an upload was answered with, but for the report of its check, which takes its time.
fn without_check(reply: &Reply) -> Value {
    let mut answer = reply.json();
    answer.as_object_mut().expect("a deployment").remove("check").expect("an upload is checked");
    answer
}

#[test]
fn a_restart_does_not_compile_again() {
    let mut server = Setup::new().that_compiles().start();
    let start = Instant::now();
    server.deploy(Guest::Probe);
    let compiling = start.elapsed();
    let artifacts = |server: &Server| -> Vec<_> {
        let files = std::fs::read_dir(server.data().join("artifacts")).expect("the folder is there");
        let describe = |file: std::fs::DirEntry| {
            (file.path(), file.metadata().and_then(|it| it.modified()).expect("times"))
        };
        files.map(|file| describe(file.expect("readable"))).collect()
    };
    let before = artifacts(&server);
    assert_eq!(before.len(), 1);
    server.restart();
    assert_eq!(artifacts(&server), before);
    server.call("Probe/hello", &json!({ "name": "Ann" })).expect(200);
    assert!(!server.log().contains("compiling"), "nothing was compiled at the start");
    println!("compiling took {compiling:?}");

    // An artifact that is damaged or gone is made again from the component.
    std::fs::write(&before[0].0, b"damaged").expect("the file can be written");
    server.restart();
    server.call("Probe/hello", &json!({ "name": "Ann" })).expect(200);
    server.wait_for_log("compiling");
}

#[test]
fn compiling_is_done_by_a_process_of_its_own() {
    let server = Setup::new().that_compiles().start();
    let mut damaged = Guest::Bench.bytes();
    damaged[8..40].fill(0xff);
    assert_refused(&server, &damaged, 400, "invalid_component", &["not valid"]);
    let before = server.process().cpu_ms();
    server.deploy(Guest::Bench);
    let after = server.process().cpu_ms();
    let (server_ms, children_ms) = (after.own - before.own, after.of_children - before.of_children);
    assert!(children_ms > 2 * server_ms, "the server computed {server_ms} ms, its children {children_ms} ms");
    server.call("Greeter/greet", &json!("Ann")).expect(200);
}

#[test]
fn the_compiler_ends_when_it_takes_too_much() {
    let compile = |bytes_max: &str, seconds_max: &str| {
        let mut compiler = Command::new(abide_e2e::binary::abide())
            .args(["compile-component", "134217728", bytes_max, seconds_max])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be run");
        let _ = compiler.stdin.take().expect("it is piped").write_all(&Guest::Probe.bytes());
        compiler.wait_with_output().expect("it ends")
    };
    let whole = compile("4294967296", "600");
    assert!(whole.status.success() && !whole.stdout.is_empty(), "{}", String::from_utf8_lossy(&whole.stderr));
    let short_of_memory = compile("30000000", "600");
    let said = String::from_utf8_lossy(&short_of_memory.stderr);
    assert!(!short_of_memory.status.success() && said.contains("memory"), "{said}");
    let short_of_time = compile("4294967296", "1");
    assert_eq!(short_of_time.status.signal(), Some(Signal::XCPU.as_raw()), "{:?}", short_of_time.status);
    assert!(short_of_memory.stdout.is_empty() && short_of_time.stdout.is_empty());
}

#[test]
fn a_component_that_vanished_says_so_and_works_again_once_it_is_deployed() {
    let mut server = Server::with(Guest::Bench);
    server.kill();
    for folder in ["artifacts", "components"] {
        for file in std::fs::read_dir(server.data().join(folder)).expect("the folder is there") {
            std::fs::remove_file(file.expect("readable").path()).expect("it can be removed");
        }
    }
    server.restart();
    let id = server.send("Greeter/greet", &json!("Ann"));
    let failing = server.invocation_when(&id, "a failure", |it| it["last_failures"][0].is_object());
    assert!(abide_e2e::api::failures(&failing).contains("not loaded"), "{failing:#}");
    server.deploy(Guest::Bench);
    let resumed = server.admin().request("PATCH", &format!("/invocations/{id}/resume")).send();
    assert!([200, 409].contains(&resumed.status), "{}", resumed.text());
    assert_eq!(server.attach(&id).expect(200).text(), "\"Hello Ann!\"");
}

#[test]
fn a_damaged_component_says_so_and_the_same_upload_heals_it() {
    let mut server = Server::with(Guest::Bench);
    let remove_artifacts = |server: &Server| {
        server.kill();
        std::fs::remove_dir_all(server.data().join("artifacts")).expect("it can be removed");
    };
    remove_artifacts(&server);
    let folder = std::fs::read_dir(server.data().join("components")).expect("the folder is there");
    let path = folder.last().expect("there is a component").expect("readable").path();
    let mut damaged = Guest::Bench.bytes();
    damaged[1_000] ^= 1;
    std::fs::write(&path, damaged).expect("the file can be written");
    server.restart();
    server.wait_for_log("is damaged");
    server.deploy(Guest::Bench);
    assert_eq!(std::fs::read(&path).expect("readable"), Guest::Bench.bytes());
    // It is compiled from the file that was healed.
    remove_artifacts(&server);
    server.restart();
    server.call("Greeter/greet", &json!("Ann")).expect(200);
}

#[test]
fn what_runs_stays_with_its_deployment_while_a_new_one_comes() {
    let (server, counter) = (Server::with(Guest::Probe), Counter::start());
    counter.react(|hit| match hit.index {
        0 => Reaction::AnswerAfter(Duration::from_millis(1_500), hit.body.clone()),
        _ => Reaction::Answer(hit.body.clone()),
    });
    let id = server.send("Probe/steps", &json!({ "n": 3, "url": counter.url("/old") }));
    eventually("the first step hangs", || (counter.count() == 1).then_some(()));
    let old = text(&server.invocation(&id)["deployment_id"]);

    // The same services, other bytes.
    let next = rename(&Guest::Probe.bytes(), "says hello", "says hallo");
    let deployed = server.upload(&next, &[]).expect(201).json();
    assert_ne!(deployed["id"], json!(old));
    let service = server.admin().get("/services/Probe").expect(200).json();
    assert_eq!(
        (&service["revision"], &service["deployment_id"]),
        (&json!(2), &deployed["id"]),
        "{service:#}"
    );

    let newer = server.send("Probe/echo", &json!(1));
    server.attach(&newer).expect(200);
    assert_eq!(server.invocation(&newer)["deployment_id"], deployed["id"]);
    server.attach(&id).expect(200);
    assert_eq!(server.invocation(&id)["deployment_id"], json!(old));
}

#[test]
fn uploads_disturb_nothing_that_runs() {
    let server = Server::with(Guest::Probe);
    let ids: Vec<_> = (0..20).map(|n| server.send("Probe/steps", &json!({ "n": 5 + n % 3 }))).collect();
    server.deploy(Guest::Bench);
    assert_refused(&server, CORE_MODULE, 400, "core_module", &[]);
    for id in &ids {
        server.attach(id).expect(200);
    }
    let listing: Value = server.admin().get("/invocations?status=completed&limit=100").json();
    assert_eq!(listing["invocations"].as_array().map(Vec::len), Some(20));
}

#[test]
fn a_kill_during_an_upload_leaves_all_of_it_or_nothing() {
    let mut server = Setup::new().that_compiles().start();
    let mut rng = Rng::from_env();
    let bench = Guest::Bench.bytes();
    for _ in 0..6 {
        let process = server.process();
        let pause = rng.pause(Duration::from_millis(1_500));
        let upload = server.admin().request("POST", "/deployments").body("application/wasm", bench.clone());
        let uploading = std::thread::spawn(move || upload.try_send());
        std::thread::sleep(pause);
        process.kill();
        let answered = uploading.join().expect("no panics");
        server.restart();
        let deployments = server.admin().get("/deployments").expect(200).json();
        let count = deployments["deployments"].as_array().map(Vec::len);
        match answered {
            Ok(_) => assert_eq!(count, Some(1), "what was answered is there"),
            Err(_) => assert!(count <= Some(1), "{deployments}"),
        }
        if count == Some(1) {
            server.call("Greeter/greet", &json!("Ann")).expect(200);
        }
    }
    server.deploy(Guest::Bench);
    server.call("Greeter/greet", &json!("Ann")).expect(200);
}

#[test]
fn the_same_upload_from_many_clients_is_one_deployment() {
    let server = Server::start();
    let bench = Guest::Bench.bytes();
    let statuses: Vec<_> = std::thread::scope(|scope| {
        let uploads: Vec<_> = (0..6).map(|_| scope.spawn(|| server.upload(&bench, &[]).status)).collect();
        uploads.into_iter().map(|upload| upload.join().expect("no panics")).collect()
    });
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(201), count(200)), (1, 5), "{statuses:?}");
    let service = server.admin().get("/services/Greeter").expect(200).json();
    assert_eq!(service["revision"], 1);
}
