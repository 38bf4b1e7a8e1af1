//! The `abide` command: what it prints, for people and for programs, and how it exits.

use abide_e2e::api::text;
use abide_e2e::{Guest, Server, Setup, binary, cli, guests, within};
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn a_crate_is_built_and_deployed_and_called() {
    let server = Server::start();
    let deployed = server.abide(&["deploy", "examples/greeter"]).expect(0);
    assert!(deployed.stdout.contains("Greeter"), "{}", deployed.stdout);
    let called = server.abide(&["call", "Greeter/greet", "\"Ann\""]).expect(0);
    assert_eq!(called.stdout.trim_end(), "\"Hello Ann!\"");
    // As the README of the greeter says it.
    let by_curl = server.ingress().post("/Greeter/greet", "\"Ann\"").expect(200);
    assert_eq!(by_curl.text(), "\"Hello Ann!\"");
}

#[test]
fn a_file_is_deployed_with_its_settings() {
    let server = Server::start();
    let path = Guest::Probe.path().display().to_string();
    let args = ["deploy", &path, "--env", "A=1", "--allow-host", "x.test", "--json"];
    let deployed = server.abide(&args).expect(0).json();
    let id = text(&deployed["id"]);
    assert_eq!(deployed["settings"], json!({ "env": { "A": "1" }, "allowed_hosts": ["x.test"] }));

    let listed = server.abide(&["deployments", "list", "--json"]).expect(0).json();
    assert_eq!(listed["deployments"][0]["id"], json!(id), "{listed}");
    assert_eq!(listed["deployments"].as_array().map(Vec::len), Some(1));
    let table = server.abide(&["deployments", "list"]).expect(0).stdout;
    assert!(table.contains(&id) && table.contains("Probe"), "{table}");
    let described = server.abide(&["deployments", "describe", &id]).expect(0).stdout;
    assert!(described.contains("Probe"), "{described}");

    server.abide(&["deployments", "env", &id, "B=2", "A-"]).expect(0);
    let env = server.abide(&["call", "Probe/env", "{}"]).expect(0).json();
    assert_eq!(env, json!({ "B": "2" }));
    server.abide(&["deployments", "allow-host", &id, "y.test"]).expect(0);
    let described = server.abide(&["deployments", "describe", &id, "--json"]).expect(0).json();
    assert!(described["settings"]["allowed_hosts"].to_string().contains("y.test"), "{described}");
}

#[test]
fn services_and_invocations_are_listed_and_described() {
    let server = Server::with(Guest::Probe);
    let table = server.abide(&["services", "list"]).expect(0).stdout;
    assert!(table.contains("Probe") && table.contains("Hidden"), "{table}");
    let described = server.abide(&["services", "describe", "Probe"]).expect(0).stdout;
    assert!(described.contains("says hello") && described.contains("untilFixed"), "{described}");
    let services = server.abide(&["services", "list", "--json"]).expect(0).json();
    assert_eq!(services["services"].as_array().map(Vec::len), Some(2), "{services}");

    let done = server.send("Probe/steps", &json!({ "n": 2 }));
    server.attach(&done).expect(200);
    let failing = server.send("Probe/pauseAfter2", &json!({}));
    server.wait_for_status(&failing, "paused");
    let listed = server.abide(&["invocations", "list"]).expect(0).stdout;
    assert!(listed.contains(&done) && listed.contains(&failing) && listed.contains("paused"), "{listed}");
    let paused = server.abide(&["invocations", "list", "--status", "paused", "--json"]).expect(0).json();
    let ids: Vec<&Value> =
        paused["invocations"].as_array().expect("a list").iter().map(|it| &it["id"]).collect();
    assert_eq!(ids, [&json!(failing)]);
    let tree = server.abide(&["invocations", "describe", &done]).expect(0).stdout;
    assert!(tree.contains("step-0") && tree.contains("step-1"), "{tree}");
    let why = server.abide(&["invocations", "describe", &failing]).expect(0).stdout;
    assert!(why.contains("fails then paused"), "{why}");
    server.abide(&["invocations", "resume", &failing]).expect(0);
}

#[test]
fn calls_pass_on_what_the_handler_said() {
    let server = Server::with(Guest::Probe);
    let shown = server.abide(&["call", "Probe/hello", r#"{"name":"Ann"}"#, "-i"]).expect(0).stdout;
    assert!(
        shown.contains("200") && shown.contains("x-restate-id: inv_") && shown.contains("\"Hello Ann\""),
        "{shown}"
    );
    let failed = server.abide(&["call", "Probe/terminal", r#"{"message":"no","code":418}"#]).expect(1);
    assert!(failed.stderr.contains("[418] no") && failed.stderr.contains("inv_"), "{}", failed.stderr);
    let sent = server.abide(&["call", "Probe/echo", "1", "--send"]).expect(0);
    let id = text(&sent.json()["invocationId"]);
    assert!(sent.stderr.contains(&id), "{}", sent.stderr);
    assert_eq!(server.attach(&id).expect(200).text(), "1");
    let later = server.abide(&["call", "Probe/echo", "1", "--delay", "1h"]).expect(0).json();
    assert!(later["executionTime"].is_string(), "{later}");
}

#[test]
fn exit_codes_tell_kinds_of_errors() {
    let server = Server::with(Guest::Probe);
    let cases: &[(&[&str], i32, &str)] = &[
        (&["call", "Nope/hello", "1"], 3, "'Nope' not found"),
        (&["call", "Probe/hello", "{}"], 1, "[400]"),
        (&["deployments", "describe", "dp_nope"], 1, "\"abide deployments list\""),
        (&["services", "describe", "Nope"], 3, "Nope"),
        (&["invocations", "describe", "inv_1000000000070000000000000000000005"], 3, "does not exist"),
        (&["deploy", "/nowhere/at/all"], 1, "/nowhere/at/all"),
        (&["deploy", "tests"], 1, "Cargo.toml"),
        (&["deploy", "Cargo.toml"], 1, "not WebAssembly"),
        (&["invocations", "list", "--status", "sleepy"], 2, "sleepy"),
        (&["frobnicate"], 2, "frobnicate"),
        (&["up", "--admin", "0.0.0.0:0", "--ingress", "127.0.0.1:0"], 2, "--admin-token"),
    ];
    for (args, code, words) in cases {
        let ran = server.abide(args);
        assert!(ran.stderr.contains(words), "{args:?}: {} {}", ran.stdout, ran.stderr);
        assert!(ran.stdout.is_empty(), "{args:?}: errors are not data: {}", ran.stdout);
        assert!(!ran.stderr.contains("GET /"), "{args:?}: {}", ran.stderr);
        assert_eq!(ran.code, *code, "{args:?}: {}", ran.stderr);
    }
    server.stop();
    let unreachable = server.abide(&["services", "list"]).expect(4).stderr;
    assert!(unreachable.contains(&server.admin().addr.to_string()), "{unreachable}");
}

#[test]
fn what_cannot_be_printed_is_a_failure_unless_its_reader_went_away() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a device of Linux");
    let failed = cli::abide_into(&["completions", "bash"], full).expect(1);
    assert!(failed.stderr.contains("cannot write to standard output"), "{}", failed.stderr);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    assert_eq!(cli::abide_into(&["completions", "bash"], writer).expect(0).stderr, "");
}

#[test]
fn without_arguments_it_says_what_there_is() {
    let help = cli::abide(&["--help"]).expect(0).stdout;
    for command in ["up", "deploy", "call", "deployments", "services", "invocations", "doctor"] {
        assert!(help.contains(command), "{help}");
    }
    assert!(cli::abide(&["--version"]).expect(0).stdout.starts_with("abide "));
    cli::abide(&[]).expect(2);
}

/// The README's first command, after the build.
#[test]
fn the_server_deploys_the_tour_at_its_start() {
    let tour = binary::workspace().join("examples/tour").display().to_string();
    let target_dir = guests::target_dir().display().to_string();
    let server = Setup::new().args(&["--deploy", &tour]).env("CARGO_TARGET_DIR", &target_dir).start();
    within(Duration::from_secs(100), "the tour is built and deployed", || {
        let services = server.ingress().get("/restate/health").json();
        services["services"].as_array()?.contains(&json!("SubscriptionService")).then_some(())
    });
    let input =
        r#"{"userId": "user-123", "creditCard": "4111111111111111", "subscriptions": ["Hulu", "Prime"]}"#;
    server.ingress().post("/SubscriptionService/add", input).expect(200);
    server.wait_for_log(">>> Created subscription Prime for user user-123");
}

#[test]
fn the_admin_port_asks_for_its_token() {
    let server = Setup::new().args(&["--admin-token", "secret"]).start();
    let refused = server.admin().get("/deployments").expect(401);
    assert_eq!(refused.json()["code"], "unauthorized");
    let wrong = server.admin().request("GET", "/deployments").header("authorization", "Bearer other").send();
    assert_eq!(wrong.status, 401);
    server.admin().request("GET", "/deployments").header("authorization", "Bearer secret").send().expect(200);
    server.abide(&["services", "list"]).expect(1);
    server.abide(&["services", "list", "--admin-token", "secret"]).expect(0);
    let upload = server.upload(&Guest::Bench.bytes(), &[]).expect(401);
    assert!(!upload.text().contains("secret"));
}
