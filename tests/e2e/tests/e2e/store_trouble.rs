//! When the data folder is not as it should be, the server says so and loses nothing.

use abide_e2e::poll::within;
use abide_e2e::{Guest, Server, Setup, cli};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn refusal_of(data: &Path) -> String {
    let (status, log) = Setup::new().data(data).try_start().err().expect("the data folder cannot be used");
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains(&data.display().to_string()), "it names the folder: {log}");
    log
}

#[test]
fn a_data_folder_has_one_server_at_a_time() {
    let server = Server::with(Guest::Probe);
    let log = refusal_of(server.data());
    assert!(log.contains("in use by process"), "{log}");
    server.call("Probe/hello", &json!({ "name": "undisturbed" })).expect(200);
    server.stop();
    let next = Setup::new().data(server.data()).start();
    next.call("Probe/hello", &json!({ "name": "next" })).expect(200);
}

#[test]
fn a_folder_of_something_else_is_refused() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    fs::write(folder.path().join("thesis.txt"), "do not touch").expect("it can be written");
    let log = refusal_of(folder.path());
    assert!(log.contains("not a data folder") && log.contains("thesis.txt"), "{log}");
    assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1);
}

#[test]
fn a_newer_format_is_refused() {
    let server = Server::start();
    server.stop();
    let format = server.data().join("FORMAT");
    let text = fs::read_to_string(&format).expect("the folder says its format");
    let newer: String = text.chars().map(|char| if char.is_ascii_digit() { '9' } else { char }).collect();
    fs::write(&format, newer).expect("it can be written");
    let log = refusal_of(server.data());
    assert!(log.contains("newer"), "{log}");
}

#[test]
fn a_port_that_is_taken_is_named_and_the_data_is_not_touched() {
    let server = Server::start();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let data = folder.path().join("data");
    let address = server.ingress().addr.to_string();
    let ran = cli::abide(&[
        "up",
        "--ingress",
        &address,
        "--admin",
        "127.0.0.1:0",
        "--data",
        &data.display().to_string(),
    ]);
    let said = ran.expect(1).stderr;
    assert!(said.contains("cannot listen") && said.contains(&address), "{said}");
    assert!(!data.exists());
}

/// A small file system, gone when it is dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// None where this process may not mount one.
    fn mount(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().ok()?;
        let size = format!("size={megabytes}m");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

/// Fills the disk until not a byte more fits.
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = fs::File::create(path).expect("there is room for a name");
    for size in [1 << 20, 4096, 1] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
}

#[test]
fn a_full_disk_is_told_and_nothing_is_lost_once_there_is_room_again() {
    // Small payloads are written beside their keys, large ones to files of their own.
    for payload_bytes in [10, 256 << 10] {
        let Some(disk) = SmallDisk::mount(400) else {
            println!("skipped: only root can mount a small disk");
            return;
        };
        on_a_full_disk(&disk, &json!("x".repeat(payload_bytes)).to_string());
    }
}

fn on_a_full_disk(disk: &SmallDisk, payload: &str) {
    let data = disk.path().join("data");
    let server = Setup::new().data(&data).start();
    server.deploy(Guest::Probe);
    let before: Vec<_> = (0..20).map(|n| server.send("Probe/echo", &json!({ "before": n }))).collect();
    let ballast = disk.path().join("ballast");
    fill(&ballast);
    let mut late = Vec::new();
    let refused = within(Duration::from_secs(60), "a refusal", || {
        let request = server.ingress().request("POST", "/restate/send/Probe/echo").json(payload);
        let reply = request.try_send().ok()?;
        if reply.status == 202 {
            late.push(abide_e2e::api::text(&reply.json()["invocationId"]));
        }
        (reply.status != 202).then_some(reply)
    });
    assert_eq!(refused.status, 503, "{}", refused.text());
    let said = refused.text();
    // What was on its way when the disk failed may be there: it is not told to come again.
    assert_eq!(refused.header("retry-after").is_some(), !said.contains("may have been accepted"), "{said}");
    assert!(said.contains("disk") || said.contains("space"), "{said}");
    println!("{} accepted on the full disk, then: {said}", late.len());

    fs::remove_file(&ballast).expect("it can be removed");
    let server = back(server, &data);
    for (n, id) in before.iter().enumerate() {
        assert_eq!(server.attach(id).expect(200).json(), json!({ "before": n }));
    }
    for id in &late {
        assert_eq!(server.attach(id).expect(200).text(), payload);
    }
    server.call("Probe/hello", &json!({ "name": "again" })).expect(200);
}

/// Waits until the server takes work again, by itself or, when it has stopped, after a new start.
fn back(mut server: Server, data: &Path) -> Server {
    within(Duration::from_secs(60), "the server recovers, or stops", || {
        if server.process().try_wait().is_some() {
            return Some(());
        }
        let health = server.admin().request("GET", "/health").try_send();
        health.is_ok_and(|reply| reply.status == 200).then_some(())
    });
    if server.process().try_wait().is_some() {
        println!("the server stopped:\n{}", server.log());
        server.restart();
    }
    assert!(data.exists());
    server
}

#[test]
fn doctor_finds_nothing_wrong_with_a_killed_servers_data() {
    let server = Server::with(Guest::Probe);
    let ids: Vec<_> = (0..30).map(|n| server.send("Probe/echo", &json!(n))).collect();
    ids.iter().for_each(|id| {
        server.attach(id).expect(200);
    });
    let data = server.data().display().to_string();
    let running = cli::abide(&["doctor", &data]);
    assert_ne!(running.code, 0, "the server must not run on it: {}", running.stdout);
    server.kill();
    let sound = cli::abide(&["doctor", &data]).expect(0);
    assert!(!sound.stdout.is_empty());
    let nowhere = cli::abide(&["doctor", "/nowhere/at/all"]);
    assert_ne!(nowhere.code, 0);
    let says = &nowhere.stderr;
    assert!(says.contains("/nowhere/at/all") && says.contains("it is not there"), "{says}");
}
