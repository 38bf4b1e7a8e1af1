//! `abide new` and `abide dev`: from nothing to live code, and to other live code after a file is saved.

use abide_e2e::{Server, Setup, binary, cli, guests, within};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// A crate is built with all it depends on, on a machine that is busy.
const BUILD: Duration = Duration::from_secs(400);

#[track_caller]
fn make(folder: &Path, template: &str) -> Value {
    let path = folder.display().to_string();
    let made = cli::abide(&["new", &path, "--template", template, "--json"]).expect(0).json();
    // The tests run the program of this checkout, so its SDK is taken.
    let sdk = made["sdk"]["path"].as_str().expect("a path");
    assert!(Path::new(sdk).starts_with(binary::workspace()), "{made}");
    made
}

#[test]
fn every_template_builds_and_deploys_at_once() {
    let server = Server::start();
    let home = server.home().to_path_buf();
    for (name, template, call) in [
        ("tea-shop", "service", &["TeaShop/place", r#"{"customer":"Ann","items":["tea"]}"#][..]),
        ("tally", "object", &["Tally/a/add", "3"]),
        ("leave_request", "workflow", &["LeaveRequest/a/status"]),
    ] {
        let folder = home.join(name);
        make(&folder, template);
        server.abide(&["deploy", &folder.display().to_string()]).expect(0);
        let answer = server.abide(&[&["call"], call].concat()).expect(0).stdout;
        let expected = match template {
            "service" => "receipt for Ann, payment ",
            "object" => "3",
            _ => "null",
        };
        assert!(answer.contains(expected), "{template}: {answer}");
    }
    let again = cli::abide(&["new", &home.join("tally").display().to_string()]).expect(1).stderr;
    assert!(again.contains("is there already"), "{again}");
    let bad = cli::abide(&["new", &home.join("1st").display().to_string()]).expect(2).stderr;
    assert!(bad.contains("begins with no letter") && bad.contains("hint:"), "{bad}");
}

#[test]
fn a_saved_file_is_live_and_a_broken_one_is_not() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let folder = home.path().join("tally");
    make(&folder, "object");
    let target_dir = guests::target_dir().display().to_string();
    let server = Setup::new().developing(&folder).env("CARGO_TARGET_DIR", &target_dir).start();
    let add = |key: &str, expected: &Value| {
        let path = format!("/Tally/{key}/add");
        let look = || {
            let reply = server.ingress().post(&path, "1");
            (reply.status == 200 && reply.json() == *expected).then_some(())
        };
        within(BUILD, &format!("{path} answers {expected}\n{}", server.log()), look);
    };
    add("a", &json!(1));
    // The next version has what the command was started with, and nothing else.
    server.abide(&["deployments", "env", &server.offered_by("Tally"), "UNIT=g"]).expect(0);

    let file = folder.join("src/lib.rs");
    let code = std::fs::read_to_string(&file).expect("it was made");
    let changed = code.replace("+ n;", "+ n + 1000;");
    assert_ne!(code, changed);
    std::fs::write(&file, &changed).expect("the file can be written");
    within(BUILD, "the new code is live", || {
        let reply = server.ingress().post("/Tally/b/get", "");
        let count = server.ingress().post("/Tally/b/add", "0").json();
        (reply.status < 500 && count.as_i64()? >= 1000).then_some(())
    });
    within(BUILD, "what it does not have any more is named", || {
        let log = server.log();
        (log.contains("not carried over from the version before: variables UNIT")
            && log.contains("abide dev with --env UNIT=…"))
        .then_some(())
    });

    std::fs::write(&file, changed.replace("Ok(count)", "Ok(no_such_thing)"))
        .expect("the file can be written");
    within(BUILD, "the mistake is shown", || server.log().contains("no_such_thing").then_some(()));
    within(BUILD, "and what follows", || {
        server.log().contains("the code of before stays live").then_some(())
    });
    add("c", &json!(1001));

    std::fs::write(&file, code.replace("+ n;", "+ n + 5;")).expect("the file can be written");
    within(BUILD, "the repaired code is live", || {
        let key = format!("/Tally/d-{}/add", server.log().len());
        (server.ingress().post(&key, "0").json() == json!(5)).then_some(())
    });
    assert!(server.stop().success());
}
