//! Queries that mean harm: all of them end soon, with an error that says why, and harm nothing.

use super::seeded::Seeds;
use super::{ask, limited, patient, show};
use crate::metrics::Format;
use crate::sql::{SqlError, SqlLimits, limits};
use std::time::{Duration, Instant};

#[tokio::test]
async fn what_writes_is_refused() {
    let world = Seeds::default().start();
    for query in [
        "ATTACH '/tmp/x' AS x",
        "ATTACH ':memory:' AS x",
        "DETACH main",
        "CREATE TABLE t(a)",
        "CREATE TEMP TABLE t(a)",
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE VIRTUAL TABLE t USING fts5(a)",
        "CREATE TRIGGER t AFTER INSERT ON state BEGIN SELECT 1; END",
        "DROP TABLE state",
        "DROP TABLE IF EXISTS sqlite_schema",
        "INSERT INTO state VALUES (1)",
        "INSERT INTO sys_invocation(id) SELECT id FROM sys_invocation",
        "UPDATE sys_invocation SET status = 'completed'",
        "DELETE FROM sys_journal",
        "REPLACE INTO state VALUES (1)",
        "ALTER TABLE state RENAME TO x",
        "BEGIN",
        "COMMIT",
        "SAVEPOINT a",
        "PRAGMA hard_heap_limit = 0",
        "PRAGMA temp_store_directory = '/tmp'",
        "PRAGMA writable_schema = ON",
        "PRAGMA journal_mode = OFF",
        "PRAGMA database_list",
        "SELECT * FROM pragma_database_list",
    ] {
        let error = ask(&patient(&world), query).await.unwrap_err();
        assert!(matches!(error, SqlError::ReadOnly { .. }), "{query}: {error}");
    }
    for query in ["VACUUM", "VACUUM INTO '/tmp/abide-stolen'", "REINDEX", "ANALYZE"] {
        // Some of these do nothing to an empty database.
        let _ = ask(&patient(&world), query).await;
    }
    assert!(!std::path::Path::new("/tmp/abide-stolen").exists());
    assert_eq!(show(&patient(&world), "SELECT 1").await, "1");
}

#[tokio::test]
async fn functions_that_reach_out_are_not_there() {
    let world = Seeds::default().start();
    for query in [
        "SELECT load_extension('x')",
        "SELECT readfile('/etc/passwd')",
        "SELECT writefile('/tmp/x', 'x')",
        "SELECT fts3_tokenizer('simple')",
        "SELECT sqlite_log(1, 'x')",
        "SELECT sqlite_compileoption_get(1)",
        "SELECT json_patch('{}', '{}')",
        "SELECT edit('x')",
        "SELECT ?1",
        "SELECT \"not a column\"",
    ] {
        let error = ask(&patient(&world), query).await.unwrap_err();
        assert!(matches!(error, SqlError::Bad { .. }), "{query}: {error}");
    }
}

/// Each of these would take minutes, or much memory, or a deep stack.
fn bombs() -> Vec<String> {
    let endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)";
    let long = "(SELECT group_concat('aaaaaaaaaaaaaaaa', '') FROM (WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 60000) SELECT * FROM r))";
    let many =
        "(WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 3000000) SELECT n FROM r)";
    let nested = |open: &str, inner: &str, close: &str, times: usize| {
        format!("SELECT {}{inner}{}", open.repeat(times), close.repeat(times))
    };
    vec![
        format!("{endless} SELECT count(*) FROM r"),
        format!("{endless} SELECT max(n) FROM r a, r b"),
        format!("{endless} SELECT n FROM r WHERE n < 0"),
        format!("SELECT count(*) FROM {many} a, {many} b, {many} c"),
        format!("SELECT n, random() FROM {many} ORDER BY random()"),
        format!("SELECT count(DISTINCT hex(randomblob(100)) || n) FROM {many}"),
        format!("SELECT json_group_array(n) FROM {many}"),
        format!("SELECT group_concat(n) OVER (ORDER BY n ROWS 100000 PRECEDING) FROM {many}"),
        "SELECT zeroblob(1000000000)".into(),
        "SELECT length(randomblob(1000000000))".into(),
        "SELECT printf('%1000000000d', 1)".into(),
        "SELECT printf('%.*c', 1000000000, 'x')".into(),
        "SELECT replace(hex(zeroblob(400000)), '0', '0123456789')".into(),
        format!("SELECT {long} LIKE '%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%b'"),
        format!("SELECT {long} GLOB '*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b'"),
        format!("SELECT 'x' LIKE '{}'", "%_".repeat(5_000)),
        format!("SELECT instr({long}, {long} || 'b')"),
        format!("SELECT instr({long}, substr({long}, 1, 400000) || 'b')"),
        format!("SELECT length(replace({long}, substr({long}, 1, 400000) || 'b', 'x'))"),
        format!("SELECT length(trim({long}, {long}))"),
        nested("(", "1", ")", 20_000),
        nested("abs(", "1", ")", 5_000),
        nested("(SELECT ", "1", ")", 5_000),
        nested("NOT ", "1", "", 10_000),
        nested("- ", "1", "", 10_000),
        format!("SELECT 1 {}", "UNION ALL SELECT 1 ".repeat(3_000)),
        format!("SELECT 1{}", " + 1".repeat(10_000)),
        format!("SELECT {}", vec!["1"; 20_000].join(",")),
        format!("SELECT count(*) FROM {}", vec!["sys_columns"; 64].join(", ")),
        format!("SELECT count(*) FROM {}", vec!["sys_columns"; 500].join(", ")),
        format!("SELECT 1 WHERE 1 IN ({})", vec!["1"; 20_000].join(",")),
        "SELECT 1;".repeat(7_000),
        ";".repeat(60_000),
        format!("SELECT json_extract('{}', '$')", "[".repeat(50_000)),
        format!("SELECT json_valid('{}')", "[".repeat(50_000)),
        format!("SELECT '{}'", "x".repeat(70_000)),
        format!("SELECT /* {} */ 1", "/*".repeat(20_000)),
        "SELECT char(0) || 'x\0y' || x'00ff'".into(),
        "\0".into(),
        "SELECT * FROM json_tree('[1,[2,[3]]]')".into(),
    ]
}

#[tokio::test]
async fn bombs_do_not_go_off() {
    let world = Seeds::default().start();
    let limits = SqlLimits { time_max: Duration::from_millis(300), ..SqlLimits::default() };
    let sql = limited(&world, limits);
    for bomb in bombs() {
        let began = Instant::now();
        let answer = ask(&sql, &bomb).await;
        let start: String = bomb.chars().take(90).collect();
        // Far from minutes, also where much else is going on.
        assert!(began.elapsed() < Duration::from_secs(30), "{start}: {:?}", began.elapsed());
        if let Err(error @ SqlError::Broken(_)) = answer {
            panic!("{start}: {error}");
        }
    }
    assert_eq!(show(&sql, "SELECT 1").await, "1");
}

#[tokio::test]
async fn an_answer_has_limits_and_says_so() {
    let world = Seeds::default().start();
    let sql = limited(&world, SqlLimits { rows_max: 10, answer_bytes_max: 1_000, ..SqlLimits::default() });
    let count = |n: usize| {
        format!("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT {n}) SELECT n FROM r")
    };
    for (query, rows, is_truncated) in [
        (count(9), 9, false),
        (count(10), 10, false),
        (count(11), 10, true),
        ("SELECT hex(zeroblob(300))".to_owned(), 1, false),
        ("SELECT hex(zeroblob(600))".to_owned(), 0, true),
    ] {
        let answer = sql.query(query.clone()).await.unwrap();
        let found: Vec<serde_json::Value> = serde_json::from_str(answer.rows.get()).unwrap();
        assert_eq!((found.len(), answer.is_truncated), (rows, is_truncated), "{query}");
    }
    let long = format!("SELECT '{}'", "x".repeat(limits::SQL_BYTES_MAX));
    assert!(matches!(sql.query(long).await, Err(SqlError::TooLong { .. })));
}

#[tokio::test]
async fn time_memory_and_turns_have_limits() {
    let world = Seeds::default().start();
    let endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r";
    let limits = SqlLimits {
        time_max: Duration::from_millis(200),
        patience: Duration::from_millis(20),
        queries_max: 1,
        ..SqlLimits::default()
    };
    let sql = limited(&world, limits);
    assert!(matches!(ask(&sql, endless).await, Err(SqlError::Timeout { .. })));
    let (first, second) = tokio::join!(ask(&sql, endless), ask(&sql, "SELECT 1"));
    assert!(matches!(first, Err(SqlError::Timeout { .. })));
    assert!(matches!(second, Err(SqlError::Busy { queries_max: 1 })));
    assert!(ask(&sql, "SELECT 1").await.is_ok() && ask(&sql, "SELECT").await.is_err());
    let counted = world.state.metrics.write(Format::PrometheusText).unwrap();
    for line in [
        r#"abide_sql_queries_total{outcome="timeout"} 2"#,
        r#"abide_sql_queries_total{outcome="busy"} 1"#,
        r#"abide_sql_queries_total{outcome="answered"} 1"#,
        r#"abide_sql_queries_total{outcome="refused"} 1"#,
        "abide_sql_query_duration_seconds_count 5",
    ] {
        assert!(counted.lines().any(|shown| shown == line), "{line} in\n{counted}");
    }

    let memory = patient(&world);
    let sorted = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 2000) \
                  SELECT n FROM r ORDER BY hex(randomblob(200000))";
    let error = ask(&memory, sorted).await.unwrap_err();
    assert!(matches!(error, SqlError::Memory), "{error}");
    assert_eq!(show(&memory, "SELECT count(*) FROM sys_tables").await, "16");
}

#[tokio::test]
async fn a_query_that_nobody_waits_for_gives_its_turn_back() {
    let world = Seeds::default().start();
    let limits = SqlLimits {
        time_max: Duration::from_secs(600),
        patience: Duration::from_secs(20),
        queries_max: 1,
        ..SqlLimits::default()
    };
    let sql = limited(&world, limits);
    let endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r";
    let gone = tokio::time::timeout(Duration::from_millis(100), ask(&sql, endless)).await;
    assert!(gone.is_err());
    assert_eq!(show(&sql, "SELECT 1").await, "1");
    let counted = world.state.metrics.write(Format::PrometheusText).unwrap();
    assert!(counted.contains(r#"abide_sql_queries_total{outcome="given-up"} 1"#), "{counted}");
}
