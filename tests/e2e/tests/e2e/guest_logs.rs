//! What guests log is kept with the invocation: in order, once, over restarts, until the journal goes.

use abide_e2e::api::text;
use abide_e2e::script::{sleep, step};
use abide_e2e::{Guest, Server, eventually};
use serde_json::{Value, json};

impl LogsOf for Server {
    fn lines(&self, id: &str) -> Vec<Value> {
        let logs = self.admin().get(&format!("/invocations/{id}/logs")).expect(200).json();
        logs["lines"].as_array().expect("a list of lines").clone()
    }
}

trait LogsOf {
    fn lines(&self, id: &str) -> Vec<Value>;
}

/// Returns level, source and text of lines, as far as the text is the guest's own.
fn shown(lines: &[Value]) -> Vec<(String, String, String)> {
    let all = lines.iter().map(|line| (text(&line["level"]), text(&line["source"]), text(&line["message"])));
    all.collect()
}

/// Checks that a text is in exactly one line, of this source and attempt, and returns its place.
#[track_caller]
fn only(lines: &[Value], source: &str, wanted: &str) -> u64 {
    let found: Vec<_> = lines.iter().filter(|line| text(&line["message"]).contains(wanted)).collect();
    assert_eq!(found.len(), 1, "{wanted}: {lines:#?}");
    assert_eq!(found[0]["source"], source, "{found:?}");
    found[0]["index"].as_u64().expect("a number")
}

#[test]
fn lines_of_every_kind_are_kept_once_over_a_restart_and_a_replay() {
    let mut server = Server::with(Guest::Probe);
    let id = server.send("Probe/logs", &json!({ "ms": 5_000 }));
    server.wait_for_status(&id, "suspended");
    let before = server.lines(&id);
    assert_eq!(before.len(), 4, "{before:#?}");
    // They are written a moment later; once that is on the disk, a kill does not take them away.
    let is_written = || (server.numbers().of("abide_guest_log_bytes", &[]) > 0.0).then_some(());
    eventually("the lines are written", is_written);
    // What is durable now came after it.
    server.send_nothing("Probe/nothing");
    server.restart();
    assert_eq!(server.lines(&id)[..4], before);
    server.attach(&id).expect(200);
    let lines = server.lines(&id);
    assert_eq!(lines.len(), 8, "{lines:#?}");
    let sources = [("tracing", "log"), ("log", "log"), ("stdout", "stdout"), ("stderr", "stderr")];
    for (how, source) in sources {
        let (first, second) =
            (only(&lines, source, &format!("{how} before")), only(&lines, source, &format!("{how} after")));
        assert!(first < 4 && second >= 4, "{how}: {first} {second}");
    }
    let indexes: Vec<_> = lines.iter().map(|line| line["index"].as_u64().expect("a number")).collect();
    assert_eq!(indexes, (0..8).collect::<Vec<_>>());
    assert!(lines[..4].iter().all(|line| line["attempt"] == 1), "{lines:#?}");
    assert_eq!(lines[7]["attempt"], server.invocation(&id)["attempts"]);
    let logs = server.admin().get(&format!("/invocations/{id}/logs?from=3&limit=2")).expect(200).json();
    assert_eq!(logs["lines"], json!(lines[3..5]));
    assert_eq!((&logs["total"], &logs["dropped"]), (&json!(8), &json!(0)));
    let level =
        |message: &str| shown(&lines).into_iter().find(|line| line.2.contains(message)).map(|line| line.0);
    assert_eq!(
        (level("stdout before").as_deref(), level("stderr before").as_deref()),
        (Some("INFO"), Some("WARN"))
    );
}

#[test]
fn lines_go_with_the_journal() {
    let mut server = Server::with(Guest::Probe);
    let keep = server.send("Probe/logs", &json!({ "ms": 1 }));
    let purge = server.send("Probe/logs", &json!({ "ms": 1 }));
    for id in [&keep, &purge] {
        server.attach(id).expect(200);
        eventually("all lines", || (server.lines(id).len() == 8).then_some(()));
    }
    let kept = || server.numbers().of("abide_guest_log_bytes", &[]);
    eventually("both are written", || (kept() > 8.0 * 2.0 * 32.0).then_some(()));
    let both = kept();
    server.admin_verb("purge", &purge).expect(200);
    eventually("half of it is gone", || (kept() <= both * 0.6).then_some(()));
    server.admin().get(&format!("/invocations/{purge}/logs")).expect(404);
    assert_eq!(server.lines(&keep).len(), 8);
    server.restart();
    assert_eq!(server.lines(&keep).len(), 8);
    server.admin_verb("purge", &keep).expect(200);
    eventually("nothing is left", || {
        (server.numbers().of("abide_guest_log_bytes", &[]) == 0.0).then_some(())
    });
}

#[test]
fn a_failed_attempt_and_the_next_have_their_own_lines() {
    let server = Server::with(Guest::Abilities);
    let id = server.begin("Act/brittle", &[step("crash", json!({ "message": "over the cliff" }))]);
    server.wait_for_status(&id, "paused");
    let attempts: Vec<_> = server.lines(&id).iter().map(|line| line["attempt"].clone()).collect();
    assert!(attempts.windows(2).all(|pair| pair[0].as_u64() <= pair[1].as_u64()), "{attempts:?}");
    let quiet = server.begin("Act/script", &[sleep(1)]);
    server.attach(&quiet).expect(200);
    assert_eq!(server.lines(&quiet), [] as [Value; 0]);
    server.admin().get("/invocations/inv_nobody/logs").expect(400);
}

#[test]
fn who_follows_all_hears_each_line_once_and_the_command_shows_them() {
    let server = Server::with(Guest::Probe);
    let tail = |query: &str| server.admin().get(&format!("/logs?{query}")).expect(200).json();
    let start = tail("limit=1");
    let mut after = start["next_after"].as_u64().expect("a number");
    let id = server.send("Probe/logs", &json!({ "ms": 1 }));
    let mut heard = Vec::new();
    while heard.len() < 8 {
        let news = tail(&format!("after={after}&limit=3&wait_ms=20000&service=Probe"));
        assert_eq!(news["missed"], 0);
        heard.extend(news["lines"].as_array().expect("lines").clone());
        after = news["next_after"].as_u64().expect("a number");
    }
    assert!(heard.iter().all(|line| line["invocation_id"] == id.as_str()), "{heard:#?}");
    assert_eq!(shown(&heard), shown(&server.lines(&id)));
    assert_eq!(tail(&format!("after={after}"))["lines"], json!([]));
    assert_eq!(tail("service=Nobody")["lines"], json!([]));
    server.admin().get("/logs?after=x").expect(400);

    let said = server.abide(&["invocations", "logs", &id, "--follow"]).expect(0).stdout;
    assert_eq!(said.lines().count(), 8, "{said}");
    assert!(said.contains("stdout before") && said.contains("WARN"), "{said}");
    let said = server.abide(&["logs", "--service", "Probe", "-n", "3", "--json"]).expect(0).stdout;
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line["invocation_id"] == id.as_str()), "{said}");
    // Whose reader has gone away does not follow for ever.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    assert_eq!(server.abide_into(&["logs", "--follow", "-n", "3"], writer).expect(0).stderr, "");
}
