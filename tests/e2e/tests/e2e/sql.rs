//! SQL over what a server has stored: `POST /query` and `abide sql`.

use abide_e2e::script::{awakeable, say, send, set, wait_for, with};
use abide_e2e::{Guest, Server, cli, eventually, within};
use serde_json::{Value, json};
use std::time::Duration;

#[track_caller]
fn rows(server: &Server, query: &str) -> Vec<Value> {
    let body = json!({ "query": query }).to_string();
    let answer = server.admin().post("/query", &body).expect(200).json();
    answer["rows"].as_array().expect("rows").clone()
}

const TOUR: &str = r#"{"userId": "user-123", "creditCard": "4111111111111111", "subscriptions": ["Hulu", "Prime", "Netflix"]}"#;

#[test]
fn why_the_tour_is_stuck() {
    let mut server = Server::with(Guest::Tour);
    let sent = server.ingress().post("/SubscriptionService/add/send", TOUR).expect(202).json();
    let id = sent["invocationId"].as_str().expect("an id").to_owned();
    server.wait_for_status(&id, "backing-off");
    for subscription in ["Hulu", "Prime", "Disney"] {
        let body = json!(subscription).to_string();
        server.ingress().post("/UserSubscriptions/user-123/add", &body).expect(200);
    }
    server.restart();
    server.wait_for_status(&id, "backing-off");
    let failing = r#"SELECT i.id, i.target, i.last_failure, i.last_failure_related_command_name AS step, j.name, j.completed
        FROM sys_invocation i JOIN sys_journal j ON j.id = i.id
        WHERE i.status IN ('backing-off', 'paused', 'running') AND i.retry_count > 0
          AND j."index" = (SELECT max("index") FROM sys_journal WHERE id = i.id AND entry_type LIKE 'Command%')"#;
    let found = eventually("it has failed again", || {
        let found = rows(&server, failing);
        (found.len() == 1).then(|| found[0].clone())
    });
    assert_eq!((&found["id"], &found["target"]), (&json!(id), &json!("SubscriptionService/add")));
    assert_eq!((&found["step"], &found["name"]), (&json!("add-Netflix"), &json!("add-Netflix")));
    assert_eq!(found["completed"], false);
    assert!(found["last_failure"].as_str().expect("a failure").contains("Netflix"), "{found}");

    let steps = format!(
        r#"SELECT e.name, e.appended_at <= o.appended_at AS in_order, o.raw_utf8 IS NOT NULL AS has_value
           FROM sys_journal e JOIN sys_journal o ON o.id = e.id AND o.op = e.op AND o.entry_type = 'Notification: Run'
           WHERE e.id = '{id}' AND e.entry_type = 'Command: Run' ORDER BY e."index""#
    );
    let names: Vec<Value> = rows(&server, &steps).iter().map(|row| row["name"].clone()).collect();
    assert_eq!(names, ["pay", "add-Hulu", "add-Prime"]);

    let state = "SELECT service_key, key, value_utf8, value_length FROM state WHERE service_name = 'UserSubscriptions' AND key = 'subscriptions'";
    let state = rows(&server, state);
    assert_eq!(state.len(), 1, "{state:?}");
    assert_eq!(state[0]["service_key"], "user-123");
    assert_eq!(state[0]["value_utf8"], json!(r#"["Hulu","Prime","Disney"]"#));

    let offered = "SELECT s.name, s.ty, count(*) AS handlers, d.services FROM sys_service s \
        JOIN sys_handler h ON h.service_name = s.name JOIN sys_deployment d ON d.id = s.deployment_id \
        WHERE s.name = 'UserSubscriptions' GROUP BY s.name";
    let offered = rows(&server, offered);
    assert_eq!((&offered[0]["ty"], &offered[0]["handlers"]), (&json!("VirtualObject"), &json!(2)));
    assert!(offered[0]["services"].as_array().expect("a list").contains(&json!("SubscriptionSaga")));
}

#[test]
fn what_waits_for_whom() {
    let server = Server::with(Guest::Abilities);
    let holder = server.begin("Thing/k/script", &[set("a", 7), awakeable("approval"), wait_for(1)]);
    server.wait_for_status(&holder, "suspended");
    let waiting = server.begin("Thing/k/script", &[say("next")]);
    server.wait_for_status(&waiting, "pending");
    let inbox = "SELECT b.id AS waiting, s.invocation_id AS holder, a.id AS awakeable, a.name \
        FROM sys_inbox b JOIN sys_keyed_service_status s USING (service_name, service_key) \
        JOIN sys_awakeable a ON a.invocation_id = s.invocation_id WHERE service_name = 'Thing' AND service_key = 'k'";
    let found = rows(&server, inbox);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0]["waiting"], &found[0]["holder"]), (&json!(waiting), &json!(holder)));
    assert_eq!(found[0]["name"], "approval");
    server.resolve(found[0]["awakeable"].as_str().expect("an id"), &json!("yes"));
    server.attach(&waiting).expect(200);
    assert!(rows(&server, inbox).is_empty());
    assert!(rows(&server, "SELECT * FROM sys_awakeable").is_empty());
}

#[test]
fn fifty_thousand_invocations_are_counted_and_the_newest_found() {
    let server = Server::with(Guest::Abilities);
    let (calls, each) = (50, 1_000);
    let later = with(send("Act/script", json!([say(1)])), "delayMs", json!(3_600_000));
    let steps: Vec<Value> = std::iter::repeat_n(later, each).collect();
    let senders: Vec<String> = (0..calls).map(|_| server.begin("Caller/script", &steps)).collect();
    for id in &senders {
        server.attach(id).expect(200);
    }
    let total = calls * (each + 1);
    let count = "SELECT count(*) AS n FROM sys_invocation";
    // On a machine that is busy with other tests a query may reach its limit of time; then it is asked again.
    let patient = |query: &str| {
        within(Duration::from_secs(120), query, || {
            let reply = server.admin().post("/query", &json!({ "query": query }).to_string());
            (reply.status == 200).then(|| reply.json())
        })
    };
    let have_arrived = || patient(count)["rows"][0]["n"] == total;
    within(Duration::from_secs(120), "all have arrived", || have_arrived().then_some(()));
    for (query, expected) in [
        ("SELECT count(*) AS n FROM sys_invocation WHERE created_at > ago('1h')", json!([{ "n": total }])),
        (
            "SELECT target, count(*) AS n FROM sys_invocation WHERE status = 'completed' GROUP BY target",
            json!([{ "target": "Caller/script", "n": calls }]),
        ),
        (
            "SELECT kind, count(*) AS n FROM sys_timer WHERE kind = 'begin'",
            json!([{ "kind": "begin", "n": calls * each }]),
        ),
    ] {
        assert_eq!(patient(query)["rows"], expected, "{query}");
    }
    // Where the order of time is enough, few are looked at.
    let read = |query: &str| {
        let answer = patient(query);
        (answer["rows_read"].as_u64().expect("a number"), answer["rows"].as_array().expect("rows").clone())
    };
    let (all, _) = read(count);
    let (few, newest) = read("SELECT created_at FROM sys_invocation ORDER BY created_at DESC LIMIT 10");
    assert_eq!(newest.len(), 10);
    assert!(newest.is_sorted_by(|newer, older| newer["created_at"].as_str() >= older["created_at"].as_str()));
    assert!(
        all >= total as u64 && few < 500,
        "of {total} rows {few} are read for the newest, {all} to count"
    );

    let everything = patient("SELECT id FROM sys_invocation");
    let shown = everything["rows"].as_array().map(Vec::len);
    assert_eq!((&everything["is_truncated"], shown), (&json!(true), Some(10_000)));
}

#[test]
fn hostile_queries_hurt_nobody() {
    let server = Server::with(Guest::Probe);
    let endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)";
    let stolen = server.home().join("stolen");
    for (query, status, code) in [
        (format!("ATTACH '{}' AS x", stolen.display()), 403, "sql_read_only"),
        (format!("VACUUM INTO '{}'", stolen.display()), 403, "sql_read_only"),
        ("PRAGMA temp_store_directory = '/tmp'".into(), 403, "sql_read_only"),
        ("DELETE FROM sys_invocation".into(), 403, "sql_read_only"),
        ("UPDATE state SET value = 1".into(), 403, "sql_read_only"),
        ("INSERT INTO state(key) VALUES ('x')".into(), 403, "sql_read_only"),
        ("CREATE TABLE t(a)".into(), 403, "sql_read_only"),
        ("DROP TABLE state".into(), 403, "sql_read_only"),
        ("BEGIN".into(), 403, "sql_read_only"),
        ("SELECT load_extension('x.so')".into(), 400, "bad_sql"),
        ("SELECT readfile('/etc/passwd')".into(), 400, "bad_sql"),
        (format!("SELECT writefile('{}', 'x')", stolen.display()), 400, "bad_sql"),
        ("SELECT zeroblob(2000000000)".into(), 400, "bad_sql"),
        ("SELECT hex(randomblob(2000000000))".into(), 400, "bad_sql"),
        ("SELECT printf('%2000000000d', 1)".into(), 400, "bad_sql"),
        (format!("SELECT 'a' LIKE '{}'", "%a".repeat(10_000)), 400, "bad_sql"),
        (format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000)), 400, "bad_sql"),
        (format!("{endless} SELECT count(*) FROM r"), 400, "sql_timeout"),
        (format!("SELECT '{}'", "x".repeat(70_000)), 413, "too_large"),
    ] {
        let start: String = query.chars().take(80).collect();
        let reply = server.admin().post("/query", &json!({ "query": query }).to_string());
        assert_eq!(
            (reply.status, &reply.json()["code"]),
            (status, &json!(code)),
            "{start}: {}",
            reply.text()
        );
    }
    assert!(!stolen.exists());
    // Queries that run for long, and clients that go away, keep nobody from working.
    let body = json!({ "query": format!("{endless} SELECT max(n) FROM r") }).to_string();
    let open: Vec<_> = (0..8)
        .map(|_| server.admin().request("POST", "/query").json(&body).start().expect("a connection"))
        .collect();
    for n in 0..50 {
        assert_eq!(server.call("Probe/echo", &json!(n)).expect(200).json(), n);
    }
    drop(open);
    assert_eq!(rows(&server, "SELECT 1 AS one"), [json!({ "one": 1 })]);
}

#[test]
fn the_command_shows_tables_json_and_csv_and_points_at_mistakes() {
    let server = Server::with(Guest::Probe);
    let id = server.send("Probe/echo", &json!("a,b"));
    server.attach(&id).expect(200);
    let query = "SELECT target, status, holds_key FROM sys_invocation";
    let shown = server.abide(&["sql", query]).expect(0);
    assert!(shown.stdout.contains("Probe/echo") && shown.stdout.contains("completed"), "{}", shown.stdout);
    assert!(shown.stderr.contains("1 row in"), "{}", shown.stderr);
    let json = server.abide(&["sql", query, "--json"]).expect(0).json();
    assert_eq!(json["rows"], json!([{ "target": "Probe/echo", "status": "completed", "holds_key": false }]));
    let first = r#"SELECT raw_utf8, "index" FROM sys_journal WHERE "index" = 0"#;
    let csv = server.abide(&["sql", "--csv", first]).expect(0).stdout;
    assert_eq!(csv, "raw_utf8,index\n\"\"\"a,b\"\"\",0\n");
    let file = server.home().join("q.sql");
    std::fs::write(&file, "-- how many\nSELECT count(*) AS n\nFROM sys_invocation;\n").expect("a file");
    let counted = server.abide(&["sql", "--file", &file.display().to_string(), "--json"]).expect(0).json();
    assert_eq!(counted["rows"][0]["n"], 1);
    let tables = server.abide(&["sql", ".tables"]).expect(0).stdout;
    assert!(tables.contains("sys_invocation") && tables.contains("sys_journal"), "{tables}");
    let columns = server.abide(&["sql", ".columns", "state"]).expect(0).stdout;
    assert!(columns.contains("value_utf8"), "{columns}");

    let wrong = server.abide(&["sql", "SELECT idd FROM sys_invocation"]).expect(1);
    assert!(wrong.stdout.is_empty(), "{}", wrong.stdout);
    for part in ["no such column: idd", "         ^ line 1, column 8", "did you mean id?"] {
        assert!(wrong.stderr.contains(part), "{}", wrong.stderr);
    }
    let refused = server.abide(&["sql", "DELETE FROM state"]).expect(1).stderr;
    assert!(refused.contains("queries only read") && refused.contains("hint:"), "{refused}");
    server.abide(&["sql", ".schema"]).expect(2);
}

#[test]
fn completions_are_scripts_of_the_shell() {
    for (shell, mark) in
        [("bash", "complete -F _abide"), ("zsh", "#compdef abide"), ("fish", "complete -c abide")]
    {
        let script = cli::abide(&["completions", shell]).expect(0).stdout;
        assert!(script.contains(mark) && script.contains("invocations") && script.contains("sql"), "{shell}");
    }
}
