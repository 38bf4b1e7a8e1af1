//! The same for many: by ids and by filter, in parts, with a dry run, over HTTP and by the command.

use abide_e2e::script::{awakeable, say, wait_for};
use abide_e2e::{Guest, Server};
use serde_json::{Value, json};

const MANY: usize = 70;

/// Begins invocations that wait for an awakeable: so many of one service, and one of another.
fn begin(server: &Server) -> Vec<String> {
    let steps = [awakeable("a"), wait_for(0)];
    let others = server.begin("Caller/script", &steps);
    let mut ids: Vec<String> = (0..MANY).map(|_| server.begin("Act/script", &steps)).collect();
    ids.push(others);
    for id in &ids {
        server.invocation_when(id, "waits", |it| it["waiting_for"][0]["kind"] == "awakeable");
    }
    ids
}

#[track_caller]
fn bulk(server: &Server, action: &str, body: &Value) -> Value {
    let request = server.admin().request("POST", &format!("/invocations/bulk/{action}"));
    request.json(&body.to_string()).send().expect(200).json()
}

fn with_status(server: &Server, status: &str) -> usize {
    let path = format!("/invocations?status={status}&limit=1000");
    let listing = server.admin().get(&path).expect(200).json();
    listing["invocations"].as_array().expect("a listing").len()
}

#[test]
fn what_a_filter_means_is_done_in_parts_over_a_kill() {
    let mut server = Server::with(Guest::Abilities);
    let ids = begin(&server);
    let filter = json!({ "service": "Act" });
    let dry = bulk(&server, "pause", &json!({ "filter": filter, "dry_run": true }));
    assert_eq!((&dry["matched"], &dry["succeeded"]), (&json!(MANY), &json!([])));
    assert_eq!(with_status(&server, "paused"), 0, "a dry run does nothing");
    let mut wanted = json!({ "filter": filter, "limit": 30 });
    let mut paused = 0;
    loop {
        let part = bulk(&server, "pause", &wanted);
        assert_eq!(part["failed"], json!([]));
        paused += part["succeeded"].as_array().expect("a list").len();
        if part["is_truncated"] == false {
            break;
        }
        wanted["filter"]["before"] = part["next_before"].clone();
    }
    assert_eq!(paused, MANY);
    server.restart();
    assert_eq!(with_status(&server, "paused"), MANY, "what was acknowledged is durable");
    let killed = bulk(&server, "kill", &json!({ "invocation_ids": ids }));
    assert_eq!(killed["succeeded"].as_array().expect("a list").len(), MANY + 1);
    let again = bulk(&server, "kill", &json!({ "invocation_ids": ids[..2] }));
    assert_eq!(again["failed"][0]["code"], "completed", "{again:#}");
    let gone = bulk(&server, "purge", &json!({ "filter": { "status": "completed" } }));
    assert_eq!(gone["matched"], MANY + 1);
    assert_eq!(with_status(&server, "completed"), 0);
}

#[test]
fn the_command_takes_ids_or_a_filter() {
    let server = Server::with(Guest::Abilities);
    let done = server.begin("Act/script", &[say("x")]);
    server.attach(&done).expect(200);
    let ids = begin(&server);
    let restarted = server.abide(&["invocations", "restart", &done, "--json"]).expect(0).json();
    assert_eq!(restarted["restarted"], done.as_str());
    server.attach(restarted["new_invocation_id"].as_str().expect("an id")).expect(200);
    let pause = ["invocations", "pause", "--service", "Act"];
    let pause = |more: &[&str]| server.abide(&[&pause[..], more].concat());
    let refused = pause(&[]).expect(2);
    assert!(
        refused.stderr.contains("--yes") && refused.stderr.contains("nobody is there"),
        "{}",
        refused.stderr
    );
    let dry = pause(&["--dry-run"]).expect(0);
    assert!(dry.stdout.contains("would be paused"), "{}", dry.stdout);
    // Two of the service have ended, and are not meant unless somebody names their status; then they say so.
    let report = pause(&["--yes", "--json"]).expect(0).json();
    assert_eq!(report["succeeded"].as_array().expect("a list").len(), MANY, "{report:#}");
    assert_eq!(report["failed"], json!([]));
    let none = pause(&["--yes"]).expect(0);
    assert!(none.stderr.contains("no invocation that can be paused matches"), "{}", none.stderr);
    let ran = pause(&["--status", "completed", "--yes"]).expect(1);
    assert!(ran.stderr.contains("already completed") && ran.stderr.contains("hint:"), "{}", ran.stderr);
    let resumed = server.abide(&["inv", "resume", "--status", "paused", "--on", "latest", "--yes"]).expect(0);
    assert_eq!(resumed.stdout.lines().filter(|line| line.starts_with("resumed inv_")).count(), MANY);
    server.abide(&["invocations", "pause", &ids[0]]).expect(0);
    server.abide(&["invocations", "cancel", "--status", "paused", "--yes"]).expect(0);
    server.attach(&ids[0]).expect(409);
    server.abide(&["invocations", "kill", "--service", "Act", "--yes"]).expect(0);
    server.abide(&["invocations", "purge-journal", "--status", "completed", "-y"]).expect(0);
    assert_eq!(server.journal(&done)["is_purged"], true);
    server.abide(&["invocations", "purge", "--status", "completed", "-y"]).expect(0);
    assert_eq!(with_status(&server, "completed"), 0);
    for (args, code, says) in [
        (&["invocations", "kill"][..], 2, "which invocations?"),
        (&["invocations", "kill", "inv_x", "--service", "Act"], 2, "exclude each other"),
        (&["invocations", "restart", "--all", "--from", "1"], 2, "--from goes with the id"),
        (&["invocations", "pause", "inv_1000000000070000000000000000000005"], 3, "does not exist"),
    ] {
        let ran = server.abide(args).expect(code);
        assert!(ran.stderr.contains(says), "{args:?}: {}", ran.stderr);
    }
}
