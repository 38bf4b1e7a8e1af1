//! `abide backup` while the server works, and `abide restore` elsewhere after the server was killed.

use abide_e2e::api::text;
use abide_e2e::cli::abide;
use abide_e2e::{Client, Counter, Guest, Server, Setup, eventually, guests};
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

const KEYS: usize = 5;

/// What was acknowledged, so far.
#[derive(Default)]
struct Acknowledged {
    sent: Mutex<Vec<String>>,
    added: Mutex<[i64; KEYS]>,
}

/// Sends handlers with effects and with large inputs, and adds to registers, until it is told to stop.
fn run_client(client: Client, counter: &Counter, acknowledged: &Acknowledged, is_over: &AtomicBool) {
    let large = json!("x".repeat(100_000)).to_string();
    let steps = json!({ "n": 3, "url": counter.url("/steps") }).to_string();
    for n in 0.. {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let input = if n % 8 == 0 { ("echo", &large) } else { ("steps", &steps) };
        let send = client.request("POST", &format!("/restate/send/Probe/{}", input.0)).json(input.1);
        let key = n % KEYS;
        let add = client.request("POST", &format!("/restate/call/Register/k{key}/add")).json("1");
        let (Ok(sent), Ok(added)) = (send.try_send(), add.try_send()) else { return };
        acknowledged.sent.lock().expect("no panics").push(text(&sent.expect(202).json()["invocationId"]));
        added.expect(200);
        acknowledged.added.lock().expect("no panics")[key] += 1;
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("it is UTF-8")
}

fn query(server: &Server, query: &str) -> Vec<Value> {
    let answer = server.admin().post("/query", &json!({ "query": query }).to_string()).expect(200).json();
    answer["rows"].as_array().expect("rows").clone()
}

/// Starts a server on what a backup became.
fn restored(dir: &Path, data: &Path) -> Server {
    abide(&["restore", path(dir), "--data", path(data)]).expect(0);
    std::fs::create_dir(data.join("artifacts")).expect("what can be made again is in no backup");
    guests::put_artifacts(data);
    Setup::new().data(data).start()
}

#[test]
fn a_backup_under_load_has_all_that_was_acknowledged_before() {
    let (server, counter) = (Server::start(), Counter::start());
    server.deploy(Guest::Probe);
    server.deploy(Guest::Abilities);
    let (acknowledged, is_over) = (Acknowledged::default(), AtomicBool::new(false));
    let dir = server.home().join("backup");
    let (client, home) = (server.ingress(), tempfile::tempdir().expect("a folder"));
    let (sent, added) = std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| run_client(client, &counter, &acknowledged, &is_over));
        }
        let count = || acknowledged.sent.lock().expect("no panics").len();
        eventually("the load is on", || (count() > 60).then_some(()));
        let before = (
            acknowledged.sent.lock().expect("no panics").clone(),
            *acknowledged.added.lock().expect("no panics"),
        );
        let said = server.abide(&["backup", path(&dir), "--json"]).expect(0).json();
        assert!(said["backup"]["blobs"].as_u64() > Some(0), "{said:#}");
        let at_backup = count();
        eventually("the load went on", || (count() > at_backup + 20).then_some(()));
        server.kill();
        is_over.store(true, Ordering::Relaxed);
        before
    });
    assert!(server.log().contains("/backup"), "it is in the audit trail");
    let copy = restored(&dir, &home.path().join("restored"));
    for id in &sent {
        copy.attach(id).expect(200);
    }
    eventually("everything has ended", || {
        let live = copy.admin().get("/invocations?status=running,suspended,pending,backing-off").json();
        (live["invocations"] == json!([])).then_some(())
    });
    for (key, added) in added.into_iter().enumerate() {
        let read = copy.ingress().request("POST", &format!("/restate/call/Register/k{key}/read"));
        let value = read.send().expect(200).json();
        let done = query(
            &copy,
            &format!(
                "SELECT count(*) AS n FROM sys_invocation WHERE target_service_name = 'Register' \
             AND target_service_key = 'k{key}' AND target_handler_name = 'add' AND status = 'completed'"
            ),
        );
        assert_eq!(value, done[0]["n"], "the state of k{key} is what its calls made of it");
        assert!(value.as_i64() >= Some(added), "{value} of k{key}, {added} were acknowledged");
    }
    assert!(copy.data().join("audit.log").is_file());
}

#[test]
fn a_backup_is_examined_before_it_is_restored() {
    let server = Server::with(Guest::Probe);
    server.call("Probe/echo", &json!("x".repeat(50_000))).expect(200);
    let dir = server.home().join("backup");
    let (backup, data) = (path(&dir), server.home().join("new"));
    // Whatever went wrong before it began can be repaired, and then the same command works.
    abide(&["backup", backup, "--admin-url", "http://127.0.0.1:1"]).expect(4);
    server.abide(&["backup", backup]).expect(0);
    assert!(server.abide(&["backup", backup]).expect(1).stderr.contains("is not empty"));
    let whole = abide(&["restore", backup, "--check"]).expect(0);
    assert!(whole.stdout.contains("the backup is whole"), "{}", whole.stdout);
    let over = abide(&["restore", backup, "--data", path(server.data())]).expect(1);
    assert!(over.stderr.contains("is not empty"), "{}", over.stderr);
    let component = files(&dir.join("files/components")).pop().expect("a component");
    let mut bytes = std::fs::read(&component).expect("it is there");
    bytes[1000] ^= 4;
    std::fs::write(&component, bytes).expect("it can be written");
    std::fs::remove_file(files(&dir.join("blobs")).pop().expect("a large value")).expect("it can go");
    for arguments in [&["restore", backup, "--check"][..], &["restore", backup, "--data", path(&data)]] {
        let said = abide(arguments).expect(1).stderr;
        assert!(
            said.contains(component.file_name().and_then(|name| name.to_str()).expect("a name")),
            "{said}"
        );
        assert!(said.contains("blobs/") && said.contains("it is not there"), "{said}");
    }
    assert!(!data.exists(), "nothing was restored");
}

fn files(dir: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path()).collect()
}

#[test]
fn a_server_that_is_killed_during_a_backup_leaves_none() {
    let mut server = Server::with(Guest::Probe);
    let large = json!("x".repeat(500_000));
    (0..40).for_each(|_| _ = server.call("Probe/echo", &large).expect(200));
    let mut stream = server.admin().request("POST", "/backup").start().expect("it can be asked for");
    let mut begun = [0; 12];
    stream.read_exact(&mut begun).expect("it begins");
    assert_eq!(&begun, b"HTTP/1.1 200");
    let second = server.admin().request("POST", "/backup").send().expect(409).json();
    assert_eq!(second["code"], "backup_not_begun", "{second}");
    server.restart();
    drop(stream);
    // What the backup held is no burden for the next start, nor for the next backup.
    let dir = server.home().join("backup");
    server.abide(&["backup", path(&dir)]).expect(0);
    let copy = restored(&dir, &server.home().join("restored"));
    assert_eq!(copy.call("Probe/echo", &json!(1)).expect(200).json(), json!(1));
}
